import { z } from "zod";
import type { Verdict } from "../core/exit.ts";

export const checkReportSchema = z.object({
  id: z.string(),
  area: z.string(),
  title: z.string(),
  /** unknown: it threw or took too long, never a pass. blocked: a check that it needs has not passed. */
  status: z.enum(["pass", "warn", "fail", "skip", "unknown", "blocked"]),
  message: z.string().nullable(),
  evidence: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
  fix: z.array(z.string()),
  ms: z.number(),
});

/** The document that `doctor -o json` prints. */
export const doctorReportSchema = z.object({
  schemaVersion: z.literal(1),
  /** null when it could not be told. */
  ok: z.boolean().nullable(),
  verdict: z.enum(["pass", "broken", "unknown", "unavailable"]),
  summary: z.record(z.string(), z.number()),
  environment: z.object({
    binary: z.string(),
    systemd: z.string().nullable(),
    tmux: z.string().nullable(),
    kernel: z.string().nullable(),
  }),
  checks: z.array(checkReportSchema),
  ms: z.number(),
});

export type CheckReport = z.infer<typeof checkReportSchema>;
export type DoctorReport = z.infer<typeof doctorReportSchema>;

/** A failed check beats one that could not tell; what is blocked hangs on either. A warning breaks nothing. */
export function verdictOf(checks: readonly Pick<CheckReport, "status">[]): Verdict {
  if (checks.some((check) => check.status === "fail")) return "broken";
  if (checks.some((check) => check.status === "unknown" || check.status === "blocked")) return "unknown";
  return checks.some((check) => check.status === "pass") ? "pass" : "unknown";
}
