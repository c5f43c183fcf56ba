import { FleetError } from "../../core/errors.ts";
import { EXIT } from "../../core/exit.ts";
import { uninstall } from "../../install/uninstall.ts";
import { defineCommand } from "../command.ts";
import { layoutArgs, printJson, problemOf, withProblem } from "../layout.ts";
import { renderError } from "../report/error.ts";
import { planDocument, siteDiffs } from "../report/plan.ts";
import { disableCommand, renderGrave, renderUninstalled } from "../report/uninstall.ts";

export const command = defineCommand({
  name: "uninstall",
  summary: "Removes what install has laid out, and nothing else: your settings, edits and drop-ins stay.",
  details: [
    "A file of ours that you have changed stays. What install has switched on (--enable, --linger) is switched off again, and only that. With --purge your settings and your agents' limits go, too, into an archive in your home folder.",
  ],
  args: {
    "dry-run": layoutArgs["dry-run"],
    purge: { type: "boolean", description: "remove your settings too, when an archive of them is in your home folder" },
    yes: layoutArgs.yes,
    output: layoutArgs.output,
  },
  examples: [
    ["mosaic-fleet uninstall --dry-run", "see what would go, and what would be stopped"],
    ["mosaic-fleet uninstall --yes", "stop the fleet and remove it, without a question"],
  ],
  exits: [
    [EXIT.ok, "removed, or nothing was installed"],
    [EXIT.broken, "you said no: nothing was removed"],
    [EXIT.usage, "wrong usage"],
    [EXIT.unavailable, "it needs a yes and there is nobody to ask, or the user manager cannot be reached"],
    [EXIT.oserr, "removed, but systemd could not be told"],
    [EXIT.cantcreate, "something could not be removed, or your settings could not be kept; what was done is undone"],
    [EXIT.config, "the receipt cannot be read, or there is a layout and none"],
  ],
  alwaysDocuments: true,
  async run(host, args) {
    const dryRun = args["dry-run"] ?? false;
    const purge = args.purge ?? false;
    const human = args.output === "human";
    const rendering = { home: host.user.home, dryRun, purge };
    return withProblem(host, human, async () => {
      let refused = false;
      const seen = await uninstall(host, {
        dryRun,
        purge,
        async clear() {
          const { clearLeftAgents } = await import("../../canary/agents.ts");
          const again = `mosaic-fleet uninstall${purge ? " --purge" : ""}`;
          await clearLeftAgents(host, (why, pid) => {
            const next = [`tail --pid=${pid} -f /dev/null && ${again}`];
            return new FleetError(EXIT.unavailable, "Nothing was removed", why, next);
          });
        },
        async confirm(seen) {
          if (args.yes) return true;
          if (human) renderGrave(host.stderr, seen, rendering);
          const answer = human ? await host.ask("Go on? [y/N] ") : undefined;
          if (answer !== undefined) {
            refused = !answer;
            return answer;
          }
          const why = seen.running.length > 0 ? `these run: ${seen.running.join(", ")}` : "your settings would go";
          throw new FleetError(EXIT.unavailable, "Nothing was removed", why, [
            `mosaic-fleet uninstall${purge ? " --purge" : ""} --yes`,
          ]);
        },
      });
      if (refused) {
        host.stdout.write("Nothing was removed.\n");
        return EXIT.broken;
      }
      if (human) await renderUninstalled(host.stdout, seen, rendering);
      else {
        const { plan, enabled, notKnown, shown, ...rest } = seen;
        const diffs = shown === undefined ? {} : { siteDiffs: await siteDiffs(shown) };
        const next = enabled.length > 0 ? [disableCommand(enabled)] : [];
        const problem = notKnown === undefined ? {} : { problem: problemOf(notKnown) };
        printJson(host, {
          ...rest,
          ...problem,
          ...diffs,
          enabled,
          next,
          steps: await planDocument(plan, dryRun),
        });
      }
      return seen.notKnown === undefined ? EXIT.ok : renderError(host, seen.notKnown);
    });
  },
});
