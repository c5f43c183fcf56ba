import { isAgentName } from "../core/names.ts";
import { shellPath } from "../core/shell.ts";
import { allOf } from "../core/steps.ts";
import type { SettingsFile } from "../fleet/settings-files.ts";
import type { Agent } from "./agents.ts";
import { type CheckResult, type Fix, ofSubjects, type SubjectResult } from "./check.ts";
import { notTheirs, otherConfig } from "./config-home.ts";
import { thenReload } from "./root-reload.ts";
import type { Tools } from "./tools.ts";

/** What is so of one agent. */
export type Look = Omit<SubjectResult, "subject">;

/**
 * A check that looks at every agent that can start (agents.name tells of the others): a line each. A session alone, of
 * which nothing else is known, is one that somebody renamed: agents.state tells of it, with `sessions`.
 */
export async function ofAgents(
  tools: Tools,
  words: {
    readonly healthy: string | ((looks: readonly SubjectResult[]) => string);
    readonly failing: string;
    readonly sessions?: boolean;
    /** Goes by what is in settings files. */
    readonly settings?: boolean;
    /** What is well of one agent is so of all with the same: those are not looked at again. */
    readonly alike?: (agent: Agent) => unknown;
  },
  look: (agent: Agent) => Look | Promise<Look>,
): Promise<CheckResult> {
  const agents = (await tools.agents()).filter(
    ({ name, file, loaded, enabled }) =>
      isAgentName(name) && (words.sessions || file !== undefined || loaded !== undefined || enabled),
  );
  if (agents.length === 0) return noAgents;
  if (words.settings && (await otherConfig(tools)) !== undefined) return notTheirs;
  const { healthy, failing, alike } = words;
  const lookAt = alike === undefined ? look : await onceEach(agents, alike, look);
  const subjects = await allOf(agents.map((agent) => named(agent.name, lookAt(agent))));
  return ofSubjects(subjects, {
    many: "agents",
    healthy: typeof healthy === "string" ? healthy : healthy(subjects),
    failing,
  });
}

/** A look with its subject: at once where it was looked at at once. Two hundred promises are not for nothing. */
export function named<L extends Look>(subject: string, look: L | Promise<L>): Named<L> | Promise<Named<L>> {
  return look instanceof Promise ? look.then((found) => ({ subject, ...found })) : { subject, ...look };
}

type Named<L> = L & { readonly subject: string };

/** look(), but of agents that are alike only once, where that one is well. */
async function onceEach(
  agents: readonly Agent[],
  alike: (agent: Agent) => unknown,
  look: (agent: Agent) => Look | Promise<Look>,
): Promise<(agent: Agent) => Look | Promise<Look>> {
  const firsts = new Map<unknown, Agent>();
  for (const agent of agents) if (!firsts.has(alike(agent))) firsts.set(alike(agent), agent);
  const found = await allOf([...firsts.values()].map(look));
  const looks = new Map([...firsts.keys()].map((key, index) => [key, found[index]]));
  return (agent) => {
    const key = alike(agent);
    const known = looks.get(key);
    return known?.status === "pass" || (known !== undefined && firsts.get(key) === agent) ? known : look(agent);
  };
}

export const noAgents: CheckResult = { status: "skip", reason: "there is no agent" };

/** A settings file and what it is called; `agent`: whose it is, undefined for fleet.env, which is everybody's. */
export interface NamedFile {
  readonly subject: string;
  readonly agent: string | undefined;
  readonly file: SettingsFile;
}

/** fleet.env and every agent's file; where there is none, what is to be said of that. */
export async function settingsFiles(tools: Tools): Promise<readonly NamedFile[] | CheckResult> {
  const [settings, agents] = await Promise.all([tools.settings(), tools.agents()]);
  const files: NamedFile[] = settings === undefined ? [] : [{ subject: "fleet.env", agent: undefined, file: settings }];
  for (const { name, file } of agents)
    if (file !== undefined) files.push({ subject: name === "" ? ".env" : name, agent: name, file });
  if (files.length > 0) return files;
  return agents.length === 0 ? noAgents : { status: "skip", reason: "no agent has a file with settings" };
}

/** "3 settings", "1 setting". */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

/** The kernel counts them a hundred a second on every machine that systemd runs on. */
const TICK_MS = 10;

/** For how long processes have run, in milliseconds; undefined for one that is gone. */
export async function agesOf({ host, procfs }: Tools, pids: readonly number[]): Promise<(number | undefined)[]> {
  const uptime = Number.parseFloat((await host.files.read("/proc/uptime")) ?? "") * 1000;
  const started = await procfs.startTimes(pids);
  return started.map((ticks) => (ticks === undefined ? undefined : uptime - Number(ticks) * TICK_MS));
}

/** What takes the mask off its unit; systemctl's unmask leaves one in the manager's memory that is an empty file. */
export function unmasking({ mask = "" }: Agent, { paths, host }: Tools): Fix {
  const remove = `rm ${shellPath(mask, host.user.home)}`;
  const isOwn = [paths.runtime, paths.config].some((folder) => folder !== undefined && mask.startsWith(`${folder}/`));
  return isOwn ? { commands: [remove, "systemctl --user daemon-reload"] } : { root: thenReload(host, [remove]) };
}

/** What shows the last words that an agent left. */
export function journalOf(name: string): string {
  return `mosaic-fleet agent logs ${name}`;
}
