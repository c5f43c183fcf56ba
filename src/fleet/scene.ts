import type { LoadedUnit, Manager } from "../adapters/manager.ts";
import { procfsOf } from "../adapters/procfs.ts";
import { type Pane, socketPath, tmuxOf } from "../adapters/tmux.ts";
import type { Host } from "../core/host.ts";
import { agentOfUnit, HOLDER_UNIT } from "../core/names.ts";
import { fleetSocket } from "../core/settings.ts";
import { readHolderRecord } from "./holder.ts";
import { type AgentPane, agentOfGroup, type FleetFacts } from "./judge.ts";
import { processAges } from "./process-ages.ts";

/** The fleet at one moment, as systemd, tmux and the kernel have it: one bus connection, one tmux client, /proc. */
export interface Scene extends FleetFacts {
  /** Loaded units, by their agent. */
  readonly units: ReadonlyMap<string, LoadedUnit>;
  /** The agents' own panes, by session: most often the agent's name. */
  readonly panes: ReadonlyMap<string, Pane & AgentPane>;
  /** Where the fleet's server is reached; undefined without one. */
  readonly socketPath: string | undefined;
  /** The folders from which the manager reads units. */
  readonly unitPath: readonly string[];
}

/** Throws BusError. A tmux server that does not answer is part of the scene. */
export async function readScene(host: Host, manager: Manager): Promise<Scene> {
  const target = (await readHolderRecord(host))?.socketPath ?? (await socketPath(host, await fleetSocket(host)));
  const [loaded, server, mainPid, { state, unitPath }] = await Promise.all([
    manager.loaded("mosaic-agent@*.service"),
    readServer(host, target),
    manager.property(HOLDER_UNIT, "MainPID"),
    manager.state(),
  ]);
  const units = new Map(
    loaded.flatMap((unit) => {
      const name = agentOfUnit(unit.unit);
      return name === undefined ? [] : [[name, unit] as const];
    }),
  );
  const procfs = procfsOf(host);
  const age = await processAges(host);
  const panes = new Map<string, Pane & AgentPane>();
  const homes = new Map<string, string>();
  for (const pane of server?.panes ?? []) {
    if (!pane.agent) continue;
    const [cgroup, lived] = pane.dead ? [] : await Promise.all([procfs.cgroup(pane.pid), age(pane.pid)]);
    panes.set(pane.session, { ...pane, cgroup, age: lived });
    const home = cgroup === undefined ? undefined : agentOfGroup(cgroup);
    if (home !== undefined) homes.set(home, pane.session);
  }
  return {
    units,
    panes,
    homes,
    socketPath: server === undefined ? undefined : target,
    unitPath,
    sessions: server !== undefined && server.pid === Number(mainPid),
    booting: state === "initializing" || state === "starting",
  };
}

async function readServer(host: Host, target: string): Promise<{ pid: number; panes: readonly Pane[] } | undefined> {
  // A client would make the folder.
  if ((await host.files.status(target)) === undefined) return undefined;
  return tmuxOf(host, target)
    .everything()
    .catch(() => undefined);
}
