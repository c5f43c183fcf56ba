import type { Pane, Server } from "../../adapters/tmux.ts";
import { readHolderRecord } from "../../fleet/holder.ts";
import { expect } from "../step.ts";
import { paneOf, proveDone } from "../steps/support.ts";
import { type Half, type HalfAgent, runScript } from "./half.ts";

/** The server that answers on the socket is the one that the holder's script has founded and written down. */
export async function proveServer(half: Half): Promise<Server> {
  const [server, record] = await Promise.all([half.tmux.server(), readHolderRecord(half.host)]);
  expect(server !== undefined, "no tmux server answers on the fleet's socket");
  expect(server.pid === record?.pid, "the tmux server that answers is not the one that was founded", {
    "pid of the server": server.pid,
    "pid written down": record?.pid ?? "none",
  });
  return server;
}

/** Starts an agent by the script that its unit would run, and proves it up. */
export async function startAgent(half: Half, agent: HalfAgent): Promise<Pane> {
  const result = await runScript(half, ["start-agent-session.sh", agent.name], agent);
  proveDone(result, `the session of ${agent.name} was not started`);
  return proveUp(half, agent);
}

/** One live pane, marked as the agent's own, in exactly its session. */
async function proveUp(half: Half, agent: HalfAgent): Promise<Pane> {
  const pane = await paneOf(half, agent);
  expect(pane !== undefined, `there is no session "${agent.name}", although its start went well`);
  expect(!pane.dead, `the program in session "${agent.name}" has ended`);
  expect(pane.agent, `the pane of session "${agent.name}" is not marked as the agent's own`);
  return pane;
}
