import { dirname, join } from "node:path";
import { TEMPORARY } from "../adapters/files.ts";
import { isLocked, locked, type Refusals } from "../adapters/lock.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import { afterFileError } from "../core/file-error.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import type { Intent } from "./look.ts";

/** In the state folder, while an install, a rollback or an uninstall runs. */
export const LOCK = "install.lock";

/** Whether a run that was killed has left its lock, or a file that it was writing, in the state folder; or that folder, empty. */
export async function leftBehind(host: Host): Promise<boolean> {
  const { state } = pathsOf(host);
  const names = await host.files.list(state);
  if (names.length === 0) return (await host.files.status(state))?.kind === "folder";
  return names.some((name) => name === LOCK || TEMPORARY.test(name));
}

/** Whether an install, a rollback or an uninstall of this user runs now. */
export function installRuns(host: Host): Promise<boolean> {
  return isLocked(host, join(pathsOf(host).state, LOCK));
}

/**
 * Does something while no other install, rollback or uninstall of this user does. `work` gets the host to act with; and the folders
 * that were made for the lock: they go with it where they are empty then. Throws FleetError: 69 while another runs, 73
 * where no lock can be made.
 */
export async function withLock<T>(
  host: Host,
  { nothing, again }: Intent,
  work: (acting: Host, stateFolders: Set<string>) => Promise<T>,
): Promise<T> {
  const { state } = pathsOf(host);
  const made = new Set<string>();
  const refusals: Refusals = {
    nothing,
    again,
    busy: ({ runs }) =>
      new FleetError(EXIT.unavailable, nothing, `${runs}, and one goes at a time`, [
        `${again}   # when that has ended`,
      ]),
    failed: (error) =>
      new FleetError(EXIT.cantcreate, nothing, describeError(error), afterFileError(error, host.user.home, again)),
  };
  const ready = async () => {
    const folders = await host.files.makeFolder(state, 0o700);
    for (const folder of folders) made.add(folder);
    await Promise.all(folders.map((folder) => host.files.sync(dirname(folder)))); // or a power loss would take the receipt with it
  };
  try {
    return await locked(host, join(state, LOCK), refusals, ready, (acting) => work(acting, made));
  } finally {
    for (const folder of [...made].sort().reverse()) await host.files.removeEmptyFolder(folder).catch(() => undefined);
  }
}
