import { basename } from "node:path";
import { settingName } from "../core/agent-keys.ts";
import { FleetError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { keepAgentFile, reloadUnits, writeAgent } from "./agent-config.ts";
import { removeAgents } from "./agent-removal.ts";
import { notSwitched, switchBoot } from "./boot.ts";
import { type AgentResult, startAgents, stopAgents, type Watching } from "./lifecycle.ts";
import type { AgentPlan } from "./roster-plan.ts";
import { readScene } from "./scene.ts";
import { startedOtherwise } from "./started-with.ts";
import { withManager } from "./user-manager.ts";

/**
 * Does what is planned, each part of it for all agents at once: settings, limits, boot, stops, removals, starts. What became of
 * each agent about which something was to be done; one that fails does not keep the others. Throws FleetError where the manager
 * cannot be reached, or at an interrupt.
 */
export async function applyPlan(
  host: Host,
  plan: readonly AgentPlan[],
  watching: Watching = {},
): Promise<AgentResult[]> {
  const told = new Map<string, string[]>();
  const failed = new Map<string, string>();
  const tell = (name: string, ...words: string[]) => told.set(name, [...(told.get(name) ?? []), ...words]);
  const going = (agent: AgentPlan) => !failed.has(agent.name);
  const roster = plan.filter(({ does }) => does === "add" || does === "change");

  let limits = false;
  for (const { name, does, changes, losesSecret } of roster) {
    try {
      const kept = losesSecret ? await keepAgentFile(host, name) : undefined;
      const written = does === "add" || changes.variables.size > 0 || Object.keys(changes.limits).length > 0;
      if (written) limits = (await writeAgent(host, name, changes)).limits || limits;
      if (written) tell(name, does === "add" ? "added" : "changed");
      if (kept !== undefined) tell(name, `its file as it was: ${basename(kept)}`);
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      failed.set(name, `${error.what}: ${error.why}`);
    }
  }
  if (limits) await reloadUnits(host);

  for (const verb of ["enable", "disable"] as const) {
    const agents = roster.filter(({ enable }) => enable === (verb === "enable")).filter(going);
    for (const { name } of agents) tell(name, `${verb}d`);
    for (const [name, why] of await switchBoot(
      host,
      verb,
      agents.map(({ name }) => name),
    ))
      failed.set(name, notSwitched(verb, why));
  }

  const act = async (state: "start" | "stop") => {
    const names = roster
      .filter((agent) => agent.state === state)
      .filter(going)
      .map(({ name }) => name);
    for (const { name, outcome, message } of await (state === "start" ? startAgents : stopAgents)(
      host,
      names,
      watching,
    ))
      if (outcome === "ok") tell(name, message);
      else failed.set(name, message);
  };
  await act("stop");
  const removing = plan.filter(({ does }) => does === "remove");
  for (const [name, removed] of await removeAgents(host, new Map(removing.map(({ name, life }) => [name, life]))))
    if (removed instanceof FleetError) failed.set(name, `${removed.what}: ${removed.why}`);
    else tell(name, removed.kept === undefined ? "removed" : `removed, kept as ${basename(removed.kept)}`);
  await act("start");

  return [...roster, ...removing].map(({ name }): AgentResult => {
    const why = failed.get(name);
    if (why !== undefined) return { name, outcome: "failed", message: why };
    return { name, outcome: "ok", message: told.get(name)?.join(", ") ?? "as the roster says" };
  });
}

/** An agent that runs with other settings than its files say now. */
export interface Outdated {
  readonly name: string;
  /** As a roster calls them: "model", or the name of a variable. */
  readonly settings: readonly string[];
}

/** Of these agents those that run with earlier settings: nothing here restarts them. Throws FleetError. */
export function runningOutdated(host: Host, names: readonly string[]): Promise<Outdated[]> {
  return withManager(host, "The agents cannot be looked at", async (manager) => {
    const [{ units }, { environment }] = await Promise.all([readScene(host, manager), manager.state()]);
    const looked = await Promise.all(
      names.map(async (name): Promise<Outdated[]> => {
        const unit = units.get(name);
        if (unit?.active !== "active") return [];
        const settings = await startedOtherwise(host, manager, name, unit, environment);
        return settings.length === 0 ? [] : [{ name, settings: settings.map(settingName) }];
      }),
    );
    return looked.flat();
  });
}
