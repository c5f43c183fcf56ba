import { dirname, join } from "node:path";
import { lingers, setLinger } from "../adapters/logind.ts";
import { sha256 } from "../adapters/sum.ts";
import { systemdOf, type Unit } from "../adapters/systemd.ts";
import { reloadManager, setEnabled } from "../adapters/unit-files.ts";
import { FleetError } from "../core/errors.ts";
import { describeResult, type ExecResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host, Prepared } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { shellWord } from "../core/shell.ts";
import type { Action } from "./action.ts";
import { bootLinkOf, otherStartLinks } from "./look.ts";
import { runningUnits } from "./restart.ts";

/** What has been done so far. */
export interface Ledger {
  /** Each puts one thing back as it was. */
  readonly undos: (() => Promise<unknown>)[];
  /** Folders in which something was made, renamed or removed, and that a power loss may still take back. */
  readonly touched: Set<string>;
  /** What is written already, and not yet in its place: by its path. */
  readonly prepared: Map<string, Prepared>;
}

export function newLedger(): Ledger {
  return { undos: [], touched: new Set(), prepared: new Map() };
}

/**
 * Has every file's new content on the disk before the first of them takes its place: all at once, since a disk syncs many as
 * quickly as one, and what does not fit changes nothing. Throws what the file system says.
 */
export async function prepareFiles(host: Host, actions: readonly Action[], ledger: Ledger): Promise<void> {
  const writes = actions.filter((action) => action.kind === "write-file" || action.kind === "seed-file");
  for (const folder of new Set(writes.map(({ path }) => dirname(path)))) await makeFolder(host, folder, ledger);
  ledger.undos.push(() => discardPrepared(ledger));
  for (const { path, text, mode } of writes) ledger.prepared.set(path, host.files.prepare(path, text, mode));
  await Promise.all([...ledger.prepared.values()].map(({ ready }) => ready));
}

async function discardPrepared({ prepared }: Ledger): Promise<void> {
  for (const each of prepared.values()) await each.discard();
}

/** Does one thing, and notes how to undo it before it is done. Throws FleetError, or what the file system says. */
export async function perform(host: Host, action: Action, ledger: Ledger, what: string): Promise<void> {
  const { files } = host;
  const systemd = systemdOf(host);
  const { undos, touched, prepared } = ledger;
  switch (action.kind) {
    case "make-folder":
      return makeFolder(host, action.path, ledger);
    case "write-file": {
      const found = await contentOf(host, action.path);
      if ((found?.sha256 ?? null) !== action.over) throw changedMeanwhile(what, action.path);
      touched.add(dirname(action.path));
      undos.push(() => putBack(host, action.path, found));
      return prepared.get(action.path)?.place();
    }
    case "seed-file": {
      touched.add(dirname(action.path));
      // Since it is there it is the user's: what the user has made of it stays.
      undos.push(async () => {
        const found = await contentOf(host, action.path);
        if (found === undefined || found.sha256 === action.sha256) await files.removeFile(action.path);
      });
      if (!(await prepared.get(action.path)?.placeNew())) throw changedMeanwhile(what, action.path);
      return prepared.get(action.path)?.discard(); // it has two names now
    }
    case "keep-copy": {
      const found = await contentOf(host, action.path);
      if (found?.sha256 !== action.sha256) throw changedMeanwhile(what, action.path);
      const to = await freeName(host, action.to, action.sha256);
      if (to === undefined) return;
      undos.push(() => files.removeFile(to));
      return files.writeAtomic(to, found.bytes, found.mode); // there for good before ours takes its place
    }
    case "remove-file": {
      const found = await contentOf(host, action.path);
      if (found === undefined || !action.sums.includes(found.sha256)) return; // changed since we looked: the user's
      touched.add(dirname(action.path));
      undos.push(() => putBack(host, action.path, found));
      return files.removeFile(action.path);
    }
    case "remove-folder":
      touched.add(dirname(action.path));
      return removeFolder(host, action.path, undos);
    case "daemon-reload":
      return reload(host);
    case "enable":
    case "disable": {
      const { kind } = action;
      const units = (await systemd.show(action.units)).filter((unit) => !isSo(kind, unit)).map(({ id }) => id);
      if (units.length > 0) undos.push(() => reverse(host, { kind: kind === "enable" ? "disable" : "enable", units }));
      const take = async (link: string) => {
        await files.removeFile(link);
        await files.removeEmptyFolder(dirname(link));
      };
      if (action.kind === "disable" && action.path !== undefined) {
        touched.add(dirname(action.path));
        await take(action.path);
        return reload(host);
      }
      if (kind === "enable" && (await otherStartLinks(host)).length > 0) undos.push(() => take(bootLinkOf(host)));
      return order(host, action, `was not ${kind}d`);
    }
    case "start":
      undos.push(async () => {
        await reverse(host, { kind: "stop", units: action.units });
        await systemd.run("reset-failed", action.units); // what has failed would be tried again and again
      });
      return order(host, action, "did not start", [`journalctl --user-unit ${action.units[0]} -n 50`]);
    case "stop":
      undos.push(async () => {
        await reloadManager(host); // it may have read that they are gone
        await systemd.run("start", action.units, STOP_LIMIT_MS);
      });
      return order(host, action, "did not stop", ["systemctl --user status"]);
    case "linger":
      return linger(host, action.on, undos);
  }
}

/** Has the manager read its units anew. That it does is not believed to have brought ours: it may see other files at their place. */
async function reload(host: Host): Promise<void> {
  const what = "systemd did not take the units";
  const { load, ...result } = await reloadManager(host, HOLDER_UNIT);
  must(result, what);
  const { units } = pathsOf(host);
  const path = join(units, HOLDER_UNIT);
  if (load !== "not-found" || (await host.files.status(path)) === undefined) return;
  throw new FleetError(
    EXIT.unavailable,
    what,
    `the user manager has read its units anew, and knows no ${HOLDER_UNIT}: at ${path} it sees other files than this shell, as one outside of a container does`,
    [`findmnt --target ${shellWord(units)}   # where is it mounted? Install where the user manager runs`],
  );
}

type OfUnits = Extract<Action, { readonly units: readonly string[] }>;

/** Has the manager do it. That it says so is not believed: the units' own state tells. Throws FleetError (69). */
async function order(host: Host, action: OfUnits, failed: string, next: readonly string[] = []): Promise<void> {
  const what = `${action.units.join(", ")} ${failed}`;
  must(await give(host, action, action.kind === "stop" ? STOP_LIMIT_MS : undefined), what, next);
  const otherwise = await notSo(host, action);
  if (otherwise.length > 0)
    throw new FleetError(EXIT.unavailable, what, `systemd says that it is done, but ${otherwise.join(", ")}`, next);
}

/** Undoes an order, by the one that is the reverse of it. Throws where it is not so then, or cannot be told. */
async function reverse(host: Host, action: OfUnits): Promise<void> {
  const result = await give(host, action);
  if (result.kind === "timed-out") throw new Error(describeResult(result)); // it may do the one, and not the other
  const otherwise = await notSo(host, action);
  if (otherwise.length > 0) throw new Error(`${otherwise.join(", ")}, and ${describeResult(result)}`);
}

function give(host: Host, { kind, units }: OfUnits, limitMs?: number): Promise<ExecResult> {
  if (kind === "enable" || kind === "disable") return setEnabled(host, kind, units);
  return systemdOf(host).run(kind, units, limitMs);
}

/** What is otherwise than ordered. */
async function notSo(host: Host, { kind, units }: OfUnits): Promise<string[]> {
  if (kind === "stop")
    return (await runningUnits(host)).filter((unit) => units.includes(unit)).map((unit) => `${unit} runs`);
  return (await systemdOf(host).show(units))
    .filter((unit) => !isSo(kind, unit))
    .map(({ id, active, fileState }) => `${id} is ${kind === "start" ? active : fileState || "not installed"}`);
}

function isSo(kind: "enable" | "disable" | "start", { active, fileState }: Unit): boolean {
  return kind === "start" ? active === "active" : (fileState === "enabled") === (kind === "enable");
}

/** Many agents, each of which may take its TimeoutStopSec=. */
const STOP_LIMIT_MS = 180_000;

async function linger(host: Host, on: boolean, undos: Ledger["undos"]): Promise<void> {
  const so = async () => (await lingers(host, host.user.name)) === on;
  if (!(await so()))
    undos.push(async () => {
      const result = await setLinger(host, !on);
      if (await so()) throw new Error(`lingering is ${on ? "on" : "off"}, and ${describeResult(result)}`);
    });
  const result = await setLinger(host, on);
  if (await so()) return;
  const command = result.argv.join(" ");
  throw new FleetError(EXIT.unavailable, `${command} did not help`, describeResult(result), [
    `sudo ${command} ${shellWord(host.user.name)}`,
  ]);
}

async function makeFolder(host: Host, path: string, { undos, touched }: Ledger): Promise<void> {
  const made: string[] = [];
  undos.push(async () => {
    for (const folder of made.reverse()) await host.files.removeEmptyFolder(folder);
  });
  made.push(...(await host.files.makeFolder(path)));
  for (const folder of made) touched.add(dirname(folder));
}

async function removeFolder({ files }: Host, path: string, undos: Ledger["undos"]): Promise<void> {
  const mode = (await files.status(path))?.mode;
  if (mode === undefined) return;
  if (await files.removeEmptyFolder(path)) undos.push(() => files.makeFolder(path, mode));
}

interface Content {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly mode: number;
}

/** What is in a regular file; undefined when nothing is there. Throws for anything else, which has come there since we looked. */
async function contentOf(host: Host, path: string): Promise<Content | undefined> {
  const status = await host.files.status(path);
  if (status === undefined) return undefined;
  const bytes = status.kind === "file" ? await host.files.readBytes(path) : undefined;
  if (bytes === undefined) throw new Error(`${path} is no file any more`);
  return { bytes, sha256: sha256(bytes), mode: status.mode };
}

/** Has a file be as it was. Where it still is so nothing is written: it may be what cannot be written that has failed. */
async function putBack(host: Host, path: string, was: Content | undefined): Promise<void> {
  const { files } = host;
  const is = await contentOf(host, path).catch(() => null);
  if (is !== null && is?.sha256 === was?.sha256 && is?.mode === was?.mode) return;
  await (was === undefined ? files.removeFile(path) : files.replace(path, was.bytes, was.mode));
}

/** A name at which nothing is; undefined when this content is kept under such a name already. */
async function freeName(host: Host, name: string, sum: string): Promise<string | undefined> {
  for (let count = 1; ; count++) {
    const path = count === 1 ? name : `${name}-${count}`;
    const status = await host.files.status(path);
    if (status === undefined) return path;
    if (status.kind === "file" && (await contentOf(host, path))?.sha256 === sum) return undefined;
  }
}

function changedMeanwhile(what: string, path: string): FleetError {
  return new FleetError(EXIT.cantcreate, what, `${path} was changed while this ran`, []); // applyPlan() says: again
}

function must(result: ExecResult, what: string, next: readonly string[] = []): void {
  if (!succeeded(result)) throw new FleetError(EXIT.unavailable, what, describeResult(result), next);
}
