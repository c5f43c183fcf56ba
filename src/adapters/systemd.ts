import { type ExecResult, succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { ToolError } from "./tool-error.ts";

/** A unit as the manager sees it now, merged with its drop-ins: effective, not what a file says. */
export interface Unit {
  readonly id: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  readonly result: string;
  readonly mainPid: number;
  readonly controlGroup: string;
  readonly restarts: number;
  readonly invocation: string;
  readonly fragment: string;
  readonly dropIns: readonly string[];
  readonly needsReload: boolean;
  readonly fileState: string;
  /** Every property asked for by name on top of these. */
  readonly extra: Readonly<Record<string, string>>;
}

/** What a Unit is made of. */
export const UNIT_PROPERTIES = [
  "Id",
  "LoadState",
  "ActiveState",
  "SubState",
  "Result",
  "MainPID",
  "ControlGroup",
  "NRestarts",
  "InvocationID",
  "FragmentPath",
  "DropInPaths",
  "NeedDaemonReload",
  "UnitFileState",
] as const;

/**
 * Time for a manager to read all of its units, in milliseconds. With a thousand of them, a drop-in each, it took 0.34 s on two
 * busy cores, and 12 s with those of a whole system on an ARMv5 board (systemd issue 26950).
 */
export const READ_LIMIT_MS = 15_000;

/** The user manager, spoken to through systemctl --user. */
export interface Systemd {
  /** Never with a glob: that costs the manager 4 ms a unit. Throws ToolError when the manager does not answer, Error when it does not say all. */
  show(units: readonly string[], extra?: readonly string[]): Promise<Unit[]>;
  /** Loaded instances of a pattern, with their states: the read that scales. Throws ToolError. */
  list(pattern: string): Promise<{ unit: string; load: string; active: string; sub: string }[]>;
  /** When each of these units became active, in milliseconds since 1970; undefined while it is not. Throws ToolError. */
  startTimes(
    units: readonly string[],
  ): Promise<{ unit: string; active: string; since: number | undefined; needsReload: boolean }[]>;
  /** start, stop, restart, enable … as a value: whether it worked is the caller's to judge. */
  run(verb: string, units: readonly string[], timeoutMs?: number): Promise<ExecResult>;
  daemonReload(): Promise<ExecResult>;
  /**
   * Version of the running manager, such as "252.38-1~deb12u1"; cheapest question that proves it is there. With `more`
   * properties, a line NAME=VALUE each.
   */
  managerVersion(more?: readonly string[]): Promise<ExecResult>;
  /** systemd-analyze verify: its stderr is the verdict, its exit code says nothing. */
  verify(units: readonly string[]): Promise<ExecResult>;
  /** The Condition…= and Assert…= of a unit that do not hold now, where they would keep it from starting. Throws ToolError. */
  failingConditions(unit: string): Promise<{ directive: string; value: string }[]>;
}

export function systemdOf(host: Pick<Host, "exec">): Systemd {
  const systemctl = (args: readonly string[], timeoutMs = 10_000) =>
    host.exec(["systemctl", "--user", "--no-pager", ...args], { timeoutMs });
  return {
    async show(units, extra = []) {
      const result = await systemctl(["show", "-p", [...UNIT_PROPERTIES, ...extra].join(","), "--", ...units]);
      if (!succeeded(result)) throw new ToolError(result);
      const shown = result.stdout.trim().split("\n\n").map(propertiesOf);
      // A service has them all: less is half of an answer.
      const whole = shown.every((read) => UNIT_PROPERTIES.every((name) => read[name] !== undefined));
      if (shown.length !== units.length || !whole)
        throw new Error(`systemctl show has not said all that it was asked of ${units.join(", ")}`);
      return shown.map(unitFrom);
    },
    async list(pattern) {
      const result = await systemctl(["list-units", "--all", "--full", "--plain", "--no-legend", "--", pattern]);
      if (!succeeded(result)) throw new ToolError(result);
      return result.stdout.split("\n").flatMap((line) => {
        const [unit, load, active, sub] = line.trim().split(/\s+/);
        return unit && load && active && sub ? [{ unit, load, active, sub }] : [];
      });
    },
    async startTimes(units) {
      if (units.length === 0) return [];
      const properties = "Id,ActiveState,ActiveEnterTimestamp,NeedDaemonReload";
      const result = await systemctl(["show", "--timestamp=us+utc", "-p", properties, "--", ...units], 60_000);
      if (!succeeded(result)) throw new ToolError(result);
      return result.stdout
        .trim()
        .split("\n\n")
        .map((block) => {
          const read = propertiesOf(block);
          const { Id: unit = "", ActiveState: active = "", ActiveEnterTimestamp: entered = "" } = read;
          const since = active === "active" ? milliseconds(entered) : undefined;
          return { unit, active, since, needsReload: read.NeedDaemonReload === "yes" };
        });
    },
    run: (verb, units, timeoutMs = 60_000) => systemctl([verb, "--", ...units], timeoutMs),
    daemonReload: () => systemctl(["daemon-reload"], READ_LIMIT_MS),
    managerVersion: (more = []) =>
      systemctl(["show", "-p", ["Version", ...more].join(","), ...(more.length > 0 ? [] : ["--value"])], 5_000),
    verify: (units) =>
      host.exec(["systemd-analyze", "--user", "--man=no", "verify", "--", ...units], { timeoutMs: 20_000 }),
    async failingConditions(unit) {
      const result = await host.exec(["systemd-analyze", "--user", "condition", `--unit=${unit}`]);
      if (succeeded(result)) return [];
      // Of those with a "|" one is enough: what failed is told by kind.
      const kinds = [...result.stderr.matchAll(/^(Condition|Assert)s failed\.$/gm)].map(([, kind]) => kind);
      const failed = [...result.stderr.matchAll(/: (Condition|Assert)(\w+)=(.*) failed\.$/gm)].filter(([, kind]) =>
        kinds.includes(kind),
      );
      if (failed.length === 0) throw new ToolError(result);
      return failed.map(([, kind, of = "", value = ""]) => ({ directive: `${kind}${of}`, value }));
    },
  };
}

function propertiesOf(block: string): Record<string, string> {
  const read: Record<string, string> = {};
  for (const line of block.split("\n")) {
    const equals = line.indexOf("=");
    if (equals <= 0) continue;
    const name = line.slice(0, equals);
    const value = line.slice(equals + 1);
    // A setting that may be there more than once has a line for each.
    read[name] = read[name] === undefined ? value : `${read[name]} ${value}`;
  }
  return read;
}

/** "Mon 2026-11-23 02:42:29.123456 UTC" as milliseconds since 1970. */
function milliseconds(timestamp: string): number | undefined {
  const [, day, time, fraction = "0"] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))? UTC$/.exec(timestamp) ?? [];
  if (day === undefined) return undefined;
  return Date.parse(`${day}T${time}Z`) + Number(`0.${fraction}`) * 1000;
}

/** A unit from its properties as systemctl show prints them. */
export function unitFrom(read: Readonly<Record<string, string>>): Unit {
  return {
    id: read.Id ?? "",
    load: read.LoadState ?? "",
    active: read.ActiveState ?? "",
    sub: read.SubState ?? "",
    result: read.Result ?? "",
    mainPid: Number(read.MainPID ?? 0),
    controlGroup: read.ControlGroup ?? "",
    restarts: Number(read.NRestarts ?? 0),
    invocation: read.InvocationID ?? "",
    fragment: read.FragmentPath ?? "",
    dropIns: (read.DropInPaths ?? "").split(" ").filter((path) => path !== ""),
    needsReload: read.NeedDaemonReload === "yes",
    fileState: read.UnitFileState ?? "",
    extra: read,
  };
}

/** Why the manager has not loaded a unit, from its LoadError: the name of an error and its words. */
export function loadErrorOf({ extra }: Unit): string {
  return (extra.LoadError ?? "").replace(/^\S* /, "").replace(/\.$/, "") || "it does not say why";
}

/** The items of a property that is a list: those with blanks or quotes in them are in double quotes, as for a shell. */
export function listedIn(value: string): string[] {
  const items = value.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g);
  return [...items].map(([, quoted, plain = ""]) => quoted?.replace(/\\(.)/g, "$1") ?? plain);
}

/** The major version out of "systemd 252 (252.38-1~deb12u1)" or "257.4"; undefined when there is none. */
export function systemdMajor(text: string): number | undefined {
  const digits = /(?:^|systemd )v?(\d{3})/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
