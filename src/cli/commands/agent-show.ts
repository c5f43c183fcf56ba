import { EXIT } from "../../core/exit.ts";
import { isConfigured, unknownAgent } from "../../fleet/agent-config.ts";
import { effectiveAgent } from "../../fleet/effective.ts";
import { checkedName } from "../agent-options.ts";
import { defineCommand } from "../command.ts";
import { layoutArgs, printJson } from "../layout.ts";
import { renderAgent } from "../report/agent.ts";

export const command = defineCommand({
  name: "agent show",
  summary: "Shows what an agent is set to, which file says so, and what its pane will run; keys are hidden.",
  args: { name: { type: "positional", required: true, description: "the agent" }, output: layoutArgs.output },
  completes: { name: "agent" },
  examples: [
    ["mosaic-fleet agent show coder", "its settings, and where each is from"],
    ["mosaic-fleet agent show coder -o json", "the same for a script"],
  ],
  exits: [
    [EXIT.ok, "shown"],
    [EXIT.unknown, "shown, but the user manager could not be asked"],
    [EXIT.usage, "wrong usage, or no name of an agent"],
    [EXIT.unavailable, "there is no such agent"],
  ],
  async run(host, { name: typed, output }) {
    const name = checkedName(typed);
    const agent = await effectiveAgent(host, name);
    const idle = agent.state === undefined || agent.state.active === "inactive";
    if (idle && !(await isConfigured(host, name))) throw await unknownAgent(host, name);
    if (output === "human") renderAgent(host.stdout, agent, host.user.home);
    else
      printJson(host, {
        ...agent,
        file: agent.file ?? null,
        state: agent.state ?? null,
        program: agent.program ?? null,
        unmanaged: agent.unmanaged ?? null,
      });
    return agent.unmanaged === undefined ? EXIT.ok : EXIT.unknown;
  },
});
