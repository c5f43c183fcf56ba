import { EXIT, exitOfInterrupt } from "../../core/exit.ts";
import { agentLogs } from "../../fleet/logs.ts";
import { checkedName } from "../agent-options.ts";
import { defineCommand, UsageError } from "../command.ts";
import { durationMs } from "../duration.ts";

/** Of journalctl's formats those with a line for each entry, or nearly. */
const FORMATS: ("short" | "short-iso" | "short-precise" | "cat" | "json")[] = [
  ...(["short", "short-iso", "short-precise", "cat", "json"] as const),
];
/** Entries that are shown where nobody says how many. */
const LAST = 100;

export const command = defineCommand({
  name: "agent logs",
  summary: "Shows the journal of an agent's unit: starts, ends and why; with keys hidden.",
  args: {
    name: { type: "positional", required: true, description: "the agent, or one that was removed" },
    lines: { type: "string", alias: "n", valueHint: "N", description: `the last N entries, or all (${LAST})` },
    follow: { type: "boolean", alias: "f", description: "go on with what comes; Ctrl-C ends it" },
    since: { type: "string", valueHint: "TIME", description: "from then on: 10m, 2h, yesterday, '2026-01-31 12:00'" },
    output: { type: "enum", alias: "o", options: FORMATS, default: "short", description: "as journalctl has them" },
  },
  completes: { name: "agent" },
  examples: [
    ["mosaic-fleet agent logs coder", "what happened lately"],
    ["mosaic-fleet agent logs coder --since 2h -f", "the last two hours, and what comes"],
    ["mosaic-fleet agent logs coder -n all -o json", "all of it, for a machine"],
  ],
  exits: [
    [EXIT.ok, "shown, or there was nothing to show"],
    [EXIT.usage, "wrong usage, or no such agent"],
    [EXIT.unavailable, "there is no journal to read"],
    [EXIT.oserr, "journalctl failed"],
  ],
  async run(host, { name: typed, lines, follow, since: from, output }) {
    const name = checkedName(typed);
    if (lines !== undefined && lines !== "all" && !/^\d{1,9}$/.test(lines))
      throw new UsageError(`--lines is a number or all, not "${lines}"`);
    const ago = durationMs(from ?? "");
    const since = ago === undefined ? from : `-${ago / 1000}s`;
    const query = {
      last:
        lines === undefined ? (since === undefined ? LAST : ("all" as const)) : lines === "all" ? lines : Number(lines),
      since,
      format: output,
      colours: host.stdout.color && output.startsWith("short"),
      follow: follow === true,
    };
    const count = await agentLogs(host, name, query, (line) => host.stdout.write(`${line}\n`));
    if (host.interrupted.aborted) return exitOfInterrupt(host.interrupted.reason);
    if (count === 0) {
      const when = from === undefined ? "" : `, or not since ${from}`;
      host.stderr.write(`The journal has nothing of ${name}${when}.\n`);
    }
    return EXIT.ok;
  },
});
