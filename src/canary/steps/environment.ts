import type { Pane } from "../../adapters/tmux.ts";
import { type Evidence, expect, type Fleet, type Step, type ThrowawayAgent } from "../step.ts";
import { environmentOf, proveUp } from "./support.ts";

/** The program in an agent's pane has the variables and the folder that it was given, and no process shows the secret. */
export async function proveEnvironment(
  subject: Pick<Fleet, "host" | "procfs" | "secret">,
  agent: ThrowawayAgent,
  pane: Pane,
): Promise<Evidence> {
  const { procfs, secret } = subject;
  const variables = await environmentOf(subject, pane);
  const folder = await procfs.workingFolder(pane.pid);
  const wrong = Object.entries(agent.variables).filter(([key, value]) => variables[key] !== value);
  expect(wrong.length === 0, "variables of the unit did not reach the agent as they are", {
    variables: wrong.map(([key]) => key),
  });
  expect(folder === agent.workdir, "the agent does not run in its working folder", {
    wanted: agent.workdir,
    found: folder ?? "none",
  });

  const pids = await procfs.pids();
  const shown = await Promise.all(
    pids.map(async (pid) => ((await procfs.commandLine(pid)) ?? []).some((word) => word.includes(secret))),
  );
  const leaking = pids.filter((_, index) => shown[index]);
  expect(leaking.length === 0, "a secret of the agent is in the arguments of a process, for every user to read", {
    processes: leaking.map(String),
  });
  return { "variables compared": Object.keys(agent.variables).length, "processes searched": pids.length };
}

export const environment: Step = {
  id: "environment",
  title: "its environment and working folder are what the unit says, and no secret is in any process's arguments",
  limitMs: 10_000,
  requires: ["agent"],
  run: async (fleet) => proveEnvironment(fleet, fleet.first, await proveUp(fleet, fleet.first)),
};
