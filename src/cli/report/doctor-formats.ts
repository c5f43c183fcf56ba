import { describeError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import type { DoctorLine, DoctorReport } from "../../doctor/report.ts";
import { type DoctorView, renderDoctor } from "./doctor.ts";
import { examinationOf } from "./doctor-examination.ts";
import { renderGithub } from "./formats/github.ts";
import { renderJunit } from "./formats/junit.ts";
import { renderMarkdown } from "./formats/markdown.ts";
import { renderTap } from "./formats/tap.ts";

/** What `-o` knows. */
export const FORMATS = ["human", "json", "ndjson", "junit", "tap", "github", "markdown"] as const;
export type Format = (typeof FORMATS)[number];

/** In an annotation of GitHub, which has room for a few. */
const MOST_ANNOTATED = 5;

/** Writes a report in one of the formats. */
export async function printDoctor(host: Host, report: DoctorReport, format: Format, view: DoctorView): Promise<void> {
  const examination = (subjects = Number.POSITIVE_INFINITY) => examinationOf(report, { root: view.root, subjects });
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
    case "junit":
      return host.stdout.write(renderJunit(examination()));
    case "tap":
      return host.stdout.write(renderTap(examination()));
    case "markdown":
      return host.stdout.write(renderMarkdown(examination()));
    case "github":
      host.stdout.write(renderGithub(examination(MOST_ANNOTATED)).commands);
      return appendSummary(host, renderGithub(examination()).summary);
  }
}

function linesOf({ checks, ...rest }: DoctorReport): DoctorLine[] {
  return [...checks.map((check): DoctorLine => ({ type: "check", ...check })), { type: "summary", ...rest }];
}

/** To the page of the workflow's run; what is there already, of other steps, stays. */
async function appendSummary(host: Host, summary: string): Promise<void> {
  const path = host.env.GITHUB_STEP_SUMMARY;
  if (!path) return;
  try {
    await host.files.append(path, summary);
  } catch (error) {
    host.stderr.write(`mosaic-fleet doctor: the step summary was not written: ${describeError(error)}\n`);
  }
}
