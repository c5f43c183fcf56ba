import { join } from "node:path";
import type { Pane } from "../../adapters/tmux.ts";
import { pathsOf } from "../../core/paths.ts";
import { type Evidence, expect, type Step } from "../step.ts";
import { proveDone, proveUp, start } from "./support.ts";

/** A start of what runs has left it alone. */
export function proveSame(before: Pane, after: Pane): Evidence {
  expect(
    after.sessionId === before.sessionId && after.pid === before.pid,
    "a second start did not leave the session as it was",
    {
      before: `session ${before.sessionId}, process ${before.pid}`,
      after: `session ${after.sessionId}, process ${after.pid}`,
    },
  );
  return { session: after.sessionId, process: after.pid };
}

export const reuse: Step = {
  id: "reuse",
  title: "starting a running agent again reuses its session: same session, same process",
  limitMs: 15_000,
  requires: ["agent"],
  async run(fleet) {
    const before = await proveUp(fleet, fleet.first);
    await start(fleet, fleet.first.unit);
    const script = join(pathsOf(fleet.host).tools, "start-agent-session.sh");
    const byHand = await fleet.host.exec(["/bin/sh", script, fleet.first.name], { timeoutMs: 15_000 });
    proveDone(byHand, "start-agent-session.sh, typed by hand, failed");
    const after = await proveUp(fleet, fleet.first);
    return proveSame(before, after);
  },
};
