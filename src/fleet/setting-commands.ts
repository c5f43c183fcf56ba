import { dirname } from "node:path";
import { settingLine } from "../core/env-edit.ts";
import type { Host } from "../core/host.ts";
import { shellPath, shellWord } from "../core/shell.ts";
import { hasInvisible } from "../core/visible.ts";
import type { SettingsFile } from "./settings-files.ts";

/** The command that gives a setting a value: in the place of the line that is there, else at the end of the file. */
export async function setCommand(
  host: Pick<Host, "files" | "user">,
  path: string,
  file: SettingsFile | undefined,
  key: string,
  value: string,
): Promise<string> {
  const { home } = host.user;
  const line = settingLine(key, value);
  const text = new TextDecoder().decode(file?.bytes);
  const target = shellPath(file?.real ?? path, home);
  // Only where all of the assignment is in that line.
  if (new RegExp(`^[ \\t]*${key}[ \\t]*=[^"'\\\\\\r\\n]*$`, "m").test(text)) {
    const change = `s|^[ \\t]*${key}[ \\t]*=.*|${line.replace(/[\\&|]/g, "\\$&")}|`;
    return `sed -i ${withHome(change, home)} ${target}`;
  }
  const whole = text === "" || text.endsWith("\n");
  const append = `printf '${whole ? "" : "\\n"}%s\\n' ${withHome(line, home)} >>${target}`;
  if (file !== undefined) return append;
  const folder = dirname(path);
  const made = (await host.files.status(folder)) !== undefined;
  return `${made ? "" : `mkdir -p ${shellPath(folder, home)} && `}( umask 077; ${append} )`;
}

/**
 * A word for a shell in which that puts the home folder in: where it is shown as ~, the command would have a file say ~, which
 * systemd does not expand.
 */
function withHome(text: string, home: string): string {
  const word = shellWord(text);
  if (!/^\/[\w./-]+$/.test(home) || word.startsWith("$")) return word;
  return word.replaceAll(`${home}/`, word.startsWith("'") ? `'"$HOME"'/` : '"$HOME"/');
}

/** The command that takes a setting out of a file. */
export function unsetCommand(file: SettingsFile, key: string, home: string): string {
  return `sed -i ${shellWord(`/^[ \\t]*${key}[ \\t]*=/d`)} ${shellPath(file.real, home)}`;
}

/**
 * What was meant by a folder that was written for a shell, $HOME/work or /tmp # for now; undefined where there is nothing
 * of the kind in it, or nobody can tell.
 */
function meantFolder(value: string): string | undefined {
  const meant = value.replace(/[ \t]+#.*$/s, "").replace(/(^|:)\$(?:HOME|\{HOME\})(?=[/:]|$)/g, "$1~");
  return meant === value || meant === "" || isShellish(meant) || hasInvisible(meant) ? undefined : meant;
}

/** Whether a folder has in it what a shell would put something else in the place of. */
export function isShellish(folder: string): boolean {
  return /[$`]|(?:^|:)~[^/:]|[ \t]#/.test(folder);
}

/** The command that puts the right folder in the place of one that was written for a shell. */
export async function folderCommand(
  host: Pick<Host, "files" | "user">,
  file: SettingsFile,
  key: string,
): Promise<string> {
  const edit = editCommand(file.real, host.user.home);
  const meant = meantFolder(file.variables[key] ?? "");
  if (meant === undefined) return edit;
  const set = await setCommand(host, file.path, file, key, meant);
  return set.startsWith("sed ") ? set : `${edit}   # ${settingLine(key, meant)}`;
}

export function editCommand(path: string, home: string): string {
  return `\${EDITOR:-vi} ${shellPath(path, home)}`;
}
