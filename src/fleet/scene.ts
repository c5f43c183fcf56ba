import type { LoadedUnit, Manager } from "../adapters/manager.ts";
import { procfsOf } from "../adapters/procfs.ts";
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
  const procfs = procfsOf(host);
  const age = await processAges(host);
  const look = async (pane: Pane): Promise<ScenePane> => {
    const [cgroup, process] = pane.dead ? [] : await Promise.all([procfs.cgroup(pane.pid), age(pane.pid)]);
    return { ...pane, cgroup, process, age: process?.age };
  };
  const panes = new Map<string, ScenePane>();
  const strays = new Map<string, ScenePane>();
  const homes = new Map<string, string>();
  for (const pane of server?.panes ?? []) {
    if (!pane.agent) continue;
    const seen = await look(pane);
    panes.set(pane.session, seen);
    const home = seen.cgroup === undefined ? undefined : agentOfGroup(seen.cgroup);
    if (home !== undefined) homes.set(home, pane.session);
  }
  for (const pane of server?.panes ?? [])
    if (!panes.has(pane.session) && !strays.has(pane.session)) strays.set(pane.session, await look(pane));
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
