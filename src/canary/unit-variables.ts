import { openUserManager } from "../adapters/manager.ts";
import { systemdOf } from "../adapters/systemd.ts";
import type { Host } from "../core/host.ts";

/** Where the variables of some units come from. */
export interface UnitVariables {
  /** The manager's own, which every unit inherits. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the units set. */
  readonly set: readonly (readonly [name: string, value: string])[];
  /** The files that they read, patterns as they are. */
  readonly files: readonly string[];
  /** Names that they do not want (UnsetEnvironment=). */
  readonly unset: readonly string[];
}

/** Throws where the manager does not say. */
export async function variablesOf(host: Host, units: readonly string[]): Promise<UnitVariables> {
  const manager = await openUserManager(host);
  try {
    const { environment } = await manager.state();
    const set = await Promise.all(units.map((unit) => manager.unitEnvironment(unit)));
    const shown = await systemdOf(host).show(units, ["EnvironmentFiles", "UnsetEnvironment"]);
    const files = shown.flatMap(({ extra }) =>
      [...(extra.EnvironmentFiles ?? "").matchAll(/(\/.*?) \(ignore_errors=/g)].map(([, path = ""]) => path),
    );
    const unset = shown.flatMap(({ extra }) => (extra.UnsetEnvironment ?? "").match(/\w+/g) ?? []);
    return { environment, set: set.flatMap((variables) => Object.entries(variables)), files, unset };
  } finally {
    manager.close();
  }
}
