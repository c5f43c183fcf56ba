import { EXIT } from "../../core/exit.ts";
import { exportRoster } from "../../fleet/roster-export.ts";
import { findAgents } from "../../fleet/roster-found.ts";
import { defineCommand } from "../command.ts";

export const command = defineCommand({
  name: "export",
  summary: "Writes the roster of the agents that there are, for mosaic-fleet apply; keys are left out.",
  args: {},
  examples: [["mosaic-fleet export >fleet.yaml", "what is there now, to keep, to change, to apply elsewhere"]],
  exits: [
    [EXIT.ok, "written"],
    [EXIT.broken, "written, but for what no roster can say: each is named"],
    [EXIT.usage, "wrong usage"],
    [EXIT.unavailable, "the user manager cannot be reached"],
    [EXIT.config, "an agent's file cannot be read"],
  ],
  async run(host) {
    const { text, omitted, failed } = exportRoster(await findAgents(host, "Nothing was exported"), host.user.home);
    host.stdout.write(text);
    for (const name of failed) host.stderr.write(`${name} has failed: in the roster it is stopped\n`);
    for (const line of omitted) host.stderr.write(`left out: ${line}\n`);
    return omitted.length === 0 ? EXIT.ok : EXIT.broken;
  },
});
