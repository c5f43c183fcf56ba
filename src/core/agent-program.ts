import { LAUNCHER } from "./runtimes.ts";

/** What an agent's pane becomes, as start-agent-session.sh makes it out of the unit's environment. */
export interface AgentProgram {
  /** What must be found on `path`; undefined where only the shell can tell. */
  readonly program: string | undefined;
  /** Folders in which it is looked for, first match first; a relative one counts from the working folder. */
  readonly path: readonly string[];
  readonly workdir: string;
  /** A shell runs it: then the shell's own words will do, too. */
  readonly shell: boolean;
  /** The launcher that is used instead where it is found on `path`. */
  readonly launcher?: typeof LAUNCHER;
}

/** The variables of which it is made. */
export const PROGRAM_KEYS = [
  ...["HOME", "PATH", "MOSAIC_PATH", "MOSAIC_AGENT_WORKDIR"],
  ...["MOSAIC_AGENT_COMMAND", "MOSAIC_RUNTIME_BIN", "MOSAIC_AGENT_RUNTIME"],
] as const;

type Environment = { readonly [key in (typeof PROGRAM_KEYS)[number]]?: string | undefined };

/** ~ and ~/x, which systemd leaves as they are. */
export function expandHome(path: string, home: string): string {
  return path === "~" ? home : path.startsWith("~/") ? home + path.slice(1) : path;
}

/**
 * `environment`: the unit's, as systemd makes it of the manager's, the unit's own and the environment files. `fallback`:
 * the home folder where it names none.
 */
export function agentProgram(environment: Environment, fallback: string): AgentProgram {
  const home = environment.HOME ?? fallback;
  const additions = environment.MOSAIC_PATH ? environment.MOSAIC_PATH.split(":") : [];
  const path = [...additions.map((folder) => expandHome(folder, home)), ...(environment.PATH ?? "").split(":")];
  const workdir = expandHome(environment.MOSAIC_AGENT_WORKDIR || home, home);
  if (environment.MOSAIC_AGENT_COMMAND)
    return { path, workdir, shell: true, program: commandProgram(environment.MOSAIC_AGENT_COMMAND, home) };
  if (environment.MOSAIC_RUNTIME_BIN)
    return { path, workdir, shell: false, program: expandHome(environment.MOSAIC_RUNTIME_BIN, home) };
  return { path, workdir, shell: false, program: environment.MOSAIC_AGENT_RUNTIME || "claude", launcher: LAUNCHER };
}

/** [[:space:]] in the C locale: not every blank of Unicode. */
const BLANKS = /[ \t\n\v\f\r]+/;
/** A leading word that is no program: exec, or an assignment that ends where the word does. */
const PREFIX = /^(exec|[A-Za-z_].*=.*[^'"`$(\\])$/s;
const PLAIN_WORD = /^[A-Za-z0-9_./+-]+$/;

function commandProgram(command: string, home: string): string | undefined {
  const words = command.replace(/^[ \t\n\v\f\r]+/, "").split(BLANKS);
  while (words.length > 1 && PREFIX.test(words[0] ?? "")) words.shift();
  const program = expandHome(words[0] ?? "", home);
  return PLAIN_WORD.test(program) ? program : undefined;
}

/** The command behind its leading assignments: what other users see of it in the list of processes. */
export function commandArguments(command: string): string {
  const words = command.replace(/^[ \t\n\v\f\r]+/, "").split(BLANKS);
  while (words.length > 1 && PREFIX.test(words[0] ?? "")) words.shift();
  return words.join(" ");
}

/**
 * Whether a shell finds a quote in it that is never closed. Only of what is simple: substitutions and here-documents have
 * quotes by rules of their own.
 */
export function hasOpenQuote(command: string): boolean {
  if (/[$`]|<</.test(command)) return false;
  const rest = command.replace(/\\[\s\S]|'[^']*'|"(?:\\[\s\S]|[^"\\])*"|(?<![^\s;&|()])#[^\n]*/g, "x");
  return /['"]/.test(rest);
}

/** Words that the shell knows itself: dash's, all of which other shells know too. */
const SHELL_WORDS = new Set(
  ". alias bg break case cd chdir command continue do done echo elif else esac eval exec exit export false fg fi for getopts hash if in jobs kill local printf pwd read readonly return set shift test then times trap true type ulimit umask unalias unset until wait while".split(
    " ",
  ),
);

export function isShellWord(word: string): boolean {
  return SHELL_WORDS.has(word);
}
