import type { CanaryReport, StepReport } from "../../canary/report.ts";
import type { Output } from "../../core/host.ts";
import { paint } from "./paint.ts";
import { wrap } from "./text.ts";

const WORDS = { pass: "ok", fail: "FAIL", unknown: "unknown", skip: "skip", blocked: "blocked" } as const;
const INDENT = 9;

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
  const indented = (text: string, extra = 0) => {
    for (const line of wrap(text, output.columns - INDENT - extra))
      output.write(`${" ".repeat(INDENT + extra)}${line}\n`);
  };
  for (const line of lines.slice(1)) output.write(`${" ".repeat(INDENT)}${line}\n`);
  if (step.message !== undefined) indented(`${step.id}: ${step.message}`);
  if (step.status === "pass") return;
  for (const [key, value] of Object.entries(step.evidence)) {
    if (Array.isArray(value)) {
      if (value.length > 0) indented(`${key}:`);
      for (const each of value) indented(each, 2);
    } else indented(`${key}: ${value}`);
  }
}

const SENTENCES = {
  pass: "holds: every promise that was tried is kept",
  broken: "broken: a promise is not kept",
  unknown: "could not tell whether the fleet holds",
  unavailable: "cannot be tried here: a prerequisite is missing",
} as const;

/** The verdict, what led to it and on what machine. */
export function renderVerdict(output: Output, report: CanaryReport): void {
  const { red, green, yellow, bold, dim } = paint(output);
  const color = { pass: green, broken: red, unknown: yellow, unavailable: yellow }[report.verdict];
  const { problem, environment } = report;
  if (problem !== undefined) {
    output.write(`${color(`${problem.what}.`)}\n  Why:  ${wrap(problem.why, output.columns - 8).join("\n        ")}\n`);
    problem.next.forEach((line, index) => void output.write(`  ${index === 0 ? "Next:" : "     "} ${bold(line)}\n`));
  }
  const count = (status: StepReport["status"]) => report.steps.filter((step) => step.status === status).length;
  const counts = (["pass", "fail", "unknown", "blocked", "skip"] as const).flatMap((status) => {
    const n = count(status);
    return n === 0
      ? []
      : [`${n} ${status === "pass" ? "kept" : status === "fail" ? "broken" : status === "skip" ? "skipped" : status}`];
  });
  output.write(`\n${color(bold(SENTENCES[report.verdict]))}\n`);
  const versions = `systemd ${environment.systemd ?? "none"}, tmux ${environment.tmux ?? "none"}, kernel ${environment.kernel ?? "unknown"}, cgroups ${environment.cgroup}`;
  for (const line of wrap(
    `${counts.join(", ") || "no step was run"} in ${(report.ms / 1000).toFixed(1)} s; ${versions}`,
    output.columns,
  ))
    output.write(`${dim(line)}\n`);
}
