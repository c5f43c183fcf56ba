import { cgroupPath, procfsOf } from "../../adapters/procfs.ts";
import { shellWord } from "../../core/shell.ts";
import { allOf } from "../../core/steps.ts";
import { agentOfGroup, type Judgement, judgeAgent } from "../../fleet/judge.ts";
import { agesOf, journalOf, type Look, ofAgents, unmasking } from "../agent-subjects.ts";
import type { Agent } from "../agents.ts";
import type { Check } from "../check.ts";
import { settingAside } from "../session-by-hand.ts";
import type { Tools } from "../tools.ts";

export const agentsState: Check = {
  id: "agents.state",
  title: "every agent that starts at boot is up, and of each, unit, session and process agree",
  requires: ["systemd.user-manager"],
  explain: {
    checks:
      "For each agent: the state of its unit as the user manager has it, the agent's own pane on the fleet's tmux server (marked by the start script), and the cgroup of the pane's process as the kernel has it. An agent that is enabled has to be up; one that is not may be stopped.",
    why: "An agent that is down does no work, whoever stopped it. Each of the three can be wrong alone: a unit that is active over a dead pane is never brought back, a process outside of its unit knows no limit and outlives a stop, a session without a unit is nobody's.",
    mend: "`systemctl --user status mosaic-agent@NAME.service` shows unit and processes. `systemctl --user start` brings a stopped agent up, `disable` says that it is meant to be down. A restart puts the three together again; starting a stopped unit whose session runs on takes the session over.",
  },
  async run(tools) {
    const [server, { mainPid }, { state }, agents] = await Promise.all([
      tools.server().catch(() => undefined), // told by the checks of the holder
      tools.holder(),
      tools.managerState(),
      tools.agents(),
    ]);
    const live = agents.flatMap(({ name, pane }) => (pane === undefined || pane.dead ? [] : [{ name, pid: pane.pid }]));
    const pids = live.map(({ pid }) => pid);
    const [groups, ages] = await Promise.all([tools.procfs.groupTexts(pids), agesOf(tools, pids)]);
    // What is remembered may be older than its unit's state, of when it was on the way into the unit: where it is now counts.
    const now = procfsOf(tools.host);
    const cgroups = await allOf(
      live.map(({ name, pid }, index) => {
        const known = cgroupPath(groups[index] ?? "");
        return known !== undefined && agentOfGroup(known) === name ? known : now.cgroup(pid);
      }),
    );
    const seen: Seen = {
      processes: new Map(pids.map((pid, index) => [pid, { cgroup: cgroups[index], age: ages[index] }])),
      sessions: server !== undefined && server.pid === mainPid,
      booting: state === "initializing" || state === "starting",
    };
    return ofAgents(
      tools,
      {
        healthy: (all) => {
          const up = all.filter(({ message }) => message.startsWith("up")).length;
          return up === all.length ? `${up} up` : `${up} up, ${all.length - up} stopped`;
        },
        sessions: true,
        failing: "down, or unit, session and process do not agree",
      },
      (agent) => look(tools, agent, seen),
    );
  },
};

/** What is so for all of them. */
interface Seen {
  /** The live processes of agents' panes. */
  readonly processes: ReadonlyMap<number, { readonly cgroup: string | undefined; readonly age: number | undefined }>;
  /** The holder's own server answers: what it does not show is not there. */
  readonly sessions: boolean;
  /** The user manager is still starting what is enabled. */
  readonly booting: boolean;
}

function look(tools: Tools, agent: Agent, seen: Seen): Look | Promise<Look> {
  const away = seen.sessions && agent.pane === undefined && agent.loaded !== undefined;
  if (away) return sessionOf(tools, agent.name).then((session) => judged(tools, agent, seen, session));
  return judged(tools, agent, seen, undefined);
}

/** `session`: that in which its process is, where there is none of its name. */
function judged(tools: Tools, agent: Agent, seen: Seen, session: string | undefined): Look | Promise<Look> {
  const { name, loaded, enabled, mask } = agent;
  const { cgroup, age } = seen.processes.get(agent.pane?.pid ?? -1) ?? { cgroup: undefined, age: undefined };
  const pane = agent.pane && { pid: agent.pane.pid, dead: agent.pane.dead, cgroup, age };
  const facts = { name, unit: loaded, restarts: loaded?.restarts ?? 0, enabled, masked: mask !== undefined, pane };
  const homes = new Map(session === undefined ? [] : [[name, session]]);
  const judgement = judgeAgent(facts, { sessions: seen.sessions, booting: seen.booting, homes });
  const status = ({ well: "pass", warning: "warn", bad: "fail", unknown: "unknown" } as const)[judgement.verdict];
  if (status === "pass" || status === "unknown") return { status, message: judgement.message };
  return remedied(tools, agent, { ...judgement, status, cgroup });
}

async function remedied(
  tools: Tools,
  agent: Agent,
  {
    finding,
    status,
    message,
    other = "",
    cgroup,
  }: Pick<Judgement, "finding" | "message" | "other"> & { status: "warn" | "fail"; cgroup: string | undefined },
): Promise<Look> {
  const { name, unit } = agent;
  const restart = `systemctl --user restart ${unit}`;
  const finds = (...commands: string[]): Look => ({ status, message, fix: { commands } });
  switch (finding) {
    case "failed":
      return finds(journalOf(name), `systemctl --user reset-failed ${unit}`, ...(await starting(tools, agent)));
    case "masked":
      return { status, message, fix: unmasking(agent, tools) };
    case "stopped-enabled": {
      const start = await starting(tools, agent);
      if (!(await passedOver(tools, agent))) return finds(...start);
      return {
        status,
        message: "is enabled, but stopped: systemd has passed over it, for an ExecCondition= of its unit has failed",
        fix: { commands: [`systemctl --user cat ${unit}   # which one`, ...start] },
      };
    }
    case "between-starts":
      return finds(journalOf(name));
    case "ownerless":
      return finds(`systemctl --user start ${unit}   # takes the session over as it is`);
    case "renamed":
      return renamed(tools, name, other);
    case "renamed-away":
      return finds(await renaming(tools, other, name));
    case "dead-pane":
      return finds(`systemctl --user status ${unit}   # what still runs in it`, restart);
    case "outside":
      return {
        ...finds(`${restart}   # ends the agent, and starts it in its unit`),
        evidence: { "cgroup of the process": cgroup ?? "unknown" },
      };
    default:
      return finds(restart);
  }
}

/** As far as systemd still knows: it forgets a unit that nothing needs. */
async function passedOver(tools: Tools, { loaded }: Agent): Promise<boolean> {
  const found = await tools.userManager();
  if (loaded === undefined || !("manager" in found)) return false;
  return (await found.manager.serviceProperty(loaded, "Result")) === "exec-condition";
}

/** A session that somebody opened under its name would be taken over as it is. */
async function starting(tools: Tools, { name, unit }: Agent): Promise<string[]> {
  const aside = await settingAside(tools, name);
  return [...(aside === undefined ? [] : [aside]), `systemctl --user start ${unit}`];
}

/** The session of that name is another agent's. */
async function renamed(tools: Tools, name: string, other: string): Promise<Look> {
  const message = `this session is agent ${other}'s: somebody renamed it`;
  const taken = (await tools.server())?.panes.find(({ agent, session }) => agent && session === other);
  if (taken === undefined) return { status: "fail", message, fix: { commands: [await renaming(tools, name, other)] } };
  // Where two have each other's name one list of commands mends both.
  const swapped = agentOfGroup((await tools.procfs.cgroup(taken.pid)) ?? "") === name;
  if (swapped && other < name)
    return {
      status: "fail",
      message: `${message}, and ${other}'s is named ${name}: what is said of ${other} mends both`,
    };
  const aside = `${other}-aside`;
  const commands = [await renaming(tools, other, aside), await renaming(tools, name, other)];
  if (swapped) commands.push(await renaming(tools, aside, name));
  return { status: "fail", message, fix: { commands } };
}

/** The session in which the process of this unit is. */
async function sessionOf(tools: Tools, name: string): Promise<string | undefined> {
  const panes = (await tools.server())?.panes.filter(({ agent, dead }) => agent && !dead) ?? [];
  const groups = await tools.procfs.groupTexts(panes.map(({ pid }) => pid));
  return panes.find((_, index) => agentOfGroup(cgroupPath(groups[index] ?? "") ?? "") === name)?.session;
}

async function renaming(tools: Tools, from: string, to: string): Promise<string> {
  const socket = (await tools.server())?.socketPath ?? "";
  return `tmux -S ${shellWord(socket)} rename-session -t ${shellWord(`=${from}`)} ${to}`;
}
