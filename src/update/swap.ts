import { join } from "node:path";
import { TEMPORARY } from "../adapters/files.ts";
import { LOCK_TEXT, locked, type Refusals } from "../adapters/lock.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import { afterFileError } from "../core/file-error.ts";
import type { Host } from "../core/host.ts";
import type { Place } from "./place.ts";

const LOCK = ".mosaic-fleet-update.lock";
const STAGING = ".mosaic-fleet-update-";
/** As mkdtemp names it. */
const LEFT_STAGING = /^\.mosaic-fleet-update-[A-Za-z0-9]{6}$/;

/**
 * Does something in a new folder beside the binary, 0700, while no other self-update of this binary does. The folder goes
 * with it; what a killed run left goes first. Throws FleetError: 69 while another runs, 73 where nothing can be made.
 */
export async function withStaging<T>(host: Host, { folder }: Place, work: (staging: string) => Promise<T>): Promise<T> {
  const { files } = host;
  const refusals: Refusals = {
    nothing: "Nothing was changed",
    busy: ({ pid }) =>
      new FleetError(EXIT.unavailable, "Nothing was changed", `another self-update runs (pid ${pid})`, [
        "mosaic-fleet self-update   # when it has ended",
      ]),
    failed: (error) =>
      new FleetError(EXIT.cantcreate, "Nothing was changed", describeError(error), afterFileError(error, folder)),
  };
  return locked(
    host,
    join(folder, LOCK),
    refusals,
    async () => {},
    async () => {
      let staging: string | undefined;
      try {
        await clearLeft(host, folder);
        staging = await files.makeTemporaryFolder(join(folder, STAGING));
        return await work(staging);
      } finally {
        // As with the lock: the next run clears it.
        if (staging !== undefined) await files.removeTree(staging).catch(() => undefined);
      }
    },
  );
}

/** Takes away what a run that was killed has left: its folder, and its lock, if that was just given back. */
async function clearLeft({ files }: Host, folder: string): Promise<void> {
  for (const name of await files.list(folder)) {
    const path = join(folder, name);
    if (LEFT_STAGING.test(name)) await files.removeTree(path);
    else if (TEMPORARY.test(name) && LOCK_TEXT.test((await files.readLink(path)) ?? "")) await files.removeFile(path);
  }
}

/**
 * Puts a binary into the place, and the one from there beside it: each path is always wholly one of two. Then runs
 * `proof`; when that throws, all is as it was before.
 */
export async function putInPlace(
  host: Host,
  { path, previous, folder }: Place,
  { fresh, staging }: { readonly fresh: string; readonly staging: string },
  proof: () => Promise<void>,
): Promise<void> {
  const { files } = host;
  const [was, older, kept] = [join(staging, "was"), join(staging, "older"), join(staging, "kept")];
  const hadOlder = (await files.status(previous)) !== undefined;
  const wasThere = (await files.status(path)) !== undefined;
  try {
    if (hadOlder) await files.keep(previous, older);
    if (wasThere) {
      await files.keep(path, was);
      await files.keep(path, kept);
      await files.rename(kept, previous);
    }
    await files.rename(fresh, path);
    await files.sync(folder);
    await proof();
  } catch (error) {
    // As far as it came; the first failure is the one to tell.
    if (wasThere) await files.rename(was, path).catch(() => undefined);
    if (hadOlder) await files.rename(older, previous).catch(() => undefined);
    else if (wasThere) await files.removeFile(previous).catch(() => undefined);
    await files.sync(folder).catch(() => undefined);
    if (error instanceof FleetError) throw error;
    const next = afterFileError(error, folder);
    throw new FleetError(EXIT.cantcreate, "The binary is as it was", describeError(error), next);
  }
}
