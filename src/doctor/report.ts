import type { DoctorVerdict } from "../core/exit.ts";
import type { CheckReport, DoctorReport } from "./schema.ts";

// Types only: the schemas themselves cost 6 ms of a start, and only --schema needs them.
export type { CheckList, CheckReport, DoctorLine, DoctorReport, FixReport, FixText, SubjectReport } from "./schema.ts";

/** What counts as broken: a warning too, or only a failure. */
export type FailOn = "warn" | "fail";

/**
 * The one verdict of a look. Settings that cannot be read beat what is broken, which beats what could not be told; what
 * is blocked hangs on either. Nothing that passed is no pass.
 */
export function verdictOf(
  checks: readonly Pick<CheckReport, "status">[],
  { failOn, unreadable }: { readonly failOn: FailOn; readonly unreadable: boolean },
): DoctorVerdict {
  const some = (...statuses: readonly CheckReport["status"][]) =>
    checks.some(({ status }) => statuses.includes(status));
  if (unreadable) return "unreadable";
  if (some("fail") || (failOn === "warn" && some("warn"))) return "broken";
  if (some("unknown", "blocked")) return "unknown";
  return some("pass", "warn") ? "pass" : "unknown";
}

/** The report of the last of several looks: where it is no pass, it was waited in vain. */
export function waited(report: DoctorReport, ms: number): DoctorReport {
  const verdict = report.verdict === "pass" ? "pass" : "waited";
  return { ...report, verdict, ok: okOf(verdict), waitedMs: Math.round(ms) };
}

export function okOf(verdict: DoctorVerdict): boolean | null {
  return { pass: true, broken: false, unknown: null, unreadable: false, waited: false }[verdict];
}
