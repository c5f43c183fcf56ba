import { ageText } from "../../core/age.ts";
import type { Output } from "../../core/host.ts";
import { visible } from "../../core/visible.ts";
import type { AgentStatus } from "../../fleet/status.ts";
import { paint } from "./paint.ts";

/** The usual width of a terminal: what does not fit is in -o json. */
const WIDTH = 80;
const HEAD = ["AGENT", "STATE", "PID", "UPTIME", "RESTARTS", "BOOT", "IDLE", "VIEWERS", "MEMORY", "CPU", "PROGRAM"];
/** Those that are always shown. */
const LEAST = 6;

/** A line for each agent; what is not well is told below its line. */
export function renderStatus(output: Output, agents: readonly AgentStatus[]): void {
  if (agents.length === 0) {
    output.write("There is no agent.\n");
    return;
  }
  const { red, yellow, green, bold } = paint(output);
  const rows = agents.map((agent) => [
    agent.name,
    agent.state,
    known(agent.pid, String),
    known(agent.uptimeSeconds, span),
    String(agent.restarts),
    agent.enabled ? "yes" : "no",
    known(agent.idleSeconds, span),
    known(agent.viewers, String),
    known(agent.memoryBytes, mebibytes),
    known(agent.cpuSeconds, span),
    known(agent.program, visible),
  ]);
  const widths = HEAD.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const fits = (count: number) => widths.slice(0, count).reduce((sum, width) => sum + width + 2, -2) <= WIDTH;
  const shown = widths.findLastIndex((_, column) => column < LEAST || fits(column + 1)) + 1;
  const line = (row: readonly string[]) =>
    row
      .slice(0, shown)
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ");
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

function known<T>(value: T | null, text: (value: T) => string): string {
  return value === null ? "-" : text(value);
}

function span(seconds: number): string {
  return ageText(seconds * 1000);
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}
