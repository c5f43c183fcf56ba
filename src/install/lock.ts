import { join } from "node:path";
import { makeLink, removeLink } from "../adapters/files.ts";
import { procfsOf } from "../adapters/procfs.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import { moveAside } from "../core/shell.ts";

/**
 * Does something while no other install of this user does. The lock is a symbolic link, there whole or not at all, to
 * "PID STARTTIME" of its process; that of a process which is gone does not count. Throws FleetError: 69 while another
 * install runs, 73 where no lock can be made.
 */
export async function withLock<T>(host: Host, work: () => Promise<T>): Promise<T> {
  const { state } = pathsOf(host);
  const lock = join(state, "install.lock");
  const me = `${host.pid} ${await procfsOf(host).startTime(host.pid)}`;
  const made = new Set<string>();
  try {
    while (!(await taken())) await clearStale(host, lock);
    try {
      return await work();
    } finally {
      await removeLink(lock, me);
    }
  } finally {
    for (const folder of [...made].reverse()) await host.files.removeEmptyFolder(folder);
  }

  async function taken(): Promise<boolean> {
    try {
      for (const folder of await host.files.makeFolder(state, 0o700)) made.add(folder);
      return await makeLink(lock, me);
    } catch (error) {
      throw new FleetError(EXIT.cantcreate, "Nothing was installed", describeError(error));
    }
  }
}

/** Takes away the lock of a process that is gone; throws when something else is in the way. */
async function clearStale(host: Host, lock: string): Promise<void> {
  const status = await host.files.status(lock);
  if (status === undefined) return; // given back meanwhile
  const holder = await host.files.readLink(lock);
  if (status.kind === "link" && holder === undefined) return;
  const [pid, startTime] = /^(\d+) (\d+)$/.exec(holder ?? "")?.slice(1) ?? [];
  if (holder === undefined || startTime === undefined)
    throw new FleetError(EXIT.cantcreate, "Nothing was installed", `${lock} is in the way, and is no lock of ours`, [
      moveAside(lock, "yours"),
      "mosaic-fleet install",
    ]);
  if ((await procfsOf(host).startTime(Number(pid))) === startTime)
    throw new FleetError(EXIT.unavailable, "Nothing was installed", `another install runs (pid ${pid})`, [
      "mosaic-fleet install",
    ]);
  await removeLink(lock, holder);
}
