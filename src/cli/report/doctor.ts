import type { Output } from "../../core/host.ts";
import { onceEach } from "../../core/shell.ts";
import type { CheckReport, DoctorReport, FailOn, FixReport, FixText, SubjectReport } from "../../doctor/report.ts";
import { seconds } from "../duration.ts";
import { asRoot } from "./doctor-examination.ts";
import { RANK, sentenceOf, tally, WORDS } from "./doctor-words.ts";
import { evidenceLines, oneLine } from "./formats/rows.ts";
import { paint } from "./paint.ts";
import { typed, wrap } from "./text.ts";

const INDENT = 9;
/** Without -v: agents and the like of one check, and lines of what was seen. */
const MOST_SHOWN = 10;
/** Without -v: of one value, and of what is said of one thing. */
const LONGEST_SHOWN = 400;
const LONGEST_SAID = 1_200;

export interface DoctorView {
  /** Every check, with all that it saw. */
  readonly verbose: boolean;
  /** Whether this user is root. */
  readonly root: boolean;
  /** What counts as broken. */
  readonly failOn: FailOn;
}

/** A line for each healthy area; what is not right with its reason, evidence and remedy; the verdict last. */
export function renderDoctor(output: Output, report: DoctorReport, view: DoctorView): void {
  for (const [area, checks] of byArea(report.checks)) {
    if (view.verbose) renderWhole(output, checks, view);
    else renderArea(output, area, checks, view);
  }
  if (!view.verbose) renderBlocked(output, report.checks);
  renderRootCommands(output, report, view);
  renderFixes(output, report.fixes);
  renderVerdict(output, report);
}

function renderWhole(output: Output, checks: readonly CheckReport[], view: DoctorView): void {
  for (const check of checks) {
    if (check.status === "pass" || check.status === "skip") renderHealthy(output, check, view);
    else renderProblem(output, check, view);
  }
}

function renderArea(output: Output, area: string, checks: readonly CheckReport[], view: DoctorView): void {
  const of = (...statuses: CheckReport["status"][]) => checks.filter(({ status }) => statuses.includes(status));
  const problems = of("fail", "unknown", "warn");
  for (const check of problems.toSorted((a, b) => RANK.indexOf(a.status) - RANK.indexOf(b.status)))
    renderProblem(output, check, view);
  const [passed, skipped] = [of("pass"), of("skip")];
  const [reason] = skipped;
  const said = passed.flatMap(({ message }) => message ?? []);
  if (problems.length > 0) return;
  if (passed.length > 0)
    head(output, "pass", area.padEnd(9), ` ${said.length > 0 ? said.join(", ") : tally([...passed, ...skipped])}`);
  else if (reason !== undefined) head(output, "skip", area.padEnd(9), ` ${reason.message ?? ""}`);
}

/** What waits for others to be mended: how many, and for which, however many steps they are away. */
function renderBlocked(output: Output, checks: readonly CheckReport[]): void {
  const blocked = checks.filter(({ status }) => status === "blocked");
  const waits = new Set(blocked.map(({ id }) => id));
  const causes = new Set(blocked.flatMap(({ blockedBy }) => blockedBy).filter((id) => !waits.has(id)));
  if (blocked.length === 0) return;
  const count = blocked.length === 1 ? "1 check" : `${blocked.length} checks`;
  head(output, "blocked", count, ` until these pass: ${[...causes].join(", ")}`);
  // Of causes that are not in the report themselves.
  const untold = blocked.filter(({ fix }) => fix.commands.length + fix.root.length > 0);
  for (const message of new Set(untold.map(({ message }) => message ?? ""))) paragraph(output, message, INDENT);
  renderRemedy(
    output,
    untold.map(({ fix }) => fix),
  );
}

function renderHealthy(output: Output, check: CheckReport, view: DoctorView): void {
  head(output, check.status, check.title, check.message === null ? "" : ` (${check.message})`);
  renderEvidence(output, check.evidence, INDENT + 2, view);
  for (const { subject, message, evidence } of check.subjects) {
    paragraph(output, `${subject}: ${message}`, INDENT + 2);
    renderEvidence(output, evidence, INDENT + 4, view);
  }
}

function renderProblem(output: Output, check: CheckReport, view: DoctorView): void {
  const told = check.status === "fail" || check.status === "warn";
  head(output, check.status, check.id, told ? "" : `  ${check.title}`);
  const off = check.subjects.filter(({ status }) => status !== "pass");
  const shown = view.verbose ? off : off.slice(0, MOST_SHOWN);
  const [only] = off;
  const repeats = off.length === 1 && check.message === `${only?.subject}: ${only?.message}`;
  if (check.message !== null && !repeats) paragraph(output, cut(check.message, LONGEST_SAID, view), INDENT);
  renderEvidence(output, check.evidence, INDENT, view);
  for (const subject of shown) {
    paragraph(output, cut(`${subject.subject}: ${subject.message}`, LONGEST_SAID, view), INDENT);
    if (view.verbose || off.length === 1) renderEvidence(output, subject.evidence, INDENT + 2, view);
  }
  if (shown.length < off.length) paragraph(output, `and ${off.length - shown.length} more: -v`, INDENT);
  const fixes = [check.fix, ...shown.map(({ fix }) => fix)];
  // Not ten lines where one does it, for those that are not shown too.
  const alike = shown.length > 1 && shown.every(({ fix }) => fix.automatic && fix.commands.length === 1);
  renderRemedy(output, alike ? [{ ...check.fix, commands: [`mosaic-fleet doctor --fix ${check.id}`] }] : fixes);
}

function renderEvidence(output: Output, evidence: SubjectReport["evidence"], indent: number, view: DoctorView): void {
  const lines = evidenceLines(evidence);
  const shown = view.verbose ? lines : lines.slice(0, MOST_SHOWN);
  for (const line of shown) {
    const text = oneLine(line);
    const nested = line.startsWith("  ") ? 2 : 0;
    paragraph(output, cut(text, LONGEST_SHOWN, view), indent + nested);
  }
  if (shown.length < lines.length) paragraph(output, `and ${lines.length - shown.length} more: -v`, indent);
}

/** What the user types, once each; what root types stands at the end of the report. */
function renderRemedy(output: Output, fixes: readonly FixText[]): void {
  const { dim } = paint(output);
  // Not wrapped: they are to be pasted.
  for (const command of onceEach(fixes.flatMap(({ commands }) => commands)))
    output.write(`${" ".repeat(INDENT)}${typed(output, INDENT, `$ ${unbroken(command)}`)}\n`);
  if (fixes.some(({ root }) => root.length > 0)) output.write(`${" ".repeat(INDENT)}${dim("as root: see the end")}\n`);
}

function renderRootCommands(output: Output, { checks }: DoctorReport, { root }: DoctorView): void {
  const commands = onceEach(everyFix(checks).flatMap((fix) => fix.root));
  if (commands.length === 0) return;
  output.write("\nAs root:\n");
  for (const command of commands) output.write(`  ${typed(output, 2, unbroken(asRoot(command, root)))}\n`);
}

function renderFixes(output: Output, fixes: readonly FixReport[]): void {
  if (fixes.length > 0) output.write("\n");
  for (const fix of fixes) renderFix(output, fix);
}

/** What became of one fix. */
export function renderFix(output: Output, { command, outcome, message, for: ids }: FixReport): void {
  const { red, green, dim } = paint(output);
  const word = { planned: dim("not done"), done: green("done    "), failed: red("FAILED  ") }[outcome];
  output.write(`${word} ${unbroken(command)}  ${dim(`(${ids.join(", ")})`)}\n`);
  if (message !== null) paragraph(output, message, INDENT);
}

function renderVerdict(output: Output, report: DoctorReport): void {
  const { red, green, yellow, bold, dim } = paint(output);
  const color = { pass: green, broken: red, unknown: yellow, unreadable: red, waited: red }[report.verdict];
  const waiting = report.waitedMs === null ? "" : `, after waiting ${seconds(report.waitedMs)}`;
  output.write(`\n${color(bold(sentenceOf(report)))}\n`);
  for (const line of wrap(`${tally(report.checks)} in ${report.ms} ms${waiting}`, output.columns))
    output.write(`${dim(line)}\n`);
  const automatic = everyFix(report.checks).some((fix) => fix.automatic);
  if (automatic && report.fixes.length === 0)
    output.write(`What can be mended without you: ${bold("mosaic-fleet doctor --fix")}\n`);
}

/** A status and what it is about; the rest is less important. */
function head(output: Output, status: CheckReport["status"], what: string, rest: string): void {
  const { red, green, yellow, dim } = paint(output);
  const color = { pass: green, warn: yellow, fail: red, skip: dim, unknown: yellow, blocked: dim }[status];
  const text = unbroken(what + rest).trimEnd();
  const lines = wrap(text, output.columns - INDENT);
  let left = what.length; // of what is not dimmed
  lines.forEach((line, index) => {
    const start = index === 0 ? `${color(WORDS[status].padEnd(INDENT - 1))} ` : " ".repeat(INDENT);
    const bright = line.slice(0, Math.max(0, left));
    const dimmed = line.slice(bright.length);
    output.write(`${start}${bright}${dimmed === "" ? "" : dim(dimmed)}\n`);
    left -= line.length + 1;
  });
}

function paragraph(output: Output, text: string, indent: number): void {
  for (const line of wrap(oneLine(text), output.columns - indent)) output.write(`${" ".repeat(indent)}${line}\n`);
}

/** Somebody's whole file may stand in a message: it is not to take the screen from the others. */
function cut(text: string, longest: number, { verbose }: DoctorView): string {
  return verbose || text.length <= longest ? text : `${text.slice(0, longest).toWellFormed()}… -v`;
}

/** In one line, with its other blanks as they are. */
function unbroken(text: string): string {
  return text.replace(/[\n\t]/g, " ");
}

function everyFix(checks: readonly CheckReport[]): FixText[] {
  return checks.flatMap((check) => [check.fix, ...check.subjects.map(({ fix }) => fix)]);
}

function byArea(checks: readonly CheckReport[]): Map<string, CheckReport[]> {
  const areas = new Map<string, CheckReport[]>();
  for (const check of checks) areas.set(check.area, [...(areas.get(check.area) ?? []), check]);
  return areas;
}
