import { join } from "node:path";
import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { agentUnit, isOurDropIn } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { agentFile, besides, reloadUnits } from "./agent-config.ts";
import { findPane } from "./agent-pane.ts";
import { switchBoot } from "./boot.ts";
import { OVERTAKEN, stopAgents } from "./lifecycle.ts";
import { removeLimits } from "./limits.ts";
import { whileOthersWait } from "./own-file.ts";
import { readUnitLinks } from "./unit-links.ts";
import { withManager } from "./user-manager.ts";

/** What removing an agent did. */
export interface Removed {
  readonly stopped: boolean;
  readonly disabled: boolean;
  /** Where its environment file is now; undefined where it had none. */
  readonly kept: string | undefined;
  readonly limits: boolean;
  /** Drop-ins of the user's, which stay; not what the layout has for the canary. */
  readonly yours: readonly string[];
}

/**
 * Stops and disables agents, keeps their environment files under another name, removes our limits. What became of each: one
 * that cannot be stopped or disabled keeps its settings. Throws FleetError where the manager cannot be reached.
 */
export async function removeAgents(
  host: Host,
  lives: ReadonlyMap<string, AgentLife>,
): Promise<ReadonlyMap<string, Removed | FleetError>> {
  const removed = new Map<string, Removed | FleetError>();
  const stays = (name: string, not: string, why: string) =>
    removed.set(
      name,
      new FleetError(EXIT.oserr, `Agent ${name} was not removed: it could not be ${not}`, why, [
        why === OVERTAKEN ? `mosaic-fleet agent rm ${name}` : `systemctl --user status ${agentUnit(name)}`,
      ]),
    );
  const ending = [...lives].filter(([, { runs, remains }]) => runs || remains).map(([name]) => name);
  for (const { name, outcome, message } of await stopAgents(host, ending))
    if (outcome !== "ok") stays(name, "stopped", message);
  const enabled = [...lives].filter(([name, life]) => life.enabled && !removed.has(name)).map(([name]) => name);
  for (const [name, why] of await switchBoot(host, "disable", enabled)) stays(name, "disabled", why);
  let limits = false;
  for (const [name, life] of lives) {
    if (removed.has(name)) continue;
    try {
      const files = await removeFiles(host, name);
      limits ||= files.limits;
      removed.set(name, { ...files, stopped: life.runs, disabled: life.enabled });
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      removed.set(name, error);
    }
  }
  if (limits) await reloadUnits(host);
  return removed;
}

async function removeFiles(host: Host, name: string): Promise<Pick<Removed, "kept" | "limits" | "yours">> {
  const path = agentFile(host, name);
  const { kept, limits } = await whileOthersWait(host, async () => {
    const had = (await host.files.status(path)) !== undefined;
    const kept = had ? await besides(host, path, "removed") : undefined;
    if (kept !== undefined) await host.files.rename(path, kept);
    return { kept, limits: await removeLimits(host, name) };
  });
  const folder = join(pathsOf(host).units, `${agentUnit(name)}.d`);
  const dropIns = (await host.files.list(folder)).filter((file) => file.endsWith(".conf") && !isOurDropIn(file));
  return { kept, limits, yours: dropIns.map((file) => join(folder, file)) };
}

/** What the manager and tmux say of an agent. */
export interface AgentLife {
  readonly runs: boolean;
  readonly enabled: boolean;
  /** It does not run, and has left something: a unit that has failed, a session. */
  readonly remains: boolean;
}

/** Throws FleetError (69), of what is `nothing` then, where the manager cannot be reached: it may run, and start at boot. */
export async function lifeOf(host: Host, name: string, nothing: string): Promise<AgentLife> {
  const unit = agentUnit(name);
  const [[active, links], pane] = await Promise.all([
    withManager(host, nothing, (manager) =>
      Promise.all([
        manager.property(unit, "ActiveState"),
        // The links themselves: of a unit whose file is gone the manager says nothing.
        manager.state().then(({ unitPath }) => readUnitLinks(host, unitPath)),
      ]),
    ),
    findPane(host, name).catch(() => undefined),
  ]);
  const runs = !["inactive", "failed"].includes(active);
  return {
    runs,
    enabled: links.wanted.has(unit),
    remains: !runs && (active === "failed" || pane !== undefined),
  };
}
