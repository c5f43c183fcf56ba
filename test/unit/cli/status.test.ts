import { expect, test } from "bun:test";
import { renderStatus } from "../../../src/cli/report/status.ts";
import type { AgentStatus } from "../../../src/fleet/status.ts";

const agent: AgentStatus = {
  name: "web",
  state: "up",
  verdict: "well",
  message: "up",
  pid: 1_234_567,
  uptimeSeconds: 5,
  startedAt: 1_700_000_000,
  restarts: 2,
  enabled: true,
  viewers: 1,
  idleSeconds: 3,
  program: "claude",
  memoryBytes: 300 * 1024 ** 2,
  memoryMaxBytes: "infinity",
  cpuSeconds: 1.5,
};

function shown(...agents: AgentStatus[]): string[] {
  let text = "";
  renderStatus(
    {
      isTTY: false,
      columns: 80,
      rows: 24,
      color: false,
      gone: new AbortController().signal,
      write: (more) => (text += more),
    },
    agents,
  );
  return text.trimEnd().split("\n");
}

test("the table has the columns that fit 80, the first ones whatever their width", () => {
  expect(shown(agent)).toEqual([
    "AGENT  STATE  PID      UPTIME  RESTARTS  BOOT  IDLE  VIEWERS  MEMORY   CPU",
    "web    up     1234567  5 s     2         yes   3 s   1        300 MiB  2 s",
  ]);
  for (const line of shown({ ...agent, name: "a-rather-long-name" })) expect(line.length).toBeLessThanOrEqual(80);
  expect(shown({ ...agent, name: "a".repeat(63) })[0]).toEndWith("BOOT");
});

test("what is not known is a dash", () => {
  const unknown = { ...agent, viewers: null, idleSeconds: null, memoryBytes: null, cpuSeconds: null };
  expect(shown(unknown)[1]).toBe("web    up     1234567  5 s     2         yes   -     -        -       -");
});
