import { describeError, FleetError } from "../../core/errors.ts";
import { EXIT, exitOf, exitOfInterrupt } from "../../core/exit.ts";
import type { Host } from "../../core/host.ts";
import { shellWord } from "../../core/shell.ts";
import { sendText } from "../../fleet/send.ts";
import { checkedName } from "../agent-options.ts";
import { defineCommand, UsageError } from "../command.ts";
import { durationMs } from "../duration.ts";

export const command = defineCommand({
  name: "agent send",
  summary: "Types a text into an agent's program, exactly, as one paste, then Enter.",
  args: {
    name: { type: "positional", required: true, description: "the agent" },
    text: { type: "positional", required: false, description: "the text; - for what stdin holds" },
    file: { type: "string", valueHint: "FILE", description: "the text is in a file" },
    "no-enter": { type: "boolean", description: "only the text" },
    verify: { type: "boolean", description: "wait for evidence that the program has read it" },
    timeout: { type: "string", valueHint: "TIME", default: "5s", description: "how long --verify waits (5s)" },
  },
  completes: { name: "agent", file: "file" },
  examples: [
    ["mosaic-fleet agent send coder 'run the tests'", "as if it was typed"],
    ["mosaic-fleet agent send coder --file task.md --verify", "many lines; 0 only if the program took them"],
    [
      "git diff | mosaic-fleet agent send coder -",
      "what stdin holds: for secrets too, which all can read in a command line",
    ],
  ],
  exits: [
    [EXIT.ok, "sent; with --verify: accepted, the program has read all of it"],
    [EXIT.broken, "the program died before Enter"],
    [EXIT.unknown, "with --verify: sent, but unverifiable, no evidence that the program took it"],
    [EXIT.usage, "wrong usage, no such agent, or what is no text"],
    [EXIT.unavailable, "the agent does not run; nothing was sent"],
  ],
  async run(host, { name: typed, text, file, "no-enter": noEnter, verify, timeout }) {
    const name = checkedName(typed);
    const verifyMs = durationMs(timeout ?? "");
    if (verifyMs === undefined) throw new UsageError(`--timeout is a time such as 5s or 1m, not "${timeout}"`);
    if ((text === undefined) === (file === undefined))
      throw new UsageError("needs either TEXT (- for stdin) or --file FILE");
    const bytes =
      text === undefined || text === "-" ? await contentOf(host, file ?? "-") : new TextEncoder().encode(text);
    const sent = await sendText(host, name, bytes, { enter: !noEnter, verifyMs: verify ? verifyMs : undefined });
    if (host.interrupted.aborted) return exitOfInterrupt(host.interrupted.reason);
    const size = `${sent.bytes} ${sent.bytes === 1 ? "byte" : "bytes"}`;
    host.stdout.write(`${sent.verdict}: ${size} to ${name}${sent.why === undefined ? "" : `: ${sent.why}`}\n`);
    return exitOf(sent.verdict);
  },
});

async function contentOf(host: Host, file: string): Promise<Uint8Array> {
  if (file === "-" && host.stdin.isTTY) host.stderr.write("Type the text; Ctrl-D at the start of a line ends it.\n");
  const bytes = await host.input(file).catch((error) => {
    throw new FleetError(EXIT.usage, "Nothing was sent", describeError(error), [`ls -ld ${shellWord(file)}`]);
  });
  if (bytes === undefined)
    throw new FleetError(EXIT.usage, "Nothing was sent", `there is no file ${file}`, [`namei -l ${shellWord(file)}`]);
  return bytes;
}
