import type { LoadedUnit, Manager } from "../adapters/manager.ts";
import { cgroupPath, procfsOf } from "../adapters/procfs.ts";
import { type Pane, socketPath, tmuxOf } from "../adapters/tmux.ts";
import type { Host } from "../core/host.ts";
import { agentOfUnit, HOLDER_UNIT } from "../core/names.ts";
import { fleetSocket } from "../core/settings.ts";
import { readHolderRecord } from "./holder.ts";
import { type AgentPane, agentOfGroup, type FleetFacts } from "./judge.ts";
import { type ProcessAge, processAges } from "./process-ages.ts";

/** An agent's own pane; what its process is, where that runs. */
export interface ScenePane extends Pane, AgentPane {
  readonly process: ProcessAge | undefined;
}

/** The fleet at one moment, as systemd, tmux and the kernel have it: one bus connection, one tmux client, /proc. */
export interface Scene extends FleetFacts {
  /** Loaded units, by their agent. */
  readonly units: ReadonlyMap<string, LoadedUnit>;
  /** How often systemd has brought each back, by their agent; empty where it was not asked. */
  readonly restarts: ReadonlyMap<string, number>;
  /** The agents' own panes, by session: most often the agent's name. */
  readonly panes: ReadonlyMap<string, ScenePane>;
  /** Of sessions without an agent's own pane the first one, by session: somebody's, and an agent's only if it is called so. */
  readonly strays: ReadonlyMap<string, ScenePane>;
  /** Where the fleet's server is reached; undefined without one. */
  readonly socketPath: string | undefined;
  /** What the manager gives every unit. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folders from which the manager reads units. */
  readonly unitPath: readonly string[];
}

/** Throws BusError. A tmux server that does not answer is part of the scene. `restarts`: that costs a question an agent. */
export async function readScene(host: Host, manager: Manager, { restarts = false } = {}): Promise<Scene> {
  const target = (await readHolderRecord(host))?.socketPath ?? (await socketPath(host, await fleetSocket(host)));
  const [{ units, brought }, server, mainPid, { state, unitPath, environment }] = await Promise.all([
    readUnits(manager, restarts), // as many questions as agents, while tmux prints as many lines
    readServer(host, target),
    manager.property(HOLDER_UNIT, "MainPID"),
    manager.state(),
  ]);
  const seen = await lookAt(host, server?.panes ?? []);
  const panes = new Map<string, ScenePane>();
  const strays = new Map<string, ScenePane>();
  const homes = new Map<string, string>();
  for (const pane of seen) {
    if (!pane.agent) continue;
    panes.set(pane.session, pane);
    const home = pane.cgroup === undefined ? undefined : agentOfGroup(pane.cgroup);
    if (home !== undefined) homes.set(home, pane.session);
  }
  for (const pane of seen) if (!panes.has(pane.session) && !strays.has(pane.session)) strays.set(pane.session, pane);
  return {
    units,
    restarts: brought,
    panes,
    strays,
    homes,
    socketPath: server === undefined ? undefined : target,
    environment,
    unitPath,
    sessions: server !== undefined && server.pid === Number(mainPid),
    booting: state === "initializing" || state === "starting",
  };
}

/** What the kernel says of the panes' processes: asked for all of them at once, since there may be a thousand. */
async function lookAt(host: Host, panes: readonly Pane[]): Promise<ScenePane[]> {
  const pids = panes.map(({ pid }) => pid);
  const [groups, processes] = await Promise.all([procfsOf(host).groupTexts(pids), processAges(host, pids)]);
  return panes.map((pane, index) => {
    if (pane.dead) return { ...pane, cgroup: undefined, process: undefined, age: undefined };
    const process = processes[index];
    return { ...pane, cgroup: cgroupPath(groups[index] ?? ""), process, age: process?.age };
  });
}

async function readUnits(
  manager: Manager,
  restarts: boolean,
): Promise<{ units: Map<string, LoadedUnit>; brought: Map<string, number> }> {
  const units = new Map<string, LoadedUnit>();
  for (const unit of await manager.loaded("mosaic-agent@*.service")) {
    const name = agentOfUnit(unit.unit);
    if (name !== undefined) units.set(name, unit);
  }
  if (!restarts) return { units, brought: new Map() };
  const counted = [...units].map(
    async ([name, unit]) => [name, Number(await manager.serviceProperty(unit, "NRestarts"))] as const,
  );
  return { units, brought: new Map(await Promise.all(counted)) };
}

async function readServer(host: Host, target: string): Promise<{ pid: number; panes: readonly Pane[] } | undefined> {
  // A client would make the folder.
  if ((await host.files.status(target)) === undefined) return undefined;
  return tmuxOf(host, target)
    .everything()
    .catch(() => undefined);
}
