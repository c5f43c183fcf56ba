import { DOCTOR_VERDICTS } from "../core/exit.ts";
import { z } from "../core/schema.ts";

const evidenceSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));

const fixSchema = z.object({
  commands: z.array(z.string()).describe("what to type, in order"),
  root: z.array(z.string()).describe("what only root may do, without sudo"),
  automatic: z.boolean().describe("whether doctor --fix does it"),
});

const subjectReportSchema = z.object({
  subject: z.string().describe("such as the agent's name"),
  status: z.enum(["pass", "warn", "fail", "unknown"]),
  message: z.string(),
  evidence: evidenceSchema,
  fix: fixSchema,
});

export const checkReportSchema = z.object({
  id: z.string().describe("AREA.NAME, stable for ever"),
  area: z.string(),
  title: z.string().describe("the healthy state"),
  status: z
    .enum(["pass", "warn", "fail", "skip", "unknown", "blocked"])
    .describe(
      "unknown: it threw or took too long, never a pass. blocked: a check that it needs has not passed. skip: there is nothing to look at, or it was left out",
    ),
  message: z.string().nullable().describe("what was found; of a pass a few words that are worth reading, or null"),
  evidence: evidenceSchema,
  fix: fixSchema,
  subjects: z
    .array(subjectReportSchema)
    .describe("the findings by agent, or by whatever the check looks at several of"),
  blockedBy: z.array(z.string()).describe("the checks that it needs and that have not passed"),
  ms: z.number(),
});

const fixReportSchema = z.object({
  command: z.string().describe("what the same is by hand"),
  for: z.array(z.string()).describe("the checks that asked for it"),
  outcome: z.enum(["planned", "done", "failed"]),
  message: z.string().nullable().describe("why it failed"),
});

/** The document that `doctor -o json` prints. */
export const doctorReportSchema = z.object({
  schemaVersion: z.literal(1),
  ok: z.boolean().nullable().describe("null when it could not be told"),
  verdict: z.enum(DOCTOR_VERDICTS),
  summary: z.record(z.string(), z.number()).describe("how many checks have each status"),
  environment: z.object({
    binary: z.string(),
    host: z.string(),
    user: z.string(),
    systemd: z.string().nullable(),
    tmux: z.string().nullable(),
    kernel: z.string().nullable(),
  }),
  checks: z.array(checkReportSchema),
  fixes: z.array(fixReportSchema).describe("with --fix: what was done before this was looked at, or would be done"),
  waitedMs: z.number().nullable().describe("with --wait: how long it was waited before this was looked at"),
  ms: z.number(),
});

/** A line of `doctor -o ndjson`: a check each, then the rest of the document. */
export const doctorLineSchema = z.discriminatedUnion("type", [
  checkReportSchema.extend({ type: z.literal("check") }),
  doctorReportSchema.omit({ checks: true }).extend({ type: z.literal("summary") }),
]);

/** The document that `doctor --list -o json` prints. */
export const checkListSchema = z.object({
  schemaVersion: z.literal(1),
  checks: z.array(
    z.object({
      id: z.string(),
      area: z.string(),
      title: z.string(),
      pre: z.boolean().describe("whether it is in the set for a machine where nothing is installed"),
      requires: z.array(z.string()),
    }),
  ),
});

export type FixText = z.infer<typeof fixSchema>;
export type SubjectReport = z.infer<typeof subjectReportSchema>;
export type CheckReport = z.infer<typeof checkReportSchema>;
export type FixReport = z.infer<typeof fixReportSchema>;
export type DoctorReport = z.infer<typeof doctorReportSchema>;
export type DoctorLine = z.infer<typeof doctorLineSchema>;
export type CheckList = z.infer<typeof checkListSchema>;
