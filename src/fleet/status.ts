import { join } from "node:path";
import { type GroupUsage, groupUsage, unifiedMount } from "../adapters/cgroup.ts";
import type { Manager } from "../adapters/manager.ts";
import { procfsOf } from "../adapters/procfs.ts";
import type { Host } from "../core/host.ts";
import { agentUnit } from "../core/names.ts";
import { type AgentState, agentOfGroup, judgeAgent } from "./judge.ts";
import { startTimes } from "./process-ages.ts";
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
  return withManager(host, "The fleet cannot be looked at", async (manager) => {
    const first = await look(host, manager, names);
    // Unit and session are read one after the other: what is so for a moment only is no disagreement.
    if (!first.agents.some(({ state }) => state === "disagrees")) return first;
    await host.pause(MOMENT_MS);
    return look(host, manager, names);
  });
}

async function look(host: Host, manager: Manager, names: readonly string[]): Promise<FleetStatus> {
  const scene = await readScene(host, manager);
  const links = await readUnitLinks(host, scene.unitPath);
  const known = await knownAgents(host, scene, links);
  const [startOf, mount] = await Promise.all([startTimes(host), unifiedMount(host)]);
  const procfs = procfsOf(host);
  const now = host.date().getTime() / 1000;
  const selected = selectAgents(known, { names, all: names.length === 0 });
  const agents = await Promise.all(
    selected.map(async (name): Promise<AgentStatus> => {
      const unit = scene.units.get(name);
      const restarts = unit === undefined ? 0 : Number(await manager.serviceProperty(unit, "NRestarts"));
      const masked = links.masks.has(name);
      const enabled = links.wanted.has(agentUnit(name)) && !masked;
      const pane = scene.panes.get(name);
      const { state, verdict, message } = judgeAgent({ name, unit, restarts, enabled, masked, pane }, scene);
      const runs = pane !== undefined && !pane.dead && pane.age !== undefined;
      return {
        name,
        state,
        verdict,
        message,
        pid: runs ? pane.pid : null,
        uptimeSeconds: runs ? Math.floor((pane.age ?? 0) / 1000) : null,
        startedAt: runs ? ((await startOf(pane.pid)) ?? null) : null,
        restarts,
        enabled,
        viewers: pane?.viewers ?? null,
        idleSeconds: runs ? Math.max(0, Math.floor(now - pane.activity)) : null,
        program: runs ? ((await procfs.name(pane.pid)) ?? null) : null,
        ...(await usageOf(host, mount, name, pane?.cgroup)),
      };
    }),
  );
  return { holder: { up: scene.sessions }, agents };
}

/** Of the agent's own unit, which may have groups below: of none else's where its process is elsewhere. */
async function usageOf(
  host: Host,
  mount: string | undefined,
  name: string,
  cgroup: string | undefined,
): Promise<GroupUsage> {
  if (mount === undefined || cgroup === undefined || agentOfGroup(cgroup) !== name)
    return { memoryBytes: null, memoryMaxBytes: null, cpuSeconds: null };
  const unit = agentUnit(name);
  return groupUsage(host, join(mount, cgroup.slice(0, cgroup.lastIndexOf(`/${unit}`) + 1), unit));
}
