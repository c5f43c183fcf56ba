import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { files } from "../../../src/adapters/files.ts";
import { procfsOf } from "../../../src/adapters/procfs.ts";
import { withLock } from "../../../src/install/lock.ts";
import { run, temporaryFolder, writeFiles } from "../../support/build.ts";
import { fakeHost } from "../../support/fake-host.ts";

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());

let home: string;
let state: string;
beforeEach(() => {
  home = mkdtempSync(join(temporary.path, "home-"));
  state = join(home, ".local/state/mosaic/fleet");
});

const host = () => fakeHost({ files, pid: process.pid, user: { uid: 0, name: "root", home } });
const lock = <T>(work: () => Promise<T>) =>
  withLock(host(), { command: "install", nothing: "Nothing was installed", again: "mosaic-fleet install" }, work);

function left(target: string): void {
  mkdirSync(state, { recursive: true });
  symlinkSync(target, join(state, "install.lock"));
}

test("of many at once one works, the others are told which", async () => {
  let at = 0;
  let refused = 0;
  const others = Promise.withResolvers<void>();
  const tries = Array.from({ length: 20 }, () =>
    lock(async () => {
      expect(++at).toBe(1);
      await others.promise;
      at--;
    }).then(
      () => "worked",
      (error) => {
        if (++refused === 19) others.resolve();
        return `${error.exit} ${error.why}`;
      },
    ),
  );
  const ended = await Promise.all(tries);
  expect(ended.filter((each) => each === "worked")).toHaveLength(1);
  const [told = "", ...more] = new Set(ended.filter((each) => each !== "worked"));
  expect(more).toEqual([]);
  expect(told).toMatch(/^69 \S*bun(\.exe)? test .* runs \(pid \d+, for \d s\), and one goes at a time$/);
  expect(told).toContain(`(pid ${process.pid}, `);
});

test("nothing is left of it, whether the work fails or not, but for what the work has made", async () => {
  await expect(lock(() => Promise.reject(new Error("no luck")))).rejects.toThrow("no luck");
  expect(readdirSync(home)).toEqual([]);
  expect(await lock(async () => writeFileSync(join(state, "receipt.json"), "{}"))).toBeUndefined();
  expect(readdirSync(state)).toEqual(["receipt.json"]);
});

test("that of a process which is gone does not count, be its pid another's now", async () => {
  const [gone] = run(["sh", "-c", "echo $$"]).stdout.split("\n");
  for (const holder of [`${gone} 123`, `${process.pid} 1`]) {
    left(holder);
    expect(await lock(async () => readdirSync(state))).toEqual(["install.lock"]);
    expect(readdirSync(state)).toEqual([]);
  }
});

test("that of a process which lives stays", async () => {
  left(`${process.pid} ${await procfsOf({ files }).startTime(process.pid)}`);
  await expect(lock(() => Promise.resolve())).rejects.toMatchObject({ exit: 69 });
  expect(readdirSync(state)).toEqual(["install.lock"]);
});

test("what is no lock of ours is in the way, and stays: 73, and what to do", async () => {
  mkdirSync(state, { recursive: true });
  writeFileSync(join(state, "install.lock"), "mine");
  await expect(lock(() => Promise.resolve())).rejects.toMatchObject({
    exit: 73,
    next: [`mv ${state}/install.lock ${state}/install.lock.yours`, "mosaic-fleet install"],
  });
  expect(readdirSync(state)).toEqual(["install.lock"]);
});

test("where none can be made: 73, and where to look for what is in the way", async () => {
  for (const [prepare, at] of [
    [() => writeFileSync(join(home, ".local"), "a file"), ".local/state"],
    [() => symlinkSync("/nowhere", join(home, ".local")), ".local/state"],
    [() => symlinkSync(".local", join(home, ".local")), ".local/state/mosaic/fleet"],
    [() => writeFiles(home, { ".local/state/mosaic/fleet": "" }), ".local/state/mosaic/fleet"],
  ] as const) {
    prepare();
    await expect(lock(() => Promise.resolve())).rejects.toMatchObject({
      exit: 73,
      next: [`namei -l ${join(home, at)}   # what is in the way?`, "mosaic-fleet install"],
    });
    rmSync(join(home, ".local"), { recursive: true });
  }
});
