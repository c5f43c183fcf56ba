import type { Step } from "../../step.ts";
import { proveSame } from "../../steps/reuse.ts";
import type { Half } from "../half.ts";
import { startAgent } from "../support.ts";

export const reuse: Step<Half> = {
  id: "reuse",
  title: "starting an agent again reuses its session: same session, same process",
  limitMs: 20_000,
  requires: ["agent"],
  async run(half) {
    const before = await startAgent(half, half.agents.first);
    return proveSame(before, await startAgent(half, half.agents.first));
  },
};
