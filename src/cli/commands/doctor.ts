import { version } from "../../../package.json";
import { didYouMean } from "../../core/did-you-mean.ts";
import { EXIT, type ExitCode, exitOf, exitOfInterrupt } from "../../core/exit.ts";
import type { Host } from "../../core/host.ts";
import type { Check } from "../../doctor/check.ts";
import { applyFixes, notDone } from "../../doctor/fix.ts";
import { checks } from "../../doctor/registry.ts";
import type { FixReport } from "../../doctor/report.ts";
import { type DoctorOptions, type DoctorRun, runDoctor } from "../../doctor/run.ts";
import { matches, select, selectable } from "../../doctor/select.ts";
import { untilPass } from "../../doctor/wait.ts";
import { defineCommand, listOf, UsageError } from "../command.ts";
import { durationMs } from "../duration.ts";
import { renderFix } from "../report/doctor.ts";
import { FORMATS, type Format, printDoctor } from "../report/doctor-formats.ts";
import { listOfChecks, renderExplanation, renderList } from "../report/doctor-list.ts";
import { renderPlan, renderWaiting } from "../report/doctor-progress.ts";

export const command = defineCommand({
  name: "doctor",
  summary:
    "Says whether a fleet will hold on this machine, and exactly what to do about what is not right. Changes nothing, unless --fix is said.",
  details: [
    "It reads what is in effect, not what files say: units as the manager has merged them, the server's real cgroup, the PATH that a pane will get. What could not be told is said to be that, and is no pass. A check that hangs on another that did not pass is blocked, and says by which.",
    "Each finding says what to type: as this user, or as root. --fix does itself only what is ours and can be undone.",
  ],
  args: {
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
  },
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
  async run(host, args) {
    const format = args.output as Format;
    refuseStrangers(command.args, args);
    if (args.schema) return printSchema(host, format, args.list ?? false);
    if (args.explain !== undefined) return explain(host, args.explain, format);

    const selection = {
      pre: args.pre ?? false,
      skip: known(listOf(args.skip)) ?? [],
      ...optional("only", known(listOf(args.only))),
    };
    const selected = select(checks, selection);
    if (selected.checks.length === 0) throw new UsageError("of --only and --pre together no check is left");
    const left = selected.checks.filter(({ id }) => !selected.skipped.has(id));
    if (args.list) return list(host, left, format);
    const named = known(listOf(args.id));
    if (named !== undefined && !args.fix)
      throw new UsageError(`takes no arguments without --fix: did you mean doctor --only ${named.join(",")}?`);
    const strange = named?.find((name) => !left.some((check) => matches(check, [name])));
    if (strange !== undefined)
      throw new UsageError(`--fix ${strange}: with --only, --skip or --pre that is not looked at`);
    if (args.yes && !args.fix) throw new UsageError("--yes answers the question of --fix");
    const limitMs = args.wait === undefined ? undefined : durationMs(args.wait);
    if (args.wait !== undefined && limitMs === undefined)
      throw new UsageError(`--wait is a time such as 30s, 2m or 1h, at most 24h, not "${args.wait}"`);

    const options: DoctorOptions = { ...selection, failOn: args["fail-on"] ?? "fail", version };
    const look = (fixes: readonly FixReport[] = []): Promise<DoctorRun> => {
      const once = () => runDoctor(host, checks, { ...options, fixes });
      if (limitMs === undefined) return once();
      const progress = renderWaiting(host.stderr, limitMs);
      return untilPass(host, limitMs, once, progress.looked).finally(progress.done);
    };
    const { report } = args.fix
      ? await fix(host, { look, options, named, yes: args.yes ?? false, waits: limitMs !== undefined })
      : await look();
    if (host.interrupted.aborted) {
      host.stderr.write("mosaic-fleet doctor: interrupted\n");
      return exitOfInterrupt(host.interrupted.reason);
    }
    await printDoctor(host, report, format, { verbose: args.verbose ?? false, root: host.user.uid === 0 });
    return exitOf(report.verdict);
  },
});

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

interface FixRequest {
  /** Looks, waiting for a pass where that was asked for. */
  look(fixes?: readonly FixReport[]): Promise<DoctorRun>;
  readonly options: DoctorOptions;
  readonly named: readonly string[] | undefined;
  readonly yes: boolean;
  readonly waits: boolean;
}

/** Plans, shows, asks, does, looks again; everything but the report goes to stderr. */
async function fix(host: Host, { look, options, named, yes, waits }: FixRequest): Promise<DoctorRun> {
  const found = await runDoctor(host, checks, options);
  if (host.interrupted.aborted) return found;
  const planned = found.planned.filter(
    (each) => named === undefined || checks.some((check) => each.for.includes(check.id) && matches(check, named)),
  );
  renderPlan(host.stderr, planned);
  if (planned.length === 0) return waits ? look() : found;
  if (!yes && !(await agreed(host))) return { ...found, report: { ...found.report, fixes: notDone(planned) } };
  const fixes = await applyFixes(host, planned, options.version);
  if (host.interrupted.aborted) for (const each of fixes) renderFix(host.stderr, each);
  return look(fixes);
}

async function agreed(host: Host): Promise<boolean> {
  const answer = await host.ask("Do that? [y/N] ");
  if (answer === undefined) host.stderr.write("Nothing was changed: there is no terminal to ask at. Say --yes.\n");
  else if (!answer && !host.interrupted.aborted) host.stderr.write("Nothing was changed.\n");
  return answer ?? false;
}

function list(host: Host, left: readonly Check[], format: Format): ExitCode {
  if (format === "json") host.stdout.write(`${JSON.stringify(listOfChecks(left), null, 2)}\n`);
  else if (format === "human") renderList(host.stdout, listOfChecks(left));
  else throw new UsageError(`--list is printed as human or json, not as ${format}`);
  return EXIT.ok;
}

function explain(host: Host, name: string, format: Format): ExitCode {
  if (format !== "human") throw new UsageError("--explain is for people: -o human");
  const [asked = ""] = known([name]) ?? [];
  checks
    .filter((check) => matches(check, [asked]))
    .forEach((check, index) => {
      if (index > 0) host.stdout.write("\n\n");
      renderExplanation(host.stdout, check);
    });
  return EXIT.ok;
}

async function printSchema(host: Host, format: Format, ofList: boolean): Promise<ExitCode> {
  const { lineSchema, listSchema, reportSchema } = await import("../report/doctor-schema.ts");
  const known = ofList ? ["human", "json"] : ["human", "json", "ndjson"];
  if (!known.includes(format))
    throw new UsageError(`--schema is of ${ofList ? "--list -o json" : "-o json or -o ndjson"}, not of ${format}`);
  const schema = ofList ? listSchema() : format === "ndjson" ? lineSchema() : reportSchema();
  host.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
  return EXIT.ok;
}

/** The names as they are, when each is a check's or an area's. */
function known(names: readonly string[] | undefined): readonly string[] | undefined {
  const all = selectable(checks);
  for (const name of names ?? [])
    if (!all.includes(name))
      throw new UsageError(`no check or area ${name}${didYouMean(name, all)}; doctor --list shows them all`);
  return names;
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
