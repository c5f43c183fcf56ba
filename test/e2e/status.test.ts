import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unifiedMount } from "../../src/adapters/cgroup.ts";
import { localHost } from "../../src/adapters/local-host.ts";
import { statusLineSchema, statusSchema } from "../../src/cli/report/status-schema.ts";
import { binary, bun, tree } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
  for (const name of ["web", "api"]) await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity" });
});
afterAll(() => fleet.close());

async function typed(words: readonly string[], env: Record<string, string | undefined> = {}) {
  const result = await fleet.host.exec([binary, ...words], { timeoutMs: 60_000, env });
  return { ...result, code: result.kind === "exited" ? result.code : null };
}

test("agents that are up, and one that is stopped and not enabled: 0, and each as it is", async () => {
  expect(await typed(["agent", "start", "web"])).toMatchObject({ code: 0 });
  const { pid } = await fleet.up("web");
  const { code, stdout, stderr } = await typed(["status", "-o", "json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const document = JSON.parse(stdout);
  expect(document).toMatchObject({ schemaVersion: 1, user: fleet.host.user.name });
  expect(document.agents).toMatchObject([
    { name: "api", state: "stopped", verdict: "well", pid: null, uptimeSeconds: null, restarts: 0, enabled: false },
    { name: "web", state: "up", verdict: "well", pid, restarts: 0, enabled: false },
  ]);
  expect(statusSchema.parse(document)).toEqual(document);
  const [api, web] = document.agents;
  expect(web.uptimeSeconds).toBeGreaterThanOrEqual(0);
  expect(web).toMatchObject({ program: "sleep", runtime: "sleep", viewers: 0, lastExit: null, drift: [] });
  expect(web.idleSeconds).toBeGreaterThanOrEqual(0);
  const nothing = { program: null, viewers: null, idleSeconds: null, memoryBytes: null, cpuSeconds: null };
  expect(api).toMatchObject(nothing);
  // What the kernel counts here, and nothing where it does not.
  const path = (await fleet.procfs.cgroup(pid)) ?? "";
  const group = join((await unifiedMount(fleet.host)) ?? "/nowhere", path);
  // Of version 1 where whoever runs this is in no memory group, so that systemd makes one for each unit.
  const counts = [join(group, "memory.current"), join("/sys/fs/cgroup/memory", path, "memory.usage_in_bytes")];
  expect(web.memoryBytes === null).toBe(!counts.some((file) => existsSync(file)));
  expect(web.cpuSeconds === null).toBe(!existsSync(join(group, "cpu.stat")));
});

test("ndjson and prometheus say the same", async () => {
  const lines = await typed(["status", "-o", "ndjson"]);
  expect(lines.code).toBe(0);
  const each = lines.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(each.map((line) => statusLineSchema.parse(line))).toEqual(each);
  expect(each).toMatchObject([
    { type: "agent", name: "api", state: "stopped" },
    { type: "agent", name: "web", state: "up" },
    { type: "summary", schemaVersion: 1, holder: { up: true } },
  ]);
  const metrics = await typed(["status", "-o", "prometheus"]);
  expect(metrics.code).toBe(0);
  const user = `user="${fleet.host.user.name}"`;
  expect(metrics.stdout).toContain(`\nmosaic_agent_up{${user},agent="web"} 1\n`);
  expect(metrics.stdout).toContain(`\nmosaic_agent_up{${user},agent="api"} 0\n`);
  expect(metrics.stdout).toContain(`\nmosaic_holder_up{${user}} 1\n`);
  const started = /^mosaic_agent_start_time_seconds\{.*agent="web"\} (\S+)$/m.exec(metrics.stdout)?.[1];
  expect(Math.abs(Number(started) - Date.now() / 1000)).toBeLessThan(30);
});

test("--schema prints the schema of each, and that is the published one", async () => {
  for (const [words, file] of [
    [[], "status.schema.json"],
    [["-o", "ndjson"], "status-lines.schema.json"],
  ] as const)
    expect((await typed(["status", "--schema", ...words])).stdout).toBe(readFileSync(join(tree, "docs", file), "utf8"));
  expect(await typed(["status", "--schema", "-o", "prometheus"])).toMatchObject({ code: 64, stdout: "" });
  expect(await typed(["status", "--schema", "web"])).toMatchObject({ code: 64, stdout: "" });
});

test("one that is enabled and stopped is broken: 1; those beside it alone are not", async () => {
  await fleet.systemctl("enable", "mosaic-agent@api.service");
  const { code, stdout } = await typed(["status", "-o", "json"]);
  await typed(["status"]).then((human) => expect(human).toMatchObject({ code: 1 }));
  const alone = await typed(["status", "web", "-o", "json"]);
  await fleet.systemctl("disable", "mosaic-agent@api.service");
  expect(code).toBe(1);
  expect(JSON.parse(stdout).agents[0]).toMatchObject({ name: "api", state: "stopped", verdict: "bad", enabled: true });
  expect(alone.code).toBe(0);
  expect(JSON.parse(alone.stdout).agents).toHaveLength(1);
});

test("a name that no agent has: 64, told on stderr alone, with what was meant", async () => {
  const { code, stdout, stderr } = await typed(["status", "wbe", "-o", "json"]);
  expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
  expect(stderr).toContain("did you mean web?");
});

test("a manager that cannot be reached: 69, told on stderr alone", async () => {
  const env = { XDG_RUNTIME_DIR: fleet.root, DBUS_SESSION_BUS_ADDRESS: undefined };
  const { code, stdout, stderr } = await typed(["status", "-o", "json"], env);
  expect({ code, stdout }).toEqual({ code: 69, stdout: "" });
  expect(stderr).toContain("the user manager cannot be reached");
});

test("agent start of one that cannot: 1, and the document says which, and why", async () => {
  await fleet.agent("brief", { MOSAIC_AGENT_COMMAND: "exit 4" });
  const { code, stdout } = await typed(["agent", "start", "web", "brief", "-o", "json"]);
  await typed(["agent", "stop", "brief"]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    schemaVersion: 1,
    agents: [
      { name: "web", outcome: "ok" },
      { name: "brief", outcome: "failed", message: expect.stringContaining("exited with status 4") },
    ],
  });
});

test("why one did not start is told in its script's own words, from the journal", async () => {
  // A stand-in for journalctl, which reads the sandbox's own journal: that is in no place where it would look.
  const folder = join(fleet.root, "journal");
  await fleet.host.files.makeFolder(folder);
  const script = `#!/bin/sh\nexec /usr/bin/journalctl ${fleet.journalctl.join(" ")} "$@"\n`;
  await fleet.host.files.writeAtomic(join(folder, "journalctl"), script, 0o755);
  await fleet.agent("lost", { MOSAIC_AGENT_COMMAND: "sleep 1", MOSAIC_AGENT_WORKDIR: "/nowhere" });
  const start = (path: string) => typed(["agent", "start", "lost"], { PATH: path });
  const told = await start(`${folder}:${fleet.host.env.PATH}`);
  const untold = await start(fleet.host.env.PATH ?? "");
  await typed(["agent", "stop", "lost"]);
  expect([told.code, untold.code]).toEqual([1, 1]);
  expect(told.stdout).toContain(
    "FAILED  lost: not started: working folder '/nowhere' is not there or cannot be entered",
  );
  expect(untold.stdout).toContain("FAILED  lost: not started, its working folder is missing (exit 66)\n");
});

/** What status says of one agent. */
async function of(name: string) {
  const { stdout } = await typed(["status", name, "-o", "json"]);
  return JSON.parse(stdout).agents[0];
}
/** The same, once it is in this state with this end behind it. */
function ended(name: string, state: string, lastExit: object) {
  return fleet.wait(`${name} is ${state}`, async () => {
    const agent = await of(name);
    return agent.state === state && Bun.deepEquals(agent.lastExit, lastExit) && agent;
  });
}

test("how an agent ended last is told while it is down, and after it is back", async () => {
  await fleet.agent("ends", { MOSAIC_AGENT_COMMAND: "exec sleep infinity" });
  await typed(["agent", "start", "ends"]);
  process.kill((await fleet.up("ends")).pid, "SIGKILL");
  expect(await ended("ends", "up", { status: null, signal: 9 })).toMatchObject({ verdict: "well", restarts: 1 });
  expect((await typed(["status", "ends"])).stdout).toContain(" signal 9 ");

  await fleet.agent("brief", { MOSAIC_AGENT_COMMAND: "exit 4" });
  await fleet.dropIn("mosaic-agent@brief.service", "[Unit]\nStartLimitBurst=2\n[Service]\nRestartSec=10ms\n");
  await fleet.systemctl("start", "mosaic-agent@brief");
  const failed = await ended("brief", "failed", { status: 4, signal: null });
  expect(failed.message).toContain("its program exited with status 4");
  await fleet.agent("brief", { MOSAIC_AGENT_COMMAND: "sleep 1", MOSAIC_AGENT_WORKDIR: "/nowhere" });
  await fleet.systemctl("reset-failed", "mosaic-agent@brief");
  await fleet.systemctl("start", "mosaic-agent@brief");
  const refused = await fleet.wait("it is given up", async () => {
    const agent = await of("brief");
    return agent.state === "failed" && agent;
  });
  expect(refused.message).toContain("not started, its working folder is missing");
  await typed(["agent", "stop", "brief", "ends"]);
});

test("an agent that runs with earlier settings, another program, or an old unit is told, and still well enough: 0", async () => {
  const settings = { MOSAIC_AGENT_COMMAND: "sleep infinity", NOTE: "it's old é $HOME", GOES: "1" };
  await fleet.agent("drifts", settings);
  await typed(["agent", "start", "drifts"]);
  await fleet.up("drifts");
  // Written again as they are, they have not changed.
  await fleet.agent("drifts", settings);
  expect(await of("drifts")).toMatchObject({ verdict: "well", drift: [] });

  await fleet.agent("drifts", { ...settings, NOTE: "new", MORE: "2" });
  expect(await of("drifts")).toMatchObject({
    state: "up",
    verdict: "warning",
    drift: [{ kind: "settings", message: "runs with earlier settings: MORE, NOTE" }],
  });
  const { GOES: _, ...without } = settings;
  await fleet.agent("drifts", { ...without, MOSAIC_AGENT_COMMAND: "sleep 1000" });
  expect(await of("drifts")).toMatchObject({
    drift: [
      { kind: "program", message: "runs another program than configured: changed since it started: GOES, command" },
    ],
  });
  await fleet.dropIn("mosaic-agent@drifts.service", "[Service]\nTimeoutStopSec=7\n");
  const { code, stdout } = await typed(["status", "drifts"]);
  expect(code).toBe(0);
  expect(stdout.replace(/\s+/g, " ")).toContain("runs an old unit: 50-test.conf is younger");
  expect((await typed(["status", "-o", "prometheus"])).stdout).toContain(',agent="drifts",kind="unit"} 1\n');

  await typed(["agent", "restart", "drifts"]);
  expect(await of("drifts")).toMatchObject({ verdict: "well", drift: [], runtime: "sleep" });
  // Limits reach what runs.
  await typed(["agent", "edit", "drifts", "--memory-max", "300M"]);
  expect(await of("drifts")).toMatchObject({ verdict: "well", drift: [] });
  await typed(["agent", "stop", "drifts"]);
});

test("a session that somebody made is taken over, and its program is not what is configured", async () => {
  await fleet.agent("taken", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await fleet.tmuxCommand("new-session", "-d", "-s", "taken", "exec tail -f /dev/null");
  await typed(["agent", "start", "taken"]);
  const taken = await of("taken");
  await typed(["agent", "stop", "taken"]);
  expect(taken).toMatchObject({ state: "up", verdict: "warning", runtime: "sleep", program: "tail" });
  expect(taken.drift).toMatchObject([{ kind: "program", message: expect.stringContaining("tail") }]);
});

test("memory and its limit are those of the agent's own unit, where the kernel counts them: for real", async () => {
  // Where its own cgroups are the roots, so that a manager of root's reaches a memory controller of version 1.
  const inside = join(tree, "test/support/cgroup-namespace.sh");
  const script = join(tree, "test/support/limited-agent.ts");
  const result = await localHost().exec([inside, bun, script], { timeoutMs: 60_000 });
  expect(result).toMatchObject({ kind: "exited", code: 0 });
  const { agents, read, table } = JSON.parse(result.stdout);
  const [free, limited] = agents;
  if (read === null) {
    expect([free.memoryBytes, limited.memoryMaxBytes]).toEqual([null, null]); // no memory controller reaches a manager here
    return;
  }
  expect(limited).toMatchObject({ name: "limited", memoryMaxBytes: 64 * 1024 ** 2, cpuMax: 0.5, cpuWeight: 200 });
  expect(free).toMatchObject({ name: "free", memoryMaxBytes: "infinity", cpuMax: "infinity", cpuWeight: null });
  expect(table).toMatch(/^limited .* \d+M\/64M +\d+ s\/50% w200$/m);
  // It holds 20 MB, and the neighbour next to nothing: each has its own.
  expect(limited.memoryBytes).toBeGreaterThan(20e6);
  expect(limited.memoryBytes).toBeLessThan(64 * 1024 ** 2);
  expect(free.memoryBytes).toBeLessThan(10e6);
  expect(Math.abs(limited.memoryBytes - read)).toBeLessThan(4e6);
});
