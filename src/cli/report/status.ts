import { ageText } from "../../core/age.ts";
import type { Output } from "../../core/host.ts";
import { visible } from "../../core/visible.ts";
import type { AgentStatus } from "../../fleet/status.ts";
import { paint } from "./paint.ts";

const HEAD = ["AGENT", "STATE", "PID", "UPTIME", "RESTARTS", "BOOT"];

/** A line for each agent; what is not well is told below its line. */
export function renderStatus(output: Output, agents: readonly AgentStatus[]): void {
  if (agents.length === 0) {
    output.write("There is no agent.\n");
    return;
  }
  const { red, yellow, green, bold } = paint(output);
  const rows = agents.map(({ name, state, pid, uptimeSeconds, restarts, enabled }) => [
    name,
    state,
    pid === null ? "-" : String(pid),
    uptimeSeconds === null ? "-" : ageText(uptimeSeconds * 1000),
    String(restarts),
    enabled ? "yes" : "no",
  ]);
  const widths = HEAD.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  output.write(`${bold(line(HEAD).trimEnd())}\n`);
  const colour = { well: green, warning: yellow, unknown: yellow, bad: red };
  rows.forEach((row, index) => {
    const agent = agents[index];
    if (agent === undefined) return;
    const paintedRow = line(row).trimEnd();
    const at = (widths[0] ?? 0) + 2;
    const state = paintedRow.slice(at, at + agent.state.length);
    output.write(`${paintedRow.slice(0, at)}${colour[agent.verdict](state)}${paintedRow.slice(at + state.length)}\n`);
    if (agent.verdict !== "well") output.write(`  ${visible(agent.message)}\n`);
  });
}
