import type { ArgsDef, ParsedArgs } from "citty";
import { didYouMean } from "../core/did-you-mean.ts";
import { EXIT, type ExitCode } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { letBegin } from "../core/steps.ts";
import { table, wrap } from "./report/text.ts";
import { specOf, spellingsOf } from "./spec.ts";

/** What an argument is the name of, for who completes it at a shell; an array is all that it can be. */
export type Completes = "agent" | "check" | "command" | "file" | "folder" | readonly string[];

/** A command as data: what it is called, what it takes, what it says about itself, and the function behind it. */
export interface Command<A extends ArgsDef = ArgsDef, B = unknown> {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** For its page of the manual: paragraphs that go beyond its help. */
  readonly details?: readonly string[];
  readonly args: A;
  /** Those that may be given several times, or several in one, separated by commas: for listOf(). */
  readonly lists?: readonly (keyof A & string)[];
  /** Options that may be given several times, each value as it stands: for eachOf(). */
  readonly repeats?: readonly (keyof A & string)[];
  /** Of arguments and of options with a value, what a shell completes them with; an enum needs none. */
  readonly completes?: { readonly [name in keyof A & string]?: Completes };
  /** What to type, and what that does. */
  readonly examples: readonly (readonly [string, string])[];
  readonly exits: readonly (readonly [ExitCode, string])[];
  /** With -o json there is one document on stdout whatever happens, wrong usage included. */
  readonly alwaysDocuments?: true;
  /**
   * Asks what takes longest, before even the rest of the program is loaded. `words`: what was typed, and is right: each option
   * once, as --name or --name=value, then -- and the others.
   */
  begin?(host: Host, words: readonly string[]): B | undefined;
  run(host: Host, args: ParsedArgs<A>, begun: B | undefined): Promise<ExitCode>;
}

export function defineCommand<const A extends ArgsDef, B = undefined>(command: Command<A, B>): Command {
  return command as unknown as Command;
}

/** What was typed is no use of this program; the message says in what way. */
export class UsageError extends Error {}

/** Whether these words ask for JSON, as far as can be told of what is wrong otherwise. */
export function askForJson(words: readonly string[]): boolean {
  return words.some(
    (word, index) => /^(-o|--output)=json$/.test(word) || (/^(-o|--output)$/.test(word) && words[index + 1] === "json"),
  );
}

/** Runs a command on its arguments, strictly: an unknown option or one argument too many is a UsageError. */
export async function runCommand(command: Command, host: Host, words: readonly string[]): Promise<ExitCode> {
  if (words.includes("--help") || words.includes("-h")) {
    host.stdout.write(helpOf(command));
    return EXIT.ok;
  }
  const checked = checkedWords(command, words);
  const begun = command.begin?.(host, checked);
  if (begun !== undefined) await letBegin();
  const { parseArgs } = await import("citty");
  const parsed: Record<string, unknown> = parseArgs(checked, command.args);
  // citty takes --no-x for an x that is false.
  for (const name of Object.keys(command.args))
    if (name.startsWith("no-")) parsed[name] = parsed[name.slice(3)] === false;
  return command.run(host, parsed as ParsedArgs, begun);
}

/** The items of an argument that is a list; undefined when it was not given. */
export function listOf(value: string | undefined): string[] | undefined {
  return value?.split(",").filter((item) => item !== "");
}

/** The values of an option that repeats. */
export function eachOf(value: string | undefined): string[] {
  return value?.split(BETWEEN) ?? [];
}

/** What no argument can have in it. */
const BETWEEN = "\0";

/**
 * citty takes everything and says nothing, so every word is looked at here before it gets any; and it gets each option
 * once, in its long spelling, as --name=value, because it misreads others (-o=json).
 */
function checkedWords({ args, lists = [], repeats = [] }: Command, words: readonly string[]): string[] {
  const options = new Map<string, string | undefined>();
  const plain: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string;
    if (word === "--") {
      plain.push(...words.slice(index + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      plain.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const option = equals < 0 ? word : word.slice(0, equals);
    const [name, arg] = Object.entries(args).find(([key, def]) => spellingsOf(key, def).includes(option)) ?? [];
    if (name === undefined || arg === undefined)
      throw new UsageError(
        `unknown option ${option}${didYouMean(
          option,
          Object.entries(args).flatMap(([key, def]) => spellingsOf(key, def)),
        )}`,
      );
    if (options.has(name) && !lists.includes(name) && !repeats.includes(name))
      throw new UsageError(`${option} is given twice`);
    if (arg.type === "boolean") {
      if (equals >= 0) throw new UsageError(`${option} takes no value`);
      options.set(name, undefined);
      continue;
    }
    const value = equals < 0 ? words[++index] : word.slice(equals + 1);
    if (value === undefined || (equals < 0 && value.startsWith("-") && value !== "-"))
      throw new UsageError(`${option} needs a value`);
    if (arg.type === "enum" && !arg.options?.includes(value))
      throw new UsageError(
        `${option} is one of ${arg.options?.join(", ")}, not "${value}"${didYouMean(value, arg.options ?? [])}`,
      );
    if (lists.includes(name) && listOf(value)?.length === 0) throw new UsageError(`${option} needs a value`);
    const before = options.get(name);
    options.set(name, before === undefined ? value : `${before}${repeats.includes(name) ? BETWEEN : ","}${value}`);
  }
  return [
    ...[...options].map(([name, value]) => (value === undefined ? `--${name}` : `--${name}=${value}`)),
    "--",
    ...checkedPositionals({ args, lists }, plain),
  ];
}

function checkedPositionals({ args, lists = [] }: Pick<Command, "args" | "lists">, words: readonly string[]): string[] {
  const positionals = Object.entries(args).filter(([, arg]) => arg.type === "positional");
  const last = positionals.at(-1)?.[0] ?? "";
  const rest = positionals.length - 1;
  if (words.length > positionals.length && !lists.includes(last))
    throw new UsageError(positionals.length === 0 ? "takes no arguments, only options" : "too many arguments");
  const missing = positionals.slice(words.length).find(([, arg]) => arg.required !== false);
  if (missing !== undefined) throw new UsageError(`needs ${missing[0].toUpperCase()}`);
  return words.length > positionals.length ? [...words.slice(0, rest), words.slice(rest).join(",")] : [...words];
}

/** How a command is called: what follows "Usage: ", in lines that leave room for that. */
export function usageOf(command: Command): string {
  const { name, options, positionals } = specOf(command);
  const parts = [
    ...positionals.map(({ name, list, required }) => {
      const shown = `${name}${list ? "…" : ""}`;
      return required ? shown : `[${shown}]`;
    }),
    ...options
      .filter(({ spellings }) => spellings[0] !== "--help")
      .map(({ spellings, value }) => `[${spellings.at(-1)}${value === undefined ? "" : ` ${value}`}]`),
  ];
  // A part stays in one line, though it may have a blank.
  const lines = wrap([`mosaic-fleet ${name}`, ...parts].map((part) => part.replaceAll(" ", "\0")).join(" "), 71);
  return lines.join("\n         ").replaceAll("\0", " ");
}

/** What --help prints: in 80 columns, but for what is typed. */
export function helpOf(command: Command): string {
  const { options, positionals } = specOf(command);
  const rows = [
    ...positionals.map(({ name, description }): [string, string] => [name, description]),
    ...options.map(({ spellings, value, description }): [string, string] => [
      `${spellings.toReversed().join(", ")}${value === undefined ? "" : ` ${value}`}`,
      description,
    ]),
  ];
  const sections: [string, [string, string][]][] = [
    ["Options", rows],
    ["Exit codes", command.exits.map(([code, meaning]): [string, string] => [String(code), meaning])],
  ];
  const tables = sections.map(([title, rows]) => `${title}:\n${table(rows)}`);
  const examples = `Examples:\n${command.examples.map(([typed, does]) => `  ${typed}\n      ${does}\n`).join("")}`;
  return [`${wrap(command.summary, 80).join("\n")}\n`, `Usage: ${usageOf(command)}\n`, ...tables, examples].join("\n");
}
