import { expect, type Step } from "../step.ts";
import { environmentOf, proveUp } from "./support.ts";

export const environment: Step = {
  id: "environment",
  title: "its environment and working folder are what the unit says, and no secret is in any process's arguments",
  limitMs: 10_000,
  requires: ["agent"],
  async run(fleet) {
    const pane = await proveUp(fleet, fleet.first);
    const variables = await environmentOf(fleet, pane);
    const folder = await fleet.procfs.workingFolder(pane.pid);
    const wrong = Object.entries(fleet.first.variables).filter(([key, value]) => variables[key] !== value);
    expect(wrong.length === 0, "variables of the unit did not reach the agent as they are", {
      variables: wrong.map(([key]) => key),
    });
    expect(folder === fleet.first.workdir, "the agent does not run in its working folder", {
      wanted: fleet.first.workdir,
      found: folder ?? "none",
    });

    const pids = await fleet.procfs.pids();
    const shown = await Promise.all(
      pids.map(async (pid) =>
        ((await fleet.procfs.commandLine(pid)) ?? []).some((word) => word.includes(fleet.secret)),
      ),
    );
    const leaking = pids.filter((_, index) => shown[index]);
    expect(leaking.length === 0, "a secret of the agent is in the arguments of a process, for every user to read", {
      processes: leaking.map(String),
    });
    return { "variables compared": Object.keys(fleet.first.variables).length, "processes searched": pids.length };
  },
};
