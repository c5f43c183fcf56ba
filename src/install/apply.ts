import { dirname, join } from "node:path";
import { TEMPORARY } from "../adapters/files.ts";
import { reloadManager } from "../adapters/unit-files.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import { afterFileError } from "../core/file-error.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import { type Action, changes, type Plan } from "./action.ts";
import type { Intent } from "./look.ts";
import { type Ledger, newLedger, perform, prepareFiles } from "./perform.ts";
import { type Records, unfinished } from "./receipt.ts";
import { MARK, type Mark, runningReceipt, runOf, textOf } from "./receipt-run.ts";

/** For what is said when it fails. */
interface Wording extends Intent {
  /** "The layout was not installed" */
  readonly what: string;
}

/**
 * Does what a plan without conflicts says. Either all of it is done and recorded, or what was done is undone and a
 * FleetError says why. The receipt is written first, with all that any file may hold until it is replaced by the one that
 * is true at the end, and says before and after each thing that is done, or undone, how far it has got: a run that is killed
 * at any point leaves what the next run finishes or undoes. All that takes space is on the disk before anything is changed.
 */
export async function applyPlan(host: Host, plan: Plan, records: Records, { command, what, again }: Wording) {
  const { after } = records;
  const { receipt } = pathsOf(host);
  const ledger = newLedger();
  ledger.touched.add(dirname(receipt));
  /** Puts the receipt back as it was. */
  let restore = async () => {};
  const actions = changes(plan).map(({ action }) => action);
  const meanwhile = { ...unfinished(records), run: runOf(command, actions) };
  const running = runningReceipt(host, meanwhile);
  // That it is undone outweighs that it is written down.
  const unmark = (index: number, mark: Mark) => () => running.mark(index, mark).catch(() => undefined);
  try {
    await clearTemporaries(host, meanwhile.files);
    const was = await host.files.setAside(receipt);
    restore = () => (was === undefined ? host.files.removeFile(receipt) : was.restore());
    await running.place();
    const last = after && host.files.prepare(receipt, textOf(after), 0o600);
    if (last !== undefined) {
      const before = restore;
      restore = () => last.discard().then(before);
      await last.ready;
    }
    for (const [index, action] of actions.entries()) {
      if (host.interrupted.aborted) throw new FleetError(EXIT.interrupted, what, "it was interrupted", [again]);
      if (ledger.prepared.size === 0 && takesSpace(action)) await prepareFiles(host, actions, ledger);
      ledger.undos.push(unmark(index, MARK.ahead));
      await running.mark(index, MARK.begun);
      await perform(host, action, ledger, what);
      await running.mark(index, MARK.done);
      ledger.undos.push(unmark(index, MARK.begun));
    }
    // Before the receipt says so, it is so, whatever happens to the machine.
    await Promise.all([...ledger.touched].map((folder) => host.files.sync(folder)));
    // Whatever becomes of the last step: nothing is undone under a receipt that says it is done.
    ledger.undos.push(running.place);
    await (last === undefined ? host.files.removeFile(receipt) : last.place());
    await host.files.sync(dirname(receipt));
    // A later run clears it where it cannot be removed now.
    await was?.discard().catch(() => undefined);
  } catch (error) {
    const stuck = await takeBack(host, ledger, restore, meanwhile.files);
    const next = afterFileError(error, dirname(receipt), again);
    const failure =
      error instanceof FleetError ? error : new FleetError(EXIT.cantcreate, what, describeError(error), next);
    const why = failure.why.replace(/\.$/, "");
    const told = failure.next.length > 0 ? failure.next : [again];
    if (stuck === undefined)
      throw new FleetError(failure.exit, failure.what, `${why}. What had been done was taken back`, told);
    throw new FleetError(
      failure.exit,
      failure.what,
      `${why}. What had been done could not all be taken back (${stuck}): the next run finishes it`,
      [...failure.next.filter((line) => line !== again), again],
    );
  } finally {
    await running.close();
  }
}

/** Whether it is on the disk before anything takes its place. Folders come first: it lies in them. */
function takesSpace({ kind }: Action): boolean {
  return kind === "write-file" || kind === "seed-file" || kind === "keep-copy";
}

/**
 * Undoes, the last thing first, up to the first that cannot be undone: what is left then is what a run that was killed
 * there would have left, and the receipt still says so. Says what went wrong.
 */
async function takeBack(
  host: Host,
  { undos, touched }: Ledger,
  restore: () => Promise<void>,
  files: readonly { readonly path: string }[],
): Promise<string | undefined> {
  const { receipt } = pathsOf(host);
  try {
    for (const undo of undos.toReversed()) await undo();
    await Promise.all([...touched].map((folder) => host.files.sync(folder)));
    await restore();
    await clearTemporaries(host, files);
    await host.files.sync(dirname(receipt));
    return undefined;
  } catch (error) {
    return describeError(error);
  } finally {
    // The manager may have read what is no longer there.
    if (undos.length > 0) await reloadManager(host);
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
