import { afterAll, beforeAll, expect, test } from "bun:test";
import { restartAgents, startAgents, stopAgents } from "../../src/fleet/lifecycle.ts";
import { selectFrom } from "../../src/fleet/select.ts";
import { fleetStatus } from "../../src/fleet/status.ts";
import { binary } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
  for (const name of ["web", "web-2", "api"]) await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity" });
});
afterAll(() => fleet.close());

test("names, patterns and --all; a name that no agent has is told with what was meant", async () => {
  expect(await selectFrom(fleet.host, { names: ["web"], all: false })).toEqual(["web"]);
  expect(await selectFrom(fleet.host, { names: ["web*"], all: false })).toEqual(["web", "web-2"]);
  expect(await selectFrom(fleet.host, { names: [], all: true })).toEqual(["api", "web", "web-2"]);
  expect(selectFrom(fleet.host, { names: ["wbe"], all: false })).rejects.toMatchObject({
    why: "did you mean web?",
    next: ["mosaic-fleet status"],
  });
  // Of those that are there: what the layout has for the canary makes no agent of the user's.
  expect(selectFrom(fleet.host, { names: ["nobody"], all: false })).rejects.toMatchObject({
    why: "there are: api, web, web-2",
  });
});

test("a start is done when each is up; again it says so, and the same processes stay", async () => {
  const names = ["web", "web-2", "api"];
  const first = await startAgents(fleet.host, names);
  expect(first.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "ok"]);
  for (const { name, message } of first) expect(message).toBe(`started, pid ${(await fleet.up(name)).pid}`);
  const again = await startAgents(fleet.host, names);
  for (const { name, message } of again) expect(message).toBe(`is up already, pid ${(await fleet.up(name)).pid}`);
});

test("status says what each is: up, stopped, and where session and unit disagree", async () => {
  await fleet.tmuxCommand("rename-session", "-t", "=api", "api-2");
  await fleet.systemctl("stop", "mosaic-agent@web-2");
  const seen = new Map((await fleetStatus(fleet.host, { names: [] })).agents.map((agent) => [agent.name, agent]));
  await fleet.tmuxCommand("rename-session", "-t", "=api-2", "api");
  expect(seen.get("web")).toMatchObject({ state: "up", pid: (await fleet.up("web")).pid, enabled: false });
  expect(seen.get("web-2")).toMatchObject({ state: "stopped", verdict: "well", pid: null });
  expect(seen.get("api")).toMatchObject({
    state: "disagrees",
    verdict: "bad",
    message: expect.stringContaining("somebody renamed it to api-2"),
  });
});

test("two restarts of the whole fleet at once: every agent is up", async () => {
  const names = ["web", "web-2", "api"];
  const before = (await fleet.up("web")).pid;
  const both = await Promise.all([restartAgents(fleet.host, names), restartAgents(fleet.host, names)]);
  expect(both.flat().filter(({ outcome }) => outcome === "failed")).toEqual([]);
  for (const name of names) await fleet.up(name);
  expect((await fleet.up("web")).pid).not.toBe(before);
});

test("progress only ever grows, from none on", async () => {
  const crowd = Array.from({ length: 25 }, (_, index) => `crowd-${index}`);
  for (const name of crowd) await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await startAgents(fleet.host, crowd);
  const seen: number[] = [];
  await restartAgents(fleet.host, crowd, { onProgress: (done) => seen.push(done) });
  await stopAgents(fleet.host, crowd);
  expect(seen.length).toBeGreaterThan(1);
  expect(seen[0]).toBeLessThan(crowd.length / 2);
  expect(seen).toEqual(seen.toSorted((one, other) => one - other));
});

test("a stop ends exactly the one that is named", async () => {
  const other = (await fleet.up("web-2")).pid;
  expect(await stopAgents(fleet.host, ["web"])).toEqual([{ name: "web", outcome: "ok", message: "stopped" }]);
  expect(await fleet.pane("web")).toBeUndefined();
  expect((await fleet.up("web-2")).pid).toBe(other);
  expect(await stopAgents(fleet.host, ["web"])).toEqual([
    { name: "web", outcome: "ok", message: "is stopped already" },
  ]);
});

test("a stop that a start has overtaken says so, as removing does, and nothing is removed", async () => {
  await fleet.agent("slow", {
    MOSAIC_AGENT_COMMAND: "trap '' TERM HUP; while :; do sleep 1; done",
    MOSAIC_AGENT_STOP_SECONDS: "1",
  });
  for (const end of ["stop", "rm"]) {
    await startAgents(fleet.host, ["slow"]);
    const ended = fleet.host.exec([binary, "agent", end, "slow", ...(end === "rm" ? ["--yes"] : [])]);
    await fleet.wait("it stops", async () => (await fleet.unit("slow")).active === "deactivating");
    await fleet.systemctl("start", "--no-block", "mosaic-agent@slow");
    const { stdout, stderr } = await ended;
    expect(stdout + stderr).toContain("another start, stop or restart of it came meanwhile");
    expect(stdout + stderr).toMatch(
      end === "rm" ? /Next: mosaic-fleet agent rm slow\n/ : /Next: mosaic-fleet status slow\n/,
    );
    await fleet.up("slow");
  }
});

test("a stop during the restart delay closes the session with its dead pane", async () => {
  await fleet.dropIn("mosaic-agent@ends.service", "[Service]\nRestartSec=60s\n");
  await fleet.agent("ends", { MOSAIC_AGENT_COMMAND: "exit 3" });
  await fleet.systemctl("start", "mosaic-agent@ends");
  await fleet.wait("it waits to restart", async () => (await fleet.unit("ends")).sub === "auto-restart");
  expect((await fleet.pane("ends"))?.dead).toBe(true);
  expect(await stopAgents(fleet.host, ["ends"])).toEqual([{ name: "ends", outcome: "ok", message: "stopped" }]);
  expect(await fleet.pane("ends")).toBeUndefined();
  expect((await fleet.unit("ends")).active).toBe("inactive");
});

test("one that cannot start fails at once, with the reason; the others are up; mended, its failure is reset", async () => {
  await fleet.dropIn("mosaic-agent@lost.service", "[Unit]\nStartLimitBurst=2\n[Service]\nRestartSec=10ms\n");
  await fleet.agent("lost", { MOSAIC_AGENT_COMMAND: "sleep infinity", MOSAIC_AGENT_WORKDIR: "/nowhere" });
  const results = await startAgents(fleet.host, ["web", "lost"]);
  expect(results).toMatchObject([
    { name: "web", outcome: "ok" },
    { name: "lost", outcome: "failed", message: expect.stringMatching(/^not started[:,] .*working folder/) },
  ]);
  await fleet.wait("it is given up", async () => (await fleet.unit("lost")).active === "failed");
  await fleet.agent("lost", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  expect(await startAgents(fleet.host, ["lost"])).toMatchObject([
    { outcome: "ok", message: expect.stringContaining("it had failed, which was reset") },
  ]);
});

test("a program that ends as soon as it starts is not up", async () => {
  await fleet.agent("brief", { MOSAIC_AGENT_COMMAND: "exit 4" });
  const [result] = await startAgents(fleet.host, ["brief"]);
  await stopAgents(fleet.host, ["brief"]);
  expect(result).toMatchObject({ outcome: "failed", message: expect.stringContaining("exited with status 4") });
});

test("a restart that systemd refuses is told, with why; the process is the same", async () => {
  await fleet.agent("refused", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await startAgents(fleet.host, ["refused", "web"]);
  const { pid } = await fleet.up("refused");
  await fleet.dropIn("mosaic-agent@refused.service", "[Unit]\nRefuseManualStart=yes\n");
  const [refused, web] = await restartAgents(fleet.host, ["refused", "web"]);
  expect([refused?.outcome, web?.outcome]).toEqual(["failed", "ok"]);
  expect(refused?.message).toContain(`not restarted, pid ${pid} as before: `);
  expect(refused?.message).toContain("Operation refused");
  expect((await fleet.up("refused")).pid).toBe(pid);
});

test("a pipe in the place of a settings file is refused: systemd would wait at it for ever, for everybody", async () => {
  const path = `${fleet.paths.agents}/piped.env`;
  await fleet.host.exec(["mkfifo", path]);
  await expect(startAgents(fleet.host, ["web", "piped"])).rejects.toMatchObject({
    exit: 1,
    why: `${path} is no file: systemd itself would wait at it for ever`,
  });
  await fleet.host.files.removeFile(path);
  expect((await fleet.systemctl("is-active", "mosaic-agent@web")).kind).toBe("exited"); // it answers
});

test("one whose unit is masked is told, and is no reason to wait", async () => {
  await fleet.agent("masked", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await fleet.systemctl("mask", "--runtime", "mosaic-agent@masked.service");
  const [result] = await startAgents(fleet.host, ["masked"]);
  expect(result).toMatchObject({ outcome: "failed", message: expect.stringContaining("masked") });
});
