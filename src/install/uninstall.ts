import { join } from "node:path";
import { systemdOf } from "../adapters/systemd.ts";
import { FleetError } from "../core/errors.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { shellWord } from "../core/shell.ts";
import { changes, type Plan, type Step } from "./action.ts";
import { applyPlan } from "./apply.ts";
import { withLock } from "./lock.ts";
import { type Intent, lookAt, reachManager, recordedLayout } from "./look.ts";
import type { Found } from "./plan.ts";
import { knownSums, type Receipt } from "./receipt.ts";

export interface UninstallOptions {
  readonly dryRun: boolean;
  /** Stop the fleet where it runs; else a running fleet is a reason not to. */
  readonly stop: boolean;
  /** The site files too, when they are kept in an archive. */
  readonly purge: boolean;
}

export interface Uninstalled {
  readonly plan: Plan;
  /** Units that run: the holder, agents. */
  readonly running: readonly string[];
  /** Site files, which a purge takes. */
  readonly site: readonly string[];
  readonly applied: boolean;
  /** Where a purge has kept the site files. */
  readonly archive: string | undefined;
}

const UNINSTALL: Intent = { nothing: "Nothing was removed", again: "mosaic-fleet uninstall" };

/** Takes away what install has laid out and nothing else. Throws FleetError. */
export async function uninstall(host: Host, options: UninstallOptions): Promise<Uninstalled> {
  const look = async () => {
    await reachManager(host, UNINSTALL);
    const recorded = await recordedLayout(host, UNINSTALL);
    const running = await runningUnits(host);
    const site = await siteFiles(host);
    const found = await lookAt(host, recorded?.files.map(({ path }) => path) ?? []);
    const plan = recorded === undefined ? { steps: [], undecided: [] } : planUninstall(recorded, found, running);
    return { recorded, running, site, plan };
  };
  const { recorded, running, site, plan } = await look();
  const nothing = { plan, running, site, applied: false, archive: undefined };
  if (options.dryRun || (recorded === undefined && !options.purge)) return nothing;
  if (running.length > 0 && !options.stop) return nothing;
  return withLock(host, async () => {
    const { recorded, running, site, plan } = await look();
    const archive = options.purge && site.length > 0 ? await archiveSite(host) : undefined;
    if (recorded !== undefined)
      await applyPlan(host, plan, { before: recorded, after: undefined, what: "The layout was not removed" });
    if (archive !== undefined) await host.files.removeTree(pathsOf(host).site);
    return { plan, running, site, applied: true, archive };
  });
}

/** The receipt backwards. Pure. */
export function planUninstall(recorded: Receipt, found: ReadonlyMap<string, Found>, running: readonly string[]): Plan {
  const agents = running.filter((unit) => unit !== HOLDER_UNIT);
  const stops = [agents, running.filter((unit) => unit === HOLDER_UNIT)].filter((units) => units.length > 0);
  const files = recorded.files.flatMap(({ path }): Step[] => {
    const there = found.get(path);
    const sums = knownSums(recorded, path);
    const action = { kind: "remove-file", path, sums } as const;
    if (there?.status === undefined) return [];
    if (there.sha256 !== undefined && sums.includes(there.sha256)) return [{ action, change: "remove" }];
    return [{ action, change: "keep", why: "you have changed it: it stays", next: `rm ${shellWord(path)}` }];
  });
  return {
    steps: [
      ...stops.map((units): Step => ({ action: { kind: "stop", units }, change: "update" })),
      ...(recorded.enabled.length > 0
        ? [{ action: { kind: "disable", units: recorded.enabled }, change: "update" } as const]
        : []),
      ...(recorded.linger ? [{ action: { kind: "linger", on: false }, change: "update" } as const] : []),
      ...files,
      ...[...recorded.folders]
        .reverse()
        .map((path): Step => ({ action: { kind: "remove-folder", path }, change: "remove" })),
      { action: { kind: "daemon-reload", loads: false }, change: "update" },
    ],
    undecided: [],
  };
}

async function runningUnits(host: Host): Promise<string[]> {
  const [agents, [holder]] = await Promise.all([
    systemdOf(host).list("mosaic-agent@*"),
    systemdOf(host).show([HOLDER_UNIT]),
  ]);
  const alive = (active: string) => active !== "inactive" && active !== "failed";
  const units = agents.filter(({ active }) => alive(active)).map(({ unit }) => unit);
  return holder !== undefined && alive(holder.active) ? [...units, HOLDER_UNIT] : units;
}

/** Every file of the user's below the site folder. */
async function siteFiles(host: Host): Promise<string[]> {
  const below = async (folder: string): Promise<string[]> => {
    const found: string[] = [];
    for (const name of await host.files.list(folder)) {
      const path = join(folder, name);
      const status = await host.files.status(path);
      if (status?.kind === "folder") found.push(...(await below(path)));
      else found.push(path);
    }
    return found;
  };
  return below(pathsOf(host).site);
}

/** A tar of the site files in the home folder, for their user alone. They may hold keys. */
async function archiveSite(host: Host): Promise<string> {
  const { config, site } = pathsOf(host);
  const stamp = host.date().toISOString().slice(0, 19).replace(/\D/g, "");
  const archive = join(host.user.home, `mosaic-fleet-site-${stamp}.tar`);
  await host.files.writeAtomic(archive, "", 0o600); // tar keeps the mode of a file that is there
  const result = await host.exec(["tar", "-C", config, "-cf", archive, "--", site.slice(config.length + 1)]);
  if (succeeded(result)) return archive;
  await host.files.removeFile(archive);
  throw new FleetError(EXIT.cantcreate, UNINSTALL.nothing, `your files could not be kept: ${describeResult(result)}`, [
    `tar -C ${shellWord(config)} -cf ${shellWord(archive)} mosaic/fleet`,
  ]);
}

/** Whether an uninstall would do anything. */
export function removesAnything({ plan }: Uninstalled): boolean {
  return changes(plan).length > 0;
}
