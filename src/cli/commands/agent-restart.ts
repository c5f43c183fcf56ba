import { EXIT } from "../../core/exit.ts";
import { restartAgents } from "../../fleet/lifecycle.ts";
import { defineCommand } from "../command.ts";
import { lifecycleArgs, lifecycleExits, runLifecycle } from "../lifecycle.ts";

export const command = defineCommand({
  name: "agent restart",
  summary: "Restarts agents, and waits until each has its session and its new process.",
  args: lifecycleArgs,
  lists: ["name"],
  completes: { name: "agent" },
  examples: [
    ["mosaic-fleet agent restart coder", "one of them"],
    ["mosaic-fleet agent restart 'web-*'", "those whose names match"],
    ["mosaic-fleet agent restart --all", "the whole fleet"],
  ],
  exits: [[EXIT.ok, "all of them are up, each as a new process"], ...lifecycleExits],
  run: (host, args) => runLifecycle(host, args, restartAgents),
});
