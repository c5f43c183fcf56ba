import { join } from "node:path";
import type { Host } from "../core/host.ts";
import { CANARY_PREFIX, isAgentName } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import type { Completes } from "./command.ts";
import type { CommandSpec, OptionSpec } from "./spec.ts";
import { commandTree } from "./tree.ts" with { type: "macro" };
import type { Tree } from "./tree.ts";

/** A word that may stand there, and what it is. */
type Candidate = readonly [word: string, says: string];

/** What may stand in the place of the last word; files and folders a shell knows better. */
type Offer = { readonly kind: "words"; readonly words: readonly Candidate[] } | { readonly kind: "file" | "folder" };

const tree = await commandTree();
const NOTHING: Offer = { kind: "words", words: [] };

/**
 * Answers a shell that asks what may stand in the place of the last of these words, those after the program's name:
 * a line that says "words", "file" or "folder", and for words a line each, with a tab before what it is. All of them,
 * whatever the last word begins with: how that is matched is the shell's. Reads names of files; never fails.
 */
export async function complete(host: Host, words: readonly string[]): Promise<void> {
  const offer = await offerFor(host, tree, words).catch(() => NOTHING);
  const lines = offer.kind === "words" ? offer.words.map(([word, says]) => `${word}\t${says}`) : [];
  host.stdout.write(`${[offer.kind, ...lines].join("\n")}\n`);
}

async function offerFor(host: Host, tree: Tree, words: readonly string[]): Promise<Offer> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  const command = commandOf(tree, before);
  if (command === undefined) return { kind: "words", words: nextWords(tree, before, current) };
  const { option, given, positionals, plainOnly } = read(command, before.slice(command.name.split(" ").length));
  if (option !== undefined) return valuesOf(host, tree, option, { current });
  const equals = current.indexOf("=");
  if (!plainOnly && current.startsWith("--") && equals > 0) {
    const named = optionOf(command, current.slice(0, equals));
    const lead = current.slice(0, equals + 1);
    return named?.value === undefined ? NOTHING : valuesOf(host, tree, named, { current, lead });
  }
  const options = (): Offer => ({
    kind: "words",
    words: command.options
      .filter((each) => each.list || !given.has(each))
      .map(({ spellings, description }) => [spellings[0] ?? "", description]),
  });
  if (!plainOnly && current.startsWith("-")) return options();
  const last = command.positionals.at(-1);
  const positional = command.positionals[positionals.length] ?? (last?.list ? last : undefined);
  if (positional !== undefined) return valuesOf(host, tree, positional, { current, before: positionals });
  return plainOnly ? NOTHING : options();
}

/** The command that the first of these words call; the longest wins. */
function commandOf({ commands }: Tree, words: readonly string[]): (CommandSpec & { summary: string }) | undefined {
  return [2, 1]
    .map((count) => words.slice(0, count).join(" "))
    .map((name) => commands.find((command) => command.name === name))
    .find((command) => command !== undefined);
}

/** What may come after words that call no command yet. */
function nextWords({ commands }: Tree, before: readonly string[], current: string): Candidate[] {
  const start = before[0] === "help" ? before.slice(1) : before;
  if (current.startsWith("-"))
    return before.length > 0
      ? []
      : [
          ["--help", "show what there is"],
          ["--version", "show the version"],
        ];
  const next = new Map<string, string[]>();
  for (const { name, summary } of commands) {
    const words = name.split(" ");
    const word = words[start.length];
    if (word === undefined || start.some((each, index) => each !== words[index])) continue;
    next.set(word, [...(next.get(word) ?? []), words.length > start.length + 1 ? words.slice(-1).join("") : summary]);
  }
  const found = [...next].map(([word, says]): Candidate => [word, says.join(", ")]);
  return before.length === 0 ? [...found, ["help", "show what there is, or all about a command"]] : found;
}

/** What has been typed of a command, before the word that is asked about. */
interface Typed {
  /** One that still waits for its value. */
  readonly option: OptionSpec | undefined;
  readonly given: ReadonlySet<OptionSpec>;
  readonly positionals: readonly string[];
  /** -- has been typed: what comes is no option. */
  readonly plainOnly: boolean;
}

function read(command: CommandSpec, words: readonly string[]): Typed {
  const given = new Set<OptionSpec>();
  const positionals: string[] = [];
  let option: OptionSpec | undefined;
  for (const [index, word] of words.entries()) {
    if (option !== undefined) {
      option = undefined; // this is its value
      continue;
    }
    if (word === "--")
      return { option, given, positionals: [...positionals, ...words.slice(index + 1)], plainOnly: true };
    if (!word.startsWith("-") || word === "-") {
      positionals.push(word);
      continue;
    }
    const named = optionOf(command, word.split("=")[0] ?? "");
    if (named === undefined) continue;
    given.add(named);
    if (named.value !== undefined && !word.includes("=")) option = named;
  }
  return { option, given, positionals, plainOnly: false };
}

function optionOf({ options }: CommandSpec, spelled: string): OptionSpec | undefined {
  return options.find(({ spellings }) => spellings.includes(spelled));
}

interface Place {
  readonly current: string;
  /** What of the current word is not of the value: --only= */
  readonly lead?: string;
  /** The arguments before. */
  readonly before?: readonly string[];
}

async function valuesOf(
  host: Host,
  tree: Tree,
  { list, completes }: { readonly list: boolean; readonly completes?: Completes },
  { current, lead = "", before = [] }: Place,
): Promise<Offer> {
  if (completes === undefined) return NOTHING;
  if (completes === "file" || completes === "folder") return { kind: completes };
  if (completes === "command") return { kind: "words", words: nextWords(tree, before, "") };
  const candidates =
    typeof completes === "string"
      ? await { agent: () => agents(host), check: async () => tree.checks }[completes]()
      : completes.map((word): Candidate => [word, ""]);
  if (!list) return { kind: "words", words: candidates.map(([word, says]) => [lead + word, says]) };
  const begun = current.slice(lead.length, current.lastIndexOf(",") + 1);
  const had = new Set([...begun.split(","), ...before]);
  const left = candidates.filter(([word]) => !had.has(word));
  return { kind: "words", words: left.map(([word, says]) => [lead + begun + word, says]) };
}

/** Of which agents there is a file of settings, or what may be one: no folder. */
async function settingsIn(host: Host, agents: string): Promise<string[]> {
  const names = (await host.files.list(agents)).filter((name) => name.endsWith(".env"));
  const found = await Promise.all(names.map((name) => host.files.status(join(agents, name))));
  return names.flatMap((name, index) => (found[index]?.kind === "folder" ? [] : [name.slice(0, -".env".length)]));
}

/** Agents that have a file of settings, and those that run without one. A file may be called anything: no name, no agent. */
async function agents(host: Host): Promise<Candidate[]> {
  const { agents, runtime } = pathsOf(host);
  const listed = await Promise.all([
    settingsIn(host, agents),
    runtime === undefined ? [] : host.files.list(join(runtime, "mosaic-agent")),
  ]);
  const names = new Set(listed.flat().filter((name) => isAgentName(name) && !name.startsWith(CANARY_PREFIX)));
  return [...names].sort().map((name) => [name, "an agent"]);
}
