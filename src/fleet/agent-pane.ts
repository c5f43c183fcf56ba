import { type AgentPane, type AgentPanes, agentPanesOf } from "../adapters/tmux-pane.ts";
import { ToolError } from "../adapters/tool-error.ts";
import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { readHolderRecord } from "./holder.ts";

/** An agent's pane, and the server that has it. */
export interface FoundPane {
  readonly panes: AgentPanes;
  readonly pane: AgentPane;
  readonly socketPath: string;
}

/** The pane of an agent; undefined where it has none just now: stopped, or the server is gone. */
export async function findPane(host: Host, name: string): Promise<FoundPane | undefined> {
  const record = await readHolderRecord(host);
  if (record === undefined) return undefined;
  const panes = agentPanesOf(host, record.socketPath);
  const pane = await panes.find(name);
  return pane === undefined ? undefined : { panes, pane, socketPath: record.socketPath };
}

/** The same where there has to be one. Throws FleetError, which says what to type: 64 for a name that no agent has, 69. */
export async function demandPane(host: Host, name: string, what: string): Promise<FoundPane> {
  const found = await findPane(host, name).catch((error) => {
    if (error instanceof ToolError) throw silent(what, error);
    throw error;
  });
  if (found !== undefined) return found;
  await (await import("./select.ts")).selectFrom(host, { names: [name], all: false });
  const [seen] = (await (await import("./status.ts")).fleetStatus(host, { names: [name] })).agents;
  // It may well run: its socket is lost, or its session has another name.
  if (seen?.state === "unknown" || seen?.state === "disagrees")
    throw new FleetError(EXIT.unavailable, what, `${name}: ${seen.message}`, [
      "mosaic-fleet doctor --only holder,tmux,agents",
    ]);
  throw new FleetError(EXIT.unavailable, what, `the agent ${name} does not run`, [
    `mosaic-fleet agent start ${name}`,
    `mosaic-fleet agent logs ${name}`,
  ]);
}

/** The fleet's tmux server is there, and does not answer. */
export function silent(what: string, { message }: ToolError): FleetError {
  return new FleetError(EXIT.unavailable, what, `the fleet's tmux server does not answer: ${message}`, [
    "mosaic-fleet doctor --only holder,tmux",
  ]);
}
