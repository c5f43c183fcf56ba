import { expect, type Step } from "../../step.ts";
import type { Half } from "../half.ts";
import { startAgent } from "../support.ts";

export const reuse: Step<Half> = {
  id: "reuse",
  title: "starting an agent again reuses its session: same session, same process",
  limitMs: 20_000,
  requires: ["agent"],
  async run(half) {
    const before = await startAgent(half, half.agents.first);
    const after = await startAgent(half, half.agents.first);
    expect(
      after.sessionId === before.sessionId && after.pid === before.pid,
      "a second start did not leave it as it was",
      {
        before: `session ${before.sessionId}, process ${before.pid}`,
        after: `session ${after.sessionId}, process ${after.pid}`,
      },
    );
    return { session: after.sessionId, process: after.pid };
  },
};
