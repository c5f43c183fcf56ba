import { readYaml } from "../adapters/yaml.ts";
import { didYouMean } from "../core/did-you-mean.ts";
import { isSecretName, looksSecret } from "../core/redact.ts";
import { z } from "../core/schema.ts";
import { commandText, type FieldProblem, nameProblem, settingsSchema, valueProblem, variableProblem } from "./agent.ts";

const kept = z
  .strictObject({ secret: z.literal(true, "is nothing but true") })
  .describe("a value that stays as it is in the agent's file: it must be there");
const fromFile = z
  .strictObject({ file: z.string("is no path").min(1, "is empty") })
  .describe(
    "the text of a file, without the line end at its end; its path from / or ~/ on, or from the roster's folder",
  );

/** A value that is written here, or in the agent's own file alone, or in a file of its own. */
export type RosterValue = string | z.infer<typeof kept> | z.infer<typeof fromFile>;

const value = z.union(
  [z.string(), kept, fromFile],
  "is no text: put it in quotes, or write {secret: true} or {file: PATH}",
);

const SECRET_WRITTEN =
  "looks like a key, which a roster does not hold: {secret: true} leaves it as it is in the agent's file, {file: PATH} reads it";

/** What no roster has in it. */
export function isSecret(key: string, text: string): boolean {
  return text !== "" && (isSecretName(key) || looksSecret(key, text));
}

const agentSchema = settingsSchema.extend({
  command: z
    .union([commandText, kept], "is no text, and not {secret: true}")
    .describe("a whole command instead, run by a shell")
    .optional(),
  env: z.record(z.string(), value).nullable().describe("variables for the program").optional(),
  enabled: z
    .boolean("is neither true nor false")
    .describe("whether it starts at boot; as it is if left out")
    .optional(),
  state: z
    .enum(["running", "stopped"], "is neither running nor stopped")
    .describe("what it is to be when all is applied; as it is if left out. One that runs is not restarted")
    .optional(),
});

/** A roster as it is written: the agents of a fleet, each with everything that it is set to. What is left out is not set. */
const rosterSchema = z.strictObject({
  agents: z.record(z.string(), agentSchema.nullable()).describe("by their names"),
});

/** An agent in a roster. */
export interface RosterAgent extends Omit<z.infer<typeof agentSchema>, "env"> {
  readonly env: Readonly<Record<string, RosterValue>>;
}

/** The agents of a roster by their names, in their order. */
export type Roster = ReadonlyMap<string, RosterAgent>;

/** What is wrong with a roster, in which line. */
export interface RosterProblem {
  readonly line: number;
  /** Such as "agents.coder.model"; empty for the whole. */
  readonly field: string;
  readonly message: string;
}

/** A roster, and where its parts stand. */
export interface RosterText {
  readonly roster: Roster;
  lineOf(path: readonly string[]): number;
}

/** Reads the text of a roster; or says all that is wrong with it. */
export function readRoster(text: string): RosterText | { readonly problems: readonly RosterProblem[] } {
  const document = readYaml(text);
  if ("problems" in document) return { problems: document.problems.map((each) => ({ field: "", ...each })) };
  const result = rosterSchema.safeParse(document.value);
  const found = [...(result.error?.issues ?? []).flatMap(shapeProblems), ...contentProblems(document.value)];
  if (result.success && found.length === 0)
    return {
      roster: new Map(
        Object.entries(result.data.agents).map(([name, agent]) => [name, { ...agent, env: agent?.env ?? {} }]),
      ),
      lineOf: document.lineOf,
    };
  const problems = found.map(({ path, message }) => ({
    line: document.lineOf(path),
    field: fieldAt(path),
    message,
  }));
  return { problems: problems.sort((a, b) => a.line - b.line) };
}

function shapeProblems(issue: z.core.$ZodIssue): FieldProblem[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ path: [...path, key], message: `is no setting${meant(key, path)}` }));
  const shape = issue.code === "invalid_type" && ["object", "record"].includes(issue.expected);
  const what = ["a mapping that starts with agents:", "a mapping of agents by their names", "a mapping of settings"];
  return [{ path, message: shape ? `is no ${what[path.length]?.slice(2) ?? "mapping"}` : issue.message }];
}

/** What is wrong with names and values, whatever else is wrong. */
function contentProblems(given: unknown): FieldProblem[] {
  return entriesOf(entryOf(given, "agents")).flatMap(([name, agent]) => {
    const problems: [string[], string | undefined][] = [[[], nameProblem(name)]];
    const command = entryOf(agent, "command");
    if (typeof command === "string" && looksSecret("MOSAIC_AGENT_COMMAND", command))
      problems.push([["command"], SECRET_WRITTEN]);
    for (const [key, each] of entriesOf(entryOf(agent, "env"))) {
      const written = typeof each === "string" ? each : undefined;
      const ofText =
        written === undefined ? undefined : isSecret(key, written) ? SECRET_WRITTEN : valueProblem(key, written);
      problems.push([["env", key], variableProblem(key) ?? ofText]);
    }
    return problems.flatMap(([path, message]) =>
      message === undefined ? [] : [{ path: ["agents", name, ...path], message }],
    );
  });
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

function entryOf(value: unknown, key: string): unknown {
  return entriesOf(value).find(([name]) => name === key)?.[1];
}

/** The settings that there are at a place. */
function meant(key: string, path: readonly string[]): string {
  if (path.length === 0) return didYouMean(key, ["agents"]);
  return path.length === 2 ? didYouMean(key, Object.keys(agentSchema.shape)) : "";
}

/** How a place in a roster is called: agents.coder.model, with quotes around what is no word. */
export function fieldAt(path: readonly string[]): string {
  return path.map((part) => (/^[\w-]+$/.test(part) ? part : JSON.stringify(part))).join(".");
}

/** The JSON Schema of a roster, for editors. */
export function jsonSchemaOfRoster(): object {
  return z.toJSONSchema(rosterSchema, { io: "input" });
}
