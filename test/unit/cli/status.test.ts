import { expect, test } from "bun:test";
import { renderStatus } from "../../../src/cli/report/status.ts";
import type { AgentStatus } from "../../../src/fleet/status.ts";

const agent: AgentStatus = {
  name: "web",
  state: "up",
  verdict: "well",
  message: "up",
  runtime: "claude",
  pid: 1_234_567,
  uptimeSeconds: 5,
  startedAt: 1_700_000_000,
  restarts: 2,
  lastExit: { status: null, signal: 9 },
  enabled: true,
  viewers: 1,
  idleSeconds: 3,
  program: "claude",
  memoryBytes: 300 * 1024 ** 2,
  memoryMaxBytes: 4 * 1024 ** 3,
  cpuSeconds: 1.5,
  cpuMax: "infinity",
  cpuWeight: null,
  drift: [],
};

function shown(agents: AgentStatus[], columns = 80): string[] {
  let text = "";
  const write = (more: string) => (text += more);
  const gone = new AbortController().signal;
  renderStatus({ isTTY: false, columns, rows: 24, color: false, gone, write }, agents);
  return text.trimEnd().split("\n");
}

test("a wide terminal has every column", () => {
  expect(shown([agent], 120)).toEqual([
    "AGENT  STATE  RUNTIME  PID      UPTIME  RESTARTS  LAST EXIT  BOOT  MEMORY   CPU  IDLE  VIEWERS  PROGRAM",
    "web    up     claude   1234567  5 s     2         signal 9   yes   300M/4G  2 s  3 s   1        claude",
  ]);
});

test("where it is narrow the less needed give way, at last all but six", () => {
  expect(shown([agent])).toEqual([
    "AGENT  STATE  RUNTIME  PID      UPTIME  RESTARTS  LAST EXIT  BOOT  MEMORY   CPU",
    "web    up     claude   1234567  5 s     2         signal 9   yes   300M/4G  2 s",
  ]);
  for (let columns = 45; columns < 130; columns++)
    for (const line of shown([agent], columns)) expect(line.length).toBeLessThanOrEqual(columns);
  expect(
    shown([{ ...agent, name: "a".repeat(63) }])[0]
      ?.trim()
      .split(/ +/),
  ).toEqual(["AGENT", "STATE", "PID", "UPTIME", "RESTARTS", "BOOT"]);
});

test("the limit of processor time is shown where there is one, beside what was used, at 80 columns too", () => {
  const cpu = (limits: Partial<AgentStatus>) => {
    const [head = "", line = ""] = shown([{ ...agent, lastExit: null, ...limits }]);
    return line.slice(head.indexOf("CPU"));
  };
  expect(cpu({})).toBe("2 s");
  expect(cpu({ cpuWeight: 100 })).toBe("2 s");
  expect(cpu({ cpuMax: 0.5 })).toBe("2 s/50%");
  expect(cpu({ cpuMax: 1.5, cpuWeight: 200 })).toBe("2 s/150% w200");
  expect(cpu({ cpuMax: null, cpuWeight: 20 })).toBe("2 s w20");
  expect(cpu({ cpuMax: null, cpuSeconds: null })).toBe("-");
});

test("what is not known is a dash", () => {
  const unknown = { ...agent, runtime: null, lastExit: null, memoryBytes: null, memoryMaxBytes: null };
  expect(shown([unknown])[1]).toBe("web    up     -        1234567  5 s     2         -          yes   -       2 s");
});

test("what is not well is told below its line, in lines that are not too long", () => {
  const drift = "runs another program than configured: changed since it started: command, model, a, b, c, d";
  const lines = shown([{ ...agent, verdict: "warning", message: `up; ${drift}` }]);
  expect(
    lines
      .slice(2)
      .map((line) => line.trim())
      .join(" "),
  ).toBe(`up; ${drift}`);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
});
