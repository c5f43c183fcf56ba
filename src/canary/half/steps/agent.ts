import { expect, type Step } from "../../step.ts";
import type { Half } from "../half.ts";
import { startAgent } from "../support.ts";

export const agent: Step<Half> = {
  id: "agent",
  title: "the agent's script starts exactly its session",
  limitMs: 20_000,
  requires: ["server"],
  async run(half) {
    const sessions = async () => new Set((await half.tmux.panes()).map(({ session }) => session));
    const before = await sessions();
    const { first } = half.agents;
    const pane = await startAgent(half, first);
    const added = [...(await sessions())].filter((session) => !before.has(session));
    expect(added.length === 1 && added[0] === first.name, "starting one agent did not add exactly its session", {
      wanted: first.name,
      added,
    });
    return { process: pane.pid, session: pane.sessionId };
  },
};
