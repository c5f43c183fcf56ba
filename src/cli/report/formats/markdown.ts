import type { Examination, Row } from "./examination.ts";
import { oneLine, seconds, tally } from "./rows.ts";

const WORDS = {
  pass: "ok",
  warn: "**warn**",
  fail: "**FAIL**",
  skip: "skip",
  unknown: "**unknown**",
  blocked: "**blocked**",
} as const;

/** Markdown as GitHub reads it: the verdict, a table of every row, and a section for each that is not well. */
export function renderMarkdown({ name, verdict, rows, environment, ms }: Examination): string {
  const versions = Object.entries(environment).map(([key, value]) => plain(`${key} ${value}`));
  const blocks = [
    `# ${plain(`${name}: ${verdict}`)}`,
    `${tally(rows)} in ${seconds(ms)} s`,
    ["| Status | Id | What |", "| --- | --- | --- |", ...rows.map(tableRow)].join("\n"),
    ...rows.filter(({ status }) => status !== "pass" && status !== "skip").flatMap(section),
    versions.join(", "),
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function tableRow({ status, id, title, message }: Row): string {
  const what = status === "pass" ? title : (message ?? title);
  return `| ${WORDS[status]} | ${plain(id)} | ${plain(what)} |`;
}

function section({ status, id, title, message, details, fix }: Row): string[] {
  return [
    `## ${WORDS[status]} ${plain(`${id}: ${title}`)}`,
    plain(message ?? ""),
    details.map((detail) => `- ${plain(detail)}`).join("\n"),
    fix.length === 0 ? "" : fenced(fix.join("\n")),
  ];
}

/** Fenced by more backticks than stand together in the code. */
function fenced(code: string): string {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}sh\n${code}\n${fence}`;
}

/** Plain text on one line: nothing in it is markup, nor does it begin a list. */
function plain(text: string): string {
  return oneLine(text)
    .replace(/[\\`*_[<>|~&#]/g, "\\$&")
    .replace(/^(\d*)([-+=.)])/, "$1\\$2");
}
