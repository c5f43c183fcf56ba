import { CANARY_VERDICTS, type CanaryVerdict } from "../core/exit.ts";
import { z } from "../core/schema.ts";

const evidenceSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));

export const stepReportSchema = z.object({
  id: z.string(),
  title: z.string(),
  /** unknown: it could not be told. blocked: a step that it needs has not passed. */
  status: z.enum(["pass", "fail", "unknown", "skip", "blocked"]),
  ms: z.number(),
  /** Why it did not pass; absent when it did. */
  message: z.string().optional(),
  evidence: evidenceSchema,
});

/** The document that `canary -o json` prints. */
export const canaryReportSchema = z.object({
  schemaVersion: z.literal(1),
  verdict: z.enum(CANARY_VERDICTS),
  sandbox: z.boolean(),
  /** What kept the run from starting, or from ending well; absent otherwise. */
  problem: z.object({ what: z.string(), why: z.string(), next: z.array(z.string()) }).optional(),
  steps: z.array(stepReportSchema),
  environment: z.object({
    binary: z.string(),
    systemd: z.string().nullable(),
    tmux: z.string().nullable(),
    kernel: z.string().nullable(),
    cgroup: z.string(),
  }),
  ms: z.number(),
});

export type StepReport = z.infer<typeof stepReportSchema>;
export type CanaryReport = z.infer<typeof canaryReportSchema>;

/** Broken beats unknown beats pass. A step that was left out for a stated reason takes nothing away; no step at all does. */
export function verdictOf(steps: readonly Pick<StepReport, "status">[]): CanaryVerdict {
  if (steps.some((step) => step.status === "fail")) return "broken";
  if (steps.some((step) => step.status === "unknown" || step.status === "blocked")) return "unknown";
  return steps.some((step) => step.status === "pass") ? "pass" : "unknown";
}
