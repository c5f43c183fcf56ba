import { dirname, join } from "node:path";
import { locked, type Refusals } from "../adapters/lock.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import { afterFileError } from "../core/file-error.ts";
import type { Host } from "../core/host.ts";
import { pathsOf, tilde } from "../core/paths.ts";
import { shellPath } from "../core/shell.ts";

const NOTHING = "Nothing was changed";

/** How long another change is waited for, in milliseconds: each takes a few. */
const PATIENCE_MS = 10_000;

/** Does something while no other command of ours changes the settings of agents: two edits at once would lose one. Throws FleetError. */
export async function whileOthersWait<T>(host: Host, work: () => Promise<T>): Promise<T> {
  const { state } = pathsOf(host);
  const started = host.now();
  const refusals: Refusals = {
    nothing: NOTHING,
    busy: ({ pid, runs }) =>
      host.now() - started <= PATIENCE_MS
        ? undefined
        : new FleetError(EXIT.unavailable, NOTHING, `${runs}, and changes settings`, [
            `tail --pid=${pid} -f /dev/null   # when that has ended, again`,
          ]),
    failed: (error) => new FleetError(EXIT.cantcreate, NOTHING, describeError(error), afterFileError(error, state)),
  };
  const ready = () => host.files.makeFolder(state, 0o700);
  return locked(host, join(state, "settings.lock"), refusals, ready, work);
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
    new FleetError(EXIT.cantcreate, `${tilde(path, host.user.home)} is left as it is`, why, [
      `namei -l ${shellPath(path, host.user.home)}   # whose is what, and where does it lead?`,
    ]);
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
      throw new FleetError(
        EXIT.cantcreate,
        `${tilde(path, host.user.home)} was not written`,
        describeError(error),
        afterFileError(error, real),
      );
    }
    return true;
  }
}

export function same(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === other || (one !== undefined && other !== undefined && Buffer.compare(one, other) === 0);
}
