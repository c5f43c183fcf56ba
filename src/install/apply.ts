import { dirname, join } from "node:path";
import { samePlace, TEMPORARY } from "../adapters/files.ts";
import { lingers } from "../adapters/loginctl.ts";
import { systemdOf } from "../adapters/systemd.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { describeResult, type ExecResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { type Action, changes, type Plan } from "./action.ts";
import { knownSums, type Receipt } from "./receipt.ts";
import { sha256 } from "./sum.ts";

/** What was there before, so that a run which cannot finish leaves things as they were. */
type Undo = () => Promise<void>;

/** What is recorded about a plan: as it was, and as it will be; undefined for none. */
export interface Records {
  readonly before: Receipt | undefined;
  readonly after: Receipt | undefined;
  /** What failed, when it fails: "The layout was not installed". */
  readonly what: string;
}

/**
 * Does what a plan without conflicts says. Either all of it is done and recorded, or what was done is undone and a
 * FleetError says why. Killed at any point it leaves a receipt with which the next run finishes or undoes.
 */
export async function applyPlan(host: Host, plan: Plan, { before, after, what }: Records): Promise<void> {
  const paths = pathsOf(host);
  const undos: Undo[] = [];
  const folders = [...((after ?? before)?.folders ?? [])];
  try {
    await makeFolder(host, dirname(paths.receipt), [], undos, 0o700);
    const save = (saved: Receipt) =>
      host.files.writeAtomic(paths.receipt, `${JSON.stringify(saved, null, 2)}\n`, 0o600);
    const was = await host.files.read(paths.receipt);
    undos.push(() =>
      was === undefined ? host.files.removeFile(paths.receipt) : host.files.writeAtomic(paths.receipt, was, 0o600),
    );
    await save(unfinished(before, after));
    await clearTemporaries(host, new Set([paths.receipt, ...writtenPaths(plan)].map(dirname)));
    for (const step of changes(plan)) await applyAction(host, step.action, folders, undos);
    if (after !== undefined) await save({ ...after, folders: [...new Set(folders)] });
    else await host.files.removeFile(paths.receipt);
  } catch (error) {
    for (const undo of undos.reverse()) await undo();
    // The manager may have read what is no longer there.
    await systemdOf(host).daemonReload();
    const {
      exit,
      what: failed,
      why,
      next,
    } = error instanceof FleetError ? error : new FleetError(EXIT.cantcreate, what, describeError(error));
    throw new FleetError(exit, failed, `${why.replace(/\.$/, "")}. What had been done was taken back`, next);
  }
}

/** What a run that is killed now leaves: every path that may hold something of ours, with all that it may hold. */
function unfinished(before: Receipt | undefined, after: Receipt | undefined): Receipt {
  const base = after ?? before;
  if (base === undefined) throw new Error("a plan that begins and ends with nothing installed");
  const dropped = (before?.files ?? []).filter(({ path }) => !base.files.some((file) => file.path === path));
  return {
    ...base,
    phase: "applying",
    files: [...base.files, ...dropped].map((file) => ({ ...file, before: knownSums(before, file.path) })),
    enabled: [...new Set([...(before?.enabled ?? []), ...base.enabled])],
    linger: base.linger || (before?.linger ?? false),
  };
}

function writtenPaths(plan: Plan): string[] {
  return plan.steps.flatMap(({ action }) => (action.kind === "write-file" ? [action.path] : []));
}

/** Removes what a run that was killed left of its atomic writes. */
async function clearTemporaries(host: Host, folders: ReadonlySet<string>): Promise<void> {
  for (const folder of folders)
    for (const name of await host.files.list(folder)) {
      if (!TEMPORARY.test(name)) continue;
      const path = join(folder, name);
      const status = await host.files.status(path);
      if (status?.kind === "file" && status.uid === host.user.uid) await host.files.removeFile(path);
    }
}

async function applyAction(host: Host, action: Action, folders: string[], undos: Undo[]): Promise<void> {
  const { files } = host;
  const systemd = systemdOf(host);
  switch (action.kind) {
    case "make-folder":
      return makeFolder(host, action.path, folders, undos);
    case "write-file": {
      await makeFolder(host, dirname(action.path), folders, undos);
      undos.push(await restorer(host, action.path));
      return files.writeAtomic(action.path, action.text, action.mode);
    }
    case "remove-file": {
      const text = await files.read(action.path);
      if (text === undefined || !action.sums.includes(sha256(text))) return; // changed since we looked: the user's
      undos.push(await restorer(host, action.path));
      return files.removeFile(action.path);
    }
    case "remove-folder":
      if (await files.removeEmptyFolder(action.path))
        undos.push(async () => void (await files.makeFolder(action.path)));
      return;
    case "daemon-reload":
      must(await systemd.daemonReload(), "systemd did not take the units");
      return action.loads ? mustBeRead(host) : undefined;
    case "enable":
    case "disable": {
      must(await systemd.run(action.kind, action.units), `${action.units.join(", ")}: ${action.kind} failed`);
      const back = action.kind === "enable" ? "disable" : "enable";
      undos.push(async () => void (await systemd.run(back, action.units)));
      return;
    }
    case "start": {
      const started = await systemd.run("start", action.units);
      if (!succeeded(started)) {
        await systemd.run("stop", action.units); // it would try again and again
        await systemd.run("reset-failed", action.units);
      }
      return must(started, `${action.units.join(", ")} did not start`, [
        `journalctl --user -u ${action.units[0]} -n 20`,
      ]);
    }
    case "stop":
    case "restart": {
      const result = await systemd.run(action.kind, action.units, 120_000);
      return must(result, `${action.units.join(", ")} did not ${action.kind}`, ["systemctl --user status"]);
    }
    case "linger": {
      const verb = action.on ? "enable-linger" : "disable-linger";
      const result = await host.exec(["loginctl", verb]);
      // Its exit code says nothing.
      if ((await lingers(host, host.user.name)) !== action.on)
        throw new FleetError(EXIT.unavailable, `loginctl ${verb} did not help`, describeResult(result), [
          `sudo loginctl ${verb} ${host.user.name}`,
        ]);
      undos.push(async () => void (await host.exec(["loginctl", action.on ? "disable-linger" : "enable-linger"])));
      return;
    }
  }
}

/** Puts a file back as it is now. */
async function restorer(host: Host, path: string): Promise<Undo> {
  const [text, status] = await Promise.all([host.files.read(path), host.files.status(path)]);
  return () =>
    text === undefined ? host.files.removeFile(path) : host.files.writeAtomic(path, text, status?.mode ?? 0o600);
}

/**
 * A manager whose XDG_CONFIG_HOME is another than ours reloads without a word, and takes the units from elsewhere or
 * knows none of them. Throws FleetError (69).
 */
export async function mustBeRead(host: Host): Promise<void> {
  const { units } = pathsOf(host);
  const [holder] = await systemdOf(host).show([HOLDER_UNIT]);
  const theirs = holder?.fragment ?? "";
  // The folders: two files may be one by a hard link.
  if (theirs !== "" && (await samePlace(dirname(theirs), units))) return;
  const ours = host.env.XDG_CONFIG_HOME;
  const found =
    theirs === "" ? `does not look into ${units}` : `takes ${HOLDER_UNIT} from ${theirs}, not from ${units}`;
  throw new FleetError(
    EXIT.unavailable,
    "systemd does not take the units from where they were written",
    `the user manager ${found}; XDG_CONFIG_HOME is ${ours ?? "not set"} in this shell, and may be another in the manager (systemctl --user show-environment)`,
    ours === undefined ? ["systemctl --user show -p UnitPath"] : ["unset XDG_CONFIG_HOME", "mosaic-fleet install"],
  );
}

async function makeFolder(host: Host, path: string, madeFolders: string[], undos: Undo[], mode = 0o755): Promise<void> {
  const made = await host.files.makeFolder(path, mode);
  madeFolders.push(...made);
  undos.push(async () => {
    for (const folder of made.reverse()) await host.files.removeEmptyFolder(folder);
  });
}

function must(result: ExecResult, what: string, next: readonly string[] = []): void {
  if (!succeeded(result)) throw new FleetError(EXIT.unavailable, what, describeResult(result), next);
}
