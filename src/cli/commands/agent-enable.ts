import { EXIT } from "../../core/exit.ts";
import { bootAgents } from "../../fleet/boot.ts";
import { defineCommand } from "../command.ts";
import { lifecycleArgs, lifecycleExits, runLifecycle } from "../lifecycle.ts";

export const command = defineCommand({
  name: "agent enable",
  summary: "Has agents start with the user manager: at boot, where lingering is on.",
  args: { ...lifecycleArgs, now: { type: "boolean", description: "start them now, too" } },
  lists: ["name"],
  completes: { name: "agent" },
  examples: [
    ["mosaic-fleet agent enable coder", "one that starts at boot from now on"],
    ["mosaic-fleet agent enable --now 'web-*'", "and now"],
  ],
  exits: [[EXIT.ok, "all of them are enabled, and with --now up"], ...lifecycleExits],
  run: (host, args) =>
    runLifecycle(host, args, (_, names, watching) =>
      bootAgents(host, "enable", names, { ...watching, now: args.now ?? false }),
    ),
});
