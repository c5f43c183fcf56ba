import { describeError } from "../../../core/errors.ts";
import type { Host } from "../../../core/host.ts";
import type { Examination, ExaminationFormat } from "./examination.ts";
import { renderGithub } from "./github.ts";
import { renderJunit } from "./junit.ts";
import { renderMarkdown } from "./markdown.ts";
import { tally } from "./rows.ts";
import { renderTap } from "./tap.ts";

/** To stdout. `brief`: what an annotation of GitHub has room for, where that is less than the whole. */
export async function printExamination(
  host: Pick<Host, "env" | "files" | "stdout" | "stderr">,
  format: ExaminationFormat,
  whole: Examination,
  brief = whole,
): Promise<void> {
  switch (format) {
    case "junit":
      return host.stdout.write(renderJunit(whole));
    case "tap":
      return host.stdout.write(renderTap(whole));
    case "markdown":
      return host.stdout.write(renderMarkdown(whole));
    case "github":
      host.stdout.write(renderGithub(brief).commands);
      return appendSummary(host, whole, brief);
  }
}

/** Of a page with more bytes GitHub shows nothing. */
const PAGE_LIMIT = 2 ** 20;

/**
 * To the page of the workflow's run; what is there already stays. Where there is no room for all, the whole table and in
 * brief what is not well, or that alone.
 */
async function appendSummary(
  host: Pick<Host, "env" | "files" | "stderr">,
  whole: Examination,
  brief: Examination,
): Promise<void> {
  const path = host.env.GITHUB_STEP_SUMMARY;
  if (!path) return;
  try {
    const there = (await host.files.status(path))?.size ?? 0;
    const summaries = [whole, brief, withoutWell(brief)].map((each) => renderGithub(each).summary);
    const fitting = summaries.find((summary) => there + Buffer.byteLength(summary) <= PAGE_LIMIT);
    if (fitting === undefined) throw new Error("a page of GitHub's has 1 MiB, and there is no room for it");
    await host.files.append(path, fitting);
  } catch (error) {
    host.stderr.write(`${whole.name}: the step summary was not written: ${describeError(error)}\n`);
  }
}

function withoutWell(examination: Examination): Examination {
  const rows = examination.rows.filter(({ status }) => status !== "pass" && status !== "skip");
  return {
    ...examination,
    verdict: `${examination.verdict} (${tally(examination.rows)}; without what is well, for want of room)`,
    rows,
  };
}
