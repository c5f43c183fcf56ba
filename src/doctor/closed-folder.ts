import { dirname } from "node:path";
import { tilde } from "../core/paths.ts";
import { shellPath } from "../core/shell.ts";
import type { Fix } from "./check.ts";
import type { Tools } from "./tools.ts";

/** Of these folders, and those above them up to the home folder, the first that this user may not use, and what opens it. */
export async function closedFolder(
  { host }: Tools,
  folders: readonly string[],
): Promise<{ readonly message: string; readonly fix: Fix } | undefined> {
  const { files, user } = host;
  for (const folder of folders) {
    const steps = [folder];
    for (let at = folder; at.startsWith(`${user.home}/`); ) {
      at = dirname(at);
      steps.unshift(at);
    }
    for (const path of steps) {
      const status = await files.status(path).catch(() => undefined);
      if (status?.kind !== "folder") continue;
      if ((await files.allows(path, "read")) && (await files.allows(path, "execute"))) continue;
      const typed = shellPath(path, user.home);
      return {
        message: `${tilde(path, user.home)} cannot be entered by this user (mode ${status.mode.toString(8).padStart(4, "0")}, of user ${status.uid}): what the fleet has in it is out of reach, for systemd too`,
        fix:
          status.uid === user.uid ? { commands: [`chmod u+rwx ${typed}`] } : { root: [`chown ${user.uid} ${typed}`] },
      };
    }
  }
  return undefined;
}
