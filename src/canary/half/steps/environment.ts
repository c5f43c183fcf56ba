import type { Step } from "../../step.ts";
import { proveEnvironment } from "../../steps/environment.ts";
import type { Half } from "../half.ts";
import { startAgent } from "../support.ts";

export const environment: Step<Half> = {
  id: "environment",
  title: "an agent has exactly the variables and the folder it is given, and no secret is in any process's arguments",
  limitMs: 15_000,
  requires: ["agent"],
  async run(half) {
    const { first } = half.agents;
    return proveEnvironment(half, first, await startAgent(half, first), half.host.env);
  },
};
