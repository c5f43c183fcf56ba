import { resolve } from "node:path";
import { version } from "../../../package.json";
import { privacyOf } from "../../canary/privacy.ts";
import type { CanaryReport, Level, StepList } from "../../canary/report.ts";
import { openReportFolder, type ReportFolder } from "../../canary/report-folder.ts";
import { runCanary, stepsOf } from "../../canary/run.ts";
import { describeError, FleetError } from "../../core/errors.ts";
import { EXIT, type ExitCode, exitOf } from "../../core/exit.ts";
import type { Host } from "../../core/host.ts";
import { shellWord } from "../../core/shell.ts";
import { chaosOf, known, refuseStrangers } from "../canary-options.ts";
import { defineCommand, listOf, UsageError } from "../command.ts";
import { seconds as inSeconds } from "../duration.ts";
import {
  CANARY_FORMATS,
  type CanaryFormat,
  printCanary,
  renderStep,
  renderSteps,
  renderTimeline,
  renderVerdict,
  summaryOf,
} from "../report/canary.ts";
import { canRedraw, liveTimeline } from "../report/canary-timeline.ts";
import { whereOf } from "../report/canary-words.ts";
import { renderError } from "../report/error.ts";

export const command = defineCommand({
  name: "canary",
  summary: "Proves, promise by promise, on real systemd and real tmux, that the fleet holds.",
  details: [
    "Each step breaks or looks at something that is promised to hold: an agent dies, runs out of memory or is stopped, the tmux server is killed, its socket vanishes. On an installed fleet it works with throwaway agents of its own, beside those that run. In a sandbox it starts a private user manager with a HOME of its own, where nothing of yours is touched, and which leaves nothing behind: as root in a container with a writable cgroup tree, or as an ordinary user with a user manager.",
  ],
  args: {
    sandbox: {
      type: "boolean",
      description: "in a private user manager with its own HOME: touches nothing of yours, needs nothing installed",
    },
    level: {
      type: "enum",
      options: ["fleet", "tmux"],
      default: "fleet",
      description:
        "tmux: only the tmux half, in a folder of its own, where systemd cannot be had: never a pass of the whole",
    },
    only: { type: "string", valueHint: "STEP,…", description: "only these steps, with those that they require" },
    repeat: { type: "string", valueHint: "N", default: "1", description: "run the sequence so often (1)" },
    chaos: {
      type: "boolean",
      description:
        "instead: faults at random (kills, restarts, lost sockets …), and after each a look whether all is well",
    },
    for: { type: "string", valueHint: "DURATION", description: "with --chaos, how long: 30s, 10m, 2h (1m)" },
    seed: {
      type: "string",
      valueHint: "N",
      description: "with --chaos: the same seed, the same faults in the same order",
    },
    list: { type: "boolean", description: "say which steps there are, and try nothing" },
    from: {
      type: "string",
      valueHint: "FILE",
      description: "try nothing: print the report that -o json has put there, or into a pipe (-)",
    },
    report: {
      type: "string",
      valueHint: "DIR",
      description: "unless it ends well: a folder for a bug report, with secrets hidden (units, journal, processes …)",
    },
    keep: { type: "boolean", description: "leave the sandbox there for a look; the next --sandbox run clears it" },
    timeout: {
      type: "string",
      valueHint: "S",
      default: "180",
      description: "seconds for each run of the sequence (180)",
    },
    output: { type: "enum", alias: "o", options: [...CANARY_FORMATS], default: "human", description: "what to print" },
    schema: { type: "boolean", description: "print the JSON Schema of -o json, or of --list -o json" },
  },
  lists: ["only"],
  completes: {
    only: [...new Set([...stepsOf("fleet"), ...stepsOf("tmux")].map(({ id }) => id))],
    from: "file",
    report: "folder",
  },
  examples: [
    ["mosaic-fleet canary --sandbox", "in CI, or before anything is installed"],
    ["mosaic-fleet canary -o json", "on the installed fleet, with throwaway agents, as one JSON document"],
    ["mosaic-fleet canary --sandbox --report ./canary-report", "and a folder for a bug report, unless all is well"],
    [
      "mosaic-fleet canary --sandbox --chaos --for 10m",
      "kills, restarts and losses at random, until one is not overcome",
    ],
    ["mosaic-fleet canary --from report.json -o junit", "the same report in another format, without another run"],
  ],
  exits: [
    [
      EXIT.ok,
      "every promise that was tried is kept; with --level tmux those of the tmux half, and the verdict is tmux-only",
    ],
    [EXIT.broken, "a promise is broken"],
    [EXIT.unknown, "could not tell, or interrupted"],
    [EXIT.usage, "wrong usage"],
    [EXIT.unavailable, "a prerequisite is missing, or without --sandbox nothing is installed"],
    [EXIT.cantcreate, "--report: something is in the way of that folder, and nothing was tried"],
  ],
  async run(host, args) {
    const format = args.output as CanaryFormat;
    const level = args.level as Level;
    refuseStrangers(command.args, args);
    if (args.schema) return printSchema(host, args.list ?? false);
    const only = known(level, listOf(args.only));
    if (args.list) return list(host, level, format);
    if (args.from === "") throw new UsageError("--from needs the name of a file");
    if (args.from !== undefined) return show(host, await readReport(host, args.from), format);
    const seconds = Number(args.timeout);
    if (!(seconds > 0 && seconds <= 86_400))
      throw new UsageError(`--timeout is a number of seconds, not "${args.timeout}"`);
    const rounds = Number(args.repeat);
    if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 10_000))
      throw new UsageError(`--repeat is a whole number from 1 to 10000, not "${args.repeat}"`);
    if (args.keep && !args.sandbox && level === "fleet")
      throw new UsageError("--keep keeps a sandbox: use it with --sandbox");

    if (args.report === "") throw new UsageError("--report needs the name of a folder");
    const chaos = chaosOf(args);

    // A slash at the end would have a link followed.
    const place = args.report === undefined ? undefined : resolve(args.report);
    const privacy = privacyOf(host);
    const folder = place === undefined ? undefined : await openReportFolder(host, place, privacy);

    const human = format === "human";
    // On a terminal the steps are shown while they run, and their bars when all is done; elsewhere each as it ends.
    const drawn = host.stdout.isTTY && canRedraw(host);
    const seeded = chaos === undefined ? "" : `Faults at random for ${inSeconds(chaos.forMs)}, seed ${chaos.seed}\n`;
    if (human)
      host.stdout.write(`mosaic-fleet ${version} canary, ${whereOf(level, args.sandbox ?? false)}\n${seeded}\n`);
    else host.stderr.write(seeded); // whatever ends the run, its seed is known
    const live = liveTimeline(host);
    const report = await runCanary(host, {
      sandbox: args.sandbox ?? false,
      keep: args.keep ?? false,
      timeoutMs: seconds * 1000,
      version,
      level,
      rounds,
      privacy,
      ...(only === undefined ? {} : { only }),
      ...(folder === undefined ? {} : { folder }),
      ...(chaos === undefined ? {} : { chaos }),
      onStart: live.start,
      onStep: (step) => {
        live.end(step);
        if (human && !drawn) renderStep(host.stdout, step);
      },
      onKept: ({ root, host: inside }) => {
        const lines = Object.entries(inside.env).map(([key, value]) => `  export ${key}=${shellWord(value ?? "")}\n`);
        live.note(
          `The ${level === "tmux" ? "folder" : "sandbox"} is kept in ${root}. To look inside, in a shell of its own:\n${lines.join("")}`,
        );
      },
    }).finally(live.done);
    if (!human || drawn) await show(host, report, format);
    else renderVerdict(host.stdout, report);
    if (folder !== undefined) await writeReport(host, folder, report, place ?? "");
    return exitOf(report.verdict);
  },
});

/** Where it did not end well. What keeps it from being written is told, and takes nothing from the verdict. */
async function writeReport(host: Host, folder: ReportFolder, report: CanaryReport, path: string): Promise<void> {
  if (exitOf(report.verdict) === EXIT.ok) return;
  try {
    await folder.write(report, [{ name: "summary.md", text: summaryOf(report) }]);
    host.stderr.write(
      `The report is in ${path}: attach it to a bug report.\nKeys and the like are hidden in it; look through it all the same.\n`,
    );
  } catch (error) {
    renderError(host, error);
  }
}

function list(host: Host, level: Level, format: CanaryFormat): ExitCode {
  const steps: StepList = {
    schemaVersion: 1,
    level,
    steps: stepsOf(level).map(({ id, title, requires, disturbsOthers, limitMs }) => ({
      id,
      title,
      requires: [...requires],
      disturbsOthers: disturbsOthers ?? false,
      limitMs,
    })),
  };
  if (format === "json") host.stdout.write(`${JSON.stringify(steps, null, 2)}\n`);
  else if (format === "human") renderSteps(host.stdout, steps);
  else throw new UsageError(`--list is printed as human or json, not as ${format}`);
  return EXIT.ok;
}

async function printSchema(host: Host, ofList: boolean): Promise<ExitCode> {
  const { canarySchema, stepsSchema } = await import("../report/canary-schema.ts");
  host.stdout.write(`${JSON.stringify(ofList ? stepsSchema() : canarySchema(), null, 2)}\n`);
  return EXIT.ok;
}

async function show(host: Host, report: CanaryReport, format: CanaryFormat): Promise<ExitCode> {
  if (format !== "human") await printCanary(host, report, format);
  else {
    if (host.stdout.isTTY) renderTimeline(host.stdout, report);
    else for (const step of report.steps) renderStep(host.stdout, step);
    renderVerdict(host.stdout, report);
  }
  return exitOf(report.verdict);
}

/** Throws FleetError when it is no report of a canary. */
async function readReport(host: Host, named: string): Promise<CanaryReport> {
  const { canaryReportSchema } = await import("../../canary/schema.ts");
  const unreadable = (why: string, next = "mosaic-fleet canary -o json") =>
    new FleetError(EXIT.usage, `${named} is not the report of a canary`, why, [next]);
  const bytes = await host.input(named).catch((error) => {
    if (error.code === "EISDIR") throw unreadable("it is a folder", `ls ${shellWord(named)}   # which is meant?`);
    throw unreadable(describeError(error));
  });
  if (bytes === undefined) throw unreadable("there is no such file");
  try {
    return canaryReportSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw unreadable("it is not what canary -o json prints, of this version");
  }
}
