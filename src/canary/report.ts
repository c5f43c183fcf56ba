import type { CanaryVerdict } from "../core/exit.ts";
import type { CanaryReport, StepReport } from "./schema.ts";

// Types only: the schemas themselves cost 6 ms of a start, and only --schema and --from need them.
export type { CanaryReport, StepList, StepReport } from "./schema.ts";

/** What is tried: the whole, or only the half of it that needs no systemd. */
export type Level = CanaryReport["level"];

/**
 * The one verdict of a run. Broken beats unknown beats pass. A step that was left out for a stated reason takes nothing
 * away; no step at all does. Of the tmux half alone there is no pass.
 */
export function verdictOf(steps: readonly Pick<StepReport, "status">[], level: Level): CanaryVerdict {
  const some = (...statuses: readonly StepReport["status"][]) => steps.some(({ status }) => statuses.includes(status));
  if (some("fail")) return "broken";
  if (some("unknown", "blocked") || !some("pass")) return "unknown";
  return level === "tmux" ? "tmux-only" : "pass";
}
