import { type ExecResult, succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { BusError } from "./bus.ts";
import { type Manager, openUserManager } from "./manager.ts";
import { READ_LIMIT_MS, systemdOf } from "./systemd.ts";

type Asker = Pick<Host, "env" | "user" | "files" | "exec" | "now">;

/** systemctl --user daemon-reload. `unit`: how that is loaded then is told as `load`: loaded, not-found, masked … */
export async function reloadManager(host: Asker, unit?: string): Promise<ExecResult & { readonly load?: string }> {
  let load: string | undefined;
  const result = await ask(
    host,
    ["daemon-reload"],
    async (manager) => {
      await manager.reload();
      if (unit !== undefined) load = await manager.property(unit, "LoadState");
    },
    async () => {
      const reloaded = await systemdOf(host).daemonReload();
      if (unit !== undefined && succeeded(reloaded)) load = (await systemdOf(host).show([unit]))[0]?.load;
      return reloaded;
    },
  );
  return load === undefined ? result : { ...result, load };
}

/** systemctl --user enable, or disable. */
export function setEnabled(host: Asker, verb: "enable" | "disable", units: readonly string[]): Promise<ExecResult> {
  return ask(
    host,
    [verb, ...units],
    (manager) => manager[verb](units),
    async (asked) => {
      const result = await systemdOf(host).run(verb, units, READ_LIMIT_MS);
      if (!succeeded(result)) return result;
      // Where the machine was not booted with systemd, systemctl makes the links itself, and tells the manager nothing.
      const reloaded = await reloadManager(host);
      return asked || succeeded(reloaded) ? reloaded : result; // without a manager there is nobody to be told
    },
  );
}

/**
 * Asks the manager over a connection of our own: that saves the start of a process, and leaves none that would still ask
 * when we have been killed, and the next run has looked already. Where that does not work systemctl is run: it knows more
 * ways to a manager, and says why there is none, or what that has against it. `otherwise` is told whether a manager was asked.
 */
async function ask(
  host: Asker,
  words: readonly string[],
  request: (manager: Manager) => Promise<void>,
  otherwise: (asked: boolean) => Promise<ExecResult>,
): Promise<ExecResult> {
  const said = { argv: ["systemctl", "--user", ...words], stdout: "", stderr: "" };
  const begun = host.now();
  let asked = false;
  try {
    const manager = await openUserManager(host, READ_LIMIT_MS);
    asked = true;
    try {
      await request(manager);
    } finally {
      manager.close();
    }
    return { ...said, kind: "exited", code: 0 };
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    // Nor would systemctl be answered.
    if (error.code === "ETIMEDOUT")
      return { ...said, kind: "timed-out", afterMs: 1_000 * Math.round((host.now() - begun) / 1_000) };
    return otherwise(asked);
  }
}
