import { dirname, join } from "node:path";
import { BusError } from "../adapters/bus.ts";
import { explained, managerProblem, openUserManager } from "../adapters/manager.ts";
import { hasProgram } from "../adapters/program-search.ts";
import { listedIn, systemdMajor, systemdOf, type Unit } from "../adapters/systemd.ts";
import { reloadManager } from "../adapters/unit-files.ts";
import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { type BusProblem, typed } from "../core/user-bus.ts";
import { type Intent, recordedLayout, startsAtBoot } from "./look.ts";

/** The user manager, as far as a layout depends on it. */
export interface Manager {
  /** 0 where it cannot be told. */
  readonly major: number;
  /** Where it looks for units, first come first. */
  readonly unitPath: readonly string[];
  /** PATH of what it starts. */
  readonly path: readonly string[];
  readonly holder: Pick<Unit, "active" | "fileState"> | undefined;
  /** Whether the holder starts with the manager: at boot. */
  readonly enabled: boolean;
}

type Answer = Omit<Manager, "enabled">;

/** What the manager says. Throws FleetError (69) where it cannot be reached, or is another user's. */
export async function reachManager(host: Host, intent: Intent): Promise<Manager> {
  const manager = (await overBus(host, intent)) ?? (await bySystemctl(host, intent));
  await mustBeOurs(host, intent);
  return { ...manager, enabled: manager.holder?.fileState === "enabled" && (await startsAtBoot(host)) };
}

/**
 * After a run that did not come to its end: what that had asked of the manager is done, and known to it, before anything is
 * looked at. It does what it is asked one after the other, and knows of a link only what it knew when it last read its units.
 */
export async function settle(host: Host, intent: Intent): Promise<void> {
  if ((await recordedLayout(host, intent))?.phase === "applying") await reloadManager(host);
}

function unreachable({ cause, remedy }: BusProblem, { nothing, again }: Intent): FleetError {
  const what = `${nothing}: the user manager cannot be reached`;
  return new FleetError(EXIT.unavailable, what, cause, [...typed(remedy), again]);
}

/** Over a connection of our own, which costs a tenth of two processes. undefined where there is none, or nothing to act with. */
async function overBus(host: Host, intent: Intent): Promise<Answer | undefined> {
  try {
    const [manager, systemctl] = await Promise.all([openUserManager(host), hasProgram(host, "systemctl")]);
    try {
      if (!systemctl) return undefined;
      const [{ version, unitPath, environment }, active, fileState] = await Promise.all([
        manager.state(),
        manager.property(HOLDER_UNIT, "ActiveState"),
        manager.fileState(HOLDER_UNIT),
      ]);
      const path = (environment.PATH ?? "").split(":");
      return { major: systemdMajor(version) ?? 0, unitPath, path, holder: { active, fileState } };
    } finally {
      manager.close();
    }
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    if (error.code !== "ETIMEDOUT") return undefined;
    throw unreachable(await explained(host, { code: error.code, said: error.message }), intent); // nor would systemctl be answered
  }
}

/** systemctl knows more ways to a manager, and says why there is none. */
async function bySystemctl(host: Host, intent: Intent): Promise<Answer> {
  const systemd = systemdOf(host);
  const answer = await systemd.managerVersion(["UnitPath", "Environment"]);
  const problem = await managerProblem(host, answer);
  if (problem !== undefined) throw unreachable(problem, intent);
  const [holder] = await systemd.show([HOLDER_UNIT]);
  const said = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(answer.stdout)?.[1] ?? "";
  return {
    major: systemdMajor(said("Version")) ?? 0,
    unitPath: listedIn(said("UnitPath")),
    path: (listedIn(said("Environment")).find((each) => each.startsWith("PATH=")) ?? "PATH=").slice(5).split(":"),
    holder,
  };
}

/** Root with another user's variables (sudo -E) would leave root's files in that user's home. */
async function mustBeOurs(host: Host, { nothing, again }: Intent): Promise<void> {
  const { uid } = host.user;
  for (const folder of [pathsOf(host).runtime, host.user.home]) {
    const owner = folder === undefined ? undefined : await host.files.ownerOf(folder);
    if (owner === undefined || owner === uid) continue;
    throw new FleetError(
      EXIT.unavailable,
      `${nothing}: this is another user's session`,
      `${folder} belongs to uid ${owner}, and this runs as uid ${uid}; run it as that user, without sudo`,
      [again],
    );
  }
}

/**
 * A manager whose XDG_CONFIG_HOME is another than ours reloads without a word, and takes the units from elsewhere or
 * knows none of them. Known before anything is written. Throws FleetError (69).
 */
export async function mustReadOurs(host: Host, { unitPath }: Manager): Promise<void> {
  const { units } = pathsOf(host);
  let theirs: string | undefined;
  for (const folder of unitPath) {
    if (await isPlace(host, folder, units)) {
      if (theirs === undefined) return;
      break;
    }
    const unit = join(folder, HOLDER_UNIT);
    if (theirs === undefined && (await host.files.status(unit)) !== undefined) theirs = unit;
  }
  const ours = host.env.XDG_CONFIG_HOME;
  const found =
    theirs === undefined ? `does not look into ${units}` : `takes ${HOLDER_UNIT} from ${theirs}, not from ${units}`;
  throw new FleetError(
    EXIT.unavailable,
    "systemd does not take the units from where they were written",
    `the user manager ${found}; XDG_CONFIG_HOME is ${ours ?? "not set"} in this shell, and may be another in the manager (systemctl --user show-environment)`,
    ours === undefined ? ["systemctl --user show -p UnitPath"] : ["unset XDG_CONFIG_HOME", "mosaic-fleet install"],
  );
}

/** Also of a folder that is not there yet: then by the one in which it will be. */
async function isPlace(host: Host, one: string, other: string): Promise<boolean> {
  if (one === other || (await host.files.samePlace(one, other))) return true;
  if (dirname(one) === one || one.slice(one.lastIndexOf("/")) !== other.slice(other.lastIndexOf("/"))) return false;
  const there = await Promise.all([one, other].map((path) => host.files.status(path)));
  return there.every((status) => status === undefined) && isPlace(host, dirname(one), dirname(other));
}
