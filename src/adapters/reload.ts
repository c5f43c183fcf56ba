import type { ExecResult } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { BusError } from "./bus.ts";
import { openUserManager } from "./manager.ts";
import { systemdOf } from "./systemd.ts";

/** As long as systemctl would be given, in milliseconds: a manager with a thousand units takes its time. */
const LIMIT_MS = 60_000;

/**
 * systemctl --user daemon-reload, over a connection of our own, which saves the start of a process. Where that does not
 * work systemctl is run: it knows more ways to a manager, and says why there is none.
 */
export async function reloadManager(host: Pick<Host, "env" | "user" | "files" | "exec">): Promise<ExecResult> {
  try {
    const manager = await openUserManager(host, LIMIT_MS);
    try {
      await manager.reload();
    } finally {
      manager.close();
    }
    return { argv: ["systemctl", "--user", "daemon-reload"], stdout: "", stderr: "", kind: "exited", code: 0 };
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    return systemdOf(host).daemonReload();
  }
}
