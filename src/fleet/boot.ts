import { setEnabled } from "../adapters/unit-files.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { agentUnit } from "../core/names.ts";
import { type AgentResult, startAgents, stopAgents, type Watching } from "./lifecycle.ts";

/** With the user manager, which lingering starts at boot: agents start, or do not. */
export type BootVerb = "enable" | "disable";

/** One call for all of them; where that fails, one for each tells whose fault it is. Returns the reasons, by the agent. */
export async function switchBoot(
  host: Host,
  verb: BootVerb,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const run = (each: readonly string[]) => setEnabled(host, verb, each.map(agentUnit));
  if (names.length === 0 || succeeded(await run(names))) return new Map();
  const reasons = new Map<string, string>();
  for (const name of names) {
    const result = await run([name]);
    if (!succeeded(result)) reasons.set(name, describeResult(result));
  }
  return reasons;
}

/** Of an agent about which switchBoot() gives a reason. */
export function notSwitched(verb: BootVerb, why: string): string {
  return `it could not be ${verb}d: ${why}`;
}

/** Enables agents, or disables them; with `now` they are started, or stopped, too. Throws as startAgents(). */
export async function bootAgents(
  host: Host,
  verb: BootVerb,
  names: readonly string[],
  { now, ...watching }: Watching & { readonly now: boolean },
): Promise<AgentResult[]> {
  const reasons = await switchBoot(host, verb, names);
  const switched = names.filter((name) => !reasons.has(name));
  const act = verb === "enable" ? startAgents : stopAgents;
  const acted = new Map((now ? await act(host, switched, watching) : []).map((result) => [result.name, result]));
  return names.map((name) => {
    const why = reasons.get(name);
    if (why !== undefined) return { name, outcome: "failed", message: notSwitched(verb, why) };
    const { outcome = "ok", message } = acted.get(name) ?? {};
    return { name, outcome, message: `${verb}d${message === undefined ? "" : `; ${message}`}` };
  });
}
