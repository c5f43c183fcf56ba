import type { ExecResult } from "./exec.ts";

/** Why the user manager cannot be reached, and what to type about it. */
export interface BusProblem {
  readonly cause: string;
  readonly remedy: readonly string[];
}

/**
 * Reads the error of a `systemctl --user` call that failed. The words are those of systemd 252 to 257.
 * undefined when the call succeeded. `booted`: whether systemd is the machine's first process; without it no variable
 * that could be set would help.
 */
export function busProblem(
  result: ExecResult,
  host: { env: Readonly<Record<string, string | undefined>>; user: { uid: number; name: string } },
  booted = true,
): BusProblem | undefined {
  if (result.kind === "exited" && result.code === 0) return undefined;
  const { uid, name } = host.user;
  const runtime = host.env.XDG_RUNTIME_DIR;
  if (result.kind === "not-found")
    return {
      cause: "systemctl is not installed: this machine does not run systemd",
      remedy: ["mosaic-fleet canary --sandbox"],
    };
  if (result.kind === "timed-out")
    return {
      cause: `the user manager did not answer within ${result.afterMs / 1000} s`,
      remedy: [`sudo systemctl restart user@${uid}.service`],
    };
  const said = result.stderr;
  if (!booted || /not been booted with systemd/.test(said))
    return {
      cause: "this machine was not booted with systemd (a container?): only the sandbox works here",
      remedy: ["mosaic-fleet canary --sandbox"],
    };
  if (/No medium found|XDG_RUNTIME_DIR not defined/.test(said))
    return {
      cause: "XDG_RUNTIME_DIR is not set (su, sudo -u, cron and bare ssh commands leave it out)",
      remedy: [`export XDG_RUNTIME_DIR=/run/user/${uid}`],
    };
  if (/Permission denied|Operation not permitted/.test(said))
    return {
      cause: `${runtime ?? "the runtime folder"} belongs to another user`,
      remedy: [`export XDG_RUNTIME_DIR=/run/user/${uid}`],
    };
  if (/Connection refused/.test(said))
    return {
      cause: `the socket in ${runtime} is stale: its manager is gone`,
      remedy: [`sudo systemctl restart user@${uid}.service`],
    };
  if (/No such file or directory/.test(said))
    return {
      cause: `no user manager runs for ${name}: there is no socket in ${runtime}`,
      remedy: [`sudo loginctl enable-linger ${name}`, `export XDG_RUNTIME_DIR=/run/user/${uid}`],
    };
  return {
    cause: said.trim().split("\n")[0] || "systemctl --user failed without a word",
    remedy: ["systemctl --user status"],
  };
}
