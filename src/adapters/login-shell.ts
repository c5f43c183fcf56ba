import { basename, join } from "node:path";
import { succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";

/** Which of the user's own files a login shell of this name reads, below the home folder. */
const START_FILES: Readonly<Record<string, readonly string[]>> = {
  bash: [".bash_profile", ".bash_login", ".profile"],
  zsh: [".zshenv", ".zprofile", ".zlogin"],
  fish: [".config/fish/config.fish", ".config/fish/conf.d"],
  ...Object.fromEntries(["sh", "dash", "ash", "ksh", "mksh"].map((name) => [name, [".profile"]])),
};

/** Stands before the PATH: start files print what they like. */
const MARK = "mosaic-fleet: PATH is ";

/** Long enough for a version manager to load on a slow machine, short enough to be waited for, in milliseconds. */
const LIMIT_MS = 3_000;

/** What a login shell says. */
export interface LoginShell {
  /** Such as /bin/bash. */
  readonly shell: string;
  /** The folders of its PATH; undefined when it has not said it in time. */
  readonly folders: readonly string[] | undefined;
}

/**
 * Asks the user's login shell for its PATH, which runs the user's start files: never as another user than the one whose
 * home it is. Without a terminal, with nothing to read, and killed with all that it has started when it takes too long.
 * undefined when it has no start file of the user's, so that /etc says it all, or is a shell not known here.
 */
export async function askLoginShell(
  host: Pick<Host, "files" | "user" | "env" | "exec" | "interrupted">,
): Promise<LoginShell | undefined> {
  const { files, user } = host;
  const shell = await shellOf(host);
  const own = START_FILES[basename(shell)];
  if (own === undefined) return undefined;
  const there = await Promise.all(own.map((name) => files.status(join(user.home, name)).catch(() => undefined)));
  if (there.every((status) => status === undefined)) return undefined;
  // A group of its own, in a session of its own: what waits for a key gets an end of file, and all of it can be killed.
  const options = { timeoutMs: LIMIT_MS, cancelled: host.interrupted, env: { HOME: user.home } };
  const result = await host.exec([shell, "-l", "-c", `printf '\\n%s%s\\n' '${MARK}' "$PATH"`], options);
  const said = result.stdout.split("\n").findLast((line) => line.startsWith(MARK));
  const folders = succeeded(result) ? said?.slice(MARK.length).split(":") : undefined;
  return { shell, folders };
}

/** As /etc/passwd has it; whom another service knows has it in a variable. */
async function shellOf({ files, user, env }: Pick<Host, "files" | "user" | "env">): Promise<string> {
  const users = ((await files.read("/etc/passwd").catch(() => undefined)) ?? "").split("\n");
  const entry = users.map((line) => line.split(":")).find((fields) => fields[2] === String(user.uid));
  return entry?.[6] ?? env.SHELL ?? "";
}
