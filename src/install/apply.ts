import { dirname } from "node:path";
import { systemdOf } from "../adapters/systemd.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { describeResult, type ExecResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import { type Action, changes, type Plan } from "./action.ts";
import type { Receipt } from "./receipt.ts";

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
    await host.files.makeFolder(dirname(paths.receipt), 0o700);
    const save = (phase: Receipt["phase"]) =>
      host.files.writeAtomic(paths.receipt, `${JSON.stringify({ ...receipt, phase }, null, 2)}\n`, 0o600);
    const before = await host.files.read(paths.receipt);
    undos.push(() =>
      before === undefined
        ? host.files.removeFile(paths.receipt)
        : host.files.writeAtomic(paths.receipt, before, 0o600),
    );
    await save("applying");
    for (const step of changes(plan)) {
      const undo = await applyAction(host, step.action, receipt.folders);
      if (undo !== undefined) undos.push(undo);
    }
    await save("applied");
  } catch (error) {
    for (const undo of undos.reverse()) await undo();
    // The manager may have read what is no longer there.
    await systemdOf(host).daemonReload();
    if (error instanceof FleetError) throw error;
    throw new FleetError(
      EXIT.cantcreate,
      "The layout was not installed",
      `${describeError(error)}. What had been written was taken back`,
    );
  }
}

function receiptFor(host: Host, plan: Plan, version: string, recorded: Receipt | undefined): Receipt {
  const enabled = changes(plan).flatMap(({ action }) => (action.kind === "enable" ? [action.unit] : []));
  return {
    schemaVersion: 1,
    version,
    writtenAt: host.date().toISOString(),
    phase: "applying",
    files: plan.steps.flatMap(({ action }) =>
      action.kind === "write-file" ? [{ path: action.path, sha256: action.sha256, mode: action.mode }] : [],
    ),
    folders: [...(recorded?.folders ?? [])],
    enabled: [...new Set([...(recorded?.enabled ?? []), ...enabled])],
  };
}

async function applyAction(host: Host, action: Action, madeFolders: string[]): Promise<Undo | undefined> {
  const { files } = host;
  const systemd = systemdOf(host);
  switch (action.kind) {
    case "make-folder":
      return makeFolder(host, action.path, madeFolders);
    case "write-file": {
      const undoFolder = await makeFolder(host, dirname(action.path), madeFolders);
      const before = await files.read(action.path);
      const mode = (await files.status(action.path))?.mode;
      await files.writeAtomic(action.path, action.text, action.mode);
      return async () => {
        if (before === undefined) await files.removeFile(action.path);
        else await files.writeAtomic(action.path, before, mode ?? action.mode);
        await undoFolder();
      };
    }
    case "daemon-reload":
      must(await systemd.daemonReload(), "systemd did not take the units");
      return;
    case "enable":
      must(await systemd.run("enable", [action.unit]), `${action.unit} was not enabled`);
      return async () => void (await systemd.run("disable", [action.unit]));
    case "start":
      must(await systemd.run("start", [action.unit]), `${action.unit} did not start`, [
        `systemctl --user status ${action.unit}`,
        `journalctl --user -u ${action.unit} -n 20`,
      ]);
      return;
  }
}

async function makeFolder(host: Host, path: string, madeFolders: string[]): Promise<Undo> {
  const made = await host.files.makeFolder(path);
  madeFolders.push(...made);
  return async () => {
    for (const folder of [...made].reverse()) await host.files.removeEmptyFolder(folder);
  };
}

function must(result: ExecResult, what: string, next: readonly string[] = []): void {
  if (!succeeded(result)) throw new FleetError(EXIT.unavailable, what, describeResult(result), next);
}
