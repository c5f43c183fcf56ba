import { CANARY_VERDICTS } from "../core/exit.ts";
import { z } from "../core/schema.ts";

const evidenceSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));

export const stepReportSchema = z.object({
  id: z.string(),
  title: z.string().describe("the promise"),
  status: z
    .enum(["pass", "fail", "unknown", "skip", "blocked"])
    .describe("unknown: it could not be told, never a pass. blocked: a step that it needs has not passed"),
  round: z.number().int().min(1).describe("which run of the sequence it was in, with --repeat"),
  startMs: z.number().describe("when it began, after the run did"),
  ms: z.number(),
  message: z.string().optional().describe("why it did not pass; absent when it did"),
  evidence: evidenceSchema,
});

const chaosSchema = z.object({
  seed: z.number().int().describe("with the same seed the same faults are done in the same order: --seed"),
  forMs: z.number().describe("for how long faults were to be done"),
  faults: z.number().int().describe("how many were done"),
  broken: z.number().int().describe("after how many of them a promise was broken"),
  unknown: z.number().int().describe("after how many of them it could not be told"),
  kinds: z.array(
    z.object({
      fault: z.string(),
      count: z.number().int(),
      slowestMs: z.number().describe("the longest that one took until all was well again"),
    }),
  ),
  again: z.string().describe("the command that does the same faults"),
});

/** The document that `canary -o json` prints. */
export const canaryReportSchema = z
  .object({
    schemaVersion: z.literal(1),
    verdict: z.enum(CANARY_VERDICTS),
    level: z.enum(["fleet", "tmux"]).describe("tmux: the units were not tried, so it is never a pass of the whole"),
    sandbox: z.boolean(),
    only: z.array(z.string()).nullable().describe("the steps that were asked for, with --only; null for all of them"),
    rounds: z.number().int().min(1),
    problem: z
      .object({ what: z.string(), why: z.string(), next: z.array(z.string()) })
      .optional()
      .describe("what kept the run from starting, or from ending well; absent otherwise"),
    steps: z.array(stepReportSchema),
    chaos: chaosSchema.optional().describe("with --chaos; its faults are steps, too"),
    environment: z.object({
      binary: z.string(),
      systemd: z.string().nullable(),
      tmux: z.string().nullable(),
      kernel: z.string().nullable(),
      cgroup: z.string(),
    }),
    ms: z.number(),
  })
  .refine(
    ({ verdict, level }) => verdict !== (level === "tmux" ? "pass" : "tmux-only"),
    "of the tmux half there is no pass, and of the whole no tmux-only",
  );

/** The document that `canary --list -o json` prints. */
export const stepListSchema = z.object({
  schemaVersion: z.literal(1),
  level: z.enum(["fleet", "tmux"]),
  steps: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      requires: z.array(z.string()),
      disturbsOthers: z.boolean().describe("left out where other agents run on the fleet"),
      limitMs: z.number(),
    }),
  ),
});

export type StepReport = z.infer<typeof stepReportSchema>;
export type CanaryReport = z.infer<typeof canaryReportSchema>;
export type StepList = z.infer<typeof stepListSchema>;
