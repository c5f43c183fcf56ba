import { dirname, join } from "node:path";
import { TEMPORARY } from "../adapters/files.ts";
import { clearStaleLock, LOCK_TEXT, lockText, markedBy } from "../adapters/lock.ts";
import { procfsOf } from "../adapters/procfs.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import { afterFileError } from "../core/file-error.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import { moveAside } from "../core/shell.ts";
import type { Intent } from "./look.ts";

/** In the state folder, while an install, a rollback or an uninstall runs. */
export const LOCK = "install.lock";

/** Whether a run that was killed has left its lock, or a file that it was writing, in the state folder. */
export async function leftBehind(host: Host): Promise<boolean> {
  return (await host.files.list(pathsOf(host).state)).some((name) => name === LOCK || TEMPORARY.test(name));
}

/** Whether an install, a rollback or an uninstall of this user runs now. */
export async function installRuns(host: Host): Promise<boolean> {
  const lock = await host.files.readLink(join(pathsOf(host).state, LOCK));
  const [pid, startTime] = LOCK_TEXT.exec(lock ?? "")?.slice(1) ?? [];
  return startTime !== undefined && (await procfsOf(host).startTime(Number(pid))) === startTime;
}

/**
 * Does something while no other install, rollback or uninstall of this user does. The lock is a symbolic link, there whole or not at all, to
 * "PID STARTTIME" of its process; that of a process which is gone does not count, once what it has left is ended. `work` gets the
 * host to act with, whose children are known by the lock; and the folders that were made for it: they go with it where they
 * are empty then. Throws FleetError: 69 while another runs, 73 where no lock can be made.
 */
export async function withLock<T>(
  host: Host,
  intent: Intent,
  work: (acting: Host, stateFolders: Set<string>) => Promise<T>,
): Promise<T> {
  const { state } = pathsOf(host);
  const lock = join(state, LOCK);
  const me = await lockText(host);
  const made = new Set<string>();
  try {
    while (!(await taken())) await clearStale(host, intent, lock);
    try {
      return await work(markedBy(me, host), made);
    } finally {
      // What cannot be taken away now is the next run's to clear, and must not hide what went wrong before.
      await host.files.removeLink(lock, me).catch(() => undefined);
    }
  } finally {
    for (const folder of [...made].sort().reverse()) await host.files.removeEmptyFolder(folder).catch(() => undefined);
  }

  async function taken(): Promise<boolean> {
    try {
      const folders = await host.files.makeFolder(state, 0o700);
      for (const folder of folders) made.add(folder);
      await Promise.all(folders.map((folder) => host.files.sync(dirname(folder)))); // or a power loss would take the receipt with it
      return await host.files.makeLink(lock, me);
    } catch (error) {
      throw new FleetError(
        EXIT.cantcreate,
        intent.nothing,
        describeError(error),
        afterFileError(error, host.user.home, intent.again),
      );
    }
  }
}

/** Takes away the lock of a process that is gone; throws when something else is in the way. */
async function clearStale(host: Host, { nothing, again }: Intent, lock: string): Promise<void> {
  const found = await clearStaleLock(host, lock);
  if (found === "strange")
    throw new FleetError(EXIT.cantcreate, nothing, `${lock} is in the way, and is no lock of ours`, [
      moveAside(lock, "yours"),
      again,
    ]);
  if (found !== "clear")
    throw new FleetError(EXIT.unavailable, nothing, `${found.runs}, and one goes at a time`, [
      `${again}   # when that has ended`,
    ]);
}
