import { expect, type Step } from "../step.ts";
import { proveUp, start } from "./support.ts";

export const agent: Step = {
  id: "agent",
  title: "an agent starts: exactly its session appears, and its process is in the agent's own unit",
  limitMs: 20_000,
  requires: ["holder"],
  async run(fleet) {
    const sessions = async () => new Set((await fleet.tmux.panes()).map((pane) => pane.session));
    const before = await sessions();
    await start(fleet, fleet.first.unit);
    const added = [...(await sessions())].filter((session) => !before.has(session));
    expect(added.length === 1 && added[0] === fleet.first.name, "starting one agent did not add exactly its session", {
      wanted: fleet.first.name,
      added,
    });
    const pane = await proveUp(fleet, fleet.first);
    return { process: pane.pid, session: pane.sessionId };
  },
};
