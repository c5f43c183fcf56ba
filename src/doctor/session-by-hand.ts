import { shellWord } from "../core/shell.ts";
import { fleetTmux } from "./fleet-tmux.ts";
import type { Tools } from "./tools.ts";

/**
 * The command that gives a session another name that goes by an agent's without being its own; undefined where there is none.
 * By the session's id: typed again, when the agent has a session of that name, it leaves that alone.
 */
export async function settingAside(tools: Tools, agent: string): Promise<string | undefined> {
  const panes = (await tools.server())?.panes ?? [];
  const [first, ...more] = panes.filter(({ session }) => session === agent);
  if (first === undefined || first.agent || more.some((pane) => pane.agent)) return undefined;
  let other = `${agent}-by-hand`;
  while (panes.some(({ session }) => session === other)) other += "-2";
  return `${await fleetTmux(tools)} rename-session -t ${shellWord(first.sessionId)} ${shellWord(other)}`;
}
