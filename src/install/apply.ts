import { dirname, join } from "node:path";
import { TEMPORARY } from "../adapters/files.ts";
import { systemdOf } from "../adapters/systemd.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import { changes, type Plan } from "./action.ts";
import { type Ledger, perform } from "./perform.ts";
import { type Receipt, type Records, unfinished } from "./receipt.ts";

/** For what is said when it fails. */
interface Wording {
  /** "The layout was not installed" */
  readonly what: string;
  /** The command that finishes what could not even be taken back. */
  readonly again: string;
}

/**
 * Does what a plan without conflicts says. Either all of it is done and recorded, or what was done is undone and a
 * FleetError says why. The receipt is written first, with all that any file may hold until it is written again at the
 * end: a run that is killed at any point leaves what the next run finishes or undoes.
 */
export async function applyPlan(host: Host, plan: Plan, records: Records, { what, again }: Wording): Promise<void> {
  const { after } = records;
  const { receipt } = pathsOf(host);
  const ledger: Ledger = { undos: [], touched: new Set([dirname(receipt)]) };
  const save = (saved: Receipt) => host.files.writeAtomic(receipt, `${JSON.stringify(saved, null, 2)}\n`, 0o600);
  const was = await host.files.readBytes(receipt);
  const meanwhile = unfinished(records);
  try {
    await save(meanwhile);
    await clearTemporaries(host, meanwhile.files);
    for (const step of changes(plan)) {
      if (host.interrupted.aborted) throw new FleetError(EXIT.interrupted, what, "it was interrupted");
      await perform(host, step.action, ledger, what);
    }
    // Before the receipt says so, it is so, whatever happens to the machine.
    for (const folder of ledger.touched) await host.files.sync(folder);
    // Whatever becomes of the last write: nothing is undone under a receipt that says it is done.
    ledger.undos.push(() => save(meanwhile));
    if (after !== undefined) await save(after);
    else {
      await host.files.removeFile(receipt);
      await host.files.sync(dirname(receipt));
    }
  } catch (error) {
    const stuck = await takeBack(host, ledger, was);
    const failure = error instanceof FleetError ? error : new FleetError(EXIT.cantcreate, what, describeError(error));
    const why = failure.why.replace(/\.$/, "");
    if (stuck === undefined)
      throw new FleetError(failure.exit, failure.what, `${why}. What had been done was taken back`, failure.next);
    throw new FleetError(
      failure.exit,
      failure.what,
      `${why}. What had been done could not all be taken back (${stuck}): the next run finishes it`,
      [...failure.next, again],
    );
  }
}

/**
 * Undoes, the last thing first, up to the first that cannot be undone: what is left then is what a run that was killed
 * there would have left, and the receipt still says so. Says what went wrong.
 */
async function takeBack(
  host: Host,
  { undos, touched }: Ledger,
  was: Uint8Array | undefined,
): Promise<string | undefined> {
  const { receipt } = pathsOf(host);
  try {
    for (const undo of undos.toReversed()) await undo();
    for (const folder of touched) await host.files.sync(folder);
    if (was === undefined) await host.files.removeFile(receipt);
    else await host.files.writeAtomic(receipt, was, 0o600);
    return undefined;
  } catch (error) {
    return describeError(error);
  } finally {
    // The manager may have read what is no longer there.
    if (undos.length > 0) await systemdOf(host).daemonReload();
  }
}

/** Removes what a run that was killed left of its writes, wherever it may have written. Under the lock only. */
export async function clearTemporaries(host: Host, files: readonly { readonly path: string }[]): Promise<void> {
  const { state, site } = pathsOf(host);
  for (const folder of new Set([state, site, host.user.home, ...files.map(({ path }) => dirname(path))]))
    for (const name of await host.files.list(folder)) {
      if (!TEMPORARY.test(name)) continue;
      const path = join(folder, name);
      const status = await host.files.status(path);
      // A link only where the lock is.
      const ours = status?.kind === "file" || (status?.kind === "link" && folder === state);
      if (ours && status.uid === host.user.uid) await host.files.removeFile(path);
    }
}
