import { dirname, join } from "node:path";
import { procfsOf } from "../adapters/procfs.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { pathsOf, tilde } from "../core/paths.ts";

/** How long another change is waited for, in milliseconds: each takes a few. */
const PATIENCE_MS = 10_000;

/**
 * Does something while no other command of ours changes the settings of agents: two edits at once would lose one. The lock is
 * a symbolic link to "PID STARTTIME" of its process; that of one that is gone does not count. Throws FleetError.
 */
export async function whileOthersWait<T>(host: Host, work: () => Promise<T>): Promise<T> {
  const { state } = pathsOf(host);
  const lock = join(state, "settings.lock");
  const me = `${host.pid} ${await procfsOf(host).startTime(host.pid)}`;
  const started = host.now();
  for (;;) {
    await host.files.makeFolder(state, 0o700).catch((error) => {
      throw new FleetError(EXIT.cantcreate, "Nothing was changed", describeError(error));
    });
    if (await host.files.makeLink(lock, me)) break;
    const holder = await host.files.readLink(lock);
    const [pid, startTime] = /^(\d+) (\d+)$/.exec(holder ?? "")?.slice(1) ?? [];
    if (holder !== undefined && startTime !== undefined && (await procfsOf(host).startTime(Number(pid))) !== startTime)
      await host.files.removeLink(lock, holder);
    else if (host.now() - started > PATIENCE_MS)
      throw new FleetError(
        EXIT.unavailable,
        "Nothing was changed",
        `${tilde(lock, host.user.home)} is in the way${pid === undefined ? "" : `: process ${pid} changes settings`}`,
      );
    else await host.pause(10);
  }
  try {
    return await work();
  } finally {
    await host.files.removeLink(lock, me).catch(() => undefined);
  }
}

/** A file that this program may write: the user's own, whatever link leads to it. */
export interface OwnFile {
  /** The file itself, where the path is a link to it. */
  readonly real: string;
  /** undefined where there is none. */
  readonly bytes: Uint8Array | undefined;
  readonly mode: number;
}

/** Throws FleetError (73) for what is no file, or another user's. */
export async function readOwnFile(host: Host, path: string): Promise<OwnFile> {
  const refuse = (why: string) =>
    new FleetError(EXIT.cantcreate, `${tilde(path, host.user.home)} is left as it is`, why);
  const folderOwner = await host.files.ownerOf(dirname(path));
  if (folderOwner !== undefined && folderOwner !== host.user.uid)
    throw refuse(`its folder belongs to user ${folderOwner}`);
  const own = await host.files.status(path);
  if (own === undefined) return { real: path, bytes: undefined, mode: 0 };
  const real = own.kind === "link" ? await host.files.realPath(path) : path;
  const status = real === undefined ? undefined : await host.files.status(real);
  if (real === undefined || status === undefined) throw refuse("it is a link to nothing");
  if (status.kind !== "file")
    throw refuse(`it is ${own.kind === "link" ? `a link to ${real}, which is no file` : "no file"}`);
  if (status.uid !== host.user.uid) throw refuse(`it belongs to user ${status.uid}`);
  const bytes = await host.files.readBytes(real).catch((error) => {
    throw refuse(describeError(error));
  });
  return { real, bytes, mode: status.mode };
}

/**
 * Writes a file of the user's anew, whole or not at all, with what `next` makes of what is in it; undefined from it leaves it
 * as it is. What somebody writes meanwhile is read again, never lost. Says whether it was written. Throws FleetError (73).
 */
export async function rewrite(
  host: Host,
  path: string,
  mode: number,
  next: (bytes: Uint8Array | undefined) => Uint8Array | undefined,
): Promise<boolean> {
  for (;;) {
    const { real, bytes, mode: had } = await readOwnFile(host, path);
    const becomes = next(bytes);
    if (becomes === undefined || (same(bytes, becomes) && had === mode)) return false;
    try {
      await host.files.makeFolder(dirname(real), 0o700);
      if (!same(bytes, (await readOwnFile(host, path)).bytes)) continue;
      await host.files.writeAtomic(real, becomes, mode);
    } catch (error) {
      if (error instanceof FleetError) throw error;
      throw new FleetError(EXIT.cantcreate, `${tilde(path, host.user.home)} was not written`, describeError(error));
    }
    return true;
  }
}

export function same(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === other || (one !== undefined && other !== undefined && Buffer.compare(one, other) === 0);
}
