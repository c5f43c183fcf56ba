import type { ArgsDef } from "citty";
import { EXIT } from "../../core/exit.ts";
import { verification } from "../../doctor/verify.ts";
import { defineCommand, UsageError } from "../command.ts";
import { durationMs } from "../duration.ts";
import { FORMATS } from "../report/doctor-words.ts";

export const doctorArgs = {
  pre: { type: "boolean", description: "only what says something before anything is installed" },
  only: { type: "string", valueHint: "ID|AREA,…", description: "only these checks; those that they need are silent" },
  skip: { type: "string", valueHint: "ID|AREA,…", description: "without these checks" },
  list: { type: "boolean", description: "say which checks there are, and look at nothing" },
  explain: { type: "string", valueHint: "ID|AREA", description: "say what is checked, why, and how to mend it" },
  fix: { type: "boolean", description: "plan what can be mended, ask, do it, and look again" },
  yes: { type: "boolean", alias: "y", description: "with --fix: do not ask" },
  wait: {
    type: "string",
    valueHint: "TIME",
    description: "look again until all is well, at most so long: 30s, 2m, 1h",
  },
  "fail-on": {
    type: "enum",
    options: ["warn", "fail"],
    description: "what counts as broken: a warning too, or only a failure (fail)",
  },
  verbose: { type: "boolean", alias: "v", description: "show healthy checks too, and all that was seen" },
  output: { type: "enum", alias: "o", options: [...FORMATS], default: "human", description: "what to print" },
  schema: { type: "boolean", description: "print the JSON Schema of -o json, or of -o ndjson, or of --list" },
  id: { type: "positional", required: false, description: "with --fix: mend only what these checks or areas found" },
} as const satisfies ArgsDef;

export const command = defineCommand({
  name: "doctor",
  summary:
    "Says whether a fleet will hold on this machine, and exactly what to do about what is not right. Changes nothing, unless --fix is said.",
  details: [
    "It reads what is in effect, not what files say: units as the manager has merged them, the server's real cgroup, the PATH that a pane will get. What could not be told is said to be that, and is no pass. A check that hangs on another that did not pass is blocked, and says by which.",
    "Each finding says what to type: as this user, or as root. --fix does itself only what is ours and can be undone.",
  ],
  args: doctorArgs,
  lists: ["id", "only", "skip"],
  completes: { id: "check", only: "check", skip: "check", explain: "check" },
  examples: [
    ["mosaic-fleet doctor", "look at this machine"],
    ["mosaic-fleet doctor --pre -o github", "in CI, before anything is installed"],
    ["mosaic-fleet doctor --fix layout.files", "mend what this check found, after a question"],
    ["mosaic-fleet doctor --wait 2m --only holder,agents", "after a boot: until the fleet is there"],
  ],
  exits: [
    [EXIT.ok, "nothing is broken"],
    [EXIT.broken, "something is broken"],
    [EXIT.unknown, "could not tell"],
    [EXIT.waited, "--wait ran out"],
    [EXIT.usage, "wrong usage"],
    [EXIT.config, "a file with settings cannot be read"],
    [EXIT.interrupted, "interrupted by Ctrl-C, nothing is said (SIGHUP: 129, SIGTERM: 143)"],
  ],
  begin: (host, words) =>
    words.every((word) => ALL_AT_ONCE.includes(word.split("=", 1)[0] ?? "")) ? verification(host) : undefined,
  async run(host, args, asked) {
    refuseStrangers(doctorArgs, args);
    if (args.yes && !args.fix) throw new UsageError("--yes answers the question of --fix");
    const limitMs = args.wait === undefined ? undefined : durationMs(args.wait);
    if (args.wait !== undefined && limitMs === undefined)
      throw new UsageError(`--wait is a time such as 30s, 2m or 1h, at most 24h, not "${args.wait}"`);
    const { doctor } = await import("../doctor.ts");
    return doctor(host, args, { limitMs, asked });
  },
});

/** With no other words every check is looked at, and nothing comes before. */
const ALL_AT_ONCE: readonly string[] = ["--output", "--verbose", "--fail-on", "--"];

/** What goes with what looks at nothing; -o goes with all. */
const GOES_WITH = { schema: ["list"], explain: [], list: ["pre", "only", "skip"] } as const;

/** An option that would be ignored is no option. */
function refuseStrangers(names: Readonly<Record<string, unknown>>, args: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(names).filter(
    (name) => name !== "output" && args[name] !== undefined && args[name] !== false,
  );
  const mode = (["schema", "explain", "list"] as const).find((name) => given.includes(name));
  if (mode === undefined) return;
  const fits: readonly string[] = [mode, ...GOES_WITH[mode]];
  const strange = given.find((name) => !fits.includes(name));
  if (strange !== undefined)
    throw new UsageError(`--${mode} and ${strange === "id" ? "an argument" : `--${strange}`} do not go together`);
}
