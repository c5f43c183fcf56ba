import { join } from "node:path";
import { shellPath } from "../core/shell.ts";
import { type RiskyLine, riskyLines } from "../core/tmux-conf.ts";
import type { Tools } from "./tools.ts";

/** The user's own settings of the fleet's tmux server, which it reads last. */
export interface LocalConf {
  readonly path: string;
  readonly risky: readonly RiskyLine[];
}

/** undefined where there is none, or none that can be read, which layout.settings tells: a read of a pipe may never end. */
export async function localConf({ host, paths }: Tools): Promise<LocalConf | undefined> {
  const path = join(paths.site, "tmux.local.conf");
  const own = await host.files.status(path).catch(() => undefined);
  const real = own?.kind === "link" ? await host.files.realPath(path) : path;
  const status = real === path ? own : await host.files.status(real ?? path).catch(() => undefined);
  if (status?.kind !== "file") return undefined;
  const text = await host.files.read(path).catch(() => undefined);
  return text === undefined ? undefined : { path, risky: riskyLines(text) };
}

/** What opens it where these lines are. */
export function editLines({ host }: Tools, { path }: LocalConf, lines: readonly Pick<RiskyLine, "line">[]): string {
  return `\${EDITOR:-vi} ${shellPath(path, host.user.home)}   # take out line ${lines.map(({ line }) => line).join(", ")}`;
}

/** "line 3: kill-server", as evidence has it. */
export function shownLines(lines: readonly RiskyLine[]): string[] {
  return lines.map(({ line, text }) => `line ${line}: ${text}`);
}
