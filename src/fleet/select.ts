import { closest } from "../core/did-you-mean.ts";
import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { agentOfUnit, CANARY_RUN, isAgentName } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { readScene, type Scene } from "./scene.ts";
import { readUnitLinks, type UnitLinks } from "./unit-links.ts";
import { withManager } from "./user-manager.ts";

/** The agents that are meant by what was typed. */
export interface Selection {
  /** Names, and patterns of names: * is any letters, ? is one. */
  readonly names: readonly string[];
  readonly all: boolean;
}

/** The names of the agents that there are. */
interface KnownAgents {
  /** Of those that have a file, a loaded unit, a place at boot, or a session with a program: one whose has ended is left over. */
  readonly agents: readonly string[];
  /** Of those that have no more than a drop-in or a unit file of their own: meant only when they are named. */
  readonly others: readonly string[];
}

/** `links` are those of the scene's unitPath. */
export async function knownAgents(host: Host, { units, panes }: Scene, links: UnitLinks): Promise<KnownAgents> {
  const files = await host.files.list(pathsOf(host).agents);
  const agents = new Set([
    ...files.filter((file) => file.endsWith(".env")).map((file) => file.slice(0, -4)),
    ...units.keys(),
    ...[...links.wanted].flatMap((unit) => agentOfUnit(unit) ?? []),
    ...[...panes].flatMap(([name, { dead }]) => (dead ? [] : [name])),
  ]);
  return {
    agents: [...agents].filter(isAgentName).sort(),
    others: [...links.changedAgents].filter((name) => !agents.has(name)).sort(),
  };
}

/**
 * Names, each once, in their order. A pattern, and --all, leave out the throwaway agents of a canary that runs.
 * Throws FleetError (64) for a name that no agent has, and for a pattern that none matches.
 */
export function selectAgents({ agents, others }: KnownAgents, { names, all }: Selection): string[] {
  const usual = agents.filter((name) => !CANARY_RUN.test(name));
  const selected = new Set(all ? usual : []);
  for (const typed of names) {
    const found = /[*?]/.test(typed)
      ? usual.filter((name) => matches(name, typed))
      : [...agents, ...others].filter((name) => name === typed);
    if (found.length === 0) throw unknownAgent(typed, usual, others);
    for (const name of found) selected.add(name);
  }
  return [...selected];
}

function matches(name: string, pattern: string): boolean {
  const source = pattern
    .replace(/[^*?\w-]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(name);
}

/** Named are those that status shows: what has no more than a drop-in may be the layout's. */
function unknownAgent(typed: string, usual: readonly string[], others: readonly string[]): FleetError {
  const meant = closest(typed, [...usual, ...others]);
  const some = usual.length === 0 ? "there is no agent yet" : `there are: ${usual.slice(0, 10).join(", ")}`;
  return new FleetError(
    EXIT.usage,
    `There is no agent ${JSON.stringify(typed)}`,
    meant === undefined
      ? `${some}${usual.length > 10 ? ` and ${usual.length - 10} more` : ""}`
      : `did you mean ${meant}?`,
    [...(isAgentName(typed) && meant === undefined ? [`mosaic-fleet agent add ${typed}`] : []), "mosaic-fleet status"],
  );
}

/** knownAgents() and selectAgents() in one. Throws FleetError as these do, and where the manager cannot be reached. */
export function selectFrom(host: Host, selection: Selection): Promise<string[]> {
  return withManager(host, "No agent can be looked up", async (manager) => {
    const scene = await readScene(host, manager);
    const links = await readUnitLinks(host, scene.unitPath);
    return selectAgents(await knownAgents(host, scene, links), selection);
  });
}
