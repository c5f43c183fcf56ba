import { dirname, join } from "node:path";
import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { agentUnit, LIMITS_DROP_IN } from "../core/names.ts";
import { pathsOf, tilde } from "../core/paths.ts";
import { shellPath } from "../core/shell.ts";
import { settingIn } from "../core/unit-lines.ts";
import { rewrite } from "./own-file.ts";

/** Limits, and what a unit's file calls each. */
export const LIMITS = { memoryMax: "MemoryMax", cpuWeight: "CPUWeight" } as const;

/** undefined takes one away, one that is left out stays. */
export type LimitChanges = { readonly [limit in keyof typeof LIMITS]?: string | number | undefined };

/**
 * The drop-in for one agent's limits. It sorts before override.conf, which "systemctl edit" writes: what a person says there
 * wins.
 */
export function limitsPath(host: Pick<Host, "env" | "user">, name: string): string {
  return join(pathsOf(host).units, `${agentUnit(name)}.d`, LIMITS_DROP_IN);
}

/** Writes our drop-in, or removes it where nothing is left in it. Says whether the manager has to read it again. */
export async function changeLimits(host: Host, name: string, changes: LimitChanges): Promise<boolean> {
  const path = limitsPath(host, name);
  let emptied = false;
  const written = await rewrite(host, path, 0o644, (bytes) => {
    const was = new TextDecoder().decode(bytes);
    const becomes = withLimits(was === "" ? headerOf(name) : was, changes, path, host.user.home);
    emptied = becomes.split("\n").every((line) => /^\s*(?:[#;].*|\[Service\]\s*)?$/.test(line));
    if (emptied || becomes === was) return undefined;
    return new TextEncoder().encode(becomes);
  });
  if (!emptied) return written;
  return removeLimits(host, name);
}

/** Limits as they are written. */
export type Limits = { readonly [limit in keyof typeof LIMITS]?: string };

/** Those of our drop-in; none of what cannot be read. */
export async function readLimits(host: Host, name: string): Promise<Limits> {
  const text = await host.files.read(limitsPath(host, name)).catch(() => undefined);
  if (text === undefined) return {};
  return Object.fromEntries(
    Object.entries(LIMITS).flatMap(([limit, directive]) => {
      const value = settingIn(text, directive)?.said.replace(/^[^=]*=\s*/, "");
      return value ? [[limit, value]] : [];
    }),
  );
}

/** Removes our drop-in, and its folder if that is empty then. Says whether there was one. */
export async function removeLimits(host: Host, name: string): Promise<boolean> {
  const path = limitsPath(host, name);
  if ((await host.files.status(path)) === undefined) return false;
  await host.files.removeFile(path);
  await host.files.removeEmptyFolder(dirname(path));
  return true;
}

function headerOf(name: string): string {
  return `# The limits of agent ${name}, written by mosaic-fleet agent add and edit. What your own drop-ins say wins:
# systemctl --user edit ${agentUnit(name)}
[Service]
`;
}

function withLimits(text: string, changes: LimitChanges, path: string, home: string): string {
  let lines = text.split("\n");
  const added: string[] = [];
  for (const [limit, value] of Object.entries(changes)) {
    const directive = LIMITS[limit as keyof typeof LIMITS];
    if (settingIn(text, directive)?.continued)
      throw new FleetError(
        EXIT.cantcreate,
        `${tilde(path, home)} is left as it is`,
        `${directive}= in it goes over several lines, which was not written by this program`,
        [`"\${EDITOR:-vi}" ${shellPath(path, home)}   # one line for each setting`],
      );
    lines = lines.filter((line) => !new RegExp(`^\\s*${directive}\\s*=`).test(line));
    if (value !== undefined) added.push(`${directive}=${value}`);
  }
  const section = lines.findIndex((line) => /^\s*\[Service\]\s*$/.test(line));
  if (section < 0) return [...lines, "[Service]", ...added, ""].join("\n");
  return [...lines.slice(0, section + 1), ...added, ...lines.slice(section + 1)].join("\n");
}
