import type { Host } from "../../core/host.ts";
import type { DoctorLine, DoctorReport } from "../../doctor/report.ts";
import { type DoctorView, renderDoctor, renderFix } from "./doctor.ts";
import { examinationOf } from "./doctor-examination.ts";
import type { Format } from "./doctor-words.ts";
import { printExamination } from "./formats/print.ts";

/** In an annotation of GitHub, which has room for a few. */
const MOST_ANNOTATED = 5;

/** Writes a report in one of the formats; to stderr what was mended, where the format has no place for that. */
export async function printDoctor(host: Host, report: DoctorReport, format: Format, view: DoctorView): Promise<void> {
  const examination = (subjects = Number.POSITIVE_INFINITY) => examinationOf(report, { ...view, subjects });
  switch (format) {
    case "human":
      return renderDoctor(host.stdout, report, view);
    case "json":
      return host.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    case "ndjson":
      return host.stdout.write(
        linesOf(report)
          .map((line) => `${JSON.stringify(line)}\n`)
          .join(""),
      );
    default:
      for (const fix of report.fixes) renderFix(host.stderr, fix);
      return printExamination(host, format, examination(), examination(MOST_ANNOTATED));
  }
}

function linesOf({ checks, ...rest }: DoctorReport): DoctorLine[] {
  return [...checks.map((check): DoctorLine => ({ type: "check", ...check })), { type: "summary", ...rest }];
}
