import type { CanaryReport, Level, StepReport } from "../../canary/report.ts";

export const WORDS = { pass: "ok", fail: "FAIL", unknown: "unknown", skip: "skip", blocked: "blocked" } as const;

const SENTENCES: Readonly<Record<CanaryReport["verdict"], string>> = {
  pass: "holds: every promise that was tried is kept",
  "tmux-only": "the tmux half holds; units, limits and restarts were not tried: no pass of the whole",
  broken: "broken: a promise is not kept",
  unknown: "could not tell whether the fleet holds",
  unavailable: "cannot be tried here: a prerequisite is missing",
};

/** The verdict as a sentence, which says what was left out by choice. */
export function sentenceOf({ verdict, level, only }: Pick<CanaryReport, "verdict" | "level" | "only">): string {
  const notes = [
    ...(level === "tmux" && verdict !== "tmux-only" ? ["only the tmux half was tried"] : []),
    ...(only === null ? [] : [`only ${only.join(", ")}`]),
  ];
  return `${SENTENCES[verdict]}${notes.length > 0 ? ` (${notes.join("; ")})` : ""}`;
}

/** What the run is called: of the tmux half alone nothing is to be taken for more. */
export function nameOf(level: Level): string {
  return `mosaic-fleet canary${level === "tmux" ? " --level tmux" : ""}`;
}

/** What it is tried on. */
export function whereOf(level: Level, sandbox: boolean): string {
  if (level === "tmux") return "the tmux half alone: no units, no limits, no restarts";
  return sandbox ? "in a sandbox" : "on the installed fleet";
}

/** How many steps came to what: "15 kept, 1 skipped". */
export function tally(steps: readonly Pick<StepReport, "status">[]): string {
  const words = { pass: "kept", fail: "broken", unknown: "unknown", blocked: "blocked", skip: "skipped" } as const;
  return (Object.keys(words) as StepReport["status"][])
    .flatMap((status) => {
      const count = steps.filter((step) => step.status === status).length;
      return count === 0 ? [] : [`${count} ${words[status]}`];
    })
    .join(", ");
}

/** Where it ran on what. */
export function machineOf({ environment }: CanaryReport): string {
  const { systemd, tmux, kernel, cgroup } = environment;
  return `systemd ${systemd ?? "none"}, tmux ${tmux ?? "none"}, kernel ${kernel ?? "unknown"}, cgroups ${cgroup}`;
}
