import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { localHost } from "../../src/adapters/local-host.ts";
import { lockText } from "../../src/adapters/lock.ts";
import { type CanaryReport, canaryReportSchema } from "../../src/canary/schema.ts";
import { binary } from "../support/build.ts";
import { HOLDER_UNIT, openFleet, type TestFleet } from "../support/fleet.ts";

// The canary on an installed fleet, as its user runs it: here the user is one of a private manager.

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
});
afterAll(() => fleet.close());

async function canary(
  ...words: string[]
): Promise<{ code: number; report: CanaryReport; statuses: Record<string, string> }> {
  const result = await fleet.host.exec([binary, "canary", ...words, "-o", "json"], { timeoutMs: 120_000 });
  const report = canaryReportSchema.parse(JSON.parse(result.stdout));
  const statuses = Object.fromEntries(report.steps.map(({ id, status }) => [id, status]));
  return { code: result.kind === "exited" ? result.code : -1, report, statuses };
}

/** Every file below the user's own folders, with its content, and every trace of a canary in the runtime folder. */
async function traces(): Promise<string> {
  const home = await fleet.host.exec(["sh", "-c", 'cd "$HOME" && find . -type f -exec md5sum {} + | sort']);
  const runtime = await fleet.host.exec(["sh", "-c", 'find "$XDG_RUNTIME_DIR" -name "*mosaic-canary*"']);
  return home.stdout + runtime.stdout;
}

test("all promises hold, and afterwards all is as before: files, units, a stopped holder stopped", async () => {
  const before = await traces();
  const { code, report } = await canary();
  const tried = report.steps.filter(({ id, status }) => id !== "memory" || status !== "skip");
  expect(tried.map(({ id, status }) => `${id} ${status}`)).toEqual(tried.map(({ id }) => `${id} pass`));
  expect(tried.length).toBeGreaterThanOrEqual(16);
  expect(code).toBe(0);
  expect(await traces()).toBe(before);
  expect((await fleet.unit(HOLDER_UNIT)).active).toBe("inactive");
  expect((await fleet.systemd.list("mosaic-agent@*")).filter(({ active }) => active !== "inactive")).toEqual([]);
});

test("a holder that ran runs afterwards", async () => {
  await fleet.systemctl("start", HOLDER_UNIT);
  expect((await canary()).code).toBe(0);
  expect((await fleet.unit(HOLDER_UNIT)).active).toBe("active");
  await fleet.systemctl("stop", HOLDER_UNIT);
});

test("what the user has set for all agents is theirs: the canary's own have the delay and the limits that a step needs", async () => {
  const folder = join(fleet.paths.units, "mosaic-agent@.service.d");
  // As systemctl --user edit writes it.
  await fleet.host.files.makeFolder(folder);
  await fleet.host.files.writeAtomic(
    join(folder, "override.conf"),
    "[Service]\nRestartSec=3s\nMemoryMax=4G\nRestart=on-failure\n",
    0o644,
  );
  await fleet.systemd.daemonReload();
  const { report } = await canary("--only", "broken-command,memory");
  expect(report.steps.filter(({ status }) => status !== "pass" && status !== "skip")).toEqual([]);
  await fleet.host.files.removeFile(join(folder, "override.conf"));
  await fleet.systemd.daemonReload();
});

test("with another agent running it is left alone, and the steps that would end it are skipped with that reason", async () => {
  await fleet.agent("worker", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await fleet.systemctl("start", "mosaic-agent@worker");
  const before = await fleet.up("worker");
  const server = await fleet.tmux.server();
  const { code, report, statuses } = await canary();
  expect(statuses).toMatchObject({ "server-death": "skip", "holder-stop": "skip", "agent-death": "pass" });
  expect(report.steps.find(({ id }) => id === "holder-stop")?.message).toContain("worker");
  expect(code).toBe(0);
  expect(await fleet.up("worker")).toEqual(before);
  expect(await fleet.tmux.server()).toEqual(server);
  expect((await fleet.tmux.panes()).map(({ session }) => session)).toEqual(["worker"]);
  await fleet.systemctl("stop", "mosaic-agent@worker");
  await fleet.systemctl("stop", HOLDER_UNIT);
});

// The second begins like an agent of the canary's own.
test.each(["by-hand", "mosaic-canary-mine"])("a session %s that somebody made is left alone too", async (name) => {
  await fleet.systemctl("start", HOLDER_UNIT);
  await fleet.tmuxCommand("new-session", "-d", "-s", name, "--", "sleep", "infinity");
  const before = await fleet.pane(name);
  const { code, report, statuses } = await canary();
  expect(statuses).toMatchObject({ "server-death": "skip", "holder-stop": "skip" });
  expect(report.steps.find(({ id }) => id === "server-death")?.message).toContain(name);
  expect(code).toBe(0);
  expect(await fleet.pane(name)).toEqual(before);
  await fleet.systemctl("stop", HOLDER_UNIT);
});

test("two at once do not see each other's faults: the second is not run, and says whose turn it is", async () => {
  const child = Bun.spawn([binary, "canary"], { env: { ...fleet.host.env }, stdout: "ignore", stderr: "ignore" });
  await fleet.wait("a canary agent", async () =>
    (await fleet.tmux.panes()).some(({ session }) => session.startsWith("mosaic-canary-")),
  );
  const { code, report } = await canary();
  expect(report.problem?.why).toContain(`process ${child.pid}`);
  expect(report.verdict).toBe("unknown");
  expect(code).toBe(2);
  expect(await child.exited).toBe(0);
});

test("of some that start in one moment one is run, and the others say whose turn it is", async () => {
  const argv = [binary, "canary", "--only", "agent", "-o", "json"];
  const all = await Promise.all([1, 2, 3, 4].map(() => fleet.host.exec(argv, { timeoutMs: 60_000 })));
  const reports = all.map(({ stdout }) => canaryReportSchema.parse(JSON.parse(stdout)));
  const verdicts = reports.map(({ verdict }) => verdict);
  expect(verdicts).not.toContain("broken");
  for (const { verdict, problem } of reports)
    if (verdict !== "pass") expect(problem?.why).toMatch(/^a canary runs on this fleet \(process \d+\)$/);
  expect(verdicts).toContain("pass");
});

test("a holder that ran runs again after a run that was killed while it had the holder stopped", async () => {
  await fleet.systemctl("start", HOLDER_UNIT);
  const child = Bun.spawn([binary, "canary", "-o", "json"], {
    env: { ...fleet.host.env },
    stdout: "ignore",
    stderr: "ignore",
  });
  await fleet.wait("the stopped holder", async () => (await fleet.unit(HOLDER_UNIT)).active === "inactive");
  child.kill("SIGKILL");
  await child.exited;
  expect((await canary()).code).toBe(0);
  expect((await fleet.unit(HOLDER_UNIT)).active).toBe("active");
  await fleet.systemctl("stop", HOLDER_UNIT);
});

test("what a kill -9 left is cleared by the next run", async () => {
  const before = await traces();
  const child = Bun.spawn([binary, "canary"], { env: { ...fleet.host.env }, stdout: "ignore", stderr: "ignore" });
  await fleet.wait("a canary agent", async () =>
    (await fleet.tmux.panes()).some(({ session }) => session.startsWith("mosaic-canary-")),
  );
  child.kill("SIGKILL");
  await child.exited;
  expect(await traces()).not.toBe(before);
  expect((await canary()).code).toBe(0);
  expect(await traces()).toBe(before);
  expect((await fleet.systemd.list("mosaic-agent@*")).filter(({ active }) => active !== "inactive")).toEqual([]);
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "on %s it cleans up after itself and says that it was interrupted",
  async (signal) => {
    const before = await traces();
    const child = Bun.spawn([binary, "canary"], { env: { ...fleet.host.env }, stdout: "pipe", stderr: "ignore" });
    await fleet.wait("a canary agent", async () =>
      (await fleet.tmux.panes()).some(({ session }) => session.startsWith("mosaic-canary-")),
    );
    child.kill(signal);
    const [said, code] = await Promise.all([child.stdout.text(), child.exited]);
    expect(said).toContain("The canary was interrupted");
    expect(code).toBe(2);
    expect(await traces()).toBe(before);
    expect((await fleet.unit(HOLDER_UNIT)).active).toBe("inactive");
  },
);

test("without all of the layout it says so and what to do, and writes nothing", async () => {
  const moved = join(fleet.paths.tools, "agent-pane.sh");
  const text = (await fleet.host.files.read(moved)) ?? "";
  await fleet.host.files.removeFile(moved);
  const before = await traces();
  const { code, report, statuses } = await canary();
  expect(statuses).toMatchObject({ layout: "fail", holder: "blocked", "holder-stop": "blocked" });
  expect(report.steps[0]?.message).toContain("mosaic-fleet install");
  expect(code).toBe(1);
  expect(await traces()).toBe(before);

  // While an install runs that may be the reason: here its lock is this test's.
  const lock = join(fleet.paths.state, "install.lock");
  await fleet.host.files.makeLink(lock, await lockText(localHost()));
  const meanwhile = await canary();
  expect(meanwhile.report.steps[0]?.message).toStartWith("could not tell: an install, a rollback or an uninstall runs");
  expect(meanwhile.code).toBe(2);
  await fleet.host.files.removeFile(lock);
  await fleet.host.files.writeAtomic(moved, text, 0o755);
});

test("where nothing is installed nothing is broken: it says what to do (69), and writes nothing", async () => {
  expect(await fleet.host.exec([binary, "uninstall", "--yes"])).toMatchObject({ kind: "exited", code: 0 });
  const before = await traces();
  const { code, report } = await canary();
  expect(report).toMatchObject({ verdict: "unavailable", steps: [] });
  expect(report.problem?.why).toStartWith("nothing is installed here: there is neither ~/.config/systemd/user/");
  expect(report.problem?.next[0]).toBe("mosaic-fleet install");
  expect(code).toBe(69);
  expect(await traces()).toBe(before);
});
