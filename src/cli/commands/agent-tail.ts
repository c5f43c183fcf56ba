import { EXIT, exitOfInterrupt } from "../../core/exit.ts";
import { plainRow, styledRow } from "../../core/screen-text.ts";
import { type Line, tailAgent } from "../../fleet/tail.ts";
import { tellEnd } from "../agent-ended.ts";
import { checkedName } from "../agent-options.ts";
import { defineCommand, UsageError } from "../command.ts";

export const command = defineCommand({
  name: "agent tail",
  summary: "Prints what is on an agent's screen, with what has gone above it, and goes on with what comes.",
  args: {
    name: { type: "positional", required: true, description: "the agent" },
    lines: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: "the last N lines, or all; its screen if not given",
    },
    follow: { type: "boolean", alias: "f", description: "go on with what comes, through restarts; Ctrl-C ends it" },
  },
  completes: { name: "agent" },
  examples: [
    ["mosaic-fleet agent tail coder", "its screen, as it is now"],
    ["mosaic-fleet agent tail coder -n 200", "also what has gone above it"],
    [
      "mosaic-fleet agent tail coder -n 0 -f | grep --line-buffered ERROR",
      "what comes, line by line, once each is whole",
    ],
  ],
  exits: [
    [EXIT.ok, "shown; with -f: the agent was stopped"],
    [EXIT.usage, "wrong usage, or no such agent"],
    [EXIT.unavailable, "the agent does not run, so it has no screen"],
  ],
  async run(host, { name: typed, lines: wanted, follow }) {
    const name = checkedName(typed);
    if (wanted !== undefined && wanted !== "all" && !/^\d{1,9}$/.test(wanted))
      throw new UsageError(`--lines is a number or all, not "${wanted}"`);
    const last = wanted === undefined ? undefined : wanted === "all" ? Number.POSITIVE_INFINITY : Number(wanted);
    const said = {
      dead: `${name}'s program has ended.`,
      restarted: `${name} was started anew.`,
      away: `${name} has no session just now. Waiting for it; Ctrl-C ends that.`,
      skipped: "So much came at once that its first lines are left out.",
    };
    const print = (line: Line) => host.stdout.write(`${host.stdout.color ? styledRow(line) : plainRow(line)}\n`);
    const over = await tailAgent(host, name, last, follow === true, {
      lines: (lines) => lines.forEach(print),
      say: (what) => host.stderr.write(`${said[what]}\n`),
    });
    if (host.interrupted.aborted) return exitOfInterrupt(host.interrupted.reason);
    if (follow && over) await tellEnd(host, name, "does not run any more");
    return EXIT.ok;
  },
});
