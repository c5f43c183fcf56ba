import { lingersNow } from "../adapters/logind.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import { shellWord } from "../core/shell.ts";
import { changes, conflicts, keeps, type Plan } from "./action.ts";
import { applyPlan, clearTemporaries } from "./apply.ts";
import { type OwnedFile, ownedFiles, ownedFolders } from "./assets.ts";
import { leftBehind, withLock } from "./lock.ts";
import { bootFolderInTheWay, bootLinkOf, type Intent, leadingOut, lookAt, recordedLayout } from "./look.ts";
import { type Manager, mustReadOurs, reachManager, settle } from "./manager.ts";
import { receiptHere } from "./moved.ts";
import { othersIn } from "./others.ts";
import { foldersOf, type LayoutPlan, type PlanInput, pathsToLookAt, planInstall, unseed } from "./plan.ts";
import type { Receipt } from "./receipt.ts";
import { type CutOff, cutOff } from "./receipt-run.ts";
import { type Layout, layoutBefore, layoutNow, missingFolders, receiptAfter, sumsOf } from "./record.ts";
import { outdatedUnits, restartUnits } from "./restart.ts";
import { type Seed, seederOf } from "./seed.ts";

/** A file that the user and this version have both changed. */
export interface Undecided {
  readonly path: string;
  readonly theirs: string;
  readonly ours: string;
}

/** The user's own settings, as they would be written; `notes`: what is in them, a line each. */
export interface SeedFile {
  readonly path: string;
  readonly notes: readonly string[];
}

export interface InstallOptions {
  readonly version: string;
  readonly dryRun?: boolean;
  readonly enable?: boolean;
  readonly now?: boolean;
  readonly linger?: boolean;
  /** Put back what the user has removed. */
  readonly restore?: boolean;
  /** Files that the user has changed and wants ours of; theirs is kept beside it. */
  readonly taken?: ReadonlySet<string>;
  /** Restart what still runs as an earlier layout has it. */
  readonly restart?: {
    /** First takes away what is not to be there: what a canary left that was killed. Says whether there was anything. */
    readonly clear: () => Promise<boolean>;
  };
  /** Asks the user; undefined leaves it open. Left out where there is nobody to ask. */
  readonly decide?: (file: Undecided) => Promise<"keep" | "take" | undefined>;
  /** Find the agent programs, and write fleet.env where there is none. Left out, neither is done. */
  readonly seed?: {
    /** Asks the user, who sees what would be written. Left out where there is nobody to ask: it is written. */
    readonly confirm?: (seed: SeedFile) => Promise<boolean>;
  };
}

export interface Installed {
  readonly plan: Plan;
  /** The version that is laid out, or would be. */
  readonly version: string;
  /** Whether the holder starts at boot, once the plan is applied. */
  readonly enabled: boolean;
  /** The run before, where it was cut off: this one finishes or undoes it. */
  readonly cutOff?: CutOff;
  /** What is typed to have the same done again. */
  readonly again: string;
  /** False for a dry run, a conflict, or nothing to do. */
  readonly applied: boolean;
  /** Units that run, and still as an earlier layout has them. */
  readonly outdated: readonly string[];
  /** Units that were restarted. */
  readonly restarted: readonly string[];
  /** Whether it is to be proved that the fleet holds: after a restart, or where the proof of the one before was killed. */
  readonly unproved: boolean;
  /** Why not all that was to be restarted runs again, or is known; nothing of the layout is left undone by that. */
  readonly notBack?: FleetError;
  /** What to know of other users, and of the search for agent programs, a line each. */
  readonly notes: readonly string[];
}

const INSTALL: Intent = { command: "install", nothing: "Nothing was installed", again: "mosaic-fleet install" };
const ROLLBACK: Intent = { command: "rollback", nothing: "Nothing was rolled back", again: "mosaic-fleet rollback" };

/** With what has it done again as it was asked for. */
function asTyped(intent: Intent, options: Omit<InstallOptions, "version">): Intent {
  const flags = (["enable", "now", "linger", "restore", "restart"] as const).filter((name) => options[name]);
  const words = [
    ...(options.dryRun ? ["--dry-run"] : []),
    ...flags.map((name) => `--${name}`),
    ...[...(options.taken ?? [])].map((path) => `--take ${shellWord(path)}`),
  ];
  return { ...intent, again: [intent.again, ...words].join(" ") };
}

/** Lays out this version: plan, then apply unless it is a dry run or something is in the way. Throws FleetError. */
export function install(host: Host, options: InstallOptions): Promise<Installed> {
  return installFiles(host, options, (systemdMajor) => ownedFiles(pathsOf(host), systemdMajor));
}

/** As install(), for any files that are a layout on a machine with this systemd. */
export function installFiles(
  host: Host,
  options: InstallOptions,
  files: (systemdMajor: number) => readonly OwnedFile[],
): Promise<Installed> {
  const { version } = options;
  return layOut(host, options, asTyped(INSTALL, options), "The layout was not installed", (major) => ({
    version,
    files: files(major),
  }));
}

/** Lays out the version before this one, as the receipt has it. Throws FleetError (69) when there is none. */
export function rollback(
  host: Host,
  options: Pick<InstallOptions, "dryRun" | "restart" | "decide">,
): Promise<Installed> {
  return layOut(
    host,
    { ...options, version: "" },
    asTyped(ROLLBACK, options),
    "The layout was not rolled back",
    (_, recorded) => {
      const layout = recorded === undefined ? undefined : layoutBefore(recorded);
      if (layout !== undefined) return layout;
      throw new FleetError(EXIT.unavailable, ROLLBACK.nothing, "no earlier version of the layout is recorded", [
        "mosaic-fleet doctor",
      ]);
    },
  );
}

/** What an install of this version would do to the files; needs no manager, only the version that it has or would have. */
export function planLayout(host: Host, systemdMajor: number, recorded: Receipt | undefined): Promise<Plan> {
  return planFiles(host, ownedFiles(pathsOf(host), systemdMajor), recorded, NOTHING_ASKED);
}

type Asked = Omit<PlanInput, "wanted" | "folders" | "found" | "leadOut" | "recorded">;
type Decisions = Pick<PlanInput, "taken" | "kept"> & { readonly declined: boolean };

const NOTHING_ASKED: Asked = {
  taken: new Set(),
  kept: new Set(),
  restore: false,
  unsafe: [],
  seed: [],
  enable: false,
  enabled: false,
  now: false,
  running: false,
  linger: false,
  lingers: false,
};

/** What a run finds before it does anything. */
interface Look {
  readonly plan: LayoutPlan;
  readonly recorded: Receipt | undefined;
  readonly layout: Layout;
  readonly manager: Manager;
  readonly lingers: boolean | undefined;
  readonly seed: Seed;
  readonly notes: readonly string[];
  readonly nothingToDo: boolean;
}

async function layOut(
  host: Host,
  options: InstallOptions,
  intent: Intent,
  what: string,
  layoutFor: (systemdMajor: number, recorded: Receipt | undefined) => Layout,
): Promise<Installed> {
  const seeder = options.seed === undefined ? undefined : seederOf(host);
  let manager = await reachManager(host, intent);
  const look = async (decisions: Decisions): Promise<Look> => {
    const recorded = await recordedLayout(host, intent);
    const layout = layoutFor(manager.major, recorded);
    for (const path of decisions.taken)
      if (!layout.files.some((file) => file.path === path))
        throw new FleetError(EXIT.usage, intent.nothing, `${path} is no file of the layout`, [
          `mosaic-fleet ${intent.command} --dry-run`,
        ]);
    const lingering = options.linger || recorded?.linger ? await lingersNow(host) : undefined;
    const { declined } = decisions;
    const restore = options.restore === true;
    const seed = await (seeder?.(manager.path, recorded, { declined, restore }) ?? undone(host, recorded));
    const folders = foldersOf({ wanted: layout.files, folders: ownedFolders(pathsOf(host)) });
    const others = await othersIn(host, folders);
    const boot = options.enable && !manager.enabled ? await bootFolderInTheWay(host) : [];
    const plan = await planFiles(host, layout.files, recorded, {
      taken: decisions.taken,
      kept: new Set([...decisions.kept, ...(layout.edited ?? [])]),
      restore: options.restore ?? false,
      unsafe: [...others.steps, ...boot],
      seed: seed.steps,
      enable: options.enable ?? false,
      enabled: manager.enabled,
      now: options.now ?? false,
      running: manager.holder?.active === "active",
      linger: options.linger ?? false,
      lingers: lingering === true,
    });
    const same = recorded?.phase === "applied" && recorded.version === layout.version;
    const nothingToDo = same && changes(plan).length === 0;
    const notes = [...others.notes, ...seed.notes];
    return { plan, recorded, layout, manager, lingers: lingering, seed, notes, nothingToDo };
  };

  const first = await look({ taken: options.taken ?? new Set(), kept: new Set(), declined: false });
  const { version } = first.layout;
  // The manager knows no link to a unit that is not there yet.
  const linked = (await host.files.status(bootLinkOf(host))) !== undefined;
  const enabled = first.manager.enabled || options.enable === true || linked;
  const { again } = intent;
  const ended = {
    version,
    enabled,
    ...cutOffIn(first),
    again,
    applied: false,
    restarted: [],
    unproved: false,
    notes: first.notes,
  };
  if (conflicts(first.plan).length > 0) return { ...ended, plan: first.plan, outdated: [] };
  if (options.dryRun) return { ...ended, plan: first.plan, outdated: await outdatedNow(host, first) };
  await mustReadOurs(host, manager);
  const decisions = await decide(first.plan, options);
  if (host.interrupted.aborted)
    throw new FleetError(EXIT.interrupted, intent.nothing, "it was interrupted", [intent.again]);
  const undecided = keeps(first.plan).some(({ kept }) => kept === "undecided");
  if (first.nothingToDo && !undecided && !(await leftBehind(host)))
    return { ...ended, plan: first.plan, ...(await restarted(host, options, first)) };
  return withLock(host, intent, async (acting, stateFolders) => {
    await settle(host, intent);
    // Another install may have ended since, and the user may have taken long to answer.
    manager = await reachManager(host, intent);
    const seen = await look(decisions);
    const { plan, recorded } = seen;
    if (conflicts(plan).length > 0) return { ...ended, plan, outdated: [] };
    if (seen.nothingToDo) await clearTemporaries(host, seen.layout.files);
    else {
      const folders = [...stateFolders, ...(await missingFolders(host, plan))];
      const after = receiptAfter(seen, folders, host.date());
      const { removed, undecided } = plan;
      await applyPlan(acting, plan, { before: recorded, after, removed, undecided }, { ...intent, what });
    }
    return {
      plan,
      version: seen.layout.version,
      enabled,
      ...cutOffIn(seen),
      again,
      applied: !seen.nothingToDo,
      notes: seen.notes,
      ...(await restarted(acting, options, seen)),
    };
  });
}

function cutOffIn({ recorded }: Look): Pick<Installed, "cutOff"> {
  const found = cutOff(recorded);
  return found === undefined ? {} : { cutOff: found };
}

async function planFiles(
  host: Host,
  files: readonly OwnedFile[],
  recorded: Receipt | undefined,
  asked: Asked,
): Promise<LayoutPlan> {
  const wanted = sumsOf(files);
  const folders = ownedFolders(pathsOf(host));
  const [found, leadOut] = await Promise.all([
    lookAt(host, pathsToLookAt({ wanted, folders, recorded })),
    leadingOut(host, foldersOf({ wanted, folders })),
  ]);
  return planInstall({ ...asked, wanted, folders, found, leadOut, recorded });
}

/** Nothing is looked for; what a run that was killed had written for the user, and not told, is taken back. */
async function undone(host: Host, recorded: Receipt | undefined): Promise<Seed> {
  const { seeded } = recorded ?? {};
  const found = await lookAt(host, seeded === undefined ? [] : [seeded.path]);
  const there = seeded !== undefined && found.get(seeded.path)?.status !== undefined;
  return { steps: unseed(recorded, found), notes: [], there };
}

async function decide(plan: Plan, { decide, seed, taken = new Set() }: InstallOptions): Promise<Decisions> {
  const decided = { taken: new Set(taken), kept: new Set<string>(), declined: false };
  for (const { action, kept, was = "" } of keeps(plan)) {
    if (kept !== "undecided" || action.kind !== "write-file") continue;
    const answer = await decide?.({ path: action.path, theirs: was, ours: action.text });
    if (answer === "take") decided.taken.add(action.path);
    if (answer === "keep") decided.kept.add(action.path);
  }
  for (const { action, notes = [] } of changes(plan))
    if (action.kind === "seed-file" && (await seed?.confirm?.({ path: action.path, notes })) === false)
      decided.declined = true;
  return decided;
}

/**
 * The plan of the layout that is recorded, where it has taken the place of this version's: by a rollback, or because a newer
 * program has laid it out. undefined where it has not.
 */
export async function planReplaced(host: Host, version: string): Promise<Plan | undefined> {
  const recorded = await receiptHere(host);
  if (typeof recorded !== "object" || recorded.phase !== "applied") return undefined;
  if (recorded.version === version || recorded.previous?.version !== version) return undefined;
  return planFiles(host, layoutNow(recorded).files, recorded, NOTHING_ASKED);
}

/** Without its holder no agent runs. */
async function outdatedNow(host: Host, { manager, layout }: Look): Promise<string[]> {
  return manager.holder?.active === "active" ? outdatedUnits(host, layout.files) : [];
}

async function restarted(
  host: Host,
  { restart }: InstallOptions,
  seen: Look,
): Promise<Pick<Installed, "outdated" | "restarted" | "unproved" | "notBack">> {
  try {
    const unproved = (await restart?.clear()) ?? false;
    const outdated = await outdatedNow(host, seen);
    if (!restart || outdated.length === 0) return { outdated, restarted: [], unproved };
    return { outdated: [], restarted: await restartUnits(host, outdated), unproved: true };
  } catch (error) {
    const untold = "It cannot be told what still runs as before";
    const notBack =
      error instanceof FleetError
        ? error
        : new FleetError(EXIT.unknown, untold, describeError(error), ["mosaic-fleet doctor"]);
    return { outdated: [], restarted: [], unproved: false, notBack };
  }
}
