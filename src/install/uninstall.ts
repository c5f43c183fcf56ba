import { basename, dirname, join } from "node:path";
import { TEMPORARY } from "../adapters/files.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import { afterFileError } from "../core/file-error.ts";
import type { Host } from "../core/host.ts";
import { agentOfUnit, HOLDER_UNIT } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import type { Step } from "./action.ts";
import { applyPlan, clearTemporaries } from "./apply.ts";
import { planLayout } from "./install.ts";
import { besideOf, type Found } from "./judge.ts";
import { LOCK, leftBehind, withLock } from "./lock.ts";
import { bootLinkOf, type Intent, lookAt, otherStartLinks, recordedLayout, startLinks } from "./look.ts";
import { reachManager, settle } from "./manager.ts";
import { type LayoutPlan, planRemoval, undecidedBy, unseed } from "./plan.ts";
import type { Receipt } from "./receipt.ts";
import { type CutOff, cutOff } from "./receipt-run.ts";
import { runningUnits } from "./restart.ts";
import { keepArchive, mustBeNamed, removeSite, type ShownFile, shownFiles, siteFiles } from "./site.ts";

export interface UninstallOptions {
  readonly dryRun?: boolean;
  /** The site files too, once an archive of them is there. */
  readonly purge?: boolean;
  /** Whether to go on, when units run or site files go. Left out, nothing is done then. */
  readonly confirm?: (seen: Seen) => Promise<boolean>;
  /** First takes away what a canary left that was killed. */
  readonly clear?: () => Promise<unknown>;
}

/** What an uninstall is about to do, and to whom. */
export interface Seen {
  readonly plan: LayoutPlan;
  /** Units that run, in the order in which they are stopped: agents, the holder. */
  readonly running: readonly string[];
  /** Units that the user has enabled: their links stay. */
  readonly enabled: readonly string[];
  /** Site files, which only a purge takes. */
  readonly site: readonly string[];
  /** Whether there is anything to remove. */
  readonly installed: boolean;
  /** The run before, where it was cut off. */
  readonly cutOff?: CutOff;
}

export interface Uninstalled extends Seen {
  readonly applied: boolean;
  /** Where a purge has kept the site files. */
  readonly archive: string | undefined;
  /** Why systemd does not know that they are gone. */
  readonly notKnown?: FleetError;
  /** Of a purge that is only tried: what is in the site files, with keys hidden. */
  readonly shown?: readonly ShownFile[];
}

const UNINSTALL: Intent = { command: "uninstall", nothing: "Nothing was removed", again: "mosaic-fleet uninstall" };

/** Takes away what install has laid out and nothing else. Throws FleetError. */
export async function uninstall(host: Host, options: UninstallOptions): Promise<Uninstalled> {
  const { purge = false } = options;
  const words = [...(options.dryRun ? ["--dry-run"] : []), ...(purge ? ["--purge"] : [])];
  const intent: Intent = { ...UNINSTALL, again: [UNINSTALL.again, ...words].join(" ") };
  const look = async () => {
    const { major } = await reachManager(host, intent);
    const recorded = await recordedLayout(host, intent);
    if (recorded === undefined) await mustBeNone(host, major);
    const [running, enabled, site] = await Promise.all([
      runningUnits(host),
      enabledByUser(host, recorded),
      siteFiles(host),
    ]);
    if (purge) await mustBeNamed(host, site, intent);
    const files = recorded?.files.flatMap(({ path }) => [path, besideOf(path)]) ?? [];
    const paths = recorded?.seeded === undefined ? files : [...files, recorded.seeded.path];
    const plan =
      recorded === undefined
        ? { steps: [], removed: [], undecided: [] }
        : planUninstall(recorded, await lookAt(host, paths), running, await inFolders(host, recorded, purge), {
            ...((await otherStartLinks(host)).length > 0 ? { bootLink: bootLinkOf(host) } : {}),
          });
    // A purge that was killed may have left no more than empty folders.
    const toPurge = purge && (site.length > 0 || (await host.files.status(pathsOf(host).site)) !== undefined);
    const installed = recorded !== undefined || toPurge;
    // A first install that was killed before it wrote its receipt.
    const remains = recorded === undefined && (await leftBehind(host));
    const before = cutOff(recorded);
    const told = before === undefined ? {} : { cutOff: before };
    return { remains, recorded, seen: { plan, running, enabled, site, installed, ...told } };
  };
  const first = await look();
  const untouched = { ...first.seen, applied: false, archive: undefined };
  if (options.dryRun) return purge ? { ...untouched, shown: await shownFiles(host, first.seen.site) } : untouched;
  if (!(first.seen.installed || first.remains)) return untouched;
  const grave = (seen: Seen) => seen.running.length > 0 || (purge && seen.site.length > 0);
  const confirmed = !grave(first.seen) || (await options.confirm?.(first.seen)) === true;
  if (!confirmed) return untouched;
  return withLock(host, intent, async (acting, stateFolders) => {
    await options.clear?.();
    await settle(host, intent);
    const { recorded, seen } = await look();
    const archive = purge && seen.site.length > 0 ? await keepArchive(host, seen.site, intent) : undefined;
    try {
      if (recorded === undefined) await clearTemporaries(host, []);
      else {
        const { removed, undecided } = seen.plan;
        const records = { before: recorded, after: undefined, removed, undecided };
        await applyPlan(acting, seen.plan, records, { ...intent, what: "The layout was not removed" });
        await clearRuntime(host).catch(() => undefined); // it goes with the manager, at the latest
      }
    } catch (error) {
      // Nothing of what is in it was taken.
      if (archive !== undefined) await host.files.removeFile(archive).catch(() => undefined);
      throw asFleetError(host, error, intent.nothing, intent.again);
    }
    const { state } = pathsOf(host);
    for (const folder of [state, dirname(state), ...(recorded?.folders ?? [])])
      if (`${state}/`.startsWith(`${folder}/`)) stateFolders.add(folder);
    const notKnown = purge
      ? await removeSite(acting, seen.site, recorded?.folders ?? []).catch((error) => {
          const kept = archive === undefined ? "" : `; all of them are kept in ${archive}`;
          throw asFleetError(host, error, "Not all of your settings were removed", intent.again, kept);
        })
      : undefined;
    return { ...seen, applied: seen.installed, archive, ...(notKnown === undefined ? {} : { notKnown }) };
  });
}

function asFleetError(host: Host, error: unknown, what: string, again: string, besides = ""): FleetError {
  if (error instanceof FleetError) return error;
  const next = afterFileError(error, host.user.home, again);
  return new FleetError(EXIT.cantcreate, what, `${describeError(error)}${besides}`, next.length > 0 ? next : [again]);
}

/** Removes the folder of the agents' own in the runtime folder, with the locks in it, which systemd leaves: where no agent has one. */
async function clearRuntime(host: Host): Promise<void> {
  const { runtime } = pathsOf(host);
  if (runtime === undefined) return;
  const folder = join(runtime, "mosaic-agent");
  const names = await host.files.list(folder);
  if (names.some((name) => !name.startsWith("."))) return;
  for (const name of names) await host.files.removeFile(join(folder, name));
  await host.files.removeEmptyFolder(folder);
}

/** A layout may be there of which another state folder has the receipt, or none any more. Throws FleetError (78). */
async function mustBeNone(host: Host, systemdMajor: number): Promise<void> {
  const { steps } = await planLayout(host, systemdMajor, undefined);
  const ours = steps.flatMap(({ action, change }) =>
    action.kind === "write-file" && change === "none" ? [action] : [],
  );
  const [first] = ours;
  if (first === undefined) return;
  const others = ours.length === 1 ? "" : ` and ${ours.length - 1} more are`;
  throw new FleetError(
    EXIT.config,
    UNINSTALL.nothing,
    `${first.path}${others || " is"} as install writes them, and no receipt says so: there is no ${pathsOf(host).receipt} (XDG_STATE_HOME is ${host.env.XDG_STATE_HOME ?? "not set"})`,
    ["mosaic-fleet install", UNINSTALL.again],
  );
}

/**
 * The receipt backwards. `inside` is what is in each of its folders: one that holds anything else stays. `bootLink`: all that
 * goes of what starts at boot. Pure.
 */
export function planUninstall(
  recorded: Receipt,
  found: ReadonlyMap<string, Found>,
  running: readonly string[],
  inside: ReadonlyMap<string, readonly string[]>,
  { bootLink }: { readonly bootLink?: string } = {},
): LayoutPlan {
  const agents = running.filter((unit) => unit !== HOLDER_UNIT);
  const stops = [agents, running.filter((unit) => unit === HOLDER_UNIT)].filter((units) => units.length > 0);
  const why = "you have changed it: it stays";
  const files = [
    ...recorded.files.flatMap(({ path }) => planRemoval(path, why, { found, recorded })),
    ...unseed(recorded, found),
  ];
  const going = new Set(
    files.flatMap(({ action, change }) => (change === "remove" && "path" in action ? [action.path] : [])),
  );
  const folders = recorded.folders.toReversed().map((path): Step => {
    const stays = inside.get(path)?.some((each) => !going.has(each));
    if (!stays) going.add(path);
    return { action: { kind: "remove-folder", path }, change: stays ? "none" : "remove" };
  });
  return {
    steps: [
      ...stops.map((units): Step => ({ action: { kind: "stop", units }, change: "update" })),
      ...(recorded.enabled.length > 0
        ? [
            {
              action: { kind: "disable", units: recorded.enabled, ...(bootLink && { path: bootLink }) },
              change: "update",
            } as const,
          ]
        : []),
      ...(recorded.linger ? [{ action: { kind: "linger", on: false }, change: "update" } as const] : []),
      ...files,
      ...folders,
      { action: { kind: "daemon-reload" }, change: "update" },
    ],
    removed: recorded.files.flatMap(({ path, removed }) =>
      found.get(path)?.status === undefined && (removed || recorded.phase === "applied") ? [path] : [],
    ),
    undecided: undecidedBy(files, recorded),
  };
}

/** What is in each folder of a receipt, but for what goes by other means than a step of the plan. */
async function inFolders(host: Host, { folders, enabled }: Receipt, purge: boolean): Promise<Map<string, string[]>> {
  const { site, state, receipt } = pathsOf(host);
  const goes = async (path: string): Promise<boolean> => {
    if ([receipt, join(state, LOCK)].includes(path) || TEMPORARY.test(basename(path))) return true;
    if (purge && `${path}/`.startsWith(`${site}/`)) return true;
    // systemd removes its link, and the folder of it that is empty then.
    if (path !== dirname(bootLinkOf(host))) return false;
    return (await host.files.list(path)).every((unit) => enabled.includes(unit));
  };
  const listed = folders.map(async (folder): Promise<[string, string[]]> => {
    const paths = (await host.files.list(folder)).map((name) => join(folder, name));
    const gone = await Promise.all(paths.map(goes));
    return [folder, paths.filter((_, index) => !gone[index])];
  });
  return new Map(await Promise.all(listed));
}

/** Units of ours that the user has made start with something else: all that are, but for the boot link of install's. */
async function enabledByUser(host: Host, recorded: Receipt | undefined): Promise<string[]> {
  const ours = recorded?.enabled.includes(HOLDER_UNIT) ? bootLinkOf(host) : undefined;
  const names = (await startLinks(host)).flatMap((path) => (path === ours ? [] : [basename(path)]));
  return [...new Set(names)].filter((name) => name === HOLDER_UNIT || agentOfUnit(name) !== undefined);
}
