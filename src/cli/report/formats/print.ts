import { describeError } from "../../../core/errors.ts";
import type { Host } from "../../../core/host.ts";
import type { Examination, ExaminationFormat } from "./examination.ts";
import { renderGithub } from "./github.ts";
import { renderJunit } from "./junit.ts";
import { renderMarkdown } from "./markdown.ts";
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
      return appendSummary(host, whole);
  }
}

/** To the page of the workflow's run; what is there already, of other steps, stays. */
async function appendSummary(host: Pick<Host, "env" | "files" | "stderr">, examination: Examination): Promise<void> {
  const path = host.env.GITHUB_STEP_SUMMARY;
  if (!path) return;
  try {
    await host.files.append(path, renderGithub(examination).summary);
  } catch (error) {
    host.stderr.write(`${examination.name}: the step summary was not written: ${describeError(error)}\n`);
  }
}
