import type { CanaryReport, StepList, StepReport } from "../../canary/report.ts";
import type { Host, Output } from "../../core/host.ts";
import { examinationOf } from "./canary-examination.ts";
import { idColumns, timelineRow } from "./canary-timeline.ts";
import { machineOf, sentenceOf, tally, WORDS } from "./canary-words.ts";
import { EXAMINATION_FORMATS, type ExaminationFormat } from "./formats/examination.ts";
import { renderMarkdown } from "./formats/markdown.ts";
import { printExamination } from "./formats/print.ts";
import { paint } from "./paint.ts";
import { typed, wrap } from "./text.ts";

/** What `-o` knows. */
export const CANARY_FORMATS = ["human", "json", ...EXAMINATION_FORMATS] as const;
export type CanaryFormat = (typeof CANARY_FORMATS)[number];

const INDENT = 9;

/** A report in a format for machines. */
export async function printCanary(host: Host, report: CanaryReport, format: "json" | ExaminationFormat): Promise<void> {
  if (format === "json") host.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else await printExamination(host, format, examinationOf(report));
}

/** A report as a page for people. */
export function summaryOf(report: CanaryReport): string {
  return renderMarkdown(examinationOf(report));
}

/** One step as it ends: its word, its promise, its time; why and the evidence when it did not pass. */
export function renderStep(output: Output, step: StepReport): void {
  const colors = paint(output);
  const color = { pass: colors.green, fail: colors.red, unknown: colors.yellow, skip: colors.dim, blocked: colors.dim }[
    step.status
  ];
  const time = `${step.ms} ms`.padStart(9);
  const lines = wrap(step.title, output.columns - INDENT - 10);
  output.write(
    `${color(WORDS[step.status].padEnd(INDENT - 1))} ${(lines[0] ?? "").padEnd(output.columns - INDENT - 10)}${colors.dim(time)}\n`,
  );
  for (const line of lines.slice(1)) output.write(`${" ".repeat(INDENT)}${line}\n`);
  renderReason(output, step, `${step.id}: `);
}

function renderReason(output: Output, step: StepReport, prefix: string): void {
  const indented = (text: string, extra = 0) => {
    for (const line of wrap(text, output.columns - INDENT - extra))
      output.write(`${" ".repeat(INDENT + extra)}${line}\n`);
  };
  if (step.message !== undefined) indented(`${prefix}${step.message}`);
  if (step.status === "pass") return;
  for (const [key, value] of Object.entries(step.evidence)) {
    if (Array.isArray(value)) {
      if (value.length > 0) indented(`${key}:`);
      for (const each of value) indented(each, 2);
    } else indented(`${key}: ${value}`);
  }
}

/** On a terminal, when all is done: each step's bar against the whole; below those that did not pass their promise, and why not. */
export function renderTimeline(output: Output, { steps, rounds, chaos }: CanaryReport): void {
  const { bold, dim } = paint(output);
  const columns = idColumns(steps);
  for (let round = 1; round <= rounds; round++) {
    // Of faults, which may be thousands, only what was not overcome.
    const shown = (step: StepReport) => chaos === undefined || step.status !== "pass";
    const ofRound = steps.filter((step) => step.round === round && shown(step));
    const began = Math.min(...ofRound.map(({ startMs }) => startMs));
    const whole = Math.max(...ofRound.map(({ startMs, ms }) => startMs + ms)) - began;
    if (rounds > 1 && ofRound.length > 0) output.write(`${round === 1 ? "" : "\n"}${bold(`round ${round}`)}\n`);
    for (const step of ofRound) {
      output.write(`${timelineRow(output, { ...step, startMs: step.startMs - began }, whole, columns)}\n`);
      if (step.status === "pass") continue;
      for (const line of wrap(step.title, output.columns - INDENT)) output.write(`${" ".repeat(INDENT)}${dim(line)}\n`);
      renderReason(output, step, "");
    }
  }
}

/** The verdict, what led to it and on what machine. */
export function renderVerdict(output: Output, report: CanaryReport): void {
  const { red, green, yellow, bold, dim } = paint(output);
  const color = { pass: green, "tmux-only": yellow, broken: red, unknown: yellow, unavailable: yellow }[report.verdict];
  const { problem, chaos } = report;
  if (problem !== undefined) {
    output.write(`${color(`${problem.what}.`)}\n  Why:  ${wrap(problem.why, output.columns - 8).join("\n        ")}\n`);
    problem.next.forEach(
      (line, index) => void output.write(`  ${index === 0 ? "Next:" : "     "} ${typed(output, 8, line)}\n`),
    );
  }
  output.write("\n");
  for (const line of wrap(sentenceOf(report), output.columns)) output.write(`${color(bold(line))}\n`);
  if (chaos !== undefined) renderChaos(output, chaos);
  for (const line of wrap(
    `${tally(report.steps) || "no step was run"} in ${(report.ms / 1000).toFixed(1)} s; ${machineOf(report)}`,
    output.columns,
  ))
    output.write(`${dim(line)}\n`);
}

/** Which faults, how often, and how to have them again. */
function renderChaos(output: Output, { faults, kinds, broken, again }: NonNullable<CanaryReport["chaos"]>): void {
  const { bold, dim } = paint(output);
  output.write(`${faults} ${faults === 1 ? "fault" : "faults"} in all:\n`);
  const width = Math.max(0, ...kinds.map(({ fault }) => fault.length));
  for (const { fault, count, slowestMs } of kinds)
    output.write(
      `  ${String(count).padStart(5)}  ${fault.padEnd(width)}  ${dim(`all well after ${slowestMs} ms at most`)}\n`,
    );
  output.write(`${broken > 0 ? "The same again" : "The same faults"}:\n  ${bold(again)}\n`);
}

/** The steps with what each promises. */
export function renderSteps(output: Output, { steps }: StepList): void {
  const { dim } = paint(output);
  const width = Math.max(...steps.map(({ id }) => id.length)) + 2;
  for (const { id, title } of steps)
    wrap(title, output.columns - width).forEach((line, index) => {
      output.write(`${index === 0 ? id.padEnd(width) : " ".repeat(width)}${dim(line)}\n`);
    });
}
