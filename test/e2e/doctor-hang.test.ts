import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { doctorReportSchema } from "../../src/doctor/schema.ts";
import { asIfBooted, behindMounts, binary, temporaryFolder, writeFiles } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

/** Doctor's own limit, a kill, and what a busy machine takes. */
const LIMIT_MS = 12_000;
const HANGS = "#!/bin/sh\nexec sleep infinity\n";
/** One that leaves a child behind when only it is killed. */
const HANGS_WITH_A_CHILD = "#!/bin/sh\nsleep infinity &\nwait\n";

let fleet: TestFleet;
const temporary = temporaryFolder();
beforeAll(async () => {
  fleet = await openFleet();
  await fleet.agent("coder", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await fleet.systemctl("start", "mosaic-agent@coder");
  await fleet.up("coder");
});
afterAll(async () => {
  await fleet.close();
  temporary[Symbol.dispose]();
});

/** A folder with programs that hang, to stand first on the PATH. */
function programs(name: string, texts: Readonly<Record<string, string>>): string {
  const folder = join(temporary.path, name);
  writeFiles(folder, texts);
  for (const program of Object.keys(texts)) chmodSync(join(folder, program), 0o755);
  return folder;
}

/** Processes with this mark in their environment. */
function marked(mark: string): string[] {
  return readdirSync("/proc").filter((entry) => {
    try {
      return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/environ`).includes(mark);
    } catch {
      return false; // it has ended
    }
  });
}

let runs = 0;
async function doctor(env: Record<string, string | undefined>, ...words: string[]) {
  const mark = `MOSAIC_TEST_MARK=${process.pid}-${++runs}`;
  const [key = "", value = ""] = mark.split("=");
  const began = performance.now();
  const child = Bun.spawn(asIfBooted([binary, "doctor", "-o", "json", ...words]), {
    env: { ...fleet.host.env, ...env, [key]: value } as Record<string, string>,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  expect(stderr).toBe("");
  expect(performance.now() - began).toBeLessThan(LIMIT_MS);
  expect(marked(mark)).toEqual([]);
  const report = doctorReportSchema.parse(JSON.parse(stdout));
  const statuses = Object.fromEntries(report.checks.map(({ id, status }) => [id, status as string]));
  return { code: child.exitCode, report, statuses };
}

for (const [what, text] of [
  ["hang", HANGS],
  ["hang with a child", HANGS_WITH_A_CHILD],
] as const) {
  test.concurrent(`where tmux, systemctl, systemd-analyze, loginctl and busctl ${what}, it ends and says unknown`, async () => {
    const names = ["tmux", "systemctl", "systemd-analyze", "loginctl", "busctl", "journalctl"];
    const folder = programs(what.replaceAll(" ", "-"), Object.fromEntries(names.map((name) => [name, text])));
    const { code, report, statuses } = await doctor({ PATH: `${folder}:${fleet.host.env.PATH}` });
    expect(report.verdict).toBe(code === 1 ? "broken" : "unknown");
    expect([1, 2]).toContain(code ?? 0);
    expect(statuses).toMatchObject({
      "tmux.version": "unknown",
      "systemd.version": "unknown",
      "machine.linux": "pass",
    });
    for (const id of ["units.verify", "holder.server"]) expect(statuses[id]).toMatch(/unknown|blocked/);
    expect(report.environment).toMatchObject({ systemd: null, tmux: null });
  });
}

test.concurrent("where only tmux hangs, what does not need it is told", async () => {
  const folder = programs("tmux-only", { tmux: HANGS });
  const words = ["--only", "tmux.version,layout.files,units.verify"];
  const { code, statuses } = await doctor({ PATH: `${folder}:${fleet.host.env.PATH}` }, ...words);
  expect(statuses).toEqual({ "tmux.version": "unknown", "layout.files": "pass", "units.verify": "pass" });
  expect(code).toBe(2);
});

test.concurrent("where the user manager lets one in and never answers, it ends and says unknown", async () => {
  const runtime = join(temporary.path, "r");
  mkdirSync(join(runtime, "systemd"), { recursive: true, mode: 0o700 });
  chmodSync(runtime, 0o700);
  const servers = await Promise.all(
    ["systemd/private", "bus"].map(async (path) => {
      const server = createServer(() => undefined).listen(join(runtime, path));
      await new Promise((resolve) => server.once("listening", resolve));
      return server;
    }),
  );
  try {
    const { code, statuses } = await doctor({ XDG_RUNTIME_DIR: runtime });
    expect([1, 2]).toContain(code ?? 0);
    expect(statuses["systemd.user-manager"]).toMatch(/unknown|fail/);
    expect(statuses["machine.linux"]).toBe("pass");
    for (const id of ["units.reload", "holder.server", "agents.state"]) expect(statuses[id]).toMatch(/unknown|blocked/);
    expect(statuses["tmux.version"]).toBe("pass");
  } finally {
    for (const server of servers) server.close();
  }
});

const fuseIsHere = process.getuid?.() === 0 && existsSync("/dev/fuse");
/** A file system whose server has opened it and is never heard of again, in the place of the agents' folder. */
const deadFolder = () =>
  behindMounts(
    `exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none '${fleet.paths.agents}'`,
  );

test.concurrent.skipIf(!fuseIsHere)(
  "where a folder never answers, it ends and says unknown (as root, with fuse)",
  async () => {
    const began = performance.now();
    const child = Bun.spawn([...deadFolder(), binary, "doctor", "-o", "json"], {
      env: { ...fleet.host.env } as Record<string, string>,
      stdout: "pipe",
      stderr: "pipe",
      timeout: LIMIT_MS + 10_000,
      killSignal: "SIGKILL",
    });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    await child.exited;
    expect({ stderr, signal: child.signalCode }).toEqual({ stderr: "", signal: null });
    expect(performance.now() - began).toBeLessThan(LIMIT_MS + 2_000);
    const report = doctorReportSchema.parse(JSON.parse(stdout));
    expect(child.exitCode).toBe(report.verdict === "broken" ? 1 : 2);
    expect(report.checks.find(({ id }) => id === "agents.name")?.status).toBe("unknown");
  },
);

test("a signal ends it soon: 128 and its number, a word on stderr, no verdict, and nothing is left", async () => {
  // Each run notes by its mark that tmux is asked, which may be more than once.
  const asked = join(temporary.path, "asked-");
  const tmux = HANGS_WITH_A_CHILD.replace("\n", `\n: >'${asked}'"$MOSAIC_TEST_MARK"\n`);
  const folder = programs("interrupted", { tmux, "systemd-analyze": HANGS });
  for (const [index, [signal, format, code, before]] of (
    [
      ["SIGINT", "human", 130, []],
      ["SIGINT", "json", 130, []],
      ["SIGTERM", "junit", 143, []],
      ["SIGHUP", "tap", 129, []],
      ["SIGTERM", "human", 143, fuseIsHere ? deadFolder() : []],
    ] as const
  ).entries()) {
    const mark = `${process.pid}-interrupted-${index}`;
    const child = Bun.spawn([...before, binary, "doctor", "-o", format], {
      env: {
        ...fleet.host.env,
        PATH: `${folder}:${fleet.host.env.PATH}`,
        MOSAIC_TEST_MARK: mark,
      } as Record<string, string>,
      stdout: "pipe",
      stderr: "pipe",
    });
    await fleet.wait("tmux is asked", async () => existsSync(`${asked}${mark}`));
    const began = performance.now();
    child.kill(signal);
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    await child.exited;
    expect({ code: child.exitCode, stdout, stderr }).toEqual({
      code,
      stdout: "",
      stderr: "mosaic-fleet doctor: interrupted\n",
    });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(marked(`MOSAIC_TEST_MARK=${mark}`)).toEqual([]);
  }
});
