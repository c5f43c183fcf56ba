import type { ExecResult } from "../core/exec.ts";
import type { Host } from "../core/host.ts";

/** The versions of what a fleet stands on; null when a program is not there or does not say. */
export interface Versions {
  readonly systemd: string | null;
  readonly tmux: string | null;
  readonly kernel: string | null;
}

export async function versionsOf(
  host: Pick<Host, "exec" | "files">,
  asked: { systemctlVersion?: () => Promise<ExecResult>; tmuxVersion?: () => Promise<ExecResult> } = {},
): Promise<Versions> {
  const [systemd, tmux, kernel] = await Promise.all([
    asked.systemctlVersion?.() ?? host.exec(["systemctl", "--version"]),
    asked.tmuxVersion?.() ?? host.exec(["tmux", "-V"]),
    host.files.read("/proc/sys/kernel/osrelease"),
  ]);
  return {
    systemd: /^systemd (.+)$/m.exec(systemd.stdout)?.[1] ?? null,
    tmux: /^tmux (.+)$/m.exec(tmux.stdout)?.[1] ?? null,
    kernel: kernel?.trim() ?? null,
  };
}
