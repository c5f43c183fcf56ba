import type { Pane } from "../../adapters/tmux.ts";
import { shellWord } from "../../core/shell.ts";
import { ages, ageText, journalOf, type Look, ofAgents, unmasking } from "../agent-subjects.ts";
import type { Agent } from "../agents.ts";
import type { Check } from "../check.ts";
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
    const [server, { mainPid }, { state }] = await Promise.all([
      tools.server().catch(() => undefined), // told by the checks of the holder
      tools.holder(),
      tools.managerState(),
    ]);
    const seen: Seen = {
      age: ages(tools),
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
  readonly age: (pid: number) => Promise<number | undefined>;
  /** The holder's own server answers: what it does not show is not there. */
  readonly sessions: boolean;
  /** The user manager is still starting what is enabled. */
  readonly booting: boolean;
}

async function look(tools: Tools, agent: Agent, { age, sessions, booting }: Seen): Promise<Look> {
  const { unit, loaded, enabled, mask } = agent;
  const pane = sessions ? agent.pane : undefined;
  const { load, active, sub } = loaded ?? { load: "loaded", active: "inactive", sub: "dead" };
  const runs = pane !== undefined && !pane.dead;
  const restart = `systemctl --user restart ${unit}`;
  switch (active) {
    case "failed":
      return {
        status: "fail",
        message: "its unit has failed: it is down, and stays down",
        fix: {
          commands: [journalOf(unit), `systemctl --user reset-failed ${unit}`, `systemctl --user start ${unit}`],
        },
      };
    case "inactive":
      if (runs) return ownerless(tools, agent, pane);
      if (load === "masked" || mask !== undefined)
        return {
          status: "warn",
          message: "its unit is masked: it never starts, at boot or by hand",
          fix: { commands: [unmasking(agent, tools)] },
        };
      if (!enabled) return { status: "pass", message: "stopped" };
      if (booting) return { status: "unknown", message: "waits for the user manager, which is still starting" };
      return {
        status: "fail",
        message: "is enabled, but stopped: somebody stopped it, it ended by itself, or it was never started",
        fix: { commands: [`systemctl --user start ${unit}`] },
      };
    case "activating":
      if (sub === "auto-restart")
        return {
          status: "warn",
          message: "its program has ended, and systemd is about to start it anew (auto-restart)",
          fix: { commands: [journalOf(unit)] },
        };
      return { status: "unknown", message: `is starting (${sub}), and not up yet` };
    case "deactivating":
      return { status: "pass", message: `ending (${sub})` };
  }
  if (!sessions)
    return { status: "unknown", message: `its unit is active (${sub}), but the holder's server does not answer` };
  if (pane === undefined) return sessionless(tools, agent, restart);
  if (pane.dead)
    return {
      status: "fail",
      message: `its unit is active (${sub}), but its program has ended`,
      fix: { commands: [`systemctl --user status ${unit}   # what still runs in it`, restart] },
    };
  const [cgroup, up] = await Promise.all([tools.procfs.cgroup(pane.pid), age(pane.pid)]);
  if (cgroup === undefined || up === undefined)
    return { status: "unknown", message: `its process ${pane.pid} ended while it was looked at` };
  const other = agentIn(cgroup);
  if (other !== undefined && other !== agent.name) return renamed(tools, agent.name, other);
  if (!inUnit(cgroup, unit))
    return {
      status: "fail",
      message: `its process ${pane.pid} is outside its unit: limits and a stop do not reach it`,
      evidence: { "cgroup of the process": cgroup },
      fix: { commands: [`${restart}   # ends the agent, and starts it in its unit`] },
    };
  const restarts = loaded?.restarts ?? 0;
  return {
    status: "pass",
    message: `up, pid ${pane.pid}, ${ageText(up)}, ${restarts} ${restarts === 1 ? "restart" : "restarts"}`,
  };
}

/** A delegated unit may have groups of its own below. */
function inUnit(cgroup: string, unit: string): boolean {
  return `${cgroup}/`.includes(`/${unit}/`);
}

/** The agent whose unit a cgroup is in. */
function agentIn(cgroup: string): string | undefined {
  return /\/mosaic-agent@([^/]+)\.service(?:\/|$)/.exec(cgroup)?.[1];
}

/** The session of that name is another agent's. */
async function renamed(tools: Tools, name: string, other: string): Promise<Look> {
  const message = `this session is agent ${other}'s: somebody renamed it`;
  const taken = (await tools.server())?.panes.find(({ agent, session }) => agent && session === other);
  if (taken === undefined) return { status: "fail", message, fix: { commands: [await renaming(tools, name, other)] } };
  // Where two have each other's name one list of commands mends both.
  const swapped = agentIn((await tools.procfs.cgroup(taken.pid)) ?? "") === name;
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

/** A session whose program runs without this unit: a renamed one of another agent's, or one left behind. */
async function ownerless(tools: Tools, { unit, name }: Agent, pane: Pane): Promise<Look> {
  const cgroup = (await tools.procfs.cgroup(pane.pid)) ?? "";
  const other = agentIn(cgroup);
  if (other !== undefined && other !== name) return renamed(tools, name, other);
  return {
    status: "fail",
    message: `its unit is stopped, but its session runs a program (pid ${pane.pid}) that nothing supervises`,
    fix: { commands: [`systemctl --user start ${unit}   # takes the session over as it is`] },
  };
}

/** The unit is active, and its session is not there: gone, or under another name. */
async function sessionless(tools: Tools, { name, unit, loaded }: Agent, restart: string): Promise<Look> {
  const panes = (await tools.server())?.panes.filter(({ agent, dead }) => agent && !dead) ?? [];
  const mine = await Promise.all(panes.map(async ({ pid }) => inUnit((await tools.procfs.cgroup(pid)) ?? "", unit)));
  const found = panes.find((_, index) => mine[index]);
  const message = `its unit is active (${loaded?.sub}), but there is no session`;
  if (found === undefined) return { status: "fail", message, fix: { commands: [restart] } };
  return {
    status: "fail",
    message: `${message} of its name: somebody renamed it to ${found.session}`,
    fix: { commands: [await renaming(tools, found.session, name)] },
  };
}

async function renaming(tools: Tools, from: string, to: string): Promise<string> {
  const socket = (await tools.server())?.socketPath ?? "";
  return `tmux -S ${shellWord(socket)} rename-session -t ${shellWord(`=${from}`)} ${to}`;
}
