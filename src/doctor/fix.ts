import { lingers } from "../adapters/logind.ts";
import { procfsOf } from "../adapters/procfs.ts";
import { systemdOf } from "../adapters/systemd.ts";
import { reloadManager, setEnabled } from "../adapters/unit-files.ts";
import { describeError } from "../core/errors.ts";
import { describeResult, type ExecResult, succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { shellPath } from "../core/shell.ts";
import { until } from "../core/until.ts";
import { conflicts } from "../install/action.ts";
import { install } from "../install/install.ts";
import type { Fix } from "./check.ts";
import type { FixReport, FixText } from "./report.ts";

/** What `--fix` can do: reversible things of our own. None ends a process or a session. */
export type FixAction =
  /** `restore`: put back what is missing, too, which an install leaves as the user wants it. */
  | { readonly kind: "install"; readonly restore?: boolean }
  | { readonly kind: "linger" }
  | { readonly kind: "daemon-reload" }
  /** Mode 0600 for a file with secrets. */
  | { readonly kind: "make-private"; readonly path: string }
  | { readonly kind: "reset-failed"; readonly unit: string }
  | { readonly kind: "enable"; readonly unit: string }
  /** SIGUSR1 makes a tmux server create its socket anew. With its start time the pid names the process for good. */
  | { readonly kind: "revive-socket"; readonly pid: number; readonly startTime: string; readonly socketPath: string };

/** How long a server may take to create its socket, in milliseconds; it takes one when nothing else wants the processor. */
const REVIVED_MS = 5_000;

/** In which order they are done: files before the manager reads them, the manager before units. */
const ORDER: readonly FixAction["kind"][] = [
  "install",
  "make-private",
  "daemon-reload",
  "linger",
  "revive-socket",
  "reset-failed",
  "enable",
];

/** The same by hand. */
export function commandOf(action: FixAction, home: string): string {
  switch (action.kind) {
    case "install":
      return `mosaic-fleet install${action.restore ? " --restore" : ""}`;
    case "linger":
      return "loginctl enable-linger";
    case "daemon-reload":
      return "systemctl --user daemon-reload";
    case "make-private":
      return `chmod 600 ${shellPath(action.path, home)}`;
    case "reset-failed":
    case "enable":
      return `systemctl --user ${action.kind} ${action.unit}`;
    case "revive-socket":
      return `kill -USR1 ${action.pid}   # makes the server create its socket anew`;
  }
}

/** A fix as it is shown and reported. */
export function fixText({ actions = [], commands = [], root = [] }: Fix, home: string): FixText {
  return {
    commands: [...actions.map((action) => commandOf(action, home)), ...commands],
    root: [...root],
    automatic: actions.length > 0,
  };
}

/** What `--fix` would do, once each, in order, and for whom. */
export interface PlannedFix {
  readonly action: FixAction;
  /** The same by hand, fit to be shown. */
  readonly command: string;
  readonly for: readonly string[];
}

/** `asked`: the actions that each check has asked for. */
export function planFixes(
  asked: readonly { readonly id: string; readonly actions: readonly FixAction[] }[],
  home: string,
): PlannedFix[] {
  const planned = new Map<string, { action: FixAction; command: string; for: string[] }>();
  for (const { id, actions } of asked) {
    for (const action of actions) {
      const command = commandOf(action, home);
      const known = planned.get(command) ?? { action, command, for: [] };
      planned.set(command, known);
      if (!known.for.includes(id)) known.for.push(id);
    }
  }
  return [...planned.values()].sort((a, b) => ORDER.indexOf(a.action.kind) - ORDER.indexOf(b.action.kind));
}

/** What was not done, as the report says it. */
export function notDone(planned: readonly PlannedFix[]): FixReport[] {
  return planned.map(({ command, for: ids }) => ({ command, for: [...ids], outcome: "planned", message: null }));
}

/** Does them one after another, each whatever became of those before; none any more once the host is interrupted. */
export async function applyFixes(host: Host, planned: readonly PlannedFix[], version: string): Promise<FixReport[]> {
  const reports = notDone(planned);
  for (const [index, { action }] of planned.entries()) {
    if (host.interrupted.aborted) break;
    const message = (await apply(host, action, version).catch(describeError)) ?? null;
    const report = { ...reports[index], outcome: message === null ? "done" : "failed", message } as FixReport;
    reports[index] = report;
  }
  return reports;
}

/** undefined when it is done, else why it is not. */
async function apply(host: Host, action: FixAction, version: string): Promise<string | undefined> {
  switch (action.kind) {
    case "install": {
      const { plan, applied } = await install(host, { restore: action.restore ?? false, version });
      const inTheWay = conflicts(plan).length;
      return applied || inTheWay === 0 ? undefined : `${inTheWay} files are in the way: mosaic-fleet install --dry-run`;
    }
    case "linger": {
      const result = await host.exec(["loginctl", "enable-linger"]);
      // Its exit code says nothing.
      return (await lingers(host, host.user.name)) ? undefined : describeResult(result);
    }
    case "daemon-reload":
      return problemOf(await reloadManager(host));
    case "make-private": {
      const status = await host.files.status(action.path);
      if (status?.kind !== "file") return "it is not a file any more";
      await host.files.chmod(action.path, 0o600);
      return undefined;
    }
    case "enable":
      return problemOf(await setEnabled(host, "enable", [action.unit]));
    case "reset-failed":
      return problemOf(await systemdOf(host).run("reset-failed", [action.unit]));
    case "revive-socket": {
      if ((await procfsOf(host).startTime(action.pid)) !== action.startTime) return "that server is gone";
      if (!host.kill(action.pid, "SIGUSR1")) return "the server takes no signal from this user";
      // It does so when it comes to it; who looks again at once would still see none.
      return (await until(host, REVIVED_MS, () => host.files.status(action.socketPath))) === undefined
        ? `the server had not made it after ${REVIVED_MS / 1000} s`
        : undefined;
    }
  }
}

function problemOf(result: ExecResult): string | undefined {
  return succeeded(result) ? undefined : describeResult(result);
}
