import type { LoadedUnit, Manager, ManagerState } from "../adapters/manager.ts";
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

/** Throws BusError. A tmux server that does not answer is part of the scene. */
export async function readScene(host: Host, manager: Manager): Promise<Scene> {
  return (await askScene(host, manager, askServer(host), { restarts: false })).scene;
}

/** What is asked of tmux, which takes as long as the rest: so it can be asked before there is a manager. */
export async function askServer(host: Host): Promise<AskedServer> {
  const target = (await readHolderRecord(host))?.socketPath ?? (await socketPath(host, await fleetSocket(host)));
  return { target, answer: readServer(host, target) };
}

interface ServerPanes {
  readonly pid: number;
  readonly panes: readonly Pane[];
}

export interface AskedServer {
  /** Where it is reached. */
  readonly target: string;
  readonly answer: Promise<ServerPanes | undefined>;
}

/**
 * The same, of which no more is done than to ask: what is read from now on is read while systemd and tmux are at it.
 * `restarts`: that costs a question an agent.
 */
export async function askScene(
  host: Host,
  manager: Manager,
  server: Promise<AskedServer>,
  { restarts }: { readonly restarts: boolean },
): Promise<{ readonly scene: Promise<Scene>; readonly unitPath: readonly string[] }> {
  const [units, mainPid, state] = await Promise.all([
    readUnits(manager),
    manager.property(HOLDER_UNIT, "MainPID"),
    manager.state(),
  ]);
  const brought = restarts ? restartsOf(manager, units) : Promise.resolve(new Map<string, number>());
  const { target, answer } = await server;
  const scene = Promise.all([answer, brought]).then(([server, counted]) =>
    sceneOf(host, { target, server, units, restarts: counted, mainPid: Number(mainPid), state }),
  );
  return { scene, unitPath: state.unitPath };
}

interface Answers {
  readonly target: string;
  readonly server: ServerPanes | undefined;
  readonly units: ReadonlyMap<string, LoadedUnit>;
  readonly restarts: ReadonlyMap<string, number>;
  readonly mainPid: number;
  readonly state: ManagerState;
}

async function sceneOf(host: Host, { target, server, units, restarts, mainPid, state }: Answers): Promise<Scene> {
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
    restarts,
    panes,
    strays,
    homes,
    socketPath: server === undefined ? undefined : target,
    environment: state.environment,
    unitPath: state.unitPath,
    sessions: server !== undefined && server.pid === mainPid,
    booting: state.state === "initializing" || state.state === "starting",
  };
}

/** What the kernel says of the panes' processes: asked for all of them at once, since there may be a thousand. */
async function lookAt(host: Host, panes: readonly Pane[]): Promise<ScenePane[]> {
  const processes = await processAges(
    host,
    panes.map(({ pid }) => pid),
  );
  return panes.map((pane, index) => {
    if (pane.dead) return { ...pane, cgroup: undefined, process: undefined, age: undefined };
    const process = processes[index];
    return { ...pane, cgroup: process?.cgroup, process, age: process?.age };
  });
}

async function readUnits(manager: Manager): Promise<Map<string, LoadedUnit>> {
  const units = new Map<string, LoadedUnit>();
  for (const unit of await manager.loaded("mosaic-agent@*.service")) {
    const name = agentOfUnit(unit.unit);
    if (name !== undefined) units.set(name, unit);
  }
  return units;
}

async function restartsOf(manager: Manager, units: ReadonlyMap<string, LoadedUnit>): Promise<Map<string, number>> {
  const counted = [...units].map(
    async ([name, unit]) => [name, Number(await manager.serviceProperty(unit, "NRestarts"))] as const,
  );
  return new Map(await Promise.all(counted));
}

async function readServer(host: Host, target: string): Promise<ServerPanes | undefined> {
  // A client would make the folder.
  if ((await host.files.status(target)) === undefined) return undefined;
  return tmuxOf(host, target)
    .everything()
    .catch(() => undefined);
}
