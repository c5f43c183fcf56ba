import { z } from "../../core/schema.ts";
import { DRIFTS } from "../../fleet/drift.ts";
import { AGENT_STATES } from "../../fleet/judge.ts";
import type { StatusDocument } from "./status-formats.ts";

const agentSchema = z.object({
  name: z.string(),
  state: z.enum(AGENT_STATES),
  verdict: z
    .enum(["well", "warning", "bad", "unknown"])
    .describe("bad: it is not as it should be. unknown: it could not be told, or is on its way"),
  message: z.string(),
  runtime: z.string().nullable().describe("the program that it is set to be; null where only a shell can tell"),
  pid: z.number().nullable().describe("of its program, where that runs"),
  uptimeSeconds: z.number().nullable(),
  startedAt: z.number().nullable().describe("in seconds since 1970"),
  restarts: z.number().describe("by systemd, since it was started by hand or at boot"),
  lastExit: z
    .object({ status: z.number().nullable(), signal: z.number().nullable() })
    .nullable()
    .describe("how its program ended last; null where it has not, or nobody knows"),
  enabled: z.boolean().describe("whether it starts at boot"),
  viewers: z.number().nullable().describe("how many terminals show its session"),
  idleSeconds: z
    .number()
    .nullable()
    .describe("for how long nobody has typed into its session, and its window has shown nothing new"),
  program: z.string().nullable().describe("the name of what runs in its pane"),
  memoryBytes: z.number().nullable().describe("of its unit; null where the kernel does not count it"),
  memoryMaxBytes: z.union([z.number(), z.literal("infinity")]).nullable(),
  cpuSeconds: z.number().nullable().describe("processor time of its unit since that started"),
  cpuMax: z
    .union([z.number(), z.literal("infinity")])
    .nullable()
    .describe("how many processors' time it may have"),
  cpuWeight: z
    .number()
    .nullable()
    .describe(
      "its part of the processors where they are short: 100 is the usual; null where its own unit says nothing",
    ),
  drift: z
    .array(z.object({ kind: z.enum(DRIFTS), message: z.string() }))
    .describe(
      "in what it is not what is configured. program: it runs another one. settings: they have changed since it started. unit: that has. outside: its process is not in its unit",
    ),
});

/** The document that `status -o json` prints. */
export const statusSchema = z.object({
  schemaVersion: z.literal(1),
  host: z.string(),
  user: z.string(),
  holder: z.object({ up: z.boolean().describe("whether its own tmux server answers") }),
  agents: z.array(agentSchema),
}) satisfies z.ZodType<StatusDocument>;

/** A line of `status -o ndjson`: an agent each, then the rest of the document; with --watch then whatever has changed. */
export const statusLineSchema = z.discriminatedUnion("type", [
  agentSchema.extend({ type: z.literal("agent") }),
  statusSchema.omit({ agents: true }).extend({ type: z.literal("summary") }),
  z.object({ type: z.literal("gone"), name: z.string() }).describe("with --watch: this agent is no more"),
]);

/** The JSON Schema of -o json, or of one line of -o ndjson. */
export function jsonSchemaOfStatus(output: "json" | "ndjson"): object {
  return z.toJSONSchema(output === "json" ? statusSchema : statusLineSchema);
}
