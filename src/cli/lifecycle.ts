import { EXIT, type ExitCode } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { enableAgent } from "../fleet/agent-config.ts";
import { type AgentResult, OVERTAKEN, startAgents } from "../fleet/lifecycle.ts";
import type { Selection } from "../fleet/select.ts";
import { listOf, UsageError } from "./command.ts";
import { renderProgress, renderResults } from "./report/lifecycle.ts";

const OUTPUTS: ("human" | "json")[] = ["human", "json"];

/** What agent start, stop and restart take alike. */
export const lifecycleArgs = {
  name: { type: "positional", required: false, description: "agents, or patterns such as 'web-*'" },
  all: { type: "boolean", description: "every agent" },
  output: { type: "enum", alias: "o", options: OUTPUTS, default: "human", description: "what to print" },
} as const;

export const lifecycleExits = [
  [EXIT.broken, "not all of them: each is named, and why"],
  [EXIT.usage, "wrong usage, or there is no such agent"],
  [EXIT.unavailable, "the user manager cannot be reached"],
  [EXIT.interrupted, "interrupted; what systemd was told to do, it does"],
] as const;

/** What agent add and edit do at their end where that was asked for: enable, start, tell. */
export async function enableAndStart(
  host: Host,
  name: string,
  { enable = false, start = false }: { readonly enable?: boolean | undefined; readonly start?: boolean | undefined },
): Promise<ExitCode> {
  if (enable) {
    await enableAgent(host, name);
    host.stdout.write(`Enabled ${name}.\n`);
  }
  if (!start) return EXIT.ok;
  return told(host, await startAgents(host, [name]));
}

/** Those that are meant, done with, told. */
export async function runLifecycle(
  host: Host,
  args: {
    readonly name?: string | undefined;
    readonly all?: boolean | undefined;
    readonly output?: string | undefined;
  },
  act: (
    host: Host,
    names: readonly string[],
    watching: { onProgress?: (done: number, of: number) => void },
  ) => Promise<AgentResult[]>,
): Promise<ExitCode> {
  const selection: Selection = { names: listOf(args.name) ?? [], all: args.all ?? false };
  if (selection.all === selection.names.length > 0) throw new UsageError("needs the name of an agent, or --all");
  const { selectFrom } = await import("../fleet/select.ts");
  const names = await selectFrom(host, selection);
  const progress = renderProgress(host.stderr);
  const results = await act(host, names, host.stderr.isTTY ? { onProgress: progress.at } : {}).finally(progress.done);
  if (args.output === "json") host.stdout.write(`${JSON.stringify({ schemaVersion: 1, agents: results }, null, 2)}\n`);
  else return told(host, results);
  return exitOf(results);
}

function told(host: Host, results: readonly AgentResult[]): ExitCode {
  renderResults(host.stdout, results);
  const failed = results.filter(({ outcome }) => outcome === "failed");
  const overtaken = failed.filter(({ message }) => message.endsWith(OVERTAKEN)).map(({ name }) => name);
  const holder = failed.some(({ message }) => /\bholder\b/.test(message)) ? "holder,tmux," : "";
  // Of a unit that systemd does not have no look at agents says why: nothing is installed, or not where it looks.
  const layout = failed.some(({ message }) => /\bunit \S+ (not found|does not exist)/i.test(message))
    ? "layout,units,"
    : "";
  if (overtaken.length < failed.length)
    host.stdout.write(`Next: mosaic-fleet doctor --only ${layout}${holder}agents\n`);
  else if (overtaken.length > 0) host.stdout.write(`Next: mosaic-fleet status ${overtaken.join(" ")}\n`);
  return exitOf(results);
}

function exitOf(results: readonly AgentResult[]): ExitCode {
  return results.every(({ outcome }) => outcome === "ok") ? EXIT.ok : EXIT.broken;
}
