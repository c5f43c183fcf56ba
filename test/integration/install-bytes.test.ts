import { afterAll, beforeAll, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { disk } from "../../src/adapters/disk.ts";
import { files, filesOn, TEMPORARY } from "../../src/adapters/files.ts";
import { localHost } from "../../src/adapters/local-host.ts";
import { planDocument } from "../../src/cli/report/plan.ts";
import { FleetError } from "../../src/core/errors.ts";
import type { Host } from "../../src/core/host.ts";
import { type Paths, pathsOf } from "../../src/core/paths.ts";
import { changes, conflicts, type Plan } from "../../src/install/action.ts";
import { type OwnedFile, ownedFiles } from "../../src/install/assets.ts";
import { installFiles, rollback } from "../../src/install/install.ts";
import { uninstall } from "../../src/install/uninstall.ts";
import { run, temporaryFolder } from "../support/build.ts";
import { fakeManager } from "../support/fake-manager.ts";
import { faultyDisk } from "../support/faulty-disk.ts";
import { contentsOf, patchedBy } from "../support/patch.ts";

// Whatever is done in whatever order, what the user wrote is somewhere: where it was written, in a copy beside it, or in
// an archive. The manager is a fake: none of this is about units.

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());

/** mulberry32: a small generator whose seed tells a failure again. */
function randomOf(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    chance: (of: number) => next() < of,
    pick: <T>(items: readonly T[]): T => items[below(items.length)] as T,
    some: <T>(items: readonly T[], of: number): T[] => items.filter(() => next() < of),
  };
}
type Random = ReturnType<typeof randomOf>;

/** Version 1 is what this tree has; each other one has some files otherwise, some not, and one of its own. */
function layoutOf(paths: Paths, version: number): OwnedFile[] {
  const all = ownedFiles(paths, 252);
  if (version === 1) return all;
  const kept = all.filter((_, index) => index === 0 || index % 5 !== version);
  const changed = kept.map((file, index) =>
    index % 3 === version % 3 ? { ...file, text: `${file.text}# of version ${version}\n` } : file,
  );
  const path = join(paths.tools, `of-version-${version}.sh`);
  return [...changed, { path, mode: 0o755, text: `# ${version}\n` }];
}

class Machine {
  readonly home: string;
  readonly paths: Paths;
  /** What the user wrote and has not done away with. */
  written: { readonly path: string; readonly bytes: Buffer }[] = [];
  applied = 0;
  /** How often what was shown was compared with what was done. */
  compared = 0;
  private readonly tried: Random;
  readonly done: string[] = [];
  private count = 0;

  constructor(
    private readonly base: Host,
    private readonly random: Random,
    seed: number,
  ) {
    this.tried = randomOf(seed + 100_000);
    this.home = join(temporary.path, `${seed}`);
    // A program that is to be found: then install writes fleet.env, too.
    mkdirSync(join(this.home, "bin"), { recursive: true });
    writeFileSync(join(this.home, "bin/claude"), "#!/bin/sh\n", { mode: 0o755 });
    this.paths = pathsOf({ env: {}, user: { ...base.user, home: this.home } });
  }

  host(on = files): Host {
    const host = { ...this.base, env: { PATH: process.env.PATH }, user: { ...this.base.user, home: this.home } };
    return { ...host, files: on, exec: fakeManager(host).exec };
  }

  /** Paths in which a user may meddle. */
  places(): string[] {
    const { units, tools, agents, site } = this.paths;
    const layouts = [1, 2, 3].flatMap((version) => layoutOf(this.paths, version).map(({ path }) => path));
    const own = [join(agents, "a.env"), join(site, "fleet.env"), join(units, "mosaic-agent@.service.d/mine.conf")];
    const there = [units, tools].flatMap((folder) => below(folder));
    const places = new Set([...layouts, ...layouts.map((path) => `${path}.mosaic-new`), ...own, ...there]);
    return [...places].filter((path) => !TEMPORARY.test(basename(path))).sort(); // those names are ours alone
  }

  write(): void {
    const path = this.random.pick(this.places());
    // No text, now and then: bytes that are no UTF-8.
    const bytes = Buffer.from(`the user's ${++this.count}\n${this.random.chance(0.3) ? "\u{ff}" : ""}`, "latin1");
    mkdirSync(dirname(path), { recursive: true });
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    this.forget(path);
    writeFileSync(path, bytes);
    this.written.push({ path, bytes });
    this.done.push(`write ${basename(path)}`);
  }

  remove(): void {
    const path = this.random.pick(this.places());
    this.forget(path);
    rmSync(path, { force: true });
    this.done.push(`remove ${basename(path)}`);
  }

  /** The user does away with a file, be it a copy that we have kept: what was in it need not be anywhere any more. */
  private forget(path: string): void {
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return;
    const bytes = readFileSync(path);
    this.written = this.written.filter((each) => !each.bytes.equals(bytes));
  }

  async command(): Promise<void> {
    const { random } = this;
    const kill = random.chance(0.25) ? faultyDisk(disk, "kill", random.below(80)) : undefined;
    const host = this.host(kill === undefined ? files : filesOn(kill));
    const which = random.pick(["install", "install", "install", "rollback", "uninstall"] as const);
    const tries = kill === undefined && this.tried.chance(0.2);
    const version = 1 + random.below(3);
    this.done.push(`${which} ${version}${kill ? ", killed" : ""}`);
    const work = {
      install: () => {
        const layout = layoutOf(this.paths, version);
        const taken = new Set(random.some(layout, 0.2).map(({ path }) => path));
        const answer = async () => (tries ? undefined : random.pick(["keep", "take", undefined] as const));
        const seed = random.chance(0.6)
          ? { seed: random.chance(0.5) ? {} : { confirm: async () => random.chance(0.5) } }
          : {};
        const options = { version: `${version}`, restore: random.chance(0.3), taken, decide: answer, ...seed };
        const shown = { ...options, decide: async () => undefined, seed: {} };
        return tries
          ? this.asShown((dryRun) => installFiles(host, { ...shown, dryRun }, () => layout))
          : installFiles(host, options, () => layout);
      },
      rollback: () =>
        tries
          ? this.asShown((dryRun) => rollback(host, { dryRun }))
          : rollback(host, { decide: async () => random.pick(["keep", "take", undefined] as const) }),
      uninstall: () => {
        const purge = random.chance(0.3);
        const ask = { purge, confirm: async () => true };
        return tries && !purge ? this.asShown((dryRun) => uninstall(host, { ...ask, dryRun })) : uninstall(host, ask);
      },
    }[which];
    const ended = work().then(
      ({ applied }) => {
        if (applied) this.applied++;
      },
      (error: unknown) => {
        if (!(error instanceof FleetError)) throw error;
      },
    );
    await Promise.race(kill === undefined ? [ended] : [ended, kill.gone]);
    // The lock of a process that was killed does not count; this process lives.
    if (kill !== undefined) rmSync(join(this.paths.state, "install.lock"), { force: true });
  }

  /** Does what a dry run has shown, and looks whether patch makes the same of that. */
  private async asShown<T extends { plan: Plan; applied: boolean }>(work: (dryRun: boolean) => Promise<T>): Promise<T> {
    const { plan } = await work(true);
    const there = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    const whole = changes(plan).every(({ action }) => action.kind !== "keep-copy" || !there(action.to)); // one is kept already
    const diffs = (await planDocument({ steps: changes(plan) }, true)) as { diff?: string }[];
    const text = diffs.map(({ diff = "" }) => diff).join("");
    const copy = `${this.home}-patched`;
    const texts = !text.includes("Binary files ");
    const expected = whole && texts && conflicts(plan).length === 0 ? patchedBy(text, this.home, copy) : undefined;
    rmSync(copy, { recursive: true, force: true });
    const done = await work(false);
    if (expected === undefined || !done.applied) return done;
    this.compared++;
    const is = contentsOf(this.home);
    const other = [...new Set([...Object.keys(is), ...Object.keys(expected)])].filter(
      (path) => is[path] !== expected[path],
    );
    if (other.length > 0)
      throw new Error(`not as shown: ${other.join(", ")} after\n  ${this.done.slice(-12).join("\n  ")}`);
    return done;
  }

  lost(): string[] {
    const there = below(this.home).map((path) => readFileSync(path));
    // In an archive it is one of many.
    const holds = (file: Buffer, bytes: Buffer) => file.equals(bytes) || (file.length > 512 && file.includes(bytes));
    return this.written.filter(({ bytes }) => !there.some((each) => holds(each, bytes))).map(({ path }) => path);
  }
}

/** Every file below a folder. */
function below(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}

let base: Host;
beforeAll(() => {
  base = localHost();
  expect(run(["tar", "--version"]).code).toBe(0);
});

const SEQUENCES = Number(process.env.SEQUENCES ?? 120);
const LENGTH = 25;

test(`in ${SEQUENCES} lives of a layout no byte of the user's is lost`, async () => {
  const first = Number(process.env.SEED ?? 1);
  let applied = 0;
  let compared = 0;
  for (let seed = first; seed < first + SEQUENCES; seed++) {
    const random = randomOf(seed);
    const machine = new Machine(base, random, seed);
    for (let step = 0; step < LENGTH; step++) {
      if (step === 0 || random.chance(0.5)) await machine.command();
      else if (random.chance(0.75)) machine.write();
      else machine.remove();
      const lost = machine.lost();
      if (lost.length > 0)
        throw new Error(`SEED=${seed}: lost ${lost.join(", ")} after\n  ${machine.done.slice(-12).join("\n  ")}`);
    }
    applied += machine.applied;
    compared += machine.compared;
    rmSync(machine.home, { recursive: true });
  }
  console.log(
    `${applied} commands changed something in ${SEQUENCES} lives, nothing lost; ${compared} of them as patch does it by their dry run`,
  );
  if (SEQUENCES > 1) expect(compared).toBeGreaterThan(SEQUENCES / 4); // one life that is lived again may have none
}, 120_000);
