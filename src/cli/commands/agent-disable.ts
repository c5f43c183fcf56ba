import { EXIT } from "../../core/exit.ts";
import { bootAgents } from "../../fleet/boot.ts";
import { defineCommand } from "../command.ts";
import { lifecycleArgs, lifecycleExits, runLifecycle } from "../lifecycle.ts";

export const command = defineCommand({
  name: "agent disable",
  summary: "Has agents start no more by themselves; what runs goes on.",
  args: { ...lifecycleArgs, now: { type: "boolean", description: "stop them now, too" } },
  lists: ["name"],
  completes: { name: "agent" },
  examples: [
    ["mosaic-fleet agent disable coder", "one that starts no more by itself"],
    ["mosaic-fleet agent disable --now 'web-*'", "and is stopped now"],
  ],
  exits: [[EXIT.ok, "all of them are disabled, and with --now stopped"], ...lifecycleExits],
  run: (host, args) =>
    runLifecycle(host, args, (_, names, watching) =>
      bootAgents(host, "disable", names, { ...watching, now: args.now ?? false }),
    ),
});
