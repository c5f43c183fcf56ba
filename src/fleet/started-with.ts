import { join } from "node:path";
import type { LoadedUnit, Manager } from "../adapters/manager.ts";
import { parseEnvFile } from "../core/env-file.ts";
import { exportedVariables } from "../core/exported.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";

/** What systemd and the start script's shell put into an environment by themselves. */
const NOT_SET_BY_ANYBODY =
  /^(?:HOME|LOGNAME|USER|SHELL|LANG|PATH|PWD|OLDPWD|SHLVL|_|TERM|INVOCATION_ID|JOURNAL_STREAM|MANAGERPID(?:FDID)?|MAINPID|NOTIFY_SOCKET|SYSTEMD_EXEC_PID|PIDFILE|FDSTORE|DEBUG_INVOCATION|(?:LISTEN|WATCHDOG|MEMORY_PRESSURE|MONITOR|TRIGGER|XDG)_\w+|[A-Z]+_DIRECTORY)$/;
/** Where start-agent-session.sh goes on after its `export -p`. */
const ADDED = "\nexport MOSAIC_AGENT_NAME=";
/** Those that the shell writes itself, whatever it was given. */
const OF_THE_SHELL = /^(?:PWD|OLDPWD|SHLVL|_)$/;

/**
 * The variables that a running agent was started with otherwise than systemd would start it now, sorted. Empty too where that
 * is not known: it was started without a record, or its unit takes files by a pattern. `inherited`: the manager's own. Throws
 * BusError.
 */
export async function startedOtherwise(
  host: Host,
  manager: Manager,
  name: string,
  unit: LoadedUnit,
  inherited: Readonly<Record<string, string>>,
): Promise<string[]> {
  const record = await host.files
    .read(join(pathsOf(host).runtime ?? "", "mosaic-agent", name, "environment"))
    .catch(() => undefined);
  if (record === undefined) return [];
  const [own, files] = await Promise.all([
    manager.unitEnvironment(unit.unit),
    manager.serviceProperty(unit, "EnvironmentFiles"),
  ]);
  const now = new Map(Object.entries(own));
  for (const [, path = ""] of files.matchAll(/(\/.*?) (?:yes|no)(?= \/|$)/g)) {
    if (/[*?[]/.test(path)) return [];
    const bytes = await host.files.readBytes(path).catch(() => undefined);
    for (const { key, value } of parseEnvFile(bytes ?? "")) now.set(key, value);
  }
  const then = exportedVariables(record.slice(0, record.lastIndexOf(ADDED) + 1));
  const changed = [...now].filter(([key, value]) => !OF_THE_SHELL.test(key) && then.get(key) !== value);
  const gone = [...then.keys()].filter(
    (key) => !now.has(key) && !Object.hasOwn(inherited, key) && !NOT_SET_BY_ANYBODY.test(key),
  );
  return [...changed.map(([key]) => key), ...gone].sort();
}
