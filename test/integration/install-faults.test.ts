import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { disk } from "../../src/adapters/disk.ts";
import { files, filesOn } from "../../src/adapters/files.ts";
import { localHost } from "../../src/adapters/local-host.ts";
import { systemdOf } from "../../src/adapters/systemd.ts";
import { openSandbox, type Sandbox } from "../../src/canary/sandbox.ts";
import { FleetError } from "../../src/core/errors.ts";
import type { Files, Host } from "../../src/core/host.ts";
import { HOLDER_UNIT } from "../../src/core/names.ts";
import { pathsOf } from "../../src/core/paths.ts";
import { ownedFiles } from "../../src/install/assets.ts";
import { install, installFiles, rollback } from "../../src/install/install.ts";
import { type Receipt, readReceipt } from "../../src/install/receipt.ts";
import { describeCutOff, MARK, type Mark } from "../../src/install/receipt-run.ts";
import { uninstall } from "../../src/install/uninstall.ts";
import { fakeManager } from "../support/fake-manager.ts";
import { type Fault, type FaultyDisk, faultyDisk } from "../support/faulty-disk.ts";

// Every fault at every call that changes the disk. The file system is real (/dev/shm), the homes are copies of a few
// prepared ones. Thousands of daemon-reloads would take minutes, so most runs talk to a fake manager; a part of the
// kills of each command is done on a real one, which must then have the units as they are on disk.

let sandbox: Sandbox;
let folder: string;
beforeAll(async () => {
  sandbox = await openSandbox(localHost());
  folder = mkdtempSync(join(sandbox.root, "homes-"));
});
afterAll(async () => {
  expect(await sandbox.close()).toEqual([]);
});

/** No process has this pid: who looks for the owner of a lock finds nobody, as after a kill. */
const DEAD_PID = 999_999_999;

/** A host whose home is this folder. Its own pid is one that the next host finds dead. */
function hostOf(home: string, on: Files, exec?: Host["exec"]): Host {
  // The fake manager has no socket: without a runtime folder it is asked through systemctl.
  const runtime = exec === undefined ? { XDG_RUNTIME_DIR: undefined } : {};
  const host: Host = {
    ...sandbox.host,
    env: { ...sandbox.host.env, HOME: home, ...runtime },
    user: { ...sandbox.host.user, home },
  };
  const read: Files["read"] = async (path) =>
    path === `/proc/${DEAD_PID}/stat` ? `${DEAD_PID} (x) S ${"0 ".repeat(18)}7 0\n` : on.read(path);
  return { ...host, pid: DEAD_PID, files: { ...on, read }, exec: exec ?? fakeManager(host).exec };
}

function healthyHost(home: string, exec?: Host["exec"]): Host {
  return { ...hostOf(home, files, exec), pid: process.pid, files };
}

const NEW = "2.0.0-test";
const commands = {
  install: (host: Host) => install(host, { version: NEW }),
  /** Writes fleet.env, too. */
  seed: (host: Host) => install(host, { version: NEW, seed: {} }),
  rollback: (host: Host) => rollback(host, {}),
  uninstall: (host: Host) => uninstall(host, { confirm: async () => true }),
};
type Command = keyof typeof commands;

/** A receipt without its time, and without the folders that a run which is killed has made for its lock. */
function timeless(receipt: string): string {
  const { writtenAt: _, folders, ...rest } = JSON.parse(receipt) as Receipt;
  return JSON.stringify({ ...rest, folders: folders.filter((path) => !path.startsWith("~/.local")).sort() });
}

/** Everything below a home: kind, mode, content; but for the folders of the receipt. */
function treeOf(home: string): Record<string, string> {
  const found: Record<string, string> = {};
  const look = (below: string) => {
    for (const name of readdirSync(join(home, below)).sort()) {
      const path = join(below, name);
      const stat = lstatSync(join(home, path));
      const mode = (stat.mode & 0o777).toString(8);
      if (stat.isDirectory()) {
        if (!path.startsWith(".local")) found[path] = `folder ${mode}`;
        look(path);
      } else {
        let text = stat.isFile() ? readFileSync(join(home, path), "utf8") : "no file";
        if (name === "receipt.json") text = timeless(text.replaceAll(home, "~"));
        found[path] = `${mode} ${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
      }
    }
  };
  look("");
  return found;
}
const withoutState = (tree: Record<string, string>) =>
  Object.fromEntries(Object.entries(tree).filter(([path]) => !path.startsWith(".local")));
/** In a folder where nothing can be removed it stays, and does not count. */
const withoutLock = ({ ".local/state/mosaic/fleet/install.lock": _, ...rest }: Record<string, string>) => rest;
const withoutReceipt = ({ ".local/state/mosaic/fleet/receipt.json": _, ...rest }: Record<string, string>) => rest;

const units = ".config/systemd/user";
const fleetEnv = ".config/mosaic/fleet/fleet.env";
const dropIns = `${units}/mosaic-agent@.service.d`;
const tools = ".config/mosaic/tools/fleet";
/** The user's: in every home, and never to be touched. */
const theirs = {
  [join(dropIns, "mine.conf")]: "[Service]\nMemoryMax=1G\n",
  [fleetEnv]: "A=1\n",
  ".config/mosaic/fleet/agents/coder.env": "B=2\n",
};

/** Homes in which something happens at the same time. */
const AT_ONCE = 6;

let count = 0;
function newHome(like?: string): string {
  const home = join(folder, `${++count}`);
  if (like === undefined) {
    for (const [path, text] of Object.entries(theirs)) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), text);
    }
    return home;
  }
  cpSync(like, home, { recursive: true, verbatimSymlinks: true });
  // The receipt holds whole paths.
  const receipt = join(home, ".local/state/mosaic/fleet/receipt.json");
  if (lstatSync(receipt, { throwIfNoEntry: false }) !== undefined)
    writeFileSync(receipt, readFileSync(receipt, "utf8").replaceAll(`${like}/`, `${home}/`), { mode: 0o600 });
  return home;
}

/**
 * A home with an earlier version: two files have other contents, one is not there, one more is there that the new one
 * does not have. With edits: the user has changed a file that both versions have alike, one that they have not, and has
 * removed one.
 */
async function earlierHome(edits: boolean): Promise<string> {
  const home = newHome();
  const host = healthyHost(home);
  const paths = pathsOf(host);
  const changed = ["tmux.conf", "agent-pane.sh", "stop-agent-session.sh"];
  const layout = ownedFiles(paths, 252)
    .filter(({ path }) => !path.endsWith("agent-session-ended.sh"))
    .map((file) =>
      changed.includes(basename(file.path)) ? { ...file, text: `# before: ${basename(file.path)}\n` } : file,
    );
  layout.push({ path: join(paths.tools, "of-the-version-before.sh"), mode: 0o644, text: "# before\n" });
  await installFiles(host, { version: "1.0.0-test" }, () => layout);
  if (edits) {
    writeFileSync(join(home, tools, "start-tmux-holder.sh"), "# mine\n", { flag: "a" });
    writeFileSync(join(home, tools, "stop-agent-session.sh"), "# mine, and the version before had it otherwise\n");
    rmSync(join(home, tools, "agent-pane-died.sh"));
  }
  return home;
}

interface Scenario {
  readonly command: Command;
  readonly before: string;
  /** What a next run of another kind comes to: the tree before. */
  readonly other: Command;
}

/** Homes as they are before and after a command that meets no fault. */
interface Expected {
  readonly before: Record<string, string>;
  readonly after: Record<string, string>;
  readonly calls: number;
  /** Whether that call only notes how far the command has got. */
  readonly notes: (at: number) => boolean;
}

async function expectedOf({ command, before }: Scenario): Promise<Expected> {
  const home = newHome(before);
  const counting = faultyDisk(disk, "kill", Number.POSITIVE_INFINITY);
  const treeBefore = treeOf(home);
  const notes = (at: number) => counting.call(at) === "overwrite";
  await commands[command](hostOf(home, filesOn(counting)));
  return { before: treeBefore, after: treeOf(home), calls: counting.calls(), notes };
}

interface Try {
  readonly fault: Fault;
  readonly at: number;
  readonly lost?: "all" | "only the state" | "all but the state";
  /** Which run comes next: the same command, or the one that goes the other way. */
  readonly next: "same" | "other";
}

/** Runs a command into a fault, then another one without. Says what is wrong then. */
async function attempt(scenario: Scenario, expected: Expected, { fault, at, lost, next }: Try): Promise<string[]> {
  const home = newHome(scenario.before);
  const faulty = faultyDisk(disk, fault, at);
  const wrong: string[] = [];
  const ended = commands[scenario.command](hostOf(home, filesOn(faulty))).then(
    () => "done" as const,
    (error: unknown) => error,
  );
  const outcome = await Promise.race([ended, faulty.gone.then(() => "gone" as const)]);
  if (fault === "power") losePower(faulty, home, lost);
  else if (outcome !== "gone" && outcome !== "done" && !(outcome instanceof FleetError)) wrong.push(`threw ${outcome}`);
  if (outcome instanceof FleetError && outcome.next.length === 0) wrong.push("says nothing to type");

  const between = treeOf(home);
  for (const [path, is] of Object.entries(between))
    if (
      !path.includes("/state/") &&
      !path.includes(".mosaic-") &&
      is !== expected.before[path] &&
      is !== expected.after[path]
    )
      wrong.push(`${path} is neither old nor new`);
  // In a full disk what is undone may not be noted; of a power loss the disk tells what it likes.
  if (fault !== "power" && fault !== "ENOSPC") wrong.push(...(await untrue(home, between, expected)));
  if (
    outcome instanceof FleetError &&
    outcome.message.includes("was taken back") &&
    !outcome.message.includes("not all")
  )
    wrong.push(...difference(withoutLock(between), expected.before, "taken back"));

  // What it has told the user of is the user's.
  const seeded = scenario.command === "seed" && (await phaseOf(home)) === `applied ${NEW}`;
  // A rollback that is done is not done again: the next one would go forward.
  const done = scenario.command === "rollback" && (await phaseOf(home)) === "applied 1.0.0-test";
  const same = next === "same" && !done;
  const command = same ? scenario.command : scenario.other;
  const wanted = same ? expected.after : { ...expected.before, ...(seeded ? only(expected.after, fleetEnv) : {}) };
  const then = await commands[command](healthyHost(home)).catch((error: unknown) => error);
  const nothingToGoBackTo = then instanceof FleetError && then.why.startsWith("no earlier version");
  if (then instanceof Error && !nothingToGoBackTo) wrong.push(`the next ${command} failed: ${then.message}`);
  // Which version was before is another matter when one has gone there and back.
  const compare = same ? (tree: Record<string, string>) => tree : nothingToGoBackTo ? withoutState : withoutReceipt;
  wrong.push(...difference(compare(treeOf(home)), compare(wanted), `after the next ${command}`));
  rmSync(home, { recursive: true });
  return wrong.map((each) => `${scenario.command}, ${fault}${lost ? ` (${lost})` : ""} at ${at}: ${each}`);
}

/** Where a command has not got as far as its receipt says, or further. */
async function untrue(home: string, is: Record<string, string>, { before, after }: Expected): Promise<string[]> {
  const recorded = await readReceipt(healthyHost(home), pathsOf(healthyHost(home)).receipt);
  const { actions = [], progress = "" } = (typeof recorded === "object" ? recorded.run : undefined) ?? {};
  return actions.flatMap(({ kind, path = "" }, index) => {
    const below = path.slice(home.length + 1);
    const said = { [MARK.ahead]: before[below], [MARK.begun]: is[below], [MARK.done]: after[below] };
    const wanted = said[progress[index] as Mark];
    return kind === "daemon-reload" || is[below] === wanted
      ? []
      : [`${kind} ${below} is said to be ${progress[index]}`];
  });
}

function only(tree: Record<string, string>, path: string): Record<string, string> {
  return { [path]: tree[path] ?? "" };
}

async function phaseOf(home: string): Promise<string> {
  const host = healthyHost(home);
  const recorded = await readReceipt(host, pathsOf(host).receipt);
  return typeof recorded === "object" ? `${recorded.phase} ${recorded.version}` : "none";
}

function losePower(faulty: FaultyDisk, home: string, lost: Try["lost"]): void {
  const state = (path: string) => path.startsWith(join(home, ".local"));
  faulty.lose((path) => lost === "all" || state(path) === (lost === "only the state"));
}

function difference(is: Record<string, string>, wanted: Record<string, string>, when: string): string[] {
  return [...new Set([...Object.keys(is), ...Object.keys(wanted)])]
    .filter((path) => is[path] !== wanted[path])
    .map((path) => `${path} is ${is[path] ?? "not there"} ${when}, not ${wanted[path] ?? "gone"}`);
}

function triesAt(at: number, notes: boolean): Try[] {
  const all = everyTryAt(at);
  // Between a thing and its note nothing else has changed: there a third of them will do.
  return notes ? all.filter((_, index) => index % 3 === at % 3) : all;
}

function everyTryAt(at: number): Try[] {
  const next = (["same", "other"] as const)[at % 2] as "same" | "other";
  return [
    { fault: "kill", at, next: "same" },
    { fault: "kill", at, next: "other" },
    ...(["all", "only the state", "all but the state"] as const).map(
      (lost) => ({ fault: "power", at, lost, next }) as const,
    ),
    ...(["ENOSPC", "EROFS", "EACCES"] as const).map((fault) => ({ fault, at, next: "same" }) as const),
  ];
}

/** A home in which there is a program to be found, and nobody has said where. */
function unseededHome(like: string): string {
  const home = newHome(like);
  rmSync(join(home, fleetEnv));
  mkdirSync(join(home, "bin"));
  writeFileSync(join(home, "bin/claude"), "#!/bin/sh\n", { mode: 0o755 });
  return home;
}

async function scenarios(): Promise<Record<string, Scenario>> {
  const earlier = await earlierHome(true);
  const upgraded = newHome(earlier);
  await commands.install(healthyHost(upgraded));
  const plain = newHome();
  await commands.install(healthyHost(plain));
  return {
    upgrade: { command: "install", before: earlier, other: "rollback" },
    install: { command: "seed", before: unseededHome(newHome()), other: "uninstall" },
    "an upgrade that writes fleet.env": { command: "seed", before: unseededHome(earlier), other: "rollback" },
    rollback: { command: "rollback", before: upgraded, other: "install" },
    uninstall: { command: "uninstall", before: plain, other: "install" },
  };
}

test("a purge that is killed at any call has every setting in its place or in an archive, and the next one ends it", async () => {
  const like = newHome();
  await install(healthyHost(like), { version: NEW });
  const purge = (host: Host) => uninstall(host, { purge: true, confirm: async () => true });
  const counting = faultyDisk(disk, "kill", Number.POSITIVE_INFINITY);
  await purge(hostOf(newHome(like), filesOn(counting)));
  const settings = Object.entries(theirs).filter(([path]) => path.endsWith(".env"));
  const archives = (home: string) =>
    readdirSync(home)
      .filter((name) => /^mosaic-fleet-site-.*\.tar$/.test(name))
      .map((name) => readFileSync(join(home, name), "utf8"));
  const there = (home: string, path: string) => lstatSync(join(home, path), { throwIfNoEntry: false }) !== undefined;
  const attempts = Array.from({ length: counting.calls() }, (_, at) => at).values();
  const work = async () => {
    for (const at of attempts) {
      const home = newHome(like);
      const faulty = faultyDisk(disk, "kill", at);
      await Promise.race([purge(hostOf(home, filesOn(faulty))), faulty.gone]);
      const kept = archives(home);
      for (const [path, text] of settings)
        if (!there(home, path)) expect([at, path, kept.some((tar) => tar.includes(text))]).toEqual([at, path, true]);
      await purge(healthyHost(home));
      const left = Object.keys(treeOf(home)).filter((path) => !path.startsWith("mosaic-fleet-site-"));
      expect([at, ...left]).toEqual([at, ".config", ".config/systemd", units, dropIns, join(dropIns, "mine.conf")]);
      for (const [path, text] of settings)
        expect([at, path, archives(home).some((tar) => tar.includes(text))]).toEqual([at, path, true]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
});

test("with a real manager: the next run leaves its units as they are on disk, wherever the one before was killed", async () => {
  // The manager reads the sandbox's own home.
  const { home } = sandbox.host.user;
  const alive = { ...sandbox.host, pid: process.pid };
  const shown = async () => {
    const [holder] = await systemdOf(sandbox.host).show([HOLDER_UNIT]);
    return [holder?.load, holder?.fileState, holder?.needsReload];
  };
  const enable = (host: Host) => install(host, { version: NEW, enable: true });
  const counting = faultyDisk(disk, "kill", Number.POSITIVE_INFINITY);
  await enable({ ...sandbox.host, files: filesOn(counting) });
  const whole = treeOf(home);
  for (let at = 0; at < counting.calls(); at += 29) {
    await commands.uninstall(alive);
    expect([at, ...(await shown()), treeOf(home)]).toEqual([at, "not-found", "", false, {}]);
    for (const command of [enable, commands.uninstall, enable]) {
      const faulty = faultyDisk(disk, "kill", at);
      const killed = { ...hostOf(home, filesOn(faulty), sandbox.host.exec) };
      await Promise.race([command(killed), faulty.gone]);
      if (command === commands.uninstall) await commands.uninstall(alive);
      else await enable(alive);
      const there = command === enable;
      expect([at, ...(await shown())]).toEqual(there ? [at, "loaded", "enabled", false] : [at, "not-found", "", false]);
      expect(treeOf(home)).toEqual(there ? whole : {});
    }
  }
});

test("with a real manager: what another install has enabled just before this one had the lock is undone by uninstall", async () => {
  const alive = { ...sandbox.host, pid: process.pid };
  await commands.uninstall(alive);
  const other = { once: () => install(alive, { version: NEW, enable: true }) as Promise<unknown> };
  const makeLink: Files["makeLink"] = async (...link) => {
    const before = other.once;
    other.once = async () => undefined;
    await before();
    return files.makeLink(...link);
  };
  await install({ ...alive, files: { ...alive.files, makeLink } }, { version: "3.0.0-test" });
  await commands.uninstall(alive);
  expect(treeOf(sandbox.host.user.home)).toEqual({});
});

describe("what the user changes while a run goes on is the user's", () => {
  /** Files on which the user does something just before the first change that is made. */
  const meddled = (meddle: () => void): Files => {
    let once = meddle;
    const now = () => {
      once();
      once = () => {};
    };
    const create: typeof disk.create = (path, mode) => {
      now();
      return disk.create(path, mode);
    };
    return filesOn({ ...disk, create });
  };
  const script = (home: string) => join(home, tools, "start-agent-session.sh");

  test("an install stops, and takes back what it has done", async () => {
    const home = newHome();
    const meddle = () => {
      mkdirSync(join(home, tools), { recursive: true });
      writeFileSync(script(home), "mine");
    };
    const host = { ...hostOf(home, meddled(meddle)), pid: process.pid };
    await expect(install(host, { version: NEW })).rejects.toMatchObject({
      exit: 73,
      why: `${script(home)} was changed while this ran. What had been done was taken back`,
    });
    expect(readFileSync(script(home), "utf8")).toBe("mine");
    expect(Object.keys(treeOf(home)).filter((path) => path.startsWith(`${units}/mosaic-agent@canary`))).toEqual([]);
  });

  test("an uninstall leaves it", async () => {
    const home = newHome();
    await install(healthyHost(home), { version: NEW });
    const meddle = () => writeFileSync(script(home), "mine");
    await commands.uninstall({ ...hostOf(home, meddled(meddle)), pid: process.pid });
    expect(readFileSync(script(home), "utf8")).toBe("mine");
    expect(Object.keys(treeOf(home)).filter((path) => path.startsWith(`${tools}/`))).toEqual([
      join(tools, "start-agent-session.sh"),
    ]);
  });
});

test("whichever run comes after one that was cut off says how far that had got, and not again", async () => {
  const { upgrade } = await scenarios();
  const run = async (at: number) => {
    const home = newHome(upgrade?.before);
    const faulty = faultyDisk(disk, "kill", at);
    await Promise.race([commands.install(hostOf(home, filesOn(faulty))), faulty.gone]);
    return { home, host: healthyHost(home), faulty };
  };
  const { faulty } = await run(Number.POSITIVE_INFINITY);
  const notes = Array.from({ length: faulty.calls() }, (_, at) => at).filter((at) => faulty.call(at) === "overwrite");
  const of = notes.length / 2;
  for (const [note, step, done, words] of [
    [0, 0, false, `before the first of its ${of} steps`],
    [1, 1, false, `at step 1 of ${of}: `],
    [2, 1, true, `after step 1 of ${of}: `],
    [notes.length - 1, of, false, `at step ${of} of ${of}: systemctl --user daemon-reload`],
  ] as const) {
    const { home, host } = await run(notes[note] ?? 0); // killed when it was about to note that
    const { run: recorded } = (await readReceipt(host, pathsOf(host).receipt)) as Receipt;
    const action = recorded?.actions[step - 1];
    const cutOff = { command: "install", version: NEW, step, of, done, ...(action && { action }) };
    const look = { dryRun: true };
    const told = async () => [
      (await install(host, { version: NEW, ...look })).cutOff,
      (await rollback(host, look)).cutOff,
      (await uninstall(host, look)).cutOff,
    ];
    expect(await told()).toEqual([cutOff, cutOff, cutOff]);
    const path = action?.path === undefined ? "" : `write ~${action.path.slice(home.length)}`;
    expect(describeCutOff(cutOff, home)).toBe(`install of ${NEW} was cut off ${words}${path}`);
    expect(await commands.install(host)).toMatchObject({ cutOff, applied: true });
    expect(await told()).toEqual([undefined, undefined, undefined]);
  }
});

test("whatever fault comes at whatever call, the next run leaves no mixed layout", async () => {
  const wrong: string[] = [];
  const tried: string[] = [];
  for (const [name, scenario] of Object.entries(await scenarios())) {
    const expected = await expectedOf(scenario);
    expect(expected.calls).toBeGreaterThan(20);
    const tries = Array.from({ length: expected.calls }, (_, at) => triesAt(at, expected.notes(at))).flat();
    const todo = tries.values();
    const work = async () => {
      for (const each of todo) wrong.push(...(await attempt(scenario, expected, each)));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    tried.push(`${tries.length} in ${name}`);
  }
  console.log(
    `faults tried: ${tried.join(", ")}; mixed layouts: ${new Set(wrong.map((each) => each.split(": ")[0])).size}`,
  );
  expect(wrong.slice(0, 20)).toEqual([]);
}, 120_000);
