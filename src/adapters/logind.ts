import type { ExecResult } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { type Bus, BusError, openSystemBus } from "./bus.ts";
import type { BusValue } from "./bus-codec.ts";

const LOGIND = "org.freedesktop.login1";
const MANAGER = "/org/freedesktop/login1";
const MARKS = "/var/lib/systemd/linger";

/** What the bus says when nobody has a name, or nothing is known by a path. */
const NOBODY = ["org.freedesktop.DBus.Error.NameHasNoOwner", "org.freedesktop.DBus.Error.ServiceUnknown"];
const NOTHING = ["org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.login1.NoSuchUser"];

/**
 * Whether the user's manager, and with it the fleet, stays after logout: by logind's property, else by its own mark,
 * which it reads for that property. Exit codes of loginctl say nothing. undefined when it cannot be told.
 */
export async function lingers(
  host: Pick<Host, "files" | "user">,
  user: string,
  bus?: Bus,
): Promise<boolean | undefined> {
  let unknown = false;
  try {
    const path = `${MANAGER}/user/_${host.user.uid}`;
    const said = await bus?.to(LOGIND).property(path, `${LOGIND}.User`, "Linger");
    if (typeof said === "boolean") return said;
  } catch (error) {
    // Whom logind does not know has no session, and its mark counts all the same.
    if (!(error instanceof BusError) || ![...NOBODY, ...NOTHING].includes(error.code)) throw error;
    unknown = NOTHING.includes(error.code);
  }
  if ((await host.files.status(lingerMark(user))) !== undefined) return true;
  return unknown || (await host.files.status(MARKS)) !== undefined ? false : undefined;
}

/** The file by which logind remembers that a user lingers, written whenever that is asked for. */
export function lingerMark(user: string): string {
  return `${MARKS}/${user.replaceAll("\\", "\\\\")}`;
}

/** The same, asked of logind itself where it answers: it has then done what it was asked before, and by whomever. */
export async function lingersNow(host: Pick<Host, "env" | "files" | "user">): Promise<boolean | undefined> {
  try {
    const bus = await openSystemBus(host);
    try {
      return await lingers(host, host.user.name, bus);
    } finally {
      bus?.close();
    }
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    return lingers(host, host.user.name);
  }
}

/**
 * Has this user's manager stay after logout, or not: lingers() tells whether it does, for the exit code of loginctl does not. Asked over a
 * connection of our own, so that nobody still asks when we have been killed; where that does not work loginctl is run, which
 * can ask the user for a password.
 */
export async function setLinger(host: Pick<Host, "env" | "user" | "exec">, on: boolean): Promise<ExecResult> {
  const argv = ["loginctl", on ? "enable-linger" : "disable-linger"];
  try {
    const bus = await openSystemBus(host);
    if (bus === undefined) return host.exec(argv);
    try {
      await bus.to(LOGIND).call(MANAGER, `${LOGIND}.Manager.SetUserLinger`, host.user.uid, on, false);
    } finally {
      bus.close();
    }
    return { argv, stdout: "", stderr: "", kind: "exited", code: 0 };
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    return host.exec(argv);
  }
}

export interface KillsUserProcesses {
  /** What becomes of this user's. */
  readonly kills: boolean;
  readonly everybody: boolean;
  readonly only: readonly string[];
  readonly exclude: readonly string[];
}

/** Whether logind kills what a session has started when it ends; undefined where no logind runs. */
export async function killsUserProcesses(bus: Bus, user: string): Promise<KillsUserProcesses | undefined> {
  try {
    const [everybody, only, exclude] = await Promise.all(
      ["KillUserProcesses", "KillOnlyUsers", "KillExcludeUsers"].map((name) =>
        bus.to(LOGIND).property(MANAGER, `${LOGIND}.Manager`, name),
      ),
    );
    if (typeof everybody !== "boolean") throw new Error(`logind's KillUserProcesses is ${everybody}`);
    const lists = { everybody, only: words(only), exclude: words(exclude) };
    // In this order, as logind itself decides it.
    const kills = lists.exclude.includes(user) ? false : lists.only.length > 0 ? lists.only.includes(user) : everybody;
    return { kills, ...lists };
  } catch (error) {
    if (error instanceof BusError && NOBODY.includes(error.code)) return undefined;
    throw error;
  }
}

function words(value: BusValue | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
