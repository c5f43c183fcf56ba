import { type ArgsDef, type ParsedArgs, parseArgs } from "citty";
import { EXIT, type ExitCode } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { table, wrap } from "./report/text.ts";

/** A command as data: what it is called, what it takes, what it says about itself, and the function behind it. */
export interface Command<A extends ArgsDef = ArgsDef> {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly args: A;
  /** What to type, and what that does. */
  readonly examples: readonly (readonly [string, string])[];
  readonly exits: readonly (readonly [ExitCode, string])[];
  run(host: Host, args: ParsedArgs<A>): Promise<ExitCode>;
}

export function defineCommand<const A extends ArgsDef>(command: Command<A>): Command {
  return command as unknown as Command;
}

/** What was typed is no use of this program; the message says in what way. */
export class UsageError extends Error {}

/** Runs a command on its arguments, strictly: an unknown option or one argument too many is a UsageError. */
export async function runCommand(command: Command, host: Host, words: readonly string[]): Promise<ExitCode> {
  if (words.includes("--help") || words.includes("-h")) {
    host.stdout.write(helpOf(command));
    return EXIT.ok;
  }
  return command.run(host, parseArgs(checkedWords(command.args, words), command.args));
}

/**
 * citty takes everything and says nothing, so every word is looked at here before it gets any; and it gets each option
 * in its long spelling, as --name=value, because it misreads others (-o=json).
 */
function checkedWords(args: ArgsDef, words: readonly string[]): string[] {
  const positionals = Object.entries(args).filter(([, arg]) => arg.type === "positional");
  const checked: string[] = [];
  let seen = 0;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string;
    if (word === "--") {
      seen += words.length - index - 1;
      checked.push(...words.slice(index));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      seen++;
      checked.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const option = equals < 0 ? word : word.slice(0, equals);
    const [name, arg] = Object.entries(args).find(([key, def]) => spellings(key, def).includes(option)) ?? [];
    if (name === undefined || arg === undefined || arg.type === "positional")
      throw new UsageError(
        `unknown option ${option}${didYouMean(
          option,
          Object.entries(args).flatMap(([key, def]) => spellings(key, def)),
        )}`,
      );
    if (arg.type === "boolean") {
      if (equals >= 0) throw new UsageError(`${option} takes no value`);
      checked.push(`--${name}`);
      continue;
    }
    const value = equals < 0 ? words[++index] : word.slice(equals + 1);
    if (value === undefined || (equals < 0 && value.startsWith("-") && value !== "-"))
      throw new UsageError(`${option} needs a value`);
    if (arg.type === "enum" && !arg.options?.includes(value))
      throw new UsageError(
        `${option} is one of ${arg.options?.join(", ")}, not "${value}"${didYouMean(value, arg.options ?? [])}`,
      );
    checked.push(`--${name}=${value}`);
  }
  if (seen > positionals.length)
    throw new UsageError(positionals.length === 0 ? "takes no arguments, only options" : "too many arguments");
  const missing = positionals.slice(seen).find(([, arg]) => arg.required !== false);
  if (missing !== undefined) throw new UsageError(`needs ${missing[0].toUpperCase()}`);
  return checked;
}

type ArgDef = ArgsDef[string];

function spellings(name: string, arg: ArgDef): string[] {
  if (arg.type === "positional") return [];
  const aliases = "alias" in arg && arg.alias !== undefined ? [arg.alias].flat() : [];
  return [`--${name}`, ...aliases.map((alias) => (alias.length === 1 ? `-${alias}` : `--${alias}`))];
}

/** " — did you mean X?" where something close is known, else nothing. */
export function didYouMean(typed: string, known: readonly string[]): string {
  const [closest] = known
    .map((word) => ({ word, distance: editDistance(typed, word) }))
    .filter(({ word, distance }) => distance <= Math.max(1, Math.floor(word.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return closest === undefined ? "" : ` (did you mean ${closest.word}?)`;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}

/** How a command is called, in one line. */
export function usageOf(command: Command): string {
  const parts = Object.entries(command.args).map(([name, arg]) => {
    if (arg.type === "positional") return arg.required === false ? `[${name.toUpperCase()}]` : name.toUpperCase();
    const short = spellings(name, arg).at(-1);
    return `[${short}${arg.type === "boolean" ? "" : ` ${valueName(arg)}`}]`;
  });
  return ["mosaic-fleet", command.name, ...parts].join(" ");
}

function valueName(arg: ArgDef): string {
  return arg.type === "enum" ? (arg.options ?? []).join("|") : ("valueHint" in arg && arg.valueHint) || "VALUE";
}

function helpOf(command: Command): string {
  const options = Object.entries(command.args).map(([name, arg]): [string, string] => {
    const spelled = arg.type === "positional" ? name.toUpperCase() : spellings(name, arg).reverse().join(", ");
    const value = arg.type === "boolean" || arg.type === "positional" ? "" : ` ${valueName(arg)}`;
    return [spelled + value, arg.description ?? ""];
  });
  const sections: [string, [string, string][]][] = [
    ["Options", [...options, ["-h, --help", "show this"]]],
    ["Exit codes", command.exits.map(([code, meaning]): [string, string] => [String(code), meaning])],
  ];
  const tables = sections.map(([title, rows]) => `${title}:\n${table(rows)}`);
  const examples = `Examples:\n${command.examples.map(([typed, does]) => `  ${typed}\n      ${does}\n`).join("")}`;
  return [`${wrap(command.summary, 80).join("\n")}\n`, `Usage: ${usageOf(command)}\n`, ...tables, examples].join("\n");
}
