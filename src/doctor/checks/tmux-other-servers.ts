import { basename } from "node:path";
import type { Process } from "../../adapters/procfs.ts";
import { LAUNCHER, RUNTIMES } from "../../core/runtimes.ts";
import { shellWord } from "../../core/shell.ts";
import { type Check, ofSubjects, type SubjectResult } from "../check.ts";
import { descendants, otherServers } from "../process-tree.ts";
import type { Tools } from "../tools.ts";

/** Programs that agents are, by the names of their processes or of the scripts that they run. */
const AGENT_PROGRAMS = new Set<string>([...RUNTIMES, LAUNCHER]);
/** A script's process is called after what runs it. */
const INTERPRETERS = /^(node|bun|deno|python[\d.]*|(node-)?MainThread)$/;
const SHOWN = 5;

/** What makes a process look like an agent: the agent's name, or the program; undefined when nothing does. */
async function agentOf({ procfs }: Tools, { pid, name }: Process, isPane: boolean): Promise<string | undefined> {
  const agent = isPane ? await procfs.variable(pid, "MOSAIC_AGENT_NAME") : undefined;
  if (agent) return agent;
  if (AGENT_PROGRAMS.has(name)) return name;
  if (!INTERPRETERS.test(name)) return undefined;
  const [, script] = ((await procfs.commandLine(pid)) ?? []).filter((word) => !word.startsWith("-"));
  const program = basename(script ?? "").replace(/\.(c|m)?js$|\.py$/, "");
  return AGENT_PROGRAMS.has(program) ? program : undefined;
}

async function examine(tools: Tools, processes: readonly Process[], { pid }: Process): Promise<SubjectResult[]> {
  const found = await Promise.all(
    descendants(processes, pid).map(async (process) => ({
      pid: process.pid,
      agent: await agentOf(tools, process, process.parent === pid),
    })),
  );
  const agents = found.flatMap((each) => (each.agent === undefined ? [] : [`${each.agent} (pid ${each.pid})`]));
  if (agents.length === 0) return [];
  const [socket] = await tools.procfs.listensOn(pid);
  const shown = agents.slice(0, SHOWN).join(", ");
  const more = agents.length > SHOWN ? ` and ${agents.length - SHOWN} more` : "";
  return [
    {
      subject: socket ?? `pid ${pid}`,
      status: "warn",
      message: `a tmux server of its own (pid ${pid}) holds ${shown}${more}: the fleet neither sees them nor brings them back`,
      evidence: { pid, agents, ...(socket === undefined ? {} : { socket }) },
      fix: { commands: socket === undefined ? [`ps -f --ppid ${pid}`] : [`tmux -S ${shellWord(socket)} ls`] },
    },
  ];
}

export const tmuxOtherServers: Check = {
  id: "tmux.other-servers",
  title: "no other tmux server of this user holds agents",
  pre: true,
  explain: {
    checks:
      "By /proc alone, every tmux server of this user that is not a holder's and does not run within an agent: whether one of its panes has MOSAIC_AGENT_NAME in its environment, or runs a program that agents are (claude, codex, opencode, gemini, aider, mosaic and their like). A server without such panes is nobody's business, and none is spoken to.",
    why: "With two servers every tool is blind to half of the agents: they are missing from `tmux -L mosaic-factory ls`, share the fate of whatever founded their server (a login, an editor), have no limits of their own, and nobody brings them back.",
    mend: "Make an agent of it: give it an environment file in ~/.config/mosaic/fleet/agents, end it where it is (`tmux -S SOCKET attach`), and start its unit. If you work in it yourself, leave it.",
  },
  async run(tools) {
    const processes = await tools.processes();
    const holder = await tools.holderRecord();
    const servers = (await otherServers(tools)).filter(({ pid }) => pid !== holder?.pid);
    const found = (await Promise.all(servers.map((server) => examine(tools, processes, server)))).flat();
    if (found.length === 0) return { status: "pass" };
    return ofSubjects(found, {
      many: "other tmux servers",
      healthy: "",
      failing: "hold agents that the fleet neither sees nor brings back",
    });
  },
};
