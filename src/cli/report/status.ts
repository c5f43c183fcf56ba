import { ageText } from "../../core/age.ts";
import type { Output } from "../../core/host.ts";
import { visible } from "../../core/visible.ts";
import type { AgentStatus } from "../../fleet/status.ts";
import { paint } from "./paint.ts";
import { wrap } from "./text.ts";

interface Column {
  readonly head: string;
  cell(agent: AgentStatus): string;
}

/** In the order in which they are shown. */
const COLUMNS: readonly Column[] = [
  { head: "AGENT", cell: ({ name }) => name },
  { head: "STATE", cell: ({ state }) => state },
  { head: "RUNTIME", cell: ({ runtime }) => known(runtime, visible) },
  { head: "PID", cell: ({ pid }) => known(pid, String) },
  { head: "UPTIME", cell: ({ uptimeSeconds }) => known(uptimeSeconds, span) },
  { head: "RESTARTS", cell: ({ restarts }) => String(restarts) },
  { head: "LAST EXIT", cell: ({ lastExit }) => known(lastExit, exitText) },
  { head: "BOOT", cell: ({ enabled }) => (enabled ? "yes" : "no") },
  { head: "MEMORY", cell: memoryText },
  { head: "CPU", cell: cpuText },
  { head: "IDLE", cell: ({ idleSeconds }) => known(idleSeconds, span) },
  { head: "VIEWERS", cell: ({ viewers }) => known(viewers, String) },
  { head: "PROGRAM", cell: ({ program }) => known(program, visible) },
];
/** Those that give way where a terminal is too narrow, the first of them first. All that there is is in -o json. */
const GIVE_WAY: readonly string[] = ["PROGRAM", "VIEWERS", "IDLE", "LAST EXIT", "CPU", "MEMORY", "RUNTIME"];

/** CPUWeight= where nothing is said. */
const USUAL_WEIGHT = 100;

/** A line for each agent; what is not well is told below its line. */
export function renderStatus(output: Output, agents: readonly AgentStatus[]): void {
  if (agents.length === 0) {
    output.write("There is no agent.\n");
    return;
  }
  const { red, yellow, green, bold } = paint(output);
  const columns = COLUMNS.map(({ head, cell }) => {
    const cells = agents.map(cell);
    return { head, cells, width: Math.max(head.length, ...cells.map((each) => each.length)) };
  });
  const gone = new Set<string>();
  const shown = () => columns.filter(({ head }) => !gone.has(head));
  const width = () => shown().reduce((sum, column) => sum + column.width + 2, -2);
  for (const head of GIVE_WAY) if (width() > output.columns) gone.add(head);
  const [first, ...rest] = shown();
  if (first === undefined) return;
  const head = [first, ...rest].map(({ head, width }) => head.padEnd(width)).join("  ");
  const lines = [bold(head.trimEnd())];
  const colour = { well: green, warning: yellow, unknown: yellow, bad: red };
  agents.forEach((agent, row) => {
    const line = rest.map(({ cells, width }) => (cells[row] ?? "").padEnd(width)).join("  ");
    const state = colour[agent.verdict](line.slice(0, agent.state.length));
    lines.push(`${agent.name.padEnd(first.width)}  ${state}${line.slice(agent.state.length).trimEnd()}`);
    if (agent.verdict === "well") return;
    for (const text of wrap(visible(agent.message), output.columns - 2)) lines.push(`  ${text}`);
  });
  output.write(`${lines.join("\n")}\n`); // at once: each write is one for the kernel, too
}

function known<T>(value: T | null, text: (value: T) => string): string {
  return value === null ? "-" : text(value);
}

function span(seconds: number): string {
  return ageText(seconds * 1000);
}

function exitText({ status, signal }: NonNullable<AgentStatus["lastExit"]>): string {
  return signal === null ? String(status) : `signal ${signal}`;
}

/** What is used, and of how much where there is a limit. */
function memoryText({ memoryBytes, memoryMaxBytes }: AgentStatus): string {
  const limited = memoryMaxBytes !== null && memoryMaxBytes !== "infinity";
  return `${known(memoryBytes, size)}${limited ? `/${size(memoryMaxBytes)}` : ""}`;
}

/** The time that was used, and what there is at most: 50% is half a processor, w200 twice the usual weight. */
function cpuText({ cpuSeconds, cpuMax, cpuWeight }: AgentStatus): string {
  const quota = typeof cpuMax === "number" ? `/${Math.round(cpuMax * 100)}%` : "";
  const weight = cpuWeight !== null && cpuWeight !== USUAL_WEIGHT ? ` w${cpuWeight}` : "";
  return `${known(cpuSeconds, span)}${quota}${weight}`;
}

/** As systemd and top write it: 300M, 1.5G. */
function size(bytes: number): string {
  const mebibytes = Math.ceil(bytes / 1024 ** 2);
  if (mebibytes < 1024) return `${mebibytes}M`;
  return `${(mebibytes / 1024).toFixed(1).replace(/\.0$/, "")}G`;
}
