import { type Reach, writersAlong } from "../adapters/permissions.ts";
import type { Host } from "../core/host.ts";
import { pathsOf, tilde } from "../core/paths.ts";
import { shellPath, shellWord } from "../core/shell.ts";
import type { Step } from "./action.ts";

/** What to know of other users before anything is written. */
export interface Others {
  /** A conflict for each folder in which anybody can put a unit or a script in the place of ours, and so run programs as this user. */
  readonly steps: readonly Step[];
  /** The same of folders for which that cannot be told, or where those who can are named: a line each. */
  readonly notes: readonly string[];
}

/**
 * Looks at these folders, those of settings and of the receipt, and at all above them up to the home folder: what doctor then
 * calls broken (layout.writable) is refused, as ssh refuses keys there; what it warns of is said.
 */
export async function othersIn(host: Host, folders: readonly string[]): Promise<Others> {
  const { site, agents, state } = pathsOf(host);
  const found = await writersAlong(host, [...folders, site, agents, state], []);
  const open = found.flatMap(({ writers, ...reach }) => (writers === undefined ? [] : [{ ...reach, ...writers }]));
  const refused = open.filter(({ kind }) => kind === "owner" || kind === "everybody");
  return {
    steps: refused.map((each): Step => {
      const who = each.kind === "owner" ? `it belongs to ${each.who}` : `${each.who} may write here`;
      const why = `${who}: a unit or a script put here would run as you`;
      return { action: { kind: "make-folder", path: each.path }, change: "conflict", why, next: mend(host, each) };
    }),
    notes: open.flatMap((each) => {
      if (refused.includes(each)) return [];
      const path = tilde(each.path, host.user.home);
      return [`${each.who} may write to ${path}, and so make programs run as you: ${mend(host, each)}`];
    }),
  };
}

function mend({ user }: Host, { path, status, kind }: Reach & { readonly kind: string }): string {
  const typed = shellPath(path, user.home);
  // Who may change what lies elsewhere is for others to say.
  if (path !== user.home && !path.startsWith(`${user.home}/`))
    return `ls -ld ${typed}   # keep your settings where only you can change them`;
  const sudo = user.uid === 0 ? "" : "sudo ";
  if (kind === "owner") return `${sudo}chown ${shellWord(user.name)} ${typed}`;
  return `${status.uid === user.uid ? "" : sudo}chmod go-w ${typed}`;
}
