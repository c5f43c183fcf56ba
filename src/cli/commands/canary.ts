import { version } from "../../../package.json";
import { canaryReportSchema } from "../../canary/report.ts";
import { runCanary } from "../../canary/run.ts";
import { EXIT, exitOf } from "../../core/exit.ts";
import { defineCommand, UsageError } from "../command.ts";
import { renderStep, renderVerdict } from "../report/canary.ts";

export const command = defineCommand({
  name: "canary",
  summary: "Proves, promise by promise, on real systemd and real tmux, that the fleet holds.",
  args: {
    sandbox: {
      type: "boolean",
      description: "in a private user manager with its own HOME: touches nothing of yours, needs nothing installed",
    },
    keep: { type: "boolean", description: "leave the sandbox there for a look; the next --sandbox run clears it" },
    timeout: { type: "string", valueHint: "S", default: "180", description: "seconds for the whole run (180)" },
    output: { type: "enum", alias: "o", options: ["human", "json"], default: "human", description: "what to print" },
  },
  examples: [
    ["mosaic-fleet canary --sandbox", "in CI, or before anything is installed"],
    ["mosaic-fleet canary -o json", "on the installed fleet, with throwaway agents, as one JSON document"],
  ],
  exits: [
    [EXIT.ok, "every promise that was tried is kept"],
    [EXIT.broken, "a promise is broken"],
    [EXIT.unknown, "could not tell, or interrupted"],
    [EXIT.usage, "wrong usage"],
    [EXIT.unavailable, "a prerequisite is missing"],
  ],
  async run(host, args) {
    const seconds = Number(args.timeout);
    if (!(seconds > 0 && seconds <= 86_400))
      throw new UsageError(`--timeout is a number of seconds, not "${args.timeout}"`);
    if (args.keep && !args.sandbox) throw new UsageError("--keep keeps a sandbox: use it with --sandbox");
    const human = args.output === "human";
    if (human)
      host.stdout.write(
        `mosaic-fleet ${version} canary, ${args.sandbox ? "in a sandbox" : "on the installed fleet"}\n\n`,
      );
    const report = await runCanary(host, {
      sandbox: args.sandbox ?? false,
      keep: args.keep ?? false,
      timeoutMs: seconds * 1000,
      version,
      onStep: (step) => {
        if (human) renderStep(host.stdout, step);
      },
      onKept: ({ root, host: inside }) => {
        const lines = Object.entries(inside.env).map(([key, value]) => `  export ${key}='${value}'\n`);
        host.stderr.write(`The sandbox is kept in ${root}. To look inside, in a shell of its own:\n${lines.join("")}`);
      },
    });
    if (human) renderVerdict(host.stdout, report);
    else host.stdout.write(`${JSON.stringify(canaryReportSchema.parse(report), null, 2)}\n`);
    return exitOf(report.verdict);
  },
});
