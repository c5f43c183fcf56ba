import { dirname, join } from "node:path";
import { CANARY_PROGRAM } from "../parts.ts";
import { expect, type Step, Untried } from "../step.ts";
import { environmentOf, proveUp, start, stop } from "./support.ts";

export const path: Step = {
  id: "path",
  title: "a folder that MOSAIC_PATH adds is on the agent's PATH, first, and its programs are found there",
  limitMs: 20_000,
  requires: ["agent"],
  beside: true,
  async run(fleet) {
    const { path: agent } = fleet.own;
    const program = join(agent.folder, CANARY_PROGRAM);
    if (!(await fleet.host.files.allows(program, "execute")))
      throw new Untried(`no program may be run in ${agent.folder}: that file system is mounted noexec`);
    await start(fleet, agent.unit); // whose program is nowhere else
    const pane = await proveUp(fleet, agent);
    const added = dirname(program);
    const { PATH: found } = await environmentOf(fleet, pane);
    expect(found?.split(":")[0] === added, "the folder that MOSAIC_PATH adds is not the first of the agent's PATH", {
      added,
      PATH: found ?? "not set",
    });
    await stop(fleet, agent.unit);
    return { PATH: found ?? "" };
  },
};
