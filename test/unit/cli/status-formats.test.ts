import { expect, test } from "bun:test";
import {
  type StatusDocument,
  statusChanges,
  statusLines,
  statusMetrics,
} from "../../../src/cli/report/status-formats.ts";
import type { AgentStatus } from "../../../src/fleet/status.ts";

const up: AgentStatus = {
  name: "web",
  state: "up",
  verdict: "well",
  message: "up",
  runtime: "claude",
  pid: 7,
  uptimeSeconds: 5,
  startedAt: 1_700_000_000.25,
  restarts: 2,
  lastExit: { status: null, signal: 9 },
  enabled: true,
  viewers: 1,
  idleSeconds: 3,
  program: "claude",
  memoryBytes: 1024,
  memoryMaxBytes: "infinity",
  cpuSeconds: 1.5,
  cpuMax: "infinity",
  cpuWeight: null,
  drift: [],
};
const untold: AgentStatus = { ...up, name: "api", state: "unknown", verdict: "unknown", startedAt: null, pid: null };
const document: StatusDocument = {
  schemaVersion: 1,
  host: "here",
  user: 'a"b\\c\nd',
  holder: { up: true },
  agents: [up, untold],
};

test("a metric is told once, with its type, and each label is escaped", () => {
  const text = statusMetrics({ ...document, agents: [up] });
  const user = String.raw`user="a\"b\\c\nd"`;
  const lines = text.split("\n");
  expect(lines).toContain(`mosaic_holder_up{${user}} 1`);
  expect(lines).toContain(`mosaic_agent_up{${user},agent="web"} 1`);
  expect(lines).toContain(`mosaic_agent_memory_bytes{${user},agent="web"} 1024`);
  expect(lines).toContain(`mosaic_agent_cpu_seconds_total{${user},agent="web"} 1.5`);
  expect(lines).toContain(`mosaic_agent_restarts_total{${user},agent="web"} 2`);
  expect(lines).toContain(`mosaic_agent_start_time_seconds{${user},agent="web"} 1700000000.25`);
  expect(lines).toContain(`mosaic_agent_state{${user},agent="web",state="failed"} 0`);
  expect(lines).toContain(`mosaic_agent_last_exit_status{${user},agent="web"} 137`);
  expect(lines).toContain(`mosaic_agent_info{${user},agent="web",runtime="claude",program="claude"} 1`);
  expect(lines).toContain(`mosaic_agent_drift{${user},agent="web",kind="unit"} 0`);
  expect(lines).toContain(`mosaic_agent_memory_max_bytes{${user},agent="web"} +Inf`);
  expect(lines).toContain("# TYPE mosaic_agent_restarts_total counter");
  const types = lines.filter((line) => line.startsWith("# TYPE ")).map((line) => line.split(" ")[2]);
  expect(new Set(types).size).toBe(types.length);
  for (const type of types) expect(lines.filter((line) => line.startsWith(`# HELP ${type} `))).toHaveLength(1);
  expect(text.endsWith("\n")).toBe(true);
});

test("what could not be told has no sample, and a metric without one is not named", () => {
  const text = statusMetrics({ ...document, user: "me", agents: [untold] });
  expect(text).not.toContain("mosaic_agent_up");
  expect(text).not.toContain("mosaic_agent_start_time_seconds");
  expect(text).toContain('mosaic_agent_state{user="me",agent="api",state="unknown"} 1\n');
});

test("ndjson: a line for each agent, then the rest", () => {
  const lines = statusLines(document)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toEqual([
    { type: "agent", ...up },
    { type: "agent", ...untold },
    { type: "summary", schemaVersion: 1, host: "here", user: document.user, holder: { up: true } },
  ]);
});

test("changes: what says something else, not what is only later; and who is gone", () => {
  const later = { ...up, uptimeSeconds: 9, idleSeconds: 0, memoryBytes: 2048, cpuSeconds: 2, message: "up, 9 s" };
  expect(statusChanges(undefined, document)).toBe(statusLines(document));
  expect(statusChanges(document, { ...document, agents: [later, untold] })).toBe("");
  const changes = (agents: AgentStatus[], holderUp = true) =>
    statusChanges(document, { ...document, agents, holder: { up: holderUp } })
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  expect(changes([{ ...later, pid: 8 }, untold])).toEqual([{ type: "agent", ...later, pid: 8 }]);
  expect(changes([up, { ...untold, message: "why it is not known" }])).toMatchObject([{ type: "agent", name: "api" }]);
  expect(changes([up, untold, { ...up, name: "new" }])).toMatchObject([{ type: "agent", name: "new" }]);
  expect(changes([up], false)).toMatchObject([
    { type: "gone", name: "api" },
    { type: "summary", holder: { up: false } },
  ]);
});
