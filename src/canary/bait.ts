import { join } from "node:path";
import type { Host } from "../core/host.ts";

/** An option that a server has only if it has read what was planted. */
export const BAIT_OPTION = "@mosaic_canary_bait";

/** What a user has for tmux, in a sandbox's home: a fleet's server that reads any of it has the option. */
export async function plantUserConfig(host: Pick<Host, "files" | "user">): Promise<void> {
  const { home } = host.user;
  await host.files.makeFolder(join(home, ".config/tmux"));
  for (const path of userConfigs(home)) await host.files.writeAtomic(path, `set -g ${BAIT_OPTION} read\n`, 0o644);
}

/** Where tmux looks for a user's own settings. */
function userConfigs(home: string): string[] {
  return [join(home, ".tmux.conf"), join(home, ".config/tmux/tmux.conf")];
}

/** What a caller has in its environment that is to reach no agent; `mark` is in each of them. */
export function callerBait(mark: string): Readonly<Record<string, string>> {
  return {
    TMUX: `/tmp/${mark}/default,1,0`,
    TMUX_PANE: `%${mark}`,
    BUN_OPTIONS: `--preload=/tmp/${mark}.js`,
    BUN_INSTALL: `/tmp/${mark}`,
    SSH_AUTH_SOCK: `/tmp/${mark}/agent.1`,
    MOSAIC_CANARY_CALLER: mark,
  };
}

/** A command as a shell with that in its environment would run it: of our own children the worst of it is kept away. */
export function withBait(bait: Readonly<Record<string, string>>, argv: readonly string[]): string[] {
  return ["env", ...Object.entries(bait).map(([name, value]) => `${name}=${value}`), ...argv];
}
