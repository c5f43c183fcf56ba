import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, closeSync, copyFileSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createExec } from "../../../src/adapters/process.ts";
import { describeResult } from "../../../src/core/exec.ts";
import { bun, run, temporaryFolder, tree, writeFiles } from "../../support/build.ts";

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());

const exec = createExec(process.env);
const sh = (script: string, options?: Parameters<typeof exec>[1]) => exec(["sh", "-c", script], options);

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("what became of a child is told apart", () => {
  test("it exited, with what it said", async () => {
    expect(await sh("echo out; echo err >&2; exit 7")).toEqual({
      argv: ["sh", "-c", "echo out; echo err >&2; exit 7"],
      stdout: "out\n",
      stderr: "err\n",
      kind: "exited",
      code: 7,
    });
  });

  test("a program that is still open for writing is waited for, and not for ever", async () => {
    const program = join(temporary.path, "busy");
    copyFileSync(Bun.which("true") ?? "", program);
    const writing = openSync(program, "r+");
    const first = exec([program]); // refused at once
    closeSync(writing);
    expect(await first).toMatchObject({ kind: "exited", code: 0 });
    const held = openSync(program, "r+");
    expect(await exec([program])).toMatchObject({ kind: "not-started", why: expect.stringContaining("ETXTBSY") });
    closeSync(held);
  });

  test("what it is to read reaches it, byte for byte, and ends", async () => {
    const bytes = new Uint8Array([0, 255, 10, 36, 39]);
    const result = await exec(["od", "-An", "-tu1"], { input: bytes });
    expect(result.stdout.trim().split(/\s+/)).toEqual(["0", "255", "10", "36", "39"]);
    expect((await exec(["wc", "-c"], { input: "x".repeat(1_000_000) })).stdout.trim()).toBe("1000000");
    expect((await exec(["cat"])).stdout).toBe("");
  });

  test("its lines can be had as they come; what is no whole line is left in the result", async () => {
    const lines: string[] = [];
    const said = await sh("printf 'one\\ntw'; sleep 0.05; printf 'o\\n\\nrest'", { line: (line) => lines.push(line) });
    expect(said).toMatchObject({ kind: "exited", code: 0, stdout: "rest" });
    expect(lines).toEqual(["one", "two", ""]);
  });

  test("it was ended by a signal", async () => {
    expect(await sh("kill -TERM $$")).toMatchObject({ kind: "signaled", signal: "SIGTERM" });
  });

  test("it did not end in time, and was killed, even if it ignores signals", async () => {
    const result = await sh("trap '' TERM INT HUP; echo $$; while :; do read -r _ </dev/zero; done", {
      timeoutMs: 100,
    });
    expect(result).toMatchObject({ kind: "timed-out", afterMs: 100 });
    expect(runs(Number(result.stdout))).toBe(false);
  });

  for (const stream of ["1", "2"])
    test(`what it printed had no end (${stream}): it is killed before it takes all memory, and told in one short line`, async () => {
      const result = await sh(`exec yes ${"y".repeat(4000)} >&${stream}`, { timeoutMs: 60_000 });
      expect(result).toMatchObject({ kind: "endless", afterBytes: 64 << 20 });
      expect(result.stdout.length + result.stderr.length).toBeLessThan(65 << 20);
      expect(describeResult({ ...result, argv: ["yes"] })).toMatch(
        /^yes printed more than 67108864 bytes, and was killed: .{1,1000}$/,
      );
    });

  for (const program of ["no-such-program", "/no/such/program"]) {
    test(`there is no program ${program}`, async () => {
      expect(await exec([program, "x"])).toMatchObject({ argv: [program, "x"], kind: "not-found" });
    });
  }

  for (const [program, text, mode, why] of [
    ["script", "#!/no/such/interpreter -x\n", 0o755, /^what runs \S+\/script is not there: \/no\/such\/interpreter$/],
    ["data", "MZ\0", 0o755, /^\S+\/data is no program of this machine$/],
    ["text", "#!/bin/sh\n", 0o644, /^\S+\/text may not be executed$/],
  ] as const)
    test(`there is a program and the kernel does not start it: ${program}`, async () => {
      const folder = join(temporary.path, "not-started");
      writeFiles(folder, { [program]: text });
      chmodSync(join(folder, program), mode);
      const expected = { kind: "not-started", why: expect.stringMatching(why) };
      expect(await exec([join(folder, program)])).toMatchObject(expected);
      expect(await exec([program], { env: { PATH: folder } })).toMatchObject(expected);
    });

  test("there is a program, and no folder for it to run in", async () => {
    expect(await exec(["/bin/true"], { cwd: "/no/such/folder" })).toMatchObject({
      kind: "not-started",
      why: "its working folder /no/such/folder is not there",
    });
  });

  test("a program is looked for on the PATH that the child gets", async () => {
    writeFiles(temporary.path, { "bin/only-here": "#!/bin/sh\necho found\n" });
    chmodSync(join(temporary.path, "bin/only-here"), 0o755);
    expect(await exec(["only-here"])).toMatchObject({ kind: "not-found" });
    const env = { PATH: `${join(temporary.path, "bin")}:/bin` };
    expect(await exec(["only-here"], { env })).toMatchObject({ kind: "exited", stdout: "found\n" });
    expect(await createExec({})(["sh"])).toMatchObject({ kind: "not-found" });
  });
});

describe("a child that can be cancelled", () => {
  /** A shell with a child of its own that ignores what a terminal sends; prints the pids of both. */
  const family = "sh -c 'trap \"\" INT HUP TERM; echo $$; exec sleep 1000' & echo $$; wait";
  const pids = (text: string) => text.trim().split("\n").map(Number);
  /** Not even as one that nobody has asked about yet. */
  const lives = (pid: number) => runs(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";

  test("is killed with all that it has started", async () => {
    const cancel = new AbortController();
    const ending = sh(`{ ${family}; }`, { cancelled: cancel.signal, timeoutMs: 30_000 });
    setTimeout(() => cancel.abort(), 100);
    const result = await ending;
    expect(result).toMatchObject({ kind: "signaled", signal: "SIGKILL" });
    const both = pids(result.stdout);
    expect(both).toHaveLength(2);
    expect(both.filter(lives)).toEqual([]);
  });

  test("is so at its time-out too", async () => {
    const result = await sh(family, { cancelled: new AbortController().signal, timeoutMs: 100 });
    expect(result.kind).toBe("timed-out");
    const both = pids(result.stdout);
    expect(both).toHaveLength(2);
    expect(both.filter(lives)).toEqual([]);
  });

  test("is not left running when that was cancelled before", async () => {
    const result = await sh("sleep 1000", { cancelled: AbortSignal.abort() });
    expect(result.kind).toBe("signaled");
  });

  test("ends as any other when nobody does", async () => {
    expect(await sh("echo out", { cancelled: new AbortController().signal })).toMatchObject({
      kind: "exited",
      code: 0,
      stdout: "out\n",
    });
  });
});

describe("a child", () => {
  test("has nothing to read", async () => {
    expect(await sh("cat; echo end", { timeoutMs: 5_000 })).toMatchObject({ kind: "exited", stdout: "end\n" });
  });

  test("may say more than a pipe holds, and letters that fall apart into pieces", async () => {
    // Three bytes each: the pieces of a pipe are powers of two.
    const { stdout } = await sh("yes 漢 | head -n 300000 | tr -d '\\n'");
    expect(stdout).toBe("漢".repeat(300_000));
  });

  test("runs where it is told to", async () => {
    expect((await sh("pwd", { cwd: temporary.path })).stdout).toBe(`${temporary.path}\n`);
  });

  test("gets its words as they are: no shell, no globbing", async () => {
    const { stdout } = await exec(["printf", "%s\n", "$HOME *", "", "a b"]);
    expect(stdout).toBe("$HOME *\n\na b\n");
  });
});

describe("somebody whom a child started and who holds its pipe", () => {
  test("does not make us wait", async () => {
    const result = await sh("sleep 60 & echo $!");
    const pid = Number(result.stdout);
    expect(result).toMatchObject({ kind: "exited", code: 0 });
    expect(runs(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });

  test("does not keep our program from ending", () => {
    writeFiles(temporary.path, {
      "program.ts": `import { createExec } from ${JSON.stringify(join(tree, "src/adapters/process.ts"))};
        const { stdout } = await createExec(process.env)(["sh", "-c", "sleep 60 & echo $!"]);
        console.log(stdout);`,
    });
    const { code, stdout } = run([bun, join(temporary.path, "program.ts")], { timeoutMs: 5_000 });
    const pid = Number(stdout);
    expect({ code, waited: !runs(pid) }).toEqual({ code: 0, waited: false });
    process.kill(pid, "SIGKILL");
  });
});

describe("the environment of a child", () => {
  const hostile = {
    PATH: process.env.PATH,
    KEPT: "yes",
    BUN_OPTIONS: "--preload=/evil.ts",
    BUN_BE_BUN: "1",
    BUN_INSPECT: "ws://localhost:1",
    BUN_INSPECT_CONNECT_TO: "x",
    BUN_INSPECT_NOTIFY: "y",
    LC_ALL: "de_DE.ISO-8859-1",
    SYSTEMD_COLORS: "1",
    SYSTEMD_PAGER: "less",
  };
  const environment = async (options?: Parameters<typeof exec>[1]) =>
    (await createExec(hostile)(["env"], options)).stdout.split("\n");

  test("never has what would turn a Bun program into something else", async () => {
    const lines = await environment({ env: { BUN_OPTIONS: "--version", BUN_INSPECT_BRK: "1" } });
    expect(lines.filter((line) => line.startsWith("BUN_"))).toEqual([]);
    expect(lines).toContain("KEPT=yes");
  });

  test("makes its output one that can be parsed", async () => {
    const lines = await environment();
    for (const line of ["LC_ALL=C.UTF-8", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=", "SYSTEMD_URLIFY=0"])
      expect(lines).toContain(line);
  });

  test("can be added to and taken from", async () => {
    const lines = await environment({ env: { ADDED: "a=b c", KEPT: undefined } });
    expect(lines).toContain("ADDED=a=b c");
    expect(lines.some((line) => line.startsWith("KEPT="))).toBe(false);
  });

  test("is not this process's own, but the host's", async () => {
    process.env.MOSAIC_TEST_OWN = "1";
    const lines = await environment();
    delete process.env.MOSAIC_TEST_OWN;
    expect(lines.some((line) => line.startsWith("MOSAIC_TEST_OWN"))).toBe(false);
  });
});
