import { AGENT_KEYS, isStopSeconds, NAMED_SETTINGS, settingName } from "../core/agent-keys.ts";
import { commandArguments, hasOpenQuote } from "../core/agent-program.ts";
import { didYouMean } from "../core/did-you-mean.ts";
import { unwritable } from "../core/env-edit.ts";
import { VARIABLE_NAME } from "../core/env-file.ts";
import { CANARY_PREFIX, isAgentName } from "../core/names.ts";
import { secretInArguments } from "../core/redact.ts";
import { z } from "../core/schema.ts";

/** A text for which `problem` finds nothing to say. */
function text(problem: (value: string) => string | undefined) {
  return z.string("is no text").superRefine((value, context) => {
    const message = value === "" ? "is empty" : (unwritable(value) ?? problem(value));
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}

const CONTROL = /\p{Cc}/u;

function folderProblem(value: string): string | undefined {
  if (/[$`]|^~[^/]/.test(value))
    return `"${value}" is written for a shell: systemd expands nothing; a leading ~/ is understood`;
  if (!/^(?:\/|~$|~\/)/.test(value)) return `"${value}" is a relative path: write it from / or ~/ on`;
  return CONTROL.test(value) ? "has a control character in it" : undefined;
}

function commandProblem(value: string): string | undefined {
  if (value.trim() === "") return "is empty";
  if (hasOpenQuote(value)) return "has a quote that is never closed";
  if (secretInArguments(commandArguments(value)))
    return 'has a key among its arguments, which every user sees in the list of processes: keep it in a variable (--env NAME asks for it) and write "$NAME"';
  return undefined;
}

/** Sizes as systemd takes them (MemoryMax=): to the base of 1024. */
const SIZE = /^(?:infinity|(?:100(?:\.0{1,2})?|\d{1,2}(?:\.\d{1,2})?)%|\d{1,15}(?:\.\d{1,6})?[KMGTPE]?)$/;

function sizeProblem(value: string): string | undefined {
  if (SIZE.test(value) && (value === "infinity" || Number.parseFloat(value) > 0)) return undefined;
  const meant = value.toUpperCase().replace(/\s+/g, "").replace(/I?B$/, "");
  const hint = SIZE.test(meant) && meant !== value && Number.parseFloat(meant) > 0 ? ` (did you mean ${meant}?)` : "";
  return `"${value}" is no size that systemd takes: 4G, 512M, 50% or infinity${hint}`;
}

/** The one name that zod leaves out of what it reads, without a word. */
const PROTOTYPE = "__proto__";

/** What is wrong with the name of a variable of an agent's; undefined when nothing is. */
export function variableProblem(key: string): string | undefined {
  if (!VARIABLE_NAME.test(key)) return `"${key}" is no name of a variable: letters, digits and _, no digit first`;
  if (key === PROTOTYPE) return "cannot be set here: write it into the agent's file";
  if (settingName(key) !== key) return `${key} has a setting of its own: ${settingName(key)}`;
  if (key === "MOSAIC_TMUX_SOCKET")
    return `${key} is for the whole fleet, in fleet.env: an agent with another does not start`;
  if (key === "MOSAIC_AGENT_NAME") return `${key} is set by the fleet`;
  if (key.startsWith("MOSAIC_") && AGENT_KEYS[key] === undefined)
    return `${key} means nothing to the fleet${didYouMean(key, Object.keys(AGENT_KEYS))}`;
  return undefined;
}

/** The kernel's limit for one string of a program's environment. */
const LONGEST_STRING = 128 * 1024;

/** What is wrong with the value of one; undefined when nothing is. */
export function valueProblem(key: string, value: string): string | undefined {
  if (key === "MOSAIC_AGENT_STOP_SECONDS" && !isStopSeconds(value)) return "is not a whole number from 0 to 30";
  if (Buffer.byteLength(`${key}=${value}`) >= LONGEST_STRING)
    return "is longer than 128 KiB: no program can be started with it";
  return unwritable(value);
}

const environment = z.record(z.string(), z.string("is no text: put it in quotes")).superRefine((values, context) => {
  for (const [key, value] of Object.entries(values)) {
    const message = variableProblem(key) ?? valueProblem(key, value);
    if (message !== undefined) context.addIssue({ code: "custom", path: [key], message });
  }
});

/** A command for a shell. */
export const commandText = text(commandProblem);

/** What an agent is set to; what is left out is built in, or what fleet.env says. */
export const settingsSchema = z.strictObject({
  runtime: text((value) => (/^[^\s\p{C}-][^\s\p{C}]*$/u.test(value) ? undefined : `"${value}" is no name of a program`))
    .describe("the agent's program, such as claude")
    .optional(),
  model: text((value) => (CONTROL.test(value) ? "has a control character in it" : undefined))
    .describe("handed to the program as --model")
    .optional(),
  workdir: text(folderProblem).describe("the folder it runs in, from / or ~/ on").optional(),
  command: commandText.describe("a whole command instead, run by a shell").optional(),
  env: environment.describe("variables for the program").optional(),
  memoryMax: text(sizeProblem).describe("memory limit, as systemd takes it: 4G, 512M, 50%, infinity").optional(),
  cpuWeight: z
    .int("is no whole number from 1 to 10000")
    .min(1, "is less than 1")
    .max(10_000, "is more than 10000")
    .describe("share of CPU time, from 1 to 10000; 100 if not set")
    .optional(),
});

export type AgentSettings = z.infer<typeof settingsSchema>;

/** What is wrong with one setting. */
export interface FieldProblem {
  /** Such as ["env", "NAME"]. */
  readonly path: readonly string[];
  readonly message: string;
}

/** The settings, or all that is wrong with them. */
export function checkedSettings(given: unknown): { settings: AgentSettings } | { problems: FieldProblem[] } {
  const problem = Object.hasOwn(Object((given as { env?: unknown }).env), PROTOTYPE) && variableProblem(PROTOTYPE);
  if (problem) return { problems: [{ path: ["env", PROTOTYPE], message: problem }] };
  const result = settingsSchema.safeParse(given);
  if (result.success) return { settings: result.data };
  return { problems: result.error.issues.map(({ path, message }) => ({ path: path.map(String), message })) };
}

/** What is wrong with the name of an agent; undefined when nothing is. */
export function nameProblem(name: string): string | undefined {
  if (!isAgentName(name))
    return `${JSON.stringify(name)} is no name of an agent: letters, digits, - and _, a letter or digit first, at most 63`;
  return name.startsWith(CANARY_PREFIX)
    ? `names that start with ${CANARY_PREFIX} are those of the canary's throwaway agents`
    : undefined;
}

/** Settings as variables of the agent's file; undefined takes one away. */
export function variablesOf(
  settings: {
    readonly [key in keyof typeof NAMED_SETTINGS]?: string | undefined;
  } & { readonly env?: Readonly<Record<string, string | undefined>> | undefined },
): Map<string, string | undefined> {
  const changes = new Map<string, string | undefined>(Object.entries(settings.env ?? {}));
  for (const [setting, variable] of Object.entries(NAMED_SETTINGS))
    if (setting in settings) changes.set(variable, settings[setting as keyof typeof NAMED_SETTINGS]);
  return changes;
}
