import type { Host } from "../core/host.ts";
import { redaction } from "../core/redacted.ts";
import type { Check } from "./check.ts";
import { type PlannedFix, planFixes } from "./fix.ts";
import { attempt, because, blockedBy, NO_FIX, NOTHING, type Outcome } from "./outcome.ts";
import { type CheckReport, type DoctorReport, type FailOn, type FixReport, okOf, verdictOf } from "./report.ts";
import { areaOf, type Selection, select } from "./select.ts";
import { toolsOf } from "./tools.ts";
import type { Verification } from "./verify.ts";

/** Milliseconds until what has not ended is unknown, and every child process is killed. */
const LIMIT_MS = 10_000;

export interface DoctorOptions extends Selection {
  readonly version: string;
  /** What counts as broken; fail unless told. */
  readonly failOn?: FailOn;
  /** What was asked before. */
  readonly asked?: Verification | undefined;
  /** What was mended before this run. */
  readonly fixes?: readonly FixReport[];
}

export interface DoctorRun {
  readonly report: DoctorReport;
  /** What `--fix` would do about what was found. */
  readonly planned: readonly PlannedFix[];
  /** Something has not ended within the limit, and may never. */
  readonly hangs: boolean;
}

/**
 * Runs the selected checks at once, each after those that it needs, and reports in the order of the list. Ends within
 * its limit, and soon when the host is interrupted; what was not told by then is unknown.
 */
export async function runDoctor(host: Host, checks: readonly Check[], options: DoctorOptions): Promise<DoctorRun> {
  const started = host.now();
  const over = new AbortController();
  const end = () => {
    over.abort();
    options.asked?.cancel();
  };
  host.interrupted.addEventListener("abort", end);
  if (host.interrupted.aborted) end();
  const limit = host
    .pause(LIMIT_MS, over.signal)
    .then(() => (host.interrupted.aborted ? "interrupted" : `did not end within ${LIMIT_MS / 1000} s`));
  void limit.then(end);
  const cancelled = over.signal;
  const exec: Host["exec"] = (argv, more) => host.exec(argv, { ...more, cancelled });
  const tools = toolsOf({ ...host, exec }, options.version, options.asked);

  const selected = select(checks, options);
  const wanted = new Set(selected.checks.map(({ id }) => id as string));
  const known = new Map(checks.map((check) => [check.id, check]));
  const outcomes = new Map<Check, Outcome>();
  const running = new Map<Check, Promise<CheckReport>>();
  const look = (check: Check): Promise<CheckReport> => {
    const promise = running.get(check) ?? examine(check);
    running.set(check, promise);
    return promise;
  };
  const examine = async (check: Check): Promise<CheckReport> => {
    const isSkipped = selected.skipped.has(check.id);
    const before: [Check["id"], Outcome][] = [];
    if (check.requires !== undefined && !isSkipped) {
      const needed = check.requires.flatMap((id) => (selected.skipped.has(id) ? [] : (known.get(id) ?? [])));
      await Promise.all(needed.map(look));
      for (const each of needed) {
        const outcome = outcomes.get(each);
        if (outcome !== undefined) before.push([each.id, outcome]);
      }
    }
    const began = host.now();
    const outcome = isSkipped
      ? because("skip", "left out by --skip")
      : (blockedBy(before, (id) => wanted.has(id)) ?? (await attempt(check, tools, limit)));
    outcomes.set(check, outcome);
    const { actions, unreadable, broken, ...found } = outcome;
    const { id, title } = check;
    return { id, area: areaOf(check), title, ...found, ms: Math.round(host.now() - began) };
  };

  const lookAtAll = async () => {
    try {
      await tools.begin(selected.checks.filter(({ id }) => !selected.skipped.has(id)).map(({ id }) => id));
      const found = await Promise.all([Promise.all(selected.checks.map(look)), tools.environment()]);
      // A secret that was read after it was found elsewhere is one all the same.
      await Promise.race([Promise.all([tools.learnSecrets(), tools.settled()]), limit]);
      return found;
    } finally {
      end();
      host.interrupted.removeEventListener("abort", end);
      tools.close();
    }
  };
  const [reports, environment] = await lookAtAll();

  const verdict = verdictOf(reports, {
    unreadable: selected.checks.some((check) => outcomes.get(check)?.unreadable),
    broken: selected.checks.some((check) => outcomes.get(check)?.broken),
    failOn: options.failOn ?? "fail",
  });
  const summary: Record<string, number> = {};
  for (const { status } of reports) summary[status] = (summary[status] ?? 0) + 1;
  const shown = withoutSecrets(tools.redactor.redact, {
    environment,
    reports,
    fixes: options.fixes ?? [],
    planned: planFixes(
      selected.checks.map((check) => ({ id: check.id, actions: outcomes.get(check)?.actions ?? [] })),
      host.user.home,
    ),
  });
  return {
    report: {
      schemaVersion: 1,
      ok: okOf(verdict),
      verdict,
      summary,
      environment: { binary: options.version, ...shown.environment },
      checks: [...shown.reports],
      fixes: [...shown.fixes],
      waitedMs: null,
      ms: Math.round(host.now() - started),
    },
    planned: shown.planned,
    hangs: host.now() - started >= LIMIT_MS,
  };
}

interface Shown<E> {
  readonly environment: E;
  readonly reports: readonly CheckReport[];
  readonly fixes: readonly FixReport[];
  readonly planned: readonly PlannedFix[];
}

/** The same, redacted where it is free text: a secret may be called "unknown", as a status is. */
function withoutSecrets<E>(redact: (text: string) => string, all: Shown<E>): Shown<E> {
  const { environment, reports, fixes, planned } = all;
  const texts: unknown[] = [environment];
  for (const { command } of planned) texts.push(command);
  for (const { command, message } of fixes) texts.push(command, message);
  for (const { message, evidence, fix, subjects } of reports) {
    texts.push(message, evidence, fix);
    for (const each of subjects) {
      texts.push(each.subject, each.message);
      if (each.evidence !== NOTHING) texts.push(each.evidence);
      if (each.fix !== NO_FIX) texts.push(each.fix);
    }
  }
  const show = redaction(redact, texts);
  return {
    environment: show(environment),
    planned: planned.map((fix) => ({ ...fix, command: show(fix.command) })),
    fixes: fixes.map((fix) => ({ ...fix, command: show(fix.command), message: show(fix.message) })),
    reports: reports.map((report) => ({
      ...report,
      message: show(report.message),
      evidence: show(report.evidence),
      fix: show(report.fix),
      subjects: report.subjects.map((each) => {
        const subject = show(each.subject);
        const message = show(each.message);
        const isBare = each.evidence === NOTHING && each.fix === NO_FIX;
        // Of two hundred agents next to nothing is hidden.
        if (isBare && subject === each.subject && message === each.message) return each;
        return { ...each, subject, message, evidence: show(each.evidence), fix: show(each.fix) };
      }),
    })),
  };
}
