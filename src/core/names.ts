export const HOLDER_UNIT = "mosaic-tmux-holder.service";
/** What shows a person the last words of the holder: with --user, what the units of root said is not found. */
export const HOLDER_JOURNAL = `journalctl --user-unit ${HOLDER_UNIT} -n 50`;
export const AGENT_TEMPLATE = "mosaic-agent@.service";
export const DEFAULT_SOCKET = "mosaic-factory";

/** Throwaway agents of a canary run: no user names an agent like this. */
export const CANARY_PREFIX = "mosaic-canary-";
/** An agent of a canary run: its part in it, if it has one; pid and start time of the run's process, which name that for good. */
export const CANARY_RUN = new RegExp(`^${CANARY_PREFIX}(?:[a-z]+-)?(\\d+)-(\\d+)(-second)?$`);
/** A canary's sandbox; the pid of the run's process comes next. */
export const SANDBOX_PREFIX = "mosaic-sandbox-";

/** In an agent's drop-in folder: the limits that agent add and edit write. */
export const LIMITS_DROP_IN = "10-mosaic-limits.conf";

/** Whether a drop-in of this name is written by this program, whatever the unit. */
export function isOurDropIn(file: string): boolean {
  return file.startsWith("10-mosaic-");
}

/** One string for the unit's instance, the tmux session and the file: no character that any of them rewrites. */
const AGENT_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

export function isAgentName(name: string): boolean {
  return AGENT_NAME.test(name);
}

export function agentUnit(name: string): string {
  return `mosaic-agent@${name}.service`;
}

/** The agent that a unit is the instance of, or undefined for any other unit. */
export function agentOfUnit(unit: string): string | undefined {
  const name = /^mosaic-agent@(.+)\.service$/.exec(unit)?.[1];
  return name !== undefined && isAgentName(name) ? name : undefined;
}
