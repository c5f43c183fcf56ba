import { EXIT } from "../../core/exit.ts";
import { startAgents } from "../../fleet/lifecycle.ts";
import { defineCommand } from "../command.ts";
import { lifecycleArgs, lifecycleExits, runLifecycle } from "../lifecycle.ts";

export const command = defineCommand({
  name: "agent start",
  summary: "Starts agents, and waits until each has its session and its process.",
  args: lifecycleArgs,
  lists: ["name"],
  completes: { name: "agent" },
  examples: [
    ["mosaic-fleet agent start coder", "one of them"],
    ["mosaic-fleet agent start 'web-*'", "those whose names match"],
    ["mosaic-fleet agent start --all", "the whole fleet"],
  ],
  exits: [[EXIT.ok, "all of them are up"], ...lifecycleExits],
  run: (host, args) => runLifecycle(host, args, startAgents),
});
