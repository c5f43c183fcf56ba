import type { Host } from "../core/host.ts";
import { shellWord } from "../core/shell.ts";

/**
 * Root's commands that change what a unit is made of, and what has the user's manager read it: what root types stands last in a
 * report, so that a reload of the user's own would come before it.
 */
export function thenReload({ user }: Pick<Host, "user">, commands: readonly string[]): readonly string[] {
  const manager = user.uid === 0 ? "" : `--machine=${shellWord(`${user.name}@`)} `;
  return [...commands, `systemctl --user ${manager}daemon-reload`];
}
