import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { looks } from "../../../src/adapters/looks.ts";
import { promptPaths } from "../../../src/adapters/prompt-paths.ts";

const root = mkdtempSync(join(tmpdir(), "mosaic-fleet-looks-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("a path can be looked at without waiting", () => {
  const slow = join(root, "slow");
  mkdirSync(join(slow, "below"), { recursive: true });
  mkdirSync(join(root, "quick/below"), { recursive: true });
  symlinkSync(slow, join(root, "into"));
  symlinkSync("into/below", join(root, "twice"));
  symlinkSync("quick/below", join(root, "there"));
  symlinkSync("circle", join(root, "circle"));
  const isPrompt = promptPaths(() => new Set([slow]));

  for (const [path, follows, prompt] of [
    ["quick", true, true],
    ["quick/below/nothing", true, true],
    ["there", true, true],
    ["there/nothing", true, true],
    ["slow", false, false],
    ["slow/below/nothing", false, false],
    ["into", false, true],
    ["into", true, false],
    ["into/below", false, false],
    ["twice", false, true],
    ["twice", true, false],
    ["twice/nothing", false, false],
    ["circle", false, true],
    ["circle", true, false],
    ["circle/nothing", false, false],
    ["quick/../slow", true, false],
    ["quick/./below", true, false],
  ] as const)
    test(`${path}, links ${follows ? "" : "not "}followed: ${prompt}`, () => {
      expect(isPrompt(`${root}/${path}`, follows)).toBe(prompt);
    });

  test("not where everything may hang, nor in the memory of a process, nor from a folder one happens to be in", () => {
    expect(promptPaths(() => new Set(["/"]))(root, true)).toBe(false);
    for (const path of ["/proc/1/environ", "/proc/self/cmdline", "/proc/1/task/1/environ", "quick"])
      expect(isPrompt(path, true)).toBe(false);
    expect(promptPaths()("/proc/self/status", true)).toBe(true);
  });
});

describe("what is looked at", () => {
  test("a pipe in the place of a file keeps nobody waiting", async () => {
    const pipe = join(root, "pipe");
    Bun.spawnSync(["mkfifo", pipe]);
    expect(await looks.read(pipe)).toBe("");
    expect(await looks.readStart(pipe, 4)).toHaveLength(0);
    expect(await looks.status(pipe)).toMatchObject({ kind: "other" });
  });

  test("of many at once those that are files, and no link, each with what is in it", async () => {
    const paths = ["many", "many-link", "many-pipe", "many-folder", "many-nothing"].map((name) => join(root, name));
    writeFileSync(join(root, "many"), "A=1\n", { mode: 0o600 });
    symlinkSync("many", join(root, "many-link"));
    Bun.spawnSync(["mkfifo", join(root, "many-pipe")]);
    mkdirSync(join(root, "many-folder"));
    const [file, ...others] = await looks.readFiles(paths);
    expect(file?.status).toEqual((await looks.status(join(root, "many"))) as never);
    expect(Buffer.from(file?.bytes ?? []).toString()).toBe("A=1\n");
    expect(others).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("a file of the kernel's is read to its end, however long", async () => {
    const mounts = await looks.read("/proc/self/mountinfo");
    expect(mounts).toBe(await Bun.file("/proc/self/mountinfo").text());
    const long = (await looks.read("/proc/self/smaps")) ?? "";
    expect(long.length).toBeGreaterThan(16_384);
    expect(long.endsWith("\n")).toBe(true);
  });

  test("nothing where nothing is, and an error where it may not be looked at", async () => {
    const file = join(root, "file");
    writeFileSync(file, "x");
    for (const path of [join(root, "absent"), join(file, "below"), "/proc/0/status"])
      expect([await looks.read(path), await looks.status(path), await looks.list(path)]).toEqual([
        undefined,
        undefined,
        [],
      ]);
    expect(await looks.read(root).catch(({ code }) => code)).toBe("EISDIR");
    expect(await looks.realPath(join(root, "circle"))).toBeUndefined();
  });
});
