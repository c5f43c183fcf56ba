import { join } from "node:path";
import type { Host } from "../core/host.ts";
import { agentOfUnit } from "../core/names.ts";

/** Units that a target wants, and agents with drop-ins or a unit file of their own, by the folders that the manager reads. */
export interface UnitLinks {
  readonly wanted: ReadonlySet<string>;
  readonly changedAgents: ReadonlySet<string>;
  /** Agents whose unit is a link to /dev/null, and where that is. */
  readonly masks: ReadonlyMap<string, string>;
}

export async function readUnitLinks(host: Host, unitPath: readonly string[]): Promise<UnitLinks> {
  const wanted = new Set<string>();
  const changedAgents = new Set<string>();
  const masked: { agent: string; path: string }[] = [];
  const folders = await Promise.all(
    unitPath.map(async (folder) => (await host.files.list(folder)).map((name) => ({ name, path: join(folder, name) }))),
  );
  await Promise.all(
    folders.flat().map(async ({ name, path }) => {
      const agent = agentOfUnit(name.endsWith(".d") ? name.slice(0, -2) : name);
      if (agent !== undefined) {
        changedAgents.add(agent);
        if (!name.endsWith(".d") && (await host.files.realPath(path)) === "/dev/null") masked.push({ agent, path });
      }
      if (/\.(wants|requires)$/.test(name)) for (const unit of await host.files.list(path)) wanted.add(unit);
    }),
  );
  const masks = new Map(masked.map(({ agent, path }) => [agent, path]));
  return { wanted, changedAgents, masks };
}
