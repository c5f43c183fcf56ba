import { hierarchiesOf } from "../../adapters/cgroup.ts";
import type { Unit } from "../../adapters/systemd.ts";
import type { Pane } from "../../adapters/tmux.ts";
import { ToolError } from "../../adapters/tool-error.ts";
import { describeResult, type ExecResult, succeeded } from "../../core/exec.ts";
import { secondsIn } from "../../core/promised-settings.ts";
import { until } from "../../core/until.ts";
import {
  BrokenPromise,
  type CanaryAgent,
  expect,
  expectInTime,
  type Fleet,
  Late,
  type ThrowawayAgent,
} from "../step.ts";

/** How long a pane's first script may take until it is the agent, in milliseconds; a few are usual. */
const PROGRAM_LIMIT_MS = 8_000;

/** The unit as the manager sees it. */
export async function unitOf(fleet: Fleet, unit: string, extra: readonly string[] = []): Promise<Unit> {
  const [shown] = await fleet.systemd.show([unit], extra);
  if (shown === undefined) throw new Error(`systemctl show said nothing about ${unit}`);
  return shown;
}

/** The only pane of exactly this agent's session; undefined without one. */
export async function paneOf(
  { tmux }: Pick<Fleet, "tmux">,
  { name }: Pick<ThrowawayAgent, "name">,
): Promise<Pane | undefined> {
  return (await tmux.panes()).find(({ session }) => session === name);
}

export async function start(fleet: Fleet, unit: string): Promise<void> {
  await order(fleet, "start", unit);
}

export async function stop(fleet: Fleet, unit: string): Promise<void> {
  await order(fleet, "stop", unit);
}

async function order(fleet: Fleet, verb: "start" | "stop", unit: string): Promise<void> {
  const result = await fleet.systemd.run(verb, [unit]);
  if (succeeded(result)) return;
  if (result.kind !== "exited") throw new ToolError(result);
  await unitOf(fleet, unit); // a manager that cannot be asked has refused nothing
  const shown = await fleet.host.exec(["systemctl", "--user", "--no-pager", "--full", "--lines=15", "status", unit]);
  // Its scripts give up what takes too long.
  expectInTime(false, `${unit} did not ${verb}`, {
    systemctl: describeResult(result),
    status: shown.stdout.trim().split("\n"),
  });
}

/** Says what failed, and what it said, unless it went well. */
export function proveDone(result: ExecResult, otherwise: string): void {
  if (succeeded(result)) return;
  const evidence = { said: describeResult(result) };
  throw result.kind === "timed-out" ? new Late(otherwise, evidence) : new BrokenPromise(otherwise, evidence);
}

/** How a unit says that its agent has ended: in its status; where a drop-in has another Restart= than ours, by the end of its ExecStop=. */
export function endOf({ extra }: Pick<Unit, "extra">): string {
  const { StatusText = "", ExecStop = "", Restart } = extra;
  const [, code, status] = Restart === "always" ? [] : (/code=(\w+) ; status=(\d+)/.exec(ExecStop) ?? []);
  if (code === "exited") return `exited with status ${status}`;
  return code === "killed" ? `killed by signal ${status}` : StatusText;
}
/** What it goes by. */
export const END_PROPERTIES = ["StatusText", "ExecStop", "Restart"];

/** Milliseconds that systemd waits, as the unit says, before it brings one back; more than a minute is too long. */
export async function delayOf(fleet: Fleet, unit: string): Promise<number> {
  const { extra } = await unitOf(fleet, unit, ["RestartUSec"]);
  return 1000 * Math.min(secondsIn(extra.RestartUSec ?? ""), 60);
}

/** Starts an agent unless it runs, and proves it up: unit, session and process agree. */
export async function ensureUp(fleet: Fleet, agent: CanaryAgent): Promise<Pane> {
  await start(fleet, agent.unit);
  return proveUp(fleet, agent);
}

/** Unit active, one live pane in exactly its session, and that pane's process in the unit's own cgroup, in every hierarchy that has it. */
export async function proveUp(fleet: Fleet, agent: CanaryAgent): Promise<Pane> {
  const [unit, pane] = await Promise.all([unitOf(fleet, agent.unit), paneOf(fleet, agent)]);
  expect(unit.active === "active", `${agent.unit} is ${unit.active}, not active`, { result: unit.result });
  expect(pane !== undefined, `there is no session "${agent.name}", although its unit is active`);
  expect(!pane.dead, `the program in session "${agent.name}" has ended, although its unit is active`);
  const cgroup = await fleet.procfs.cgroup(pane.pid);
  expect(cgroup === unit.controlGroup, `the agent's process ${pane.pid} is not in its own unit`, {
    "cgroup of the process": cgroup ?? "none",
    "cgroup of the unit": unit.controlGroup,
  });
  const [groups, wanted] = await Promise.all([
    fleet.procfs.cgroups(pane.pid),
    hierarchiesOf(fleet.host, unit.controlGroup),
  ]);
  const outside = wanted.filter((controllers) => groups.get(controllers) !== unit.controlGroup);
  expect(outside.length === 0, `the agent's process ${pane.pid} is not in its own unit in every hierarchy`, {
    hierarchies: outside,
    "cgroup of the unit": unit.controlGroup,
  });
  return pane;
}

/**
 * What the program of an agent's pane was started with. Its first process is a script of ours, which becomes the agent
 * only after its start is done: so it is waited for. Throws when that does not come.
 */
export async function environmentOf(
  { host, procfs }: Pick<Fleet, "host" | "procfs">,
  pane: Pane,
): Promise<Readonly<Record<string, string>>> {
  const found = await until(host, PROGRAM_LIMIT_MS, async () => {
    const variables = await procfs.environment(pane.pid);
    expect(variables !== undefined, `process ${pane.pid}, the agent's, has ended`);
    return variables.MOSAIC_AGENT_NAME === undefined ? undefined : variables;
  });
  expectInTime(found !== undefined, `process ${pane.pid} had not become the agent after ${PROGRAM_LIMIT_MS / 1000} s`);
  return found;
}

/** The program of an agent's pane is the agent itself: it has the variables and the folder that it was given. Returns its environment. */
export async function proveItself(
  subject: Pick<Fleet, "host" | "procfs">,
  agent: ThrowawayAgent,
  pane: Pane,
): Promise<Readonly<Record<string, string>>> {
  const variables = await environmentOf(subject, pane);
  const [folder, wanted] = await Promise.all([
    subject.procfs.workingFolder(pane.pid),
    subject.host.files.realPath(agent.workdir), // the runtime folder may be a link's: /var/run
  ]);
  const wrong = Object.entries(agent.variables).filter(([key, value]) => variables[key] !== value);
  expect(wrong.length === 0, "variables of the unit did not reach the agent as they are", {
    agent: agent.name,
    variables: wrong.map(([key]) => key),
  });
  expect(folder === wanted, "the agent does not run in its working folder", {
    agent: agent.name,
    wanted: wanted ?? agent.workdir,
    found: folder ?? "none",
  });
  return variables;
}

/**
 * Waits until a proof holds, or says undefined, which is not yet; undefined when it does not within the limit. What could not be
 * told is on its way, too, but the last look decides: it throws what that one could not tell.
 */
export async function proved<T>(
  { host }: Pick<Fleet, "host">,
  limitMs: number,
  prove: () => Promise<T | undefined>,
): Promise<T | undefined> {
  let untold: unknown;
  const holds = await until(host, limitMs, async () => {
    untold = undefined;
    try {
      return await prove();
    } catch (error) {
      if (!(error instanceof BrokenPromise)) untold = error;
      return undefined;
    }
  });
  if (untold !== undefined) throw untold;
  return holds;
}

/** Waits until an agent is up again as another process than `before`; undefined when it is not within the limit. Throws as proved(). */
export function backUp(fleet: Fleet, agent: CanaryAgent, before: Pane, limitMs: number): Promise<Pane | undefined> {
  return proved(fleet, limitMs, async () => {
    const pane = await paneOf(fleet, agent);
    if (pane === undefined || pane.dead || pane.pid === before.pid) return undefined;
    return await proveUp(fleet, agent);
  });
}

/** The agent's unit is stopped (not failed), and neither session nor process of it is left. */
export async function proveDown(fleet: Fleet, agent: CanaryAgent, before: Pane): Promise<void> {
  const [unit, pane, cgroup, lives] = await Promise.all([
    unitOf(fleet, agent.unit),
    paneOf(fleet, agent),
    fleet.procfs.cgroup(before.pid),
    fleet.procfs.startTime(before.pid), // one that was killed is in its cgroup until tmux has reaped it
  ]);
  expect(unit.active === "inactive", `after a stop ${agent.unit} is ${unit.active}, not inactive`, {
    result: unit.result,
  });
  expect(pane === undefined, `after a stop the session "${agent.name}" is still there`);
  expect(
    lives === undefined || cgroup === undefined || !cgroup.includes(agent.unit),
    `after a stop process ${before.pid} is still in ${agent.unit}`,
  );
}

/** The second agent and the server are what they were. */
export async function proveUntouched(
  fleet: Pick<Fleet, "tmux">,
  agent: ThrowawayAgent,
  before: Pane,
  serverPid: number,
  when: string,
): Promise<void> {
  const [pane, server] = await Promise.all([paneOf(fleet, agent), fleet.tmux.server()]);
  expect(server?.pid === serverPid, `${when}, the tmux server is another process`, {
    before: serverPid,
    after: server?.pid ?? "none",
  });
  expect(pane !== undefined, `${when}, the session "${agent.name}" is gone`);
  expect(
    pane.sessionId === before.sessionId && pane.pid === before.pid && !pane.dead,
    `${when}, "${agent.name}" is not what it was`,
    {
      before: `session ${before.sessionId}, process ${before.pid}`,
      after: `session ${pane.sessionId}, process ${pane.pid}${pane.dead ? ", ended" : ""}`,
    },
  );
}
