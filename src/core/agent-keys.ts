import { tilde } from "./paths.ts";

/**
 * What fleet.env and an agent's file can set: every MOSAIC_ variable that the scripts read from there, with its meaning.
 * (MOSAIC_FLEET_TOOLS and MOSAIC_FLEET_SITE are the holder's own, for tmux.conf; setting them does nothing.)
 */
export const AGENT_KEYS: Readonly<Record<string, string>> = {
  MOSAIC_AGENT_RUNTIME: "the agent's program, claude if not set; through the mosaic launcher where that is installed",
  MOSAIC_AGENT_MODEL: "handed to the program as --model",
  MOSAIC_RUNTIME_BIN: "the program's path, where it is not on PATH",
  MOSAIC_AGENT_COMMAND: "a whole command instead, run by a shell",
  MOSAIC_AGENT_WORKDIR: "the folder it runs in, home if not set",
  MOSAIC_AGENT_STOP_SECONDS: "how long a stop waits before it kills, 0 to 30; 10 if not set",
  MOSAIC_PATH: "folders before those of PATH",
  MOSAIC_TMUX_SOCKET: "the name of the fleet's tmux socket, in fleet.env; mosaic-factory if not set",
  MOSAIC_AGENT_NAME: "set by the fleet: a file that says anything but the agent's own name stops it from starting",
};

/** The one that a shell reads (eval in agent-pane.sh): $VAR, ~, quotes and comments mean there what they mean to it. */
export const SHELL_KEY = "MOSAIC_AGENT_COMMAND";

/** Those in which a leading ~ or ~/ is the home folder (expand_home in fleet-functions.sh). */
export const HOME_KEYS: readonly string[] = ["MOSAIC_AGENT_WORKDIR", "MOSAIC_RUNTIME_BIN", "MOSAIC_PATH"];

/** A value as it means the same in any home: ~ for the home folder, where that is understood. */
export function inAnyHome(variable: string, value: string, home: string): string {
  if (!HOME_KEYS.includes(variable)) return value;
  const paths = variable === "MOSAIC_PATH" ? value.split(":") : [value];
  return paths.map((path) => tilde(path, home)).join(":");
}

/** Whether it is a value of MOSAIC_AGENT_STOP_SECONDS that stop-agent-session.sh takes. */
export function isStopSeconds(value: string): boolean {
  return /^(?:[0-9]|[12][0-9]|30)$/.test(value);
}

/** How long a stop waits before it kills, in seconds. */
export function stopSecondsOf(value: string | undefined): number {
  return value !== undefined && isStopSeconds(value) ? Number(value) : 10;
}

/** The settings that have a name of their own, and the variable in which each is kept. */
export const NAMED_SETTINGS = {
  runtime: "MOSAIC_AGENT_RUNTIME",
  model: "MOSAIC_AGENT_MODEL",
  workdir: "MOSAIC_AGENT_WORKDIR",
  command: "MOSAIC_AGENT_COMMAND",
} as const;

/** What a variable is called in settings: its own name, where it has no other. */
export function settingName(variable: string): string {
  return Object.entries(NAMED_SETTINGS).find(([, each]) => each === variable)?.[0] ?? variable;
}
