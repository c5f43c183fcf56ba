import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { localHost } from "../../src/adapters/local-host.ts";
import { halfSteps } from "../../src/canary/half/steps/index.ts";
import { canaryReportSchema, stepListSchema } from "../../src/canary/schema.ts";
import { CANARY_FORMATS } from "../../src/cli/report/canary.ts";
import { EXAMINATION_FORMATS } from "../../src/cli/report/formats/examination.ts";
import { until } from "../../src/core/until.ts";
import { binary, run, temporaryFolder } from "../support/build.ts";

// `canary --level tmux` on this machine; in containers it is tried in canary-container.test.ts.

/** Processes whose runtime folder is a run's. */
function processesOf(root: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(`XDG_RUNTIME_DIR=${root}/run\0`)
      );
    } catch {
      return false; // it has ended, or is not ours
    }
  });
}

/** The folder of a run, once its server is there. */
async function rootOf(pid: number): Promise<string> {
  const root = await until(localHost(), 20_000, async () => {
    const places = [process.env.XDG_RUNTIME_DIR ?? "", "/dev/shm", "/tmp"].filter((place) => existsSync(place));
    const roots = places.flatMap((place) => readdirSync(place).map((name) => join(place, name)));
    return roots.find(
      (root) => root.includes(`/mosaic-sandbox-${pid}-`) && existsSync(join(root, "run/mosaic-tmux-holder/pid")),
    );
  });
  if (root === undefined) throw new Error("the run has founded no server");
  return root;
}

const start = () =>
  Bun.spawn([binary, "canary", "--level", "tmux", "--repeat", "50"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });

test("Ctrl-C in the middle, though it comes twice in one breath: it says so, exit 2, and nothing of it is left", async () => {
  const canary = start();
  const root = await rootOf(canary.pid);
  // To a process group, and handed on by a script in it.
  canary.kill("SIGINT");
  const pending = () => /^(Sig|Shd)Pnd:.*[2367abef]$/m.test(readFileSync(`/proc/${canary.pid}/status`, "utf8"));
  await until(localHost(), 5_000, async () => !pending() || undefined); // two that wait are one
  canary.kill("SIGINT");
  const [said, code] = await Promise.all([canary.stdout.text(), canary.exited]);
  expect(said).toContain("The canary was interrupted");
  expect(code).toBe(2);
  expect([existsSync(root), processesOf(root)]).toEqual([false, []]);
});

test("what a kill -9 left is cleared by the next run, server and all", async () => {
  const canary = start();
  const root = await rootOf(canary.pid);
  canary.kill("SIGKILL");
  await canary.exited;
  expect(processesOf(root).length).toBeGreaterThan(0);
  expect(run([binary, "canary", "--level", "tmux", "--only", "server"]).code).toBe(0);
  expect([existsSync(root), processesOf(root)]).toEqual([false, []]);
});

test("--keep leaves it there, says where and how to look; the next run clears it", () => {
  const { code, stderr } = run([binary, "canary", "--level", "tmux", "--only", "agent", "--keep"]);
  expect(code).toBe(0);
  const root = /^The folder is kept in (\S+)\. To look inside/.exec(stderr)?.[1] ?? "";
  const exports = [...stderr.matchAll(/^ {2}export (\w+)='?([^'\n]*)'?$/gm)].map(([, key, value]) => [key, value]);
  const env = Object.fromEntries(exports);
  expect(run(["tmux", "-N", "-L", "mosaic-factory", "ls"], { env }).stdout).toStartWith("mosaic-canary-");
  expect(run([binary, "canary", "--level", "tmux", "--only", "server"]).code).toBe(0);
  expect([existsSync(root), processesOf(root)]).toEqual([false, []]);
});

test("the same holds again and again: --repeat tells its rounds apart", () => {
  const { code, stdout } = run([binary, "canary", "--level", "tmux", "--repeat", "3", "-o", "json"]);
  const report = canaryReportSchema.parse(JSON.parse(stdout));
  expect(report).toMatchObject({ verdict: "tmux-only", rounds: 3, sandbox: true });
  expect(report.steps.map(({ id, round, status }) => `${round} ${id} ${status}`)).toEqual(
    [1, 2, 3].flatMap((round) => halfSteps.map(({ id }) => `${round} ${id} pass`)),
  );
  expect(code).toBe(0);
});

test.skipIf(process.getuid?.() !== 0)(
  "as the first process of a container, which orphans come to, it finds the same; and leaves runs alone that it cannot see",
  async () => {
    const outside = start();
    const root = await rootOf(outside.pid);
    const apart = ["unshare", "--pid", "--fork", "--mount-proc", "--propagation", "private"];
    const words = ["canary", "--level", "tmux", "--only", "exact-stop,server-end"];
    const { code, stdout } = run([...apart, binary, ...words], { timeoutMs: 60_000 });
    expect(stdout).toContain("4 kept in");
    expect(code).toBe(0);
    expect(existsSync(root)).toBe(true);
    outside.kill("SIGINT");
    expect(await outside.stdout.text()).not.toMatch(/^(FAIL|unknown)/m);
    await outside.exited;
  },
);

test("in every format the half is named as such, and what it leaves out as left out; nor is it made a pass by hand", () => {
  using folder = temporaryFolder();
  const [saved, summary] = [join(folder.path, "report.json"), join(folder.path, "summary.md")];
  const words = ["--level", "tmux", "--only", "options"];
  const first = run([binary, "canary", ...words, "-o", "json"]);
  writeFileSync(saved, first.stdout);
  const shown: Record<string, string> = { json: first.stdout, human: run([binary, "canary", ...words]).stdout };
  const env = { ...process.env, GITHUB_STEP_SUMMARY: summary };
  for (const format of EXAMINATION_FORMATS) {
    const { code, stdout } = run([binary, "canary", "--from", saved, "-o", format], { env });
    expect([format, code]).toEqual([format, 0]);
    shown[format] = stdout;
  }
  shown.summary = readFileSync(summary, "utf8");
  expect(Object.keys(shown).sort()).toEqual([...CANARY_FORMATS, "summary"].sort());
  expect(JSON.parse(first.stdout)).toMatchObject({ verdict: "tmux-only", level: "tmux" });
  for (const [format, text] of Object.entries(shown)) {
    const whole = /holds: every promise that was tried is kept|"verdict": "pass"/;
    expect([format, whole.test(text)]).toEqual([format, false]);
    if (format === "json") continue;
    expect([format, text.replace(/\s+/g, " ")]).toEqual([format, expect.stringContaining("no pass of the whole")]);
    const name = format === "human" ? "canary, the tmux half alone" : "mosaic-fleet canary --level tmux";
    expect([format, text]).toEqual([format, expect.stringContaining(name)]);
  }

  writeFileSync(saved, first.stdout.replace('"tmux-only"', '"pass"'));
  const forged = run([binary, "canary", "--from", saved]);
  expect(forged.stderr).toContain("is not the report of a canary");
  expect(forged.code).toBe(64);

  const from = (named: string) => [binary, "canary", "--from", named];
  writeFileSync(saved, first.stdout);
  const piped = ["sh", "-c", '"$@" <"$0"', saved, ...from("-"), "-o", "json"];
  expect(run(piped).stdout).toBe(first.stdout);
  expect(run(from(folder.path))).toMatchObject({ code: 64, stderr: expect.stringContaining("Why:  it is a folder\n") });
  expect(run(from(""))).toMatchObject({ code: 64, stderr: expect.stringContaining("--from needs the name of a file") });
  // A pipe that nobody writes into is waited for, but not against a signal.
  const pipe = join(folder.path, "pipe");
  run(["mkfifo", pipe]);
  expect(run(["timeout", "--kill-after=5", "1", ...from(pipe)])).toMatchObject({ code: 124 });
});

test("its steps are listed as its own, and one of the whole is none of it", () => {
  const listed = run([binary, "canary", "--level", "tmux", "--list", "-o", "json"]);
  const list = stepListSchema.parse(JSON.parse(listed.stdout));
  expect(list.level).toBe("tmux");
  expect(list.steps.map(({ id }) => id)).toEqual(halfSteps.map(({ id }) => id));
  const { code, stderr } = run([binary, "canary", "--level", "tmux", "--only", "holder-stop"]);
  expect(stderr).toContain("no step holder-stop; canary --level tmux --list shows them all");
  expect(code).toBe(64);
});

test.skipIf(process.getuid?.() !== 0)(
  "where one memory file system is full it takes the next; where all are, it says which",
  () => {
    const full = (...folders: string[]) =>
      folders.map((folder) => `mount -t tmpfs -o size=1m none ${folder}`).join(" && ");
    const tried = (mounts: string) => {
      // The program may lie in /tmp itself.
      const script = `unset XDG_RUNTIME_DIR TMPDIR; mount --bind "\${0%/*}" /mnt && ${mounts} &&
      exec "/mnt/\${0##*/}" canary --level tmux --only server -o json`;
      const { code, stdout } = run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, binary]);
      return { code, why: canaryReportSchema.parse(JSON.parse(stdout)).problem?.why };
    };
    expect(tried(full("/dev/shm"))).toEqual({ code: 0, why: undefined });
    const why = "too little room is left in /dev/shm, /tmp: it takes 4 MiB";
    expect(tried(full("/dev/shm", "/tmp"))).toEqual({ code: 69, why });
  },
);
