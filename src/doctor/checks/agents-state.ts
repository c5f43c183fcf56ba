import type { Pane } from "../../adapters/tmux.ts";
import { shellWord } from "../../core/shell.ts";
import { ages, ageText, journalOf, type Look, ofAgents } from "../agent-subjects.ts";
import type { Agent } from "../agents.ts";
import type { Check } from "../check.ts";
import type { Tools } from "../tools.ts";

export const agentsState: Check = {
  id: "agents.state",
  title: "of every agent, unit, session and process agree",
  requires: ["holder.server"],
  explain: {
    checks:
      "For each agent: the state of its unit as the user manager has it, the agent's own pane on the fleet's tmux server (marked by the start script), and the cgroup of the pane's process as the kernel has it.",
    why: "Each of the three can be wrong alone: a unit that is active over a dead pane is never brought back, a process outside of its unit knows no limit and outlives a stop, a session without a unit is nobody's.",
    mend: "`systemctl --user status mosaic-agent@NAME.service` shows unit and processes. A restart puts the three together again; starting a stopped unit whose session runs on takes the session over.",
  },
  async run(tools) {
    const age = ages(tools);
    return ofAgents(
      tools,
      {
        healthy: (all) => {
          const up = all.filter(({ message }) => message.startsWith("up")).length;
          return up === all.length ? `${up} up` : `${up} up, ${all.length - up} stopped`;
        },
        failing: "unit, session and process do not agree",
      },
      (agent) => look(tools, agent, age),
    );
  },
};

async function look(tools: Tools, agent: Agent, age: (pid: number) => Promise<number | undefined>): Promise<Look> {
  const { unit, loaded, pane } = agent;
  const { load, active, sub } = loaded ?? { load: "loaded", active: "inactive", sub: "dead" };
  const runs = pane !== undefined && !pane.dead;
  const restart = `systemctl --user restart ${unit}`;
  switch (active) {
    case "failed":
      return {
        status: "fail",
        message: "its unit has failed: it is down, and stays down",
        fix: { commands: [journalOf(unit), restart] },
      };
    case "inactive":
      if (runs) return ownerless(tools, agent, pane);
      return { status: "pass", message: load === "masked" ? "stopped, and masked" : "stopped" };
    case "activating":
      if (sub === "auto-restart")
        return {
          status: "warn",
          message: "its program has ended, and systemd is about to start it anew (auto-restart)",
          fix: { commands: [journalOf(unit)] },
        };
      return { status: "pass", message: `starting (${sub})` };
    case "deactivating":
      return { status: "pass", message: `ending (${sub})` };
  }
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

/** A session whose program runs without this unit: a renamed one of another agent's, or one left behind. */
async function ownerless(tools: Tools, { unit, name }: Agent, pane: Pane): Promise<Look> {
  const cgroup = (await tools.procfs.cgroup(pane.pid)) ?? "";
  const other = /\/mosaic-agent@([^/]+)\.service(?:\/|$)/.exec(cgroup)?.[1];
  if (other !== undefined && other !== name)
    return {
      status: "fail",
      message: `this session is agent ${other}'s: somebody renamed it`,
      fix: { commands: [await renaming(tools, name, other)] },
    };
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
  const renamed = panes.find((_, index) => mine[index]);
  const message = `its unit is active (${loaded?.sub}), but there is no session`;
  if (renamed === undefined) return { status: "fail", message, fix: { commands: [restart] } };
  return {
    status: "fail",
    message: `${message} of its name: somebody renamed it to ${renamed.session}`,
    fix: { commands: [await renaming(tools, renamed.session, name)] },
  };
}

async function renaming(tools: Tools, from: string, to: string): Promise<string> {
  const socket = (await tools.server())?.socketPath ?? "";
  return `tmux -S ${shellWord(socket)} rename-session -t ${shellWord(`=${from}`)} ${to}`;
}
