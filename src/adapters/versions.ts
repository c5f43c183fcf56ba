import { succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { ToolError } from "./tool-error.ts";

/** The versions of what a fleet stands on; null when a program is not there or does not say. */
export interface Versions {
  readonly systemd: string | null;
  readonly tmux: string | null;
  readonly kernel: string | null;
}

type Ask = () => Promise<string | undefined>;

/** `asked`: who else knows a version. */
export async function versionsOf(
  host: Pick<Host, "exec" | "files">,
  asked: { readonly systemd: Ask; readonly tmux: Ask } = {
    systemd: () => systemctlVersion(host),
    tmux: () => tmuxClientVersion(host),
  },
): Promise<Versions> {
  const [systemd, tmux, kernel] = await Promise.all([
    asked.systemd().catch(() => undefined),
    asked.tmux().catch(() => undefined),
    host.files.read("/proc/sys/kernel/osrelease").catch(() => undefined),
  ]);
  return { systemd: systemd ?? null, tmux: tmux ?? null, kernel: kernel?.trim() ?? null };
}

/** What `systemctl --version` says, such as "252 (252.39-1~deb12u1)"; undefined where there is none. Throws ToolError where it says nothing. */
export function systemctlVersion(host: Pick<Host, "exec">): Promise<string | undefined> {
  return said(host, ["systemctl", "--version"], /^systemd (.+)$/m);
}

/** What `tmux -V` says, such as "3.3a"; as systemctlVersion(). */
export function tmuxClientVersion(host: Pick<Host, "exec">): Promise<string | undefined> {
  return said(host, ["tmux", "-V"], /^tmux (.+)$/m);
}

async function said(host: Pick<Host, "exec">, argv: readonly string[], what: RegExp): Promise<string | undefined> {
  const result = await host.exec(argv, { timeoutMs: 5_000 });
  if (result.kind === "not-found") return undefined;
  const version = succeeded(result) ? what.exec(result.stdout)?.[1] : undefined;
  if (version === undefined) throw new ToolError(result);
  return version;
}
