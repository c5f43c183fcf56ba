import type { Examination, Row } from "./examination.ts";
import { breaks, messageOf, oneLine } from "./rows.ts";

/** TAP, version 14: a test point for every row; what was not looked at is skipped, a warning is ok, unless it breaks the verdict, which is a comment. */
export function renderTap({ name, verdict, rows }: Examination): string {
  const said = `# ${oneLine(`${name}: ${verdict}`)}`;
  const lines = ["TAP version 14", `1..${rows.length}`, ...rows.flatMap(testPoint), said];
  return `${lines.join("\n")}\n`;
}

function testPoint(row: Row, index: number): string[] {
  const point = `ok ${index + 1} - ${plain(`${row.id}: ${row.title}`)}`;
  const failed = () => [`not ${point}`, ...diagnostics(row, "error")];
  switch (row.status) {
    case "pass":
      return [point];
    case "skip":
    case "blocked":
      return [`${point} # SKIP ${plain(messageOf(row))}`];
    case "warn":
      return breaks(row) ? failed() : [point, ...diagnostics(row, "warning")];
    case "fail":
    case "unknown":
      return failed();
  }
}

function diagnostics(row: Row, severity: string): string[] {
  return [
    "---",
    `message: ${quote(messageOf(row))}`,
    `severity: ${severity}`,
    `status: ${row.status}`,
    `details: ${list(row.details)}`,
    `fix: ${list(row.fix)}`,
    `duration_ms: ${row.ms}`,
    "...",
  ].map((line) => `  ${line}`);
}

/** On one line, for the reader of Perl's prove stumbles over an item of a line of its own that has a colon. */
function list(items: readonly string[]): string {
  return `[${items.map(quote).join(", ")}]`;
}

/** As a description or a reason: only an unescaped # begins a directive. */
function plain(text: string): string {
  return oneLine(text).replace(/[\\#]/g, "\\$&");
}

/** As a string of YAML, which JSON's are but for a few characters that older parsers refuse or take for line breaks. */
function quote(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[\x7F-\x9F\u2028\u2029\uFEFF\uFFFE\uFFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
