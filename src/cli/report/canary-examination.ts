import type { CanaryReport, StepReport } from "../../canary/report.ts";
import { nameOf, sentenceOf } from "./canary-words.ts";
import type { Examination, Row } from "./formats/examination.ts";
import { evidenceLines } from "./formats/rows.ts";

/** A report of the canary as what all machine formats show. */
export function examinationOf(report: CanaryReport): Examination {
  const { verdict, steps, rounds, environment, sandbox, level, chaos, ms } = report;
  const well = verdict === "pass" || verdict === "tmux-only";
  const again = chaos === undefined ? [] : [chaos.again];
  const rows = steps.map((step) => rowOf(step, rounds, again));
  // No format may look like a pass when the run is none: nothing tried at all is not green.
  const told = rows.some(({ status }) => status === "fail" || status === "unknown" || status === "blocked");
  const extra = report.problem !== undefined || (!well && !told) ? [rowOfRun(report)] : [];
  return {
    name: nameOf(level),
    verdict: sentenceOf(report),
    rows: [...extra, ...rows, ...(level === "tmux" ? [OTHER_HALF] : [])],
    environment: {
      ...Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, value ?? "none"])),
      level,
      sandbox: sandbox ? "yes" : "no",
      ...(chaos === undefined ? {} : { seed: String(chaos.seed) }),
    },
    ms,
  };
}

/** What the tmux half leaves out, for who reads no more than the rows: they alone never look like the whole. */
const OTHER_HALF: Row = {
  id: "units",
  area: "run",
  title: "units, limits and restarts hold, too",
  status: "skip",
  message: "not tried with --level tmux, which tries the tmux half alone: no pass of the whole",
  details: [],
  fix: [],
  ms: 0,
};

/** `again`: what is typed to have a broken promise broken once more. */
function rowOf(
  { id, title, status, message, evidence, ms, round }: StepReport,
  rounds: number,
  again: readonly string[],
): Row {
  return {
    id: rounds > 1 ? `${id}#${round}` : id,
    area: rounds > 1 ? `round-${round}` : "promises",
    title,
    status,
    message: message ?? null,
    details: status === "pass" ? [] : evidenceLines(evidence),
    fix: status === "fail" ? again : [],
    ms,
  };
}

/** The run as a row of its own, where it did not come as far as to be judged by its steps alone. */
function rowOfRun({ problem, verdict, level, only }: CanaryReport): Row {
  return {
    id: "canary",
    area: "run",
    title: "the canary can be run, and ends well",
    status: "unknown",
    message: problem === undefined ? sentenceOf({ verdict, level, only }) : `${problem.what}: ${problem.why}`,
    details: [],
    fix: problem?.next ?? [],
    ms: 0,
  };
}
