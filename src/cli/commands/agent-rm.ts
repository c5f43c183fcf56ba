import { FleetError } from "../../core/errors.ts";
import { EXIT } from "../../core/exit.ts";
import { tilde } from "../../core/paths.ts";
import { isConfigured, unknownAgent } from "../../fleet/agent-config.ts";
import { lifeOf, removeAgents } from "../../fleet/agent-removal.ts";
import { checkedName } from "../agent-options.ts";
import { defineCommand } from "../command.ts";

export const command = defineCommand({
  name: "agent rm",
  summary:
    "Removes an agent: stops it if it runs (asks first), disables it, keeps its settings file under another name.",
  args: {
    name: { type: "positional", required: true, description: "the agent" },
    yes: { type: "boolean", description: "stop it without a question" },
  },
  completes: { name: "agent" },
  examples: [["mosaic-fleet agent rm coder", "remove it; what it runs is stopped only after a yes"]],
  exits: [
    [EXIT.ok, "removed"],
    [EXIT.broken, "you said no: nothing was removed"],
    [EXIT.usage, "wrong usage, or no name of an agent"],
    [
      EXIT.unavailable,
      "there is no such agent; it runs, and there is nobody to ask; or the user manager cannot be reached",
    ],
    [EXIT.oserr, "it could not be stopped or disabled; its settings stay"],
    [EXIT.cantcreate, "a file cannot be renamed"],
  ],
  async run(host, args) {
    const name = checkedName(args.name);
    const life = await lifeOf(host, name, "Nothing was removed");
    if (!life.runs && !life.enabled && !life.remains && !(await isConfigured(host, name)))
      throw await unknownAgent(host, name);
    if (life.runs && !args.yes) {
      const answer = await host.ask(
        `${name} runs: what it is at is lost when it is stopped. Stop and remove it? [y/N] `,
      );
      if (answer === undefined)
        throw new FleetError(EXIT.unavailable, "Nothing was removed", `${name} runs, and there is nobody to ask`, [
          `mosaic-fleet agent rm ${name} --yes`,
        ]);
      if (!answer) {
        host.stdout.write("Nothing was removed.\n");
        return EXIT.broken;
      }
    }
    const removed = (await removeAgents(host, new Map([[name, life]]))).get(name);
    if (removed instanceof FleetError) throw removed;
    const { home } = host.user;
    host.stdout.write(`Removed ${name}.\n`);
    if (removed?.kept !== undefined) host.stdout.write(`Its settings are kept:\n  ${tilde(removed.kept, home)}\n`);
    for (const path of removed?.yours ?? []) host.stdout.write(`A drop-in of yours stays:\n  ${tilde(path, home)}\n`);
    return EXIT.ok;
  },
});
