import { createHash } from "node:crypto";
import { ownerOf } from "../adapters/files.ts";
import { managerProblem } from "../adapters/manager.ts";
import { systemdMajor, systemdOf } from "../adapters/systemd.ts";
import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { moveAside } from "../core/shell.ts";
import { typed } from "../core/user-bus.ts";
import { changes, conflicts, type Plan } from "./action.ts";
import { applyPlan, mustBeRead } from "./apply.ts";
import { ownedFiles, ownedFolders } from "./assets.ts";
import { withLock } from "./lock.ts";
import { type Found, type PlanInput, planInstall } from "./plan.ts";
import { type Receipt, readReceipt } from "./receipt.ts";

export interface InstallOptions {
  readonly dryRun: boolean;
  readonly enable: boolean;
  readonly now: boolean;
  readonly version: string;
}

export interface Installed {
  readonly plan: Plan;
  /** False for a dry run, a conflict, or nothing to do. */
  readonly applied: boolean;
}

/** Looks at the machine and says what install would do. Throws FleetError (69) without a user manager: before any write. */
export async function lookAndPlan(
  host: Host,
  options: Pick<InstallOptions, "enable" | "now">,
): Promise<{ plan: Plan; recorded: Receipt | undefined }> {
  const paths = pathsOf(host);
  const systemd = systemdOf(host);
  const manager = await systemd.managerVersion();
  const problem = await managerProblem(host, manager);
  if (problem !== undefined)
    throw new FleetError(EXIT.unavailable, "Nothing was installed: the user manager cannot be reached", problem.cause, [
      ...typed(problem.remedy),
      "mosaic-fleet install",
    ]);
  await mustBeOurs(host, [paths.runtime, host.user.home]);
  const recorded = await readReceipt(host, paths.receipt);
  if (recorded === "unreadable")
    throw new FleetError(
      EXIT.config,
      "Nothing was installed",
      `the receipt ${paths.receipt} cannot be read by this version`,
      [moveAside(paths.receipt, "unreadable"), "mosaic-fleet install"],
    );
  const [holder] = await systemd.show([HOLDER_UNIT]);
  const plan = await planLayout(host, systemdMajor(manager.stdout) ?? 0, recorded, {
    ...options,
    enabled: holder?.fileState === "enabled",
    running: holder?.active === "active",
  });
  return { plan, recorded };
}

/** What install would write, from what is there and what it has written before; needs no manager. */
export async function planLayout(
  host: Host,
  major: number,
  recorded: Receipt | undefined,
  units: Pick<PlanInput, "enable" | "enabled" | "now" | "running"> = {
    enable: false,
    enabled: false,
    now: false,
    running: false,
  },
): Promise<Plan> {
  const paths = pathsOf(host);
  const wanted = ownedFiles(paths, major).map((file) => ({ ...file, sha256: sha256(file.text) }));
  const folders = ownedFolders(paths);
  const found = new Map<string, Found>();
  await Promise.all(
    [...folders, ...wanted.map((file) => file.path)].map(async (path) => {
      const status = await host.files.status(path);
      const text = status?.kind === "file" ? await host.files.read(path) : undefined;
      found.set(path, { status, sha256: text === undefined ? undefined : sha256(text) });
    }),
  );
  return planInstall({ wanted, folders, found, recorded, ...units });
}

/** Plan, then apply unless it is a dry run or something is in the way. */
export async function install(host: Host, options: InstallOptions): Promise<Installed> {
  const look = async () => {
    const { plan, recorded } = await lookAndPlan(host, options);
    if (options.dryRun || conflicts(plan).length > 0) return { plan, recorded, done: true };
    // Where nothing is written nothing is reloaded, which is where applyPlan asks.
    if (!plan.steps.some(({ action, change }) => action.kind === "daemon-reload" && change !== "none"))
      await mustBeRead(host);
    return { plan, recorded, done: changes(plan).length === 0 && recorded?.phase === "applied" };
  };
  const { plan, done } = await look();
  if (done) return { plan, applied: false };
  return withLock(host, async () => {
    // Another install may have ended since.
    const { plan, recorded, done } = await look();
    if (!done) await applyPlan(host, plan, options.version, recorded);
    return { plan, applied: !done };
  });
}

/** Root with another user's variables (sudo -E) would leave root's files in that user's home. */
async function mustBeOurs(host: Host, folders: readonly (string | undefined)[]): Promise<void> {
  const { uid } = host.user;
  for (const folder of folders) {
    const owner = folder === undefined ? undefined : await ownerOf(folder);
    if (owner === undefined || owner === uid) continue;
    throw new FleetError(
      EXIT.unavailable,
      "Nothing was installed: this is another user's session",
      `${folder} belongs to uid ${owner}, and this runs as uid ${uid}; run it as that user, without sudo`,
      ["mosaic-fleet install"],
    );
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
