import { onceEach } from "../../core/shell.ts";
import type { DoctorReport, FailOn, FixText } from "../../doctor/report.ts";
import { sentenceOf } from "./doctor-words.ts";
import type { Examination, Row } from "./formats/examination.ts";
import { evidenceLines } from "./formats/rows.ts";

/** A report of doctor as what all machine formats show. `subjects`: at most so many of each check. */
export function examinationOf(
  report: DoctorReport,
  options: { root: boolean; failOn: FailOn; subjects: number },
): Examination {
  return {
    name: "mosaic-fleet doctor",
    verdict: sentenceOf(report).replace(/\.$/, ""),
    rows: report.checks.map((check): Row => {
      const off = check.subjects.filter(({ status }) => status !== "pass");
      const subjects = off.slice(0, options.subjects);
      const fixes = [check.fix, ...subjects.map(({ fix }) => fix)];
      const { id, area, title, status, message, ms } = check;
      const left = off.length - subjects.length;
      return {
        id,
        area,
        title,
        status,
        breaks: status === "warn" && options.failOn === "warn",
        message,
        details: [
          ...evidenceLines(check.evidence),
          ...subjects.flatMap((subject) => [
            `${subject.subject}: ${subject.message}`,
            ...evidenceLines(subject.evidence).map((line) => `  ${line}`),
          ]),
          ...(left > 0 ? [`and ${left} more`] : []),
        ],
        fix: remedyOf(fixes, options.root),
        ms,
      };
    }),
    environment: Object.fromEntries(Object.entries(report.environment).map(([key, value]) => [key, value ?? "none"])),
    ms: report.ms,
  };
}

/** What to type, once each, what root types with its sudo. */
function remedyOf(fixes: readonly FixText[], root: boolean): string[] {
  return onceEach([
    ...fixes.flatMap(({ commands }) => commands),
    ...fixes.flatMap((fix) => fix.root.map((command) => asRoot(command, root))),
  ]);
}

/** A command of root's as this user types it. */
export function asRoot(command: string, root: boolean): string {
  return root ? command : `sudo ${command}`;
}
