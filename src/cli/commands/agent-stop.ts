import { EXIT } from "../../core/exit.ts";
import { stopAgents } from "../../fleet/lifecycle.ts";
import { defineCommand } from "../command.ts";
import { lifecycleArgs, lifecycleExits, runLifecycle } from "../lifecycle.ts";

export const command = defineCommand({
  name: "agent stop",
  summary: "Stops agents: asks their programs to end, waits, closes their sessions.",
  args: lifecycleArgs,
  lists: ["name"],
  completes: { name: "agent" },
  examples: [
    ["mosaic-fleet agent stop coder", "one of them"],
    ["mosaic-fleet agent stop 'web-*'", "those whose names match"],
    ["mosaic-fleet agent stop --all", "the whole fleet"],
  ],
  exits: [[EXIT.ok, "all of them are stopped"], ...lifecycleExits],
  run: (host, args) => runLifecycle(host, args, stopAgents),
});
