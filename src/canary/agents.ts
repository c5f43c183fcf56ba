import { dirname, join } from "node:path";
import { giveWay, locked, lockText, type Refusals } from "../adapters/lock.ts";
import { procfsOf } from "../adapters/procfs.ts";
import { systemdOf } from "../adapters/systemd.ts";
import { tmuxOf } from "../adapters/tmux.ts";
import { FleetError } from "../core/errors.ts";
import { describeResult } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { agentUnit, CANARY_PREFIX, CANARY_RUN } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { fleetSocket } from "../core/settings.ts";
import { CANARY_PROGRAM, DIFFICULT, NEEDS, type Needs } from "./parts.ts";
import { type CanaryAgent, type Fleet, PARTS } from "./step.ts";

/** A file beside a run's agents: whether the run had found the holder running. */
const HOLDER_BEFORE = "holder-before";

/** In the runtime folder, while a run is on this fleet. */
const TURN = "mosaic-canary.lock";

/** Drop-ins are read in the order of their names, and the last one wins: not the user's own for all agents (override.conf), with limits for theirs. */
const DROP_IN = "zzz-mosaic-canary.conf";

/** The folder of a run's files and of its drop-ins: the runtime folder, never the user's own. */
function runtimeFolder(host: Host): string {
  const runtime = host.env.XDG_RUNTIME_DIR;
  if (runtime === undefined)
    throw new FleetError(EXIT.unavailable, "The canary cannot run", "XDG_RUNTIME_DIR is not set", [
      `export XDG_RUNTIME_DIR=/run/user/${host.user.uid}`,
    ]);
  return runtime;
}

function dropInFolder(host: Host, name: string): string {
  return join(runtimeFolder(host), "systemd/user", `${agentUnit(name)}.d`);
}

/** A line of an environment file as systemd reads it: in double quotes, where only these four need an escape. */
function environmentLine(key: string, value: string): string {
  return `${key}="${value.replace(/["\\$`]/g, "\\$&")}"\n`;
}

/** The agents of a run, known to the manager after a reload. */
export type CanaryAgents = Pick<Fleet, "first" | "second" | "own">;

/**
 * A run's throwaway agents. Notes beside them whether the holder ran before, for the run that has to clear up after
 * this one.
 */
export async function makeAgents(host: Host, secret: string, holderRan: boolean): Promise<CanaryAgents> {
  const startTime = (await procfsOf(host).startTime(host.pid)) ?? "";
  const run = `${host.pid}-${startTime}`;
  const name = `${CANARY_PREFIX}${run}`;
  const make = (each: string, needs: Needs = {}) => makeAgent(host, each, secret, needs);
  const [first, second, ...own] = await Promise.all([
    make(name),
    make(`${name}-second`), // the only one that has the first one's name as its prefix
    ...PARTS.map((part) => make(`${CANARY_PREFIX}${part}-${run}`, NEEDS[part])),
  ]);
  const note = join(runtimeFolder(host), name, HOLDER_BEFORE);
  await host.files.writeAtomic(note, holderRan ? "running" : "stopped", 0o600);
  const parts = PARTS.map((part, index) => [part, own[index]]);
  return { first, second, own: Object.fromEntries(parts) as CanaryAgents["own"] };
}

async function makeAgent(host: Host, name: string, secret: string, needs: Needs): Promise<CanaryAgent> {
  const folder = join(runtimeFolder(host), name);
  const workdir = join(folder, "a folder");
  await host.files.makeFolder(folder, 0o700);
  await host.files.makeFolder(workdir, 0o700);
  if (needs.program !== undefined) {
    const program = join(folder, CANARY_PROGRAM);
    await host.files.makeFolder(dirname(program), 0o700);
    await host.files.writeAtomic(program, needs.program, 0o700);
  }
  const variables = { MOSAIC_CANARY_SECRET: secret, MOSAIC_CANARY_DIFFICULT: DIFFICULT };
  const environment = {
    ...variables,
    MOSAIC_AGENT_WORKDIR: workdir,
    MOSAIC_AGENT_COMMAND: "sleep infinity",
    ...needs.settings?.(folder),
  };
  const file = join(folder, "environment");
  const lines = Object.entries(environment).map(([key, value]) => environmentLine(key, value));
  await host.files.writeAtomic(file, lines.join(""), 0o600);
  const dropIn = dropInFolder(host, name);
  await host.files.makeFolder(dropIn);
  const unit = ["[Service]", `EnvironmentFile=${file}`, ...(needs.unit ?? []), ""].join("\n");
  await host.files.writeAtomic(join(dropIn, DROP_IN), unit, 0o644);
  return { name, unit: agentUnit(name), folder, workdir, variables };
}

/** Stops canary agents, takes their sessions, drop-ins and files away, and has the manager forget them. Says so if it could not. */
async function removeAgents(host: Host, names: readonly string[]): Promise<void> {
  const units = names.map(agentUnit);
  const systemd = systemdOf(host);
  const stopped = await systemd.run("stop", units);
  for (const name of names) {
    await host.files.removeTree(dropInFolder(host, name));
    await host.files.removeTree(join(runtimeFolder(host), name));
  }
  await systemd.daemonReload();
  await systemd.run("reset-failed", units);
  const running = (await systemd.list("mosaic-agent@*")).filter(
    ({ unit, active }) => units.includes(unit) && active !== "inactive",
  );
  if (running.length > 0)
    throw new FleetError(
      EXIT.unknown,
      "The canary could not clear up",
      `${running.map(({ unit, active }) => `${unit} is ${active}`).join(", ")} (${describeResult(stopped)})`,
      [`systemctl --user stop ${running.map(({ unit }) => unit).join(" ")}`],
    );
  // Of a unit that has failed, or waits for its next start, a stop runs nothing: the session is still there, with a dead pane.
  const tmux = tmuxOf(host, await fleetSocket(host));
  const left = new Set((await tmux.panes()).map(({ session }) => session).filter((name) => names.includes(name)));
  for (const name of left) await tmux.killSession(name);
}

export async function removeCanaryAgents(host: Host, agents: CanaryAgents): Promise<void> {
  await removeAgents(
    host,
    allOf(agents).map((agent) => agent.name),
  );
}

export function allOf({ first, second, own }: CanaryAgents): CanaryAgent[] {
  return [first, second, ...Object.values(own)];
}

/** What canary runs that were killed had left. */
export interface Cleared {
  /** Whether such a run had found the holder running; undefined where it did not get to note it. */
  readonly holderRan: boolean | undefined;
}

/** Why something is not done while a canary runs on this fleet, as process `pid`. */
export type Busy = (why: string, pid: string) => FleetError;

const turnOf = (busy: Busy): Refusals => ({
  nothing: "The canary cannot run",
  strange: EXIT.unavailable,
  busy: ({ pid }) => busy(`a canary runs on this fleet (process ${pid})`, pid),
});

/**
 * Does something while no other run is on this fleet: two that start in one moment would see each other's faults. Throws `busy` while
 * another is.
 */
export async function inTurn<T>(host: Host, busy: Busy, work: () => Promise<T>): Promise<T> {
  const runtime = runtimeFolder(host);
  const ready = () => host.files.makeFolder(runtime, 0o700);
  return locked(host, join(runtime, TURN), turnOf(busy), ready, work);
}

/**
 * Removes the agents of canary runs that were killed; undefined where there were none. Throws FleetError, and `busy` when another
 * run goes on.
 */
export async function clearLeftAgents(host: Host, busy: Busy): Promise<Cleared | undefined> {
  const { runtime } = pathsOf(host);
  if (runtime === undefined) return undefined;
  const lock = join(runtime, TURN);
  // While a canary has its turn, the lock is its own.
  if ((await host.files.readLink(lock)) !== (await lockText(host))) await giveWay(host, lock, turnOf(busy));
  const left = new Set<string>();
  let holderRan: boolean | undefined;
  for (const entry of await host.files.list(runtime)) {
    const [, pid, startTime] = CANARY_RUN.exec(entry) ?? [];
    if (pid === undefined) continue;
    if ((await procfsOf(host).startTime(Number(pid))) === startTime)
      throw busy(`a canary runs on this fleet (process ${pid})`, pid);
    left.add(entry);
    const before = await host.files.read(join(runtime, entry, HOLDER_BEFORE));
    if (before !== undefined) holderRan = before === "running";
  }
  if (left.size === 0) return undefined;
  await removeAgents(host, [...left]);
  return { holderRan };
}

/** Whether a canary run has made an agent of this name: one of the user's may begin like it. */
export function isCanaryAgent(name: string): boolean {
  return CANARY_RUN.test(name);
}
