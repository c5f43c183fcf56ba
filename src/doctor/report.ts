import type { DoctorVerdict } from "../core/exit.ts";
import type { CheckReport, DoctorReport } from "./schema.ts";

// Types only: the schemas themselves cost 6 ms of a start, and only --schema needs them.
export type { CheckList, CheckReport, DoctorLine, DoctorReport, FixReport, FixText, SubjectReport } from "./schema.ts";

/** What counts as broken: a warning too, or only a failure. */
export type FailOn = "warn" | "fail";

/**
 * The one verdict of a look. Settings that cannot be read beat what is broken, which beats what could not be told. `broken`:
 * a check is blocked by one that has failed, which need not be in the report. Nothing that passed is no pass.
 */
export function verdictOf(
  checks: readonly Pick<CheckReport, "status">[],
  found: { readonly failOn: FailOn; readonly unreadable: boolean; readonly broken: boolean },
): Exclude<DoctorVerdict, "waited"> {
  const some = (...statuses: readonly CheckReport["status"][]) =>
    checks.some(({ status }) => statuses.includes(status));
  if (found.unreadable) return "unreadable";
  if (some("fail") || found.broken || (found.failOn === "warn" && some("warn"))) return "broken";
  if (some("unknown", "blocked")) return "unknown";
  return some("pass", "warn") ? "pass" : "unknown";
}

/** The report of the last of several looks: where it is no pass, it was waited in vain. Whether all is well stays. */
export function waited(report: DoctorReport, ms: number): DoctorReport {
  return { ...report, verdict: report.verdict === "pass" ? "pass" : "waited", waitedMs: Math.round(ms) };
}

/** Of one look. */
export function okOf(verdict: Exclude<DoctorVerdict, "waited">): boolean | null {
  return { pass: true, broken: false, unknown: null, unreadable: false }[verdict];
}
