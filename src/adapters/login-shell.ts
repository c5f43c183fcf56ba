import { basename, join } from "node:path";
import type { ExecResult } from "../core/exec.ts";
import type { Host } from "../core/host.ts";

/** Which of the user's own files a login shell of this name reads, below the home folder. */
const START_FILES: Readonly<Record<string, readonly string[]>> = {
  bash: [".bash_profile", ".bash_login", ".profile"],
  zsh: [".zshenv", ".zprofile", ".zlogin"],
  fish: [".config/fish/config.fish", ".config/fish/conf.d"],
  ...Object.fromEntries(["sh", "dash", "ash", "ksh", "mksh"].map((name) => [name, [".profile"]])),
};

/**
 * Runs a shell, $0, of which only descriptor 7 is heard: start files print what they like, and as much. What they leave running
 * in the background ends with it. Those that start a multiplexer where there is none find that there is one.
 */
const UNHEARD = '"$0" -l -c "$1" 7>&1 >/dev/null 2>&1; code=$?; trap "" TERM; kill -s TERM 0; exit $code';
const INSIDE = { TMUX: "/dev/null,0,0", STY: "none", ZELLIJ: "0" };

/** By a path, and in a shell of its own: start files may have made something else of any name. */
const SAY_IT = `/bin/sh -c 'command printf "%s\\n" "$PATH" >&7'`;

/** Long enough for a version manager to load on a slow machine, short enough to be waited for, in milliseconds. */
const LIMIT_MS = 3_000;

/** What a login shell says. */
export interface LoginShell {
  /** Such as /bin/bash. */
  readonly shell: string;
  /** The folders of its PATH, or why it has not said it: "did not say it within 3 s". */
  readonly said: readonly string[] | string;
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
  const options = { timeoutMs: LIMIT_MS, cancelled: host.interrupted, env: { HOME: user.home, ...INSIDE } };
  const result = await host.exec(["/bin/sh", "-c", UNHEARD, shell, SAY_IT], options);
  // However it ended: what is said is said.
  return {
    shell,
    said:
      result.kind !== "endless" && result.stdout.endsWith("\n")
        ? result.stdout.slice(0, -1).split(":")
        : silenceOf(result),
  };
}

function silenceOf(result: ExecResult): string {
  switch (result.kind) {
    case "timed-out":
      return `did not say it within ${LIMIT_MS / 1000} s`;
    case "endless":
      return "said it without end";
    case "exited":
      return `ended with exit code ${result.code} before it said it`;
    case "signaled":
      return `was ended by ${result.signal} before it said it`;
    case "not-found":
    case "not-started":
      return "does not run";
  }
}

/** As /etc/passwd has it; whom another service knows has it in a variable. */
async function shellOf({ files, user, env }: Pick<Host, "files" | "user" | "env">): Promise<string> {
  const users = ((await files.read("/etc/passwd").catch(() => undefined)) ?? "").split("\n");
  const entry = users.map((line) => line.split(":")).find((fields) => fields[2] === String(user.uid));
  return entry?.[6] ?? env.SHELL ?? "";
}
