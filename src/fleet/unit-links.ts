import { join } from "node:path";
import type { Host } from "../core/host.ts";
import { AGENT_TEMPLATE, agentOfUnit } from "../core/names.ts";

/** Of the names that systemd looks for, those that each agent's unit is made of. */
const OF_EVERY_AGENT: readonly string[] = [AGENT_TEMPLATE, `${AGENT_TEMPLATE}.d`, "mosaic-.service.d", "service.d"];

/** Units that a target wants, and agents with drop-ins or a unit file of their own, by the folders that the manager reads. */
export interface UnitLinks {
  readonly wanted: ReadonlySet<string>;
  readonly changedAgents: ReadonlySet<string>;
  /** Unit files and folders of drop-ins by their agent, and under "" what every agent has. Of two unit files the first counts. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  /** Agents whose unit is a link to /dev/null, or an empty file, and where that is. */
  readonly masks: ReadonlyMap<string, string>;
}

export async function readUnitLinks(host: Host, unitPath: readonly string[]): Promise<UnitLinks> {
  const wanted = new Set<string>();
  const changedAgents = new Set<string>();
  const files = new Map<string, string[]>();
  const masked: { agent: string; path: string }[] = [];
  const folders = await Promise.all(
    unitPath.map(async (folder) => (await host.files.list(folder)).map((name) => ({ name, path: join(folder, name) }))),
  );
  await Promise.all(
    folders.flat().map(async ({ name, path }) => {
      const agent = agentOfUnit(name.endsWith(".d") ? name.slice(0, -2) : name);
      const whose = agent ?? (OF_EVERY_AGENT.includes(name) ? "" : undefined);
      if (whose !== undefined) files.set(whose, [...(files.get(whose) ?? []), path]);
      if (agent !== undefined) {
        changedAgents.add(agent);
        if (!name.endsWith(".d") && (await isMask(host, path))) masked.push({ agent, path });
      }
      if (/\.(wants|requires)$/.test(name)) for (const unit of await host.files.list(path)) wanted.add(unit);
    }),
  );
  const masks = new Map(masked.map(({ agent, path }) => [agent, path]));
  return { wanted, changedAgents, files, masks };
}

async function isMask({ files }: Host, path: string): Promise<boolean> {
  const real = await files.realPath(path);
  if (real === undefined || real === "/dev/null") return real !== undefined;
  const status = await files.status(real);
  return status?.kind === "file" && status.size === 0;
}
