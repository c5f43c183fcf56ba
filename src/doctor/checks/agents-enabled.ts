import { ofAgents, unmasking } from "../agent-subjects.ts";
import type { Check } from "../check.ts";

export const agentsEnabled: Check = {
  id: "agents.enabled",
  title: "every agent that runs and has a file starts at boot",
  requires: ["systemd.user-manager"],
  explain: {
    checks:
      "Whether a target wants the unit of each agent, in any of the folders that the user manager reads. Only agents that are active and have a file of their own are meant: one that was started by hand without a file is taken for a throwaway.",
    why: "An agent that is started and not enabled is gone after the next boot, and nothing says so.",
    mend: "`systemctl --user enable mosaic-agent@NAME.service`. Where that is meant, stop the agent or take its file away.",
  },
  run: (tools) =>
    ofAgents(
      tools,
      {
        healthy: (all) => `${all.filter(({ message }) => message === "starts at boot").length} at boot`,
        failing: "they run, but do not start at boot",
      },
      (agent) => {
        const { unit, file, loaded, enabled, mask } = agent;
        if (enabled) return { status: "pass", message: "starts at boot" };
        const up = loaded?.active === "active" || loaded?.active === "activating";
        if (file === undefined || !up)
          return {
            status: "pass",
            message: up ? "started by hand, without a file" : "stopped, does not start at boot",
          };
        if (mask !== undefined)
          return {
            status: "warn",
            message: "runs, but its unit is masked: after the next boot it is gone",
            fix: unmasking(agent, tools),
          };
        return {
          status: "warn",
          message: "runs, but is not enabled: after the next boot it is gone",
          fix: { actions: [{ kind: "enable", unit }] },
        };
      },
    ),
};
