import { dirname, join } from "node:path";
import type { Pane } from "../../adapters/tmux.ts";
import { CANARY_PROGRAM } from "../parts.ts";
import { type Evidence, expect, type Fleet, type Step, type ThrowawayAgent, Untried } from "../step.ts";
import { ensureUp, environmentOf, stop } from "./support.ts";

/** An agent whose program is nowhere else starts with the folder that MOSAIC_PATH adds first. `startUp` starts it and proves it up. */
export async function provePath(
  subject: Pick<Fleet, "host" | "procfs">,
  agent: ThrowawayAgent,
  startUp: () => Promise<Pane>,
): Promise<Evidence> {
  const program = join(agent.folder, CANARY_PROGRAM);
  if (!(await subject.host.files.allows(program, "execute")))
    throw new Untried(`no program may be run in ${agent.folder}: that file system is mounted noexec`);
  const { PATH: found } = await environmentOf(subject, await startUp());
  const added = dirname(program);
  expect(found?.split(":")[0] === added, "the folder that MOSAIC_PATH adds is not the first of the agent's PATH", {
    added,
    PATH: found ?? "not set",
  });
  return { PATH: found ?? "" };
}

export const path: Step = {
  id: "path",
  title: "a folder that MOSAIC_PATH adds is on the agent's PATH, first, and its programs are found there",
  limitMs: 20_000,
  requires: ["agent"],
  beside: true,
  async run(fleet) {
    const { path: agent } = fleet.own;
    const evidence = await provePath(fleet, agent, () => ensureUp(fleet, agent));
    await stop(fleet, agent.unit);
    return evidence;
  },
};
