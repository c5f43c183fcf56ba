import type { Examination } from "./examination.ts";
import { renderMarkdown } from "./markdown.ts";
import { breaks, messageOf, remedyOf, tally } from "./rows.ts";

/** What becomes an annotation, and of which kind; the worst first. */
const KINDS = { fail: "error", unknown: "error", blocked: "warning", warn: "warning" } as const;

/** GitHub shows ten of a kind for a step, and the runner adds one of its own when the step fails. */
const LIMIT = 9;

/** For GitHub Actions: workflow commands for stdout, and Markdown for the file that $GITHUB_STEP_SUMMARY names. */
export function renderGithub(examination: Examination): { commands: string; summary: string } {
  const { name, verdict, rows } = examination;
  const annotations = Object.entries(KINDS).flatMap(([status, kind]) =>
    rows
      .filter((row) => row.status === status)
      .map((row) =>
        command(breaks(row) ? "error" : kind, `${row.id}: ${row.title}`, [messageOf(row), ...remedyOf(row)].join("\n")),
      ),
  );
  const left = annotations.length - LIMIT;
  const more = left > 0 ? `; left out here, but in the summary: ${left}` : "";
  const notice = command("notice", name, `${verdict}: ${tally(rows)}${more}`);
  return { commands: [...annotations.slice(0, LIMIT), notice].join(""), summary: renderMarkdown(examination) };
}

function command(kind: string, title: string, message: string): string {
  return `::${kind} title=${escapeProperty(title)}::${escapeData(message)}\n`;
}

function escapeData(text: string): string {
  return text.replace(/[%\r\n]/g, percent);
}

function escapeProperty(text: string): string {
  return text.replace(/[%\r\n:,]/g, percent);
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
