import { EXIT, exitOfInterrupt } from "../../core/exit.ts";
import { attach } from "../../fleet/attach.ts";
import { tellEnd } from "../agent-ended.ts";
import { checkedName } from "../agent-options.ts";
import { defineCommand } from "../command.ts";

export const command = defineCommand({
  name: "agent attach",
  summary: "Shows an agent at this terminal, to work in; it stays when the agent is restarted.",
  args: { name: { type: "positional", required: true, description: "the agent" } },
  completes: { name: "agent" },
  examples: [["mosaic-fleet agent attach coder", "Ctrl-B d leaves it"]],
  exits: [
    [EXIT.ok, "left, or the agent was stopped"],
    [EXIT.broken, "the tmux server was lost, and the agent did not come back"],
    [EXIT.usage, "wrong usage, no such agent, or no terminal"],
    [EXIT.unavailable, "the agent does not run"],
  ],
  async run(host, { name: typed }) {
    const name = checkedName(typed);
    const left = await attach(host, name, (line) => host.stderr.write(`${line}\n`));
    if (host.interrupted.aborted) return exitOfInterrupt(host.interrupted.reason);
    if (left === "stopped") await tellEnd(host, name, "was stopped");
    return EXIT.ok;
  },
});
