import type { Step } from "../../step.ts";
import { provePath, path as whole } from "../../steps/path.ts";
import type { Half } from "../half.ts";
import { startAgent } from "../support.ts";

export const path: Step<Half> = {
  id: "path",
  title: whole.title,
  limitMs: 20_000,
  requires: ["agent"],
  run: (half) => provePath(half, half.agents.path, () => startAgent(half, half.agents.path)),
};
