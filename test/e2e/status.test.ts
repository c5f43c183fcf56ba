import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unifiedMount } from "../../src/adapters/cgroup.ts";
import { statusLineSchema, statusSchema } from "../../src/cli/report/status-schema.ts";
import { binary, tree } from "../support/build.ts";
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
  expect(web).toMatchObject({ program: "sleep", viewers: 0 });
  expect(web.idleSeconds).toBeGreaterThanOrEqual(0);
  const nothing = { program: null, viewers: null, idleSeconds: null, memoryBytes: null, cpuSeconds: null };
  expect(api).toMatchObject(nothing);
  // What the kernel counts here, and nothing where it does not.
  const group = join((await unifiedMount(fleet.host)) ?? "/nowhere", (await fleet.procfs.cgroup(pid)) ?? "");
  expect(web.memoryBytes === null).toBe(!existsSync(join(group, "memory.current")));
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
