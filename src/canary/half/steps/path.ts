import { dirname, join } from "node:path";
import { CANARY_PROGRAM } from "../../parts.ts";
import { expect, type Step, Untried } from "../../step.ts";
import { environmentOf } from "../../steps/support.ts";
import type { Half } from "../half.ts";
import { startAgent } from "../support.ts";

export const path: Step<Half> = {
  id: "path",
  title: "a folder that MOSAIC_PATH adds is on the agent's PATH, first, and its programs are found there",
  limitMs: 20_000,
  requires: ["agent"],
  async run(half) {
    const { path: agent } = half.agents;
    const program = join(agent.folder, CANARY_PROGRAM);
    if (!(await half.host.files.allows(program, "execute")))
      throw new Untried(`no program may be run in ${agent.folder}: that file system is mounted noexec`);
    const { PATH: found } = await environmentOf(half, await startAgent(half, agent)); // whose program is nowhere else
    const added = dirname(program);
    expect(found?.split(":")[0] === added, "the folder that MOSAIC_PATH adds is not the first of the agent's PATH", {
      added,
      PATH: found ?? "not set",
    });
    return { PATH: found ?? "" };
  },
};
