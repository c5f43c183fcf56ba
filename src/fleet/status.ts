import { type GroupUsage, groupUsages, NO_USAGE } from "../adapters/cgroup.ts";
import type { Manager } from "../adapters/manager.ts";
import type { Host } from "../core/host.ts";
import { agentUnit } from "../core/names.ts";
import { type AgentState, agentOfGroup, judgeAgent } from "./judge.ts";
import { readScene } from "./scene.ts";
import { knownAgents, type Selection, selectAgents } from "./select.ts";
import { readUnitLinks } from "./unit-links.ts";
import { withManager } from "./user-manager.ts";

/** One agent, as systemd, tmux and the kernel have it. */
export interface AgentStatus extends GroupUsage {
  readonly name: string;
  readonly state: AgentState;
  readonly verdict: "well" | "warning" | "bad" | "unknown";
  readonly message: string;
  /** Of its program, where that runs. */
  readonly pid: number | null;
  /** For how long that has run. */
  readonly uptimeSeconds: number | null;
  /** When it started, in seconds since 1970. */
  readonly startedAt: number | null;
  /** How often systemd has brought it back since it was started by hand or at boot. */
  readonly restarts: number;
  readonly enabled: boolean;
  /** How many terminals show its session. */
  readonly viewers: number | null;
  /** For how long nobody has typed into its session, and its window has shown nothing new. */
  readonly idleSeconds: number | null;
  /** The name of what runs in its pane, as the kernel has it. */
  readonly program: string | null;
}

export interface FleetStatus {
  /** up: its own tmux server answers. */
  readonly holder: { readonly up: boolean };
  readonly agents: readonly AgentStatus[];
}

/** An agent that ends takes less until its unit knows, in milliseconds. */
const MOMENT_MS = 200;

/** The agents that are meant, every one where none is named. Throws FleetError. */
export function fleetStatus(host: Host, { names }: Pick<Selection, "names">): Promise<FleetStatus> {
  return withManager(host, "The fleet cannot be looked at", (manager) => statusBy(host, manager, names));
}

/** The same by a manager that is open. Throws FleetError for a name that no agent has; BusError. */
export async function statusBy(host: Host, manager: Manager, names: readonly string[]): Promise<FleetStatus> {
  const first = await look(host, manager, names);
  // Unit and session are read one after the other: what is so for a moment only is no disagreement.
  if (!first.agents.some(({ state }) => state === "disagrees")) return first;
  await host.pause(MOMENT_MS);
  return look(host, manager, names);
}

async function look(host: Host, manager: Manager, names: readonly string[]): Promise<FleetStatus> {
  const scene = await readScene(host, manager, { restarts: true });
  const links = await readUnitLinks(host, scene.unitPath);
  const known = await knownAgents(host, scene, links);
  const usageOf = await groupUsages(host);
  const now = host.date().getTime() / 1000;
  const selected = selectAgents(known, { names, all: names.length === 0 });
  const agents = await Promise.all(
    selected.map(async (name): Promise<AgentStatus> => {
      const unit = scene.units.get(name);
      const restarts = scene.restarts.get(name) ?? 0;
      const masked = links.masks.has(name);
      const enabled = links.wanted.has(agentUnit(name)) && !masked;
      const pane = scene.panes.get(name) ?? scene.strays.get(name);
      const { state, verdict, message } = judgeAgent({ name, unit, restarts, enabled, masked, pane }, scene);
      const process = pane?.process;
      const group = ownGroup(name, pane?.cgroup);
      return {
        name,
        state,
        verdict,
        message,
        pid: process === undefined ? null : (pane?.pid ?? null),
        uptimeSeconds: process === undefined ? null : Math.floor(process.age / 1000),
        startedAt: process?.startedAt ?? null,
        restarts,
        enabled,
        viewers: pane?.viewers ?? null,
        idleSeconds: process === undefined ? null : Math.max(0, Math.floor(now - (pane?.activity ?? now))),
        program: process?.program ?? null,
        ...(group === undefined ? NO_USAGE : await usageOf(group)),
      };
    }),
  );
  return { holder: { up: scene.sessions }, agents };
}

/** Of the agent's own unit, which may have groups below: of none else's where its process is elsewhere. */
function ownGroup(name: string, cgroup: string | undefined): string | undefined {
  if (cgroup === undefined || agentOfGroup(cgroup) !== name) return undefined;
  const unit = agentUnit(name);
  return cgroup.slice(0, cgroup.lastIndexOf(`/${unit}`) + 1 + unit.length);
}
