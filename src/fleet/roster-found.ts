import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { agentUnit, CANARY_RUN } from "../core/names.ts";
import { tilde } from "../core/paths.ts";
import { redactorFor } from "../core/redact.ts";
import { agentFile } from "./agent-config.ts";
import { type Limits, readLimits } from "./limits.ts";
import { readScene } from "./scene.ts";
import { knownAgents } from "./select.ts";
import { readSettings } from "./settings-files.ts";
import { readUnitLinks } from "./unit-links.ts";
import { withManager } from "./user-manager.ts";

/** An agent as its files, and the manager, have it. */
export interface FoundAgent {
  /** Of its environment file, as systemd reads that; undefined where it has none. */
  readonly variables: ReadonlyMap<string, string> | undefined;
  /** Those of our drop-in. */
  readonly limits: Limits;
  readonly enabled: boolean;
  /** Its unit is up, or on its way. */
  readonly runs: boolean;
  readonly failed: boolean;
  /** It does not run, and has left something: a unit that has failed, a session. */
  readonly remains: boolean;
}

/**
 * Every agent by its name, sorted, but the throwaway ones of a canary; and what there is of those that are named. Throws
 * FleetError.
 */
export function findAgents(
  host: Host,
  nothing: string,
  named: readonly string[] = [],
): Promise<ReadonlyMap<string, FoundAgent>> {
  return withManager(host, nothing, async (manager) => {
    const scene = await readScene(host, manager);
    const links = await readUnitLinks(host, scene.unitPath);
    const { agents, others } = await knownAgents(host, scene, links);
    const names = new Set([
      ...agents.filter((name) => !CANARY_RUN.test(name)),
      ...others.filter((name) => named.includes(name)),
    ]);
    const found = await Promise.all(
      [...names].map(async (name): Promise<[string, FoundAgent]> => {
        const active = scene.units.get(name)?.active ?? "inactive";
        const [variables, limits] = await Promise.all([variablesIn(host, name), readLimits(host, name)]);
        return [
          name,
          {
            variables,
            limits,
            enabled: links.wanted.has(agentUnit(name)),
            runs: active !== "inactive" && active !== "failed",
            failed: active === "failed",
            remains: active === "failed" || (active === "inactive" && scene.panes.has(name)),
          },
        ];
      }),
    );
    return new Map(found);
  });
}

/** Throws FleetError (78) for a file that cannot be read. */
async function variablesIn(host: Host, name: string): Promise<Map<string, string> | undefined> {
  const { home } = host.user;
  const file = await readSettings(host, agentFile(host, name), redactorFor(home));
  if (file === undefined) return undefined;
  if (file.problem === undefined) return new Map(Object.entries(file.variables));
  throw new FleetError(EXIT.config, `${tilde(file.path, home)} cannot be read`, file.problem, [
    "mosaic-fleet doctor --only agents",
  ]);
}
