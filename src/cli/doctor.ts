import type { ParsedArgs } from "citty";
import { version } from "../../package.json";
import { didYouMean } from "../core/did-you-mean.ts";
import { EXIT, type ExitCode, exitOf, exitOfInterrupt } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { redactorFor } from "../core/redact.ts";
import { redacted } from "../core/redacted.ts";
import type { Check } from "../doctor/check.ts";
import { applyFixes, notDone } from "../doctor/fix.ts";
import { checks } from "../doctor/registry.ts";
import type { FixReport } from "../doctor/report.ts";
import { type DoctorOptions, type DoctorRun, runDoctor } from "../doctor/run.ts";
import { matches, select, selectable } from "../doctor/select.ts";
import type { Verification } from "../doctor/verify.ts";
import { untilPass } from "../doctor/wait.ts";
import { listOf, UsageError } from "./command.ts";
import type { doctorArgs } from "./commands/doctor.ts";
import { renderFix } from "./report/doctor.ts";
import { printDoctor } from "./report/doctor-formats.ts";
import { listOfChecks, renderExplanation, renderList } from "./report/doctor-list.ts";
import { renderPlan, renderWaiting } from "./report/doctor-progress.ts";
import type { Format } from "./report/doctor-words.ts";

interface Begun {
  /** Milliseconds of --wait; undefined without. */
  readonly limitMs: number | undefined;
  /** What is on its way already, of the first look. */
  readonly asked: Verification | undefined;
}

/** The command doctor, behind its arguments. Throws UsageError. */
export async function doctor(
  host: Host,
  args: ParsedArgs<typeof doctorArgs>,
  { limitMs, ...begun }: Begun,
): Promise<ExitCode> {
  let { asked } = begun;
  const format = args.output as Format;
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

  const failOn = args["fail-on"] ?? "fail";
  const options: DoctorOptions = { ...selection, failOn, version };
  const once = (fixes: readonly FixReport[] = []): Promise<DoctorRun> => {
    const first = asked;
    asked = undefined; // a later look asks anew
    return runDoctor(host, checks, { ...options, fixes, asked: first });
  };
  const look = (fixes: readonly FixReport[] = []): Promise<DoctorRun> => {
    if (limitMs === undefined) return once(fixes);
    const progress = renderWaiting(host.stderr, limitMs);
    return untilPass(host, limitMs, () => once(fixes), progress.looked).finally(progress.done);
  };
  const { report, hangs } = args.fix
    ? await fix(host, { once, look, version, named, yes: args.yes ?? false, waits: limitMs !== undefined })
    : await look();
  const { aborted, reason } = host.interrupted;
  const code = aborted ? exitOfInterrupt(reason) : exitOf(report.verdict);
  if (aborted || hangs) host.abandon(code);
  if (aborted) {
    host.stderr.write("mosaic-fleet doctor: interrupted\n");
    return code;
  }
  await printDoctor(host, report, format, { verbose: args.verbose ?? false, root: host.user.uid === 0, failOn });
  return code;
}

interface FixRequest {
  once(): Promise<DoctorRun>;
  /** Looks, waiting for a pass where that was asked for. */
  look(fixes?: readonly FixReport[]): Promise<DoctorRun>;
  readonly version: string;
  readonly named: readonly string[] | undefined;
  readonly yes: boolean;
  readonly waits: boolean;
}

/** Plans, shows, asks, does, looks again; everything but the report goes to stderr. */
async function fix(host: Host, { once, look, version, named, yes, waits }: FixRequest): Promise<DoctorRun> {
  const found = await once();
  if (host.interrupted.aborted) return found;
  const planned = found.planned.filter(
    (each) => named === undefined || checks.some((check) => each.for.includes(check.id) && matches(check, named)),
  );
  renderPlan(host.stderr, planned);
  if (planned.length === 0) return waits ? look() : found;
  if (!yes && !(await agreed(host))) return { ...found, report: { ...found.report, fixes: notDone(planned) } };
  const fixes = await applyFixes(host, planned, version);
  if (host.interrupted.aborted) {
    const { redact } = redactorFor(host.user.home); // no look comes any more that would know more to hide
    for (const each of redacted(redact, fixes)) renderFix(host.stderr, each);
  }
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
  const { lineSchema, listSchema, reportSchema } = await import("./report/doctor-schema.ts");
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
