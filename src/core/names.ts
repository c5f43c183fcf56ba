export const HOLDER_UNIT = "mosaic-tmux-holder.service";
export const AGENT_TEMPLATE = "mosaic-agent@.service";
export const DEFAULT_SOCKET = "mosaic-factory";

/** One string for the unit's instance, the tmux session and the file: no character that any of them rewrites. */
const AGENT_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

function isAgentName(name: string): boolean {
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
