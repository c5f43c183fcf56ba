import { FleetError } from "../../core/errors.ts";
import { EXIT } from "../../core/exit.ts";
import { tilde } from "../../core/paths.ts";
import { isConfigured, lifeOf, removeAgent, unknownAgent } from "../../fleet/agent-config.ts";
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
    [EXIT.unavailable, "there is no such agent; or it runs, and there is nobody to ask"],
    [EXIT.oserr, "it could not be stopped or disabled; its settings stay"],
    [EXIT.cantcreate, "a file cannot be renamed"],
  ],
  async run(host, args) {
    const name = checkedName(args.name);
    const life = await lifeOf(host, name);
    if (!life.runs && !life.enabled && !(await isConfigured(host, name))) throw unknownAgent(name);
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
    const { kept, yours } = await removeAgent(host, name, life);
    const { home } = host.user;
    host.stdout.write(
      `Removed ${name}.${kept === undefined ? "" : ` Its settings are kept in ${tilde(kept, home)}`}\n`,
    );
    if (yours.length > 0) host.stdout.write(`Drop-ins of yours stay: ${yours.join(", ")}\n`);
    return EXIT.ok;
  },
});
