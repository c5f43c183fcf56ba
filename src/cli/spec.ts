import type { ArgsDef } from "citty";
import type { Command, Completes } from "./command.ts";

/** What a command takes, as plain data: for its help, its page of the manual, and shells. */
export interface CommandSpec {
  /** The words that call it. */
  readonly name: string;
  readonly options: readonly OptionSpec[];
  readonly positionals: readonly PositionalSpec[];
}

interface ValueSpec {
  readonly description: string;
  /** Whether several may be given, also in one, separated by commas. */
  readonly list: boolean;
  /** What its value can be; undefined where only the user knows. */
  readonly completes?: Completes;
}

export interface OptionSpec extends ValueSpec {
  /** As they are typed: the long one, then others. */
  readonly spellings: readonly string[];
  /** What its value is called; undefined for one that takes none. */
  readonly value?: string;
}

export interface PositionalSpec extends ValueSpec {
  /** In capitals. */
  readonly name: string;
  readonly required: boolean;
}

/** What every command takes. */
const HELP: OptionSpec = { spellings: ["--help", "-h"], description: "show this", list: false };

export function specOf({ name, args, lists = [], completes = {} }: Command): CommandSpec {
  const valueSpec = (key: string, arg: ArgDef): ValueSpec => {
    const known = arg.type === "enum" ? arg.options : completes[key];
    return {
      description: arg.description ?? "",
      list: lists.includes(key),
      ...(known === undefined ? {} : { completes: known }),
    };
  };
  const options: OptionSpec[] = [];
  const positionals: PositionalSpec[] = [];
  for (const [key, arg] of Object.entries(args)) {
    if (arg.type === "positional")
      positionals.push({ ...valueSpec(key, arg), name: key.toUpperCase(), required: arg.required !== false });
    else {
      const value = arg.type === "boolean" ? {} : { value: valueName(arg) };
      options.push({ ...valueSpec(key, arg), spellings: spellingsOf(key, arg), ...value });
    }
  }
  return { name, options: [...options, HELP], positionals };
}

type ArgDef = ArgsDef[string];

/** How an option may be typed, the long spelling first; none for what is no option. */
export function spellingsOf(name: string, arg: ArgDef): string[] {
  if (arg.type === "positional") return [];
  const aliases = "alias" in arg && arg.alias !== undefined ? [arg.alias].flat() : [];
  return [`--${name}`, ...aliases.map((alias) => (alias.length === 1 ? `-${alias}` : `--${alias}`))];
}

function valueName(arg: ArgDef): string {
  return arg.type === "enum" ? (arg.options ?? []).join("|") : ("valueHint" in arg && arg.valueHint) || "VALUE";
}
