import { EXIT } from "../../core/exit.ts";
import { rollback } from "../../install/install.ts";
import { defineCommand } from "../command.ts";
import {
  decideAtTerminal,
  layoutArgs,
  layoutDocument,
  layoutExit,
  proveRestart,
  restartArg,
  withProblem,
} from "../layout.ts";
import { renderInstalled } from "../report/install.ts";

export const command = defineCommand({
  name: "rollback",
  summary: "Lays out the version before this one again; what you have changed stays as you have it.",
  args: layoutArgs,
  examples: [
    ["mosaic-fleet rollback --dry-run", "see what would change in each file"],
    ["mosaic-fleet rollback --restart", "go back, bring what runs back, too, and prove that it holds"],
  ],
  exits: [
    [EXIT.ok, "the version before is laid out"],
    [
      EXIT.broken,
      "so it is, but for a file that you and that version have changed; or not all of the fleet came back, or holds",
    ],
    [EXIT.unknown, "rolled back, but what still runs as before, or whether it holds, cannot be told"],
    [EXIT.usage, "wrong usage"],
    [EXIT.unavailable, "no version before is recorded, or the user manager cannot be reached"],
    [EXIT.cantcreate, "a file that is not ours is in the way, or cannot be written; nothing is left written"],
    [EXIT.config, "the receipt cannot be read"],
  ],
  alwaysDocuments: true,
  async run(host, args) {
    const dryRun = args["dry-run"] ?? false;
    const human = args.output === "human";
    return withProblem(host, human, async () => {
      const decide = human && !args.yes ? { decide: decideAtTerminal(host) } : {};
      const installed = await rollback(host, { dryRun, ...restartArg(host, "rollback", args.restart), ...decide });
      if (human)
        await renderInstalled(host.stdout, installed, {
          dryRun,
          home: host.user.home,
          command: "rollback",
        });
      const canary = await proveRestart(host, installed, human);
      if (!human) await layoutDocument(host, installed, dryRun, canary);
      return layoutExit(host, installed, canary);
    });
  },
});
