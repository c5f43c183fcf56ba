import { dirname, join } from "node:path";
import { samePlace, TEMPORARY } from "../adapters/files.ts";
import { systemdOf } from "../adapters/systemd.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { describeResult, type ExecResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { type Action, changes, type Plan } from "./action.ts";
import { knownSums, type Receipt } from "./receipt.ts";

/** What was there before, so that a run which cannot finish leaves things as they were. */
type Undo = () => Promise<void>;

/**
 * Does what a plan without conflicts says. Either all of it is done and recorded, or what was done is undone and a
 * FleetError says why.
 */
export async function applyPlan(host: Host, plan: Plan, version: string, recorded: Receipt | undefined): Promise<void> {
  const paths = pathsOf(host);
  const receipt = receiptFor(host, plan, version, recorded);
  const undos: Undo[] = [];
  try {
    await makeFolder(host, dirname(paths.receipt), [], undos, 0o700);
    const save = (saved: Receipt) =>
      host.files.writeAtomic(paths.receipt, `${JSON.stringify(saved, null, 2)}\n`, 0o600);
    const before = await host.files.read(paths.receipt);
    undos.push(() =>
      before === undefined
        ? host.files.removeFile(paths.receipt)
        : host.files.writeAtomic(paths.receipt, before, 0o600),
    );
    await save({
      ...receipt,
      phase: "applying",
      files: receipt.files.map((file) => ({ ...file, before: knownSums(recorded, file.path) })),
    });
    await clearTemporaries(host, new Set([paths.receipt, ...receipt.files.map((file) => file.path)].map(dirname)));
    for (const step of changes(plan)) await applyAction(host, step.action, receipt.folders, undos);
    await save(receipt);
  } catch (error) {
    for (const undo of undos.reverse()) await undo();
    // The manager may have read what is no longer there.
    await systemdOf(host).daemonReload();
    const { exit, what, why, next } =
      error instanceof FleetError
        ? error
        : new FleetError(EXIT.cantcreate, "The layout was not installed", describeError(error));
    throw new FleetError(exit, what, `${why.replace(/\.$/, "")}. What had been done was taken back`, next);
  }
}

function receiptFor(host: Host, plan: Plan, version: string, recorded: Receipt | undefined): Receipt {
  const enabled = changes(plan).flatMap(({ action }) => (action.kind === "enable" ? [action.unit] : []));
  return {
    schemaVersion: 1,
    version,
    writtenAt: host.date().toISOString(),
    phase: "applied",
    files: plan.steps.flatMap(({ action }) =>
      action.kind === "write-file" ? [{ path: action.path, sha256: action.sha256, mode: action.mode }] : [],
    ),
    folders: [...(recorded?.folders ?? [])],
    enabled: [...new Set([...(recorded?.enabled ?? []), ...enabled])],
  };
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

async function applyAction(host: Host, action: Action, madeFolders: string[], undos: Undo[]): Promise<void> {
  const { files } = host;
  const systemd = systemdOf(host);
  switch (action.kind) {
    case "make-folder":
      return makeFolder(host, action.path, madeFolders, undos);
    case "write-file": {
      await makeFolder(host, dirname(action.path), madeFolders, undos);
      const before = await files.read(action.path);
      const mode = (await files.status(action.path))?.mode;
      await files.writeAtomic(action.path, action.text, action.mode);
      undos.push(() =>
        before === undefined
          ? files.removeFile(action.path)
          : files.writeAtomic(action.path, before, mode ?? action.mode),
      );
      return;
    }
    case "daemon-reload":
      must(await systemd.daemonReload(), "systemd did not take the units");
      await mustBeRead(host);
      return;
    case "enable":
      must(await systemd.run("enable", [action.unit]), `${action.unit} was not enabled`);
      undos.push(async () => void (await systemd.run("disable", [action.unit])));
      return;
    case "start": {
      const started = await systemd.run("start", [action.unit]);
      if (!succeeded(started)) {
        await systemd.run("stop", [action.unit]); // it would try again and again
        await systemd.run("reset-failed", [action.unit]);
      }
      must(started, `${action.unit} did not start`, [`journalctl --user -u ${action.unit} -n 20`]);
      return;
    }
  }
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
