import { lingers } from "../adapters/loginctl.ts";
import { systemdMajor, systemdOf } from "../adapters/systemd.ts";
import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { changes, conflicts, type Plan } from "./action.ts";
import { applyPlan, mustBeRead } from "./apply.ts";
import { type OwnedFile, ownedFiles, ownedFolders } from "./assets.ts";
import { withLock } from "./lock.ts";
import { type Intent, lookAt, reachManager, recordedLayout } from "./look.ts";
import { type PlanInput, pathsToLookAt, planInstall } from "./plan.ts";
import { knownSums, type Receipt } from "./receipt.ts";
import { sha256 } from "./sum.ts";

export interface InstallOptions {
  readonly dryRun: boolean;
  readonly enable: boolean;
  readonly now: boolean;
  readonly linger: boolean;
  /** Put back what the user has removed. */
  readonly restore: boolean;
  /** Files that the user has changed and wants ours of; theirs is kept beside it. */
  readonly taken: ReadonlySet<string>;
  readonly version: string;
}

/** What is done when nothing more is asked for. */
export const PLAIN_INSTALL = {
  dryRun: false,
  enable: false,
  now: false,
  linger: false,
  restore: false,
  taken: new Set<string>(),
} as const;

export interface Installed {
  readonly plan: Plan;
  /** False for a dry run, a conflict, or nothing to do. */
  readonly applied: boolean;
}

const INSTALL: Intent = { nothing: "Nothing was installed", again: "mosaic-fleet install" };
const ROLLBACK: Intent = { nothing: "Nothing was rolled back", again: "mosaic-fleet rollback" };

/** Lays out this version: plan, then apply unless it is a dry run or something is in the way. Throws FleetError. */
export function install(host: Host, options: InstallOptions): Promise<Installed> {
  return layOut(host, options, INSTALL, (major) => ({
    version: options.version,
    files: ownedFiles(pathsOf(host), major),
  }));
}

/** Lays out the version before this one, as the receipt has it. Throws FleetError (69) when there is none. */
export function rollback(host: Host, options: Pick<InstallOptions, "dryRun">): Promise<Installed> {
  return layOut(host, { ...PLAIN_INSTALL, ...options, version: "" }, ROLLBACK, (_, recorded) => {
    if (recorded?.previous) return recorded.previous;
    throw new FleetError(EXIT.unavailable, ROLLBACK.nothing, "no earlier version of the layout is recorded", [
      "mosaic-fleet doctor",
    ]);
  });
}

/** The files of one version. */
interface Layout {
  readonly version: string;
  readonly files: OwnedFile[];
}

async function layOut(
  host: Host,
  options: InstallOptions,
  intent: Intent,
  layoutFor: (systemdMajor: number, recorded: Receipt | undefined) => Layout,
): Promise<Installed> {
  const look = async () => {
    const manager = await reachManager(host, intent);
    const recorded = await recordedLayout(host, intent);
    const layout = layoutFor(systemdMajor(manager) ?? 0, recorded);
    const [[holder], lingering] = await Promise.all([
      systemdOf(host).show([HOLDER_UNIT]),
      options.linger ? lingers(host, host.user.name) : false,
    ]);
    const plan = await planLayout(host, layout.files, recorded, {
      ...options,
      enabled: holder?.fileState === "enabled",
      running: holder?.active === "active",
      lingers: lingering === true,
    });
    if (options.dryRun || conflicts(plan).length > 0) return { plan, recorded, layout, done: true };
    // Where nothing is written nothing is reloaded, which is where applyPlan asks.
    const reloads = changes(plan).some(({ action }) => action.kind === "daemon-reload");
    if (!reloads) await mustBeRead(host);
    const same = recorded?.phase === "applied" && recorded.version === layout.version;
    return { plan, recorded, layout, done: changes(plan).length === 0 && same };
  };
  const first = await look();
  if (first.done) return { plan: first.plan, applied: false };
  return withLock(host, async () => {
    // Another install may have ended since.
    const { plan, recorded, layout, done } = await look();
    if (done) return { plan, applied: false };
    await applyPlan(host, plan, {
      before: recorded,
      after: await receiptFor(host, plan, layout, recorded),
      what: "The layout was not installed",
    });
    return { plan, applied: true };
  });
}

/** What an install of these files would do; needs no manager. */
export async function planLayout(
  host: Host,
  files: readonly OwnedFile[],
  recorded: Receipt | undefined,
  asked: Omit<PlanInput, "wanted" | "folders" | "found" | "recorded">,
): Promise<Plan> {
  const wanted = files.map((file) => ({ ...file, sha256: sha256(file.text) }));
  const folders = ownedFolders(pathsOf(host));
  const found = await lookAt(host, pathsToLookAt({ wanted, folders, recorded }));
  return planInstall({ ...asked, wanted, folders, found, recorded });
}

/** The layout that is there, as far as it is ours: what the user has changed stays the user's, whatever version comes. */
async function layoutOnDisk(host: Host, recorded: Receipt): Promise<Layout> {
  const found = await lookAt(
    host,
    recorded.files.map(({ path }) => path),
  );
  const files = recorded.files.flatMap(({ path, mode }) => {
    const { text, sha256 } = found.get(path) ?? {};
    return text !== undefined && sha256 !== undefined && knownSums(recorded, path).includes(sha256)
      ? [{ path, mode, text }]
      : [];
  });
  return { version: recorded.version, files };
}

async function receiptFor(host: Host, plan: Plan, layout: Layout, recorded: Receipt | undefined): Promise<Receipt> {
  const did = (kind: "enable" | "linger") => changes(plan).some(({ action }) => action.kind === kind);
  const files = plan.steps.flatMap(({ action }) =>
    action.kind === "write-file" && !action.backup
      ? [{ path: action.path, sha256: action.sha256, mode: action.mode }]
      : [],
  );
  const upgraded = recorded !== undefined && recorded.version !== layout.version;
  return {
    schemaVersion: 2,
    version: layout.version,
    writtenAt: host.date().toISOString(),
    phase: "applied",
    files,
    folders: [...(recorded?.folders ?? [])],
    enabled: [...new Set([...(recorded?.enabled ?? []), ...(did("enable") ? [HOLDER_UNIT] : [])])],
    linger: (recorded?.linger ?? false) || did("linger"),
    previous: upgraded ? await layoutOnDisk(host, recorded) : (recorded?.previous ?? null),
  };
}
