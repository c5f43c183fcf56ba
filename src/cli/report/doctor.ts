import type { Output } from "../../core/host.ts";
import type { CheckReport, DoctorReport } from "../../doctor/report.ts";
import { paint } from "./paint.ts";
import { wrap } from "./text.ts";

const WORDS = { pass: "ok", warn: "warn", fail: "FAIL", skip: "skip", unknown: "unknown", blocked: "blocked" } as const;
const INDENT = 9;

const SENTENCES = {
  pass: "nothing is broken",
  broken: "something is broken: see FAIL",
  unknown: "could not tell: see unknown and blocked",
  unavailable: "cannot be told here",
} as const;

/** Every check with its word; what is not right with its reason, evidence and remedy; the verdict last. */
export function renderDoctor(output: Output, report: DoctorReport): void {
  const { red, green, yellow, dim, bold } = paint(output);
  const color = { pass: green, warn: yellow, fail: red, skip: dim, unknown: yellow, blocked: dim };
  const indented = (text: string, mark = "") => {
    const lines = wrap(text, output.columns - INDENT - mark.length);
    lines.forEach(
      (line, index) =>
        void output.write(`${" ".repeat(INDENT)}${index === 0 ? mark : " ".repeat(mark.length)}${line}\n`),
    );
  };
  const problem = (check: CheckReport) => {
    indented(`${check.id}: ${check.message}`);
    for (const [key, value] of Object.entries(check.evidence)) {
      if (!Array.isArray(value)) indented(`${key}: ${value}`);
      else if (value.length > 0) {
        indented(`${key}:`);
        for (const each of value) indented(each, "  ");
      }
    }
    for (const command of check.fix) output.write(`${" ".repeat(INDENT)}${bold(`$ ${command}`)}\n`);
  };
  for (const check of report.checks) {
    const lines = wrap(check.title, output.columns - INDENT);
    output.write(
      `${color[check.status](WORDS[check.status].padEnd(INDENT - 1))} ${lines.join(`\n${" ".repeat(INDENT)}`)}\n`,
    );
    if (check.status !== "pass") problem(check);
  }
  const tint = { pass: green, broken: red, unknown: yellow, unavailable: yellow }[report.verdict];
  const counts = Object.entries(report.summary).map(([status, count]) => `${count} ${status}`);
  output.write(`\n${tint(bold(SENTENCES[report.verdict]))}\n${dim(`${counts.join(", ")} in ${report.ms} ms`)}\n`);
}
