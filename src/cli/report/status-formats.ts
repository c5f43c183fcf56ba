import { DRIFTS } from "../../fleet/drift.ts";
import { AGENT_STATES } from "../../fleet/judge.ts";
import type { AgentStatus, FleetStatus } from "../../fleet/status.ts";

/** What -o json prints. */
export interface StatusDocument extends FleetStatus {
  readonly schemaVersion: 1;
  readonly host: string;
  readonly user: string;
}

/** A line for each agent, then the rest of the document, as doctor does it. */
export function statusLines({ agents, ...rest }: StatusDocument): string {
  const lines = [...agents.map((agent) => ({ type: "agent", ...agent })), { type: "summary", ...rest }];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** What is another number at every look. */
const VOLATILE: ReadonlySet<string> = new Set<keyof AgentStatus>([
  ...(["uptimeSeconds", "startedAt", "idleSeconds", "memoryBytes", "cpuSeconds"] as const),
]);

/** Of the lines those that say something else than the ones before; numbers that always change are nothing else. One for each agent that is gone. */
export function statusChanges(before: StatusDocument | undefined, now: StatusDocument): string {
  if (before === undefined) return statusLines(now);
  const essence = (agent: AgentStatus | undefined) => {
    // What is said of one that is well is no more than its numbers.
    const message = agent?.verdict === "well" ? "" : agent?.message;
    return JSON.stringify({ ...agent, message }, (key, value) => (VOLATILE.has(key) ? undefined : value));
  };
  const were = new Map(before.agents.map((agent) => [agent.name, agent]));
  const are = new Set(now.agents.map(({ name }) => name));
  const gone = before.agents.filter(({ name }) => !are.has(name)).map(({ name }) => ({ type: "gone", name }));
  const agents = now.agents.filter((agent) => essence(agent) !== essence(were.get(agent.name)));
  const { agents: _, ...rest } = now;
  const summary = before.holder.up === now.holder.up ? [] : [{ type: "summary", ...rest }];
  const lines = [...agents.map((agent) => ({ type: "agent", ...agent })), ...gone, ...summary];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/**
 * Prometheus' text format, for the textfile collector of its node exporter. Each sample has the user, so that the files
 * of two users of one machine stand side by side. What cannot be told has no sample: 0 would say that it is down.
 */
export function statusMetrics({ agents, holder, user }: StatusDocument): string {
  const of = ({ name }: AgentStatus) => ({ user, agent: name });
  const each = (value: (agent: AgentStatus) => number | null): Sample[] =>
    agents.map((agent) => [of(agent), value(agent)]);
  return [
    metric("mosaic_holder_up", "gauge", "Whether the holder's own tmux server answers.", [
      [{ user }, holder.up ? 1 : 0],
    ]),
    metric(
      "mosaic_agent_up",
      "gauge",
      "Whether unit, session and process of the agent agree that it is up.",
      each(({ state }) => (state === "unknown" ? null : state === "up" ? 1 : 0)),
    ),
    metric(
      "mosaic_agent_state",
      "gauge",
      "The agent's state: 1 for the one that it is in.",
      agents.flatMap((agent) =>
        AGENT_STATES.map((state): Sample => [{ ...of(agent), state }, agent.state === state ? 1 : 0]),
      ),
    ),
    metric(
      "mosaic_agent_enabled",
      "gauge",
      "Whether the agent starts at boot.",
      each(({ enabled }) => (enabled ? 1 : 0)),
    ),
    metric(
      "mosaic_agent_restarts_total",
      "counter",
      "How often systemd has brought the agent back since it was started by hand or at boot.",
      each(({ restarts }) => restarts),
    ),
    metric(
      "mosaic_agent_last_exit_status",
      "gauge",
      "How the agent's program ended last, as a shell tells it: its exit status, or 128 and the signal's number.",
      each(({ lastExit }) => lastExit && (lastExit.status ?? 128 + (lastExit.signal ?? 0))),
    ),
    metric(
      "mosaic_agent_info",
      "gauge",
      "Which program the agent is set to be, and which one runs in its pane.",
      agents.map((agent): Sample => [{ ...of(agent), runtime: agent.runtime ?? "", program: agent.program ?? "" }, 1]),
    ),
    metric(
      "mosaic_agent_drift",
      "gauge",
      "In what the agent is not what is configured: 1 for each.",
      agents.flatMap((agent) =>
        DRIFTS.map(
          (kind): Sample => [{ ...of(agent), kind }, agent.drift.some((drift) => drift.kind === kind) ? 1 : 0],
        ),
      ),
    ),
    metric(
      "mosaic_agent_start_time_seconds",
      "gauge",
      "When the agent's program started, in seconds since 1970.",
      each(({ startedAt }) => startedAt),
    ),
    metric(
      "mosaic_agent_viewers",
      "gauge",
      "How many terminals show the agent's session.",
      each(({ viewers }) => viewers),
    ),
    metric(
      "mosaic_agent_idle_seconds",
      "gauge",
      "For how long nobody has typed into the agent's session, and its window has shown nothing new.",
      each(({ idleSeconds }) => idleSeconds),
    ),
    metric(
      "mosaic_agent_memory_bytes",
      "gauge",
      "Memory of the agent's unit.",
      each(({ memoryBytes }) => memoryBytes),
    ),
    metric(
      "mosaic_agent_memory_max_bytes",
      "gauge",
      "The memory limit of the agent's unit.",
      each(({ memoryMaxBytes }) => (memoryMaxBytes === "infinity" ? Number.POSITIVE_INFINITY : memoryMaxBytes)),
    ),
    metric(
      "mosaic_agent_cpu_max",
      "gauge",
      "How many processors' time the agent's unit may have.",
      each(({ cpuMax }) => (cpuMax === "infinity" ? Number.POSITIVE_INFINITY : cpuMax)),
    ),
    metric(
      "mosaic_agent_cpu_weight",
      "gauge",
      "The agent's part of the processors where they are short, where its own unit says something: 100 is the usual.",
      each(({ cpuWeight }) => cpuWeight),
    ),
    metric(
      "mosaic_agent_cpu_seconds_total",
      "counter",
      "Processor time of the agent's unit since that started.",
      each(({ cpuSeconds }) => cpuSeconds),
    ),
  ].join("");
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | null];

/** A metric without a sample is left out whole. */
function metric(name: string, type: "gauge" | "counter", help: string, samples: readonly Sample[]): string {
  const lines = samples.flatMap(([labels, value]) => {
    if (value === null) return [];
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return [`${name}{${pairs.join(",")}} ${value === Number.POSITIVE_INFINITY ? "+Inf" : value}\n`];
  });
  return lines.length === 0 ? "" : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/** As the format wants a label's value. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
