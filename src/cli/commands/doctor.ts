import { version } from "../../../package.json";
import { EXIT, exitOf } from "../../core/exit.ts";
import { checks } from "../../doctor/registry.ts";
import { doctorReportSchema } from "../../doctor/report.ts";
import { runDoctor } from "../../doctor/run.ts";
import { defineCommand } from "../command.ts";
import { renderDoctor } from "../report/doctor.ts";

export const command = defineCommand({
  name: "doctor",
  summary:
    "Says whether a fleet will hold on this machine, and exactly what to do about what is not right. Changes nothing.",
  args: {
    output: { type: "enum", alias: "o", options: ["human", "json"], default: "human", description: "what to print" },
  },
  examples: [
    ["mosaic-fleet doctor", "look at this machine"],
    ["mosaic-fleet doctor -o json", "the same as one JSON document, for a script"],
  ],
  exits: [
    [EXIT.ok, "nothing is broken"],
    [EXIT.broken, "something is broken"],
    [EXIT.unknown, "could not tell"],
    [EXIT.usage, "wrong usage"],
  ],
  async run(host, args) {
    const report = await runDoctor(host, checks, version);
    if (args.output === "human") renderDoctor(host.stdout, report);
    else host.stdout.write(`${JSON.stringify(doctorReportSchema.parse(report), null, 2)}\n`);
    return exitOf(report.verdict);
  },
});
