import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../../../src/core/host.ts";
import { applyFixes, type FixAction, type PlannedFix } from "../../../src/doctor/fix.ts";
import type { FixReport } from "../../../src/doctor/report.ts";
import { HOLDER_UNIT, openFleet, type TestFleet } from "../../support/fleet.ts";

const AGENT = "mosaic-agent@coder.service";

let fleet: TestFleet;
let server: number;
beforeAll(async () => {
  fleet = await openFleet();
  await fleet.agent("coder", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await fleet.systemctl("start", AGENT);
  await fleet.up("coder");
  server = (await fleet.unit(HOLDER_UNIT)).mainPid;
});
afterAll(() => fleet.close());

function planned(action: FixAction): PlannedFix {
  return { action, command: "shown", for: ["a.a"] };
}

/** Does one fix, and gives what the report says of it. */
async function mend(action: FixAction, host: Host = fleet.host): Promise<FixReport> {
  const [report] = await applyFixes(host, [planned(action)], "0.0.0-test");
  if (report === undefined) throw new Error("no report");
  return report;
}

const done: FixReport = { command: "shown", for: ["a.a"], outcome: "done", message: null };

function failed(message: RegExp): FixReport {
  return { ...done, outcome: "failed", message: expect.stringMatching(message) };
}

test("install puts a missing file back if it is to, and leaves one that was edited", async () => {
  const missing = join(fleet.paths.tools, "agent-pane.sh");
  const text = readFileSync(missing, "utf8");
  rmSync(missing);
  expect(await mend({ kind: "install" })).toEqual(done);
  expect(existsSync(missing)).toBe(false);

  const edited = join(fleet.paths.tools, "tmux.conf");
  const ours = readFileSync(edited, "utf8");
  appendFileSync(edited, "# mine\n");
  expect(await mend({ kind: "install", restore: true })).toEqual(done);
  expect(readFileSync(missing, "utf8")).toBe(text);
  expect(readFileSync(edited, "utf8")).toBe(`${ours}# mine\n`);
  writeFileSync(edited, ours);
});

test("daemon-reload makes the manager read the units", async () => {
  const path = join(fleet.paths.units, HOLDER_UNIT);
  writeFileSync(path, readFileSync(path)); // a new time
  await fleet.wait("a reload is due", async () => (await fleet.unit(HOLDER_UNIT)).needsReload);
  expect(await mend({ kind: "daemon-reload" })).toEqual(done);
  expect((await fleet.unit(HOLDER_UNIT)).needsReload).toBe(false);
});

test("make-private takes a file from others, and follows no link", async () => {
  const path = join(fleet.paths.agents, "coder.env");
  chmodSync(path, 0o664);
  expect(await mend({ kind: "make-private", path })).toEqual(done);
  expect(statSync(path).mode & 0o7777).toBe(0o600);
  expect(await mend({ kind: "make-private", path: "/proc/self" })).toEqual(failed(/not a file/));
  expect(await mend({ kind: "make-private", path: join(fleet.root, "none") })).toEqual(failed(/not a file/));
});

test("reset-failed lets a unit start again", async () => {
  await fleet.agent("wrong", { MOSAIC_AGENT_COMMAND: "no-such-program" });
  await fleet.dropIn("mosaic-agent@wrong.service", "[Service]\nRestart=no\n");
  await fleet.systemctl("start", "mosaic-agent@wrong.service");
  expect((await fleet.unit("wrong")).active).toBe("failed");
  expect(await mend({ kind: "reset-failed", unit: "mosaic-agent@wrong.service" })).toEqual(done);
  expect((await fleet.unit("wrong")).active).toBe("inactive");
  rmSync(join(fleet.paths.agents, "wrong.env"));
  expect(await mend({ kind: "reset-failed", unit: "no-such-unit.service" })).toEqual(failed(/not loaded|not found/));
});

test("enable has a unit start at boot, and starts none", async () => {
  await fleet.agent("later", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  expect(await mend({ kind: "enable", unit: "mosaic-agent@later.service" })).toEqual(done);
  expect(await fleet.unit("later")).toMatchObject({ fileState: "enabled", active: "inactive" });
  expect(await mend({ kind: "enable", unit: "no-such-unit.service" })).toEqual(failed(/does not exist|No such file/));
});

test("revive-socket has the server make its socket anew, and signals no other process", async () => {
  const socket = (await fleet.tmux.server())?.socketPath ?? "";
  const startTime = (await fleet.procfs.startTime(server)) ?? "";
  rmSync(socket);
  expect(await fleet.tmux.server()).toBeUndefined();
  expect(await mend({ kind: "revive-socket", pid: server, startTime, socketPath: socket })).toEqual(done);
  expect((await fleet.tmux.server())?.pid).toBe(server);

  // A pid that is another process's by now: it would end by SIGUSR1.
  const stranger = Bun.spawn(["sleep", "infinity"]);
  const strange = { kind: "revive-socket", pid: stranger.pid, startTime: "1", socketPath: socket } as const;
  expect(await mend(strange)).toEqual(failed(/server is gone/));
  stranger.kill();
  await stranger.exited;
  expect(stranger.signalCode).toBe("SIGTERM");
});

test("linger, with a fake loginctl, is asked for this user, and believed only when the mark is there", async () => {
  const asked: string[][] = [];
  const marks = new Set<string>(["/var/lib/systemd/linger"]);
  const host = (works: boolean): Host => ({
    ...fleet.host,
    exec: async (argv, options) => {
      if (argv[0] !== "loginctl") return fleet.host.exec(argv, options);
      asked.push([...argv]);
      if (works && argv[1] === "enable-linger") marks.add(`/var/lib/systemd/linger/${fleet.host.user.name}`);
      return {
        argv,
        stdout: "",
        stderr: works ? "" : "Could not enable linger: Access denied",
        kind: "exited",
        code: 0,
      };
    },
    files: {
      ...fleet.host.files,
      status: async (path) =>
        path.startsWith("/var/lib/systemd/linger")
          ? marks.has(path)
            ? { kind: "file", mode: 0o644, uid: 0, gid: 0, size: 0, modified: 0, changed: 0 }
            : undefined
          : fleet.host.files.status(path),
    },
  });
  expect(await mend({ kind: "linger" }, host(false))).toEqual(failed(/Access denied/));
  expect(await mend({ kind: "linger" }, host(true))).toEqual(done);
  expect(asked.every((argv) => argv.join(" ").startsWith("loginctl enable-linger"))).toBe(true);
});

test("one that fails keeps none of the others from being done", async () => {
  const path = join(fleet.paths.agents, "coder.env");
  chmodSync(path, 0o644);
  const reports = await applyFixes(
    fleet.host,
    [planned({ kind: "enable", unit: "no-such-unit.service" }), planned({ kind: "make-private", path })],
    "0.0.0-test",
  );
  expect(reports.map(({ outcome }) => outcome)).toEqual(["failed", "done"]);
});

test("interrupted, it begins none any more", async () => {
  const path = join(fleet.paths.agents, "coder.env");
  chmodSync(path, 0o644);
  const interrupt = new AbortController();
  interrupt.abort();
  const host = { ...fleet.host, interrupted: interrupt.signal };
  expect(await mend({ kind: "make-private", path }, host)).toEqual({ ...done, outcome: "planned" });
  expect(statSync(path).mode & 0o7777).toBe(0o644);
});

test("all that was mended, and the holder and its agent never noticed", async () => {
  expect((await fleet.unit(HOLDER_UNIT)).mainPid).toBe(server);
  expect((await fleet.unit("coder")).restarts).toBe(0);
  await fleet.up("coder");
});
