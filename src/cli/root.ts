import { version } from "../../package.json";
import { EXIT, type ExitCode } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { commands, type Entry, GROUPS } from "./commands.ts";
import { wrap } from "./report/text.ts";

type Name = keyof typeof commands;

/** Runs what was typed. The only place where a thrown error becomes words and an exit code. */
export async function runCli(host: Host, words: readonly string[]): Promise<ExitCode> {
  const [first, ...rest] = words;
  if (first === "--version" || first === "-V") {
    host.stdout.write(`${version}\n`);
    return EXIT.ok;
  }
  if (first === "help" && rest.length > 0) return runCli(host, [...rest, "--help"]);
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    (first === undefined ? host.stderr : host.stdout).write(rootHelp());
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  // Asked by a shell at every Tab: nothing but what that takes is loaded.
  if (first === "__complete") {
    const { complete } = await import("./complete.ts");
    await complete(host, rest);
    return EXIT.ok;
  }
  const name = nameOf(first, rest[0]);
  if (name === undefined) {
    const { visible } = await import("../core/visible.ts");
    const group = membersOf(first).length > 0;
    const typed = group ? rest[0] : first;
    if (group && (typed === undefined || typed === "--help" || typed === "-h")) {
      (typed === undefined ? host.stderr : host.stdout).write(groupHelp(first));
      return typed === undefined ? EXIT.usage : EXIT.ok;
    }
    const { didYouMean } = await import("../core/did-you-mean.ts");
    const kind = typed?.startsWith("-") ? "option" : "command";
    const known = group
      ? membersOf(first).map((member) => member.slice(first.length + 1))
      : [...firstWords(), "--version", "--help"];
    const said = group ? `mosaic-fleet ${first}` : "mosaic-fleet";
    host.stderr.write(
      `${said}: unknown ${kind} ${visible(typed ?? "")}${didYouMean(typed ?? "", known)}\n\n${group ? groupHelp(first) : rootHelp()}`,
    );
    return EXIT.usage;
  }
  const [{ askForJson, runCommand, usageOf, UsageError }, { command }] = await Promise.all([
    import("./command.ts"),
    commands[name].load(),
  ]);
  try {
    return await runCommand(command, host, rest.slice(name.split(" ").length - 1));
  } catch (error) {
    if (error instanceof UsageError) {
      const { visible } = await import("../core/visible.ts");
      host.stderr.write(
        `mosaic-fleet ${name}: ${visible(error.message)}\n\nUsage: ${usageOf(command)}\nTry:   mosaic-fleet ${name} --help\n`,
      );
      if (command.alwaysDocuments && askForJson(rest)) {
        const { documentProblem } = await import("./layout.ts");
        documentProblem(host, { what: "Wrong usage", why: error.message, next: [`mosaic-fleet ${name} --help`] });
      }
      return EXIT.usage;
    }
    const { renderError } = await import("./report/error.ts");
    return renderError(host, error);
  }
}

/** The command that these words call; undefined for none. */
function nameOf(first: string, second: string | undefined): Name | undefined {
  return [`${first} ${second}`, first].find((name): name is Name => Object.hasOwn(commands, name));
}

/** The commands of two words that start with this one. */
function membersOf(group: string): Name[] {
  return (Object.keys(commands) as Name[]).filter((name) => name.startsWith(`${group} `));
}

/** A command of one word, or all that start with it. */
function entriesOf(first: string): Entry[] {
  return [first as Name, ...membersOf(first)]
    .filter((name) => Object.hasOwn(commands, name))
    .map((name) => commands[name]);
}

function firstWords(): string[] {
  return [...new Set(Object.keys(commands).map((name) => name.split(" ")[0] ?? name))];
}

/** Lines of a help: what is typed, and what that does. */
function rowsOf(rows: readonly (readonly [string, string])[], width = widthOf(rows.map(([left]) => left))): string {
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join("");
}

function widthOf(names: readonly string[]): number {
  return Math.max(...names.map((name) => name.length)) + 2;
}

function groupHelp(first: string): string {
  return `Usage: mosaic-fleet ${first} COMMAND [OPTIONS]

Commands:
${rowsOf(membersOf(first).map((name) => [name, commands[name].summary]))}
Options:
  -h, --help  show this; with a command, that command's options and examples
`;
}

/** One screen, 80 by 24: of the commands of two words only the names. */
function rootHelp(): string {
  const firsts = firstWords();
  const width = widthOf(firsts);
  const rowsFor = (first: string): [string, string][] => {
    if (Object.hasOwn(commands, first)) return [[first, commands[first as Name].summary]];
    const seconds = membersOf(first).map((name) => name.slice(first.length + 1));
    return wrap(seconds.join(" "), 78 - width).map((line, index) => [index === 0 ? first : "", line]);
  };
  const groups = GROUPS.map((group) => {
    const here = firsts.filter((first) => entriesOf(first).some((entry) => entry.group === group));
    return here.length === 0 ? "" : `${group}:\n${rowsOf(here.flatMap(rowsFor), width)}`;
  });
  return `mosaic-fleet ${version}: a durable fleet of AI coding agents on this machine
Usage: mosaic-fleet COMMAND [OPTIONS]

${groups.join("")}Options:
  -h, --help     with a command: its options, examples and exit codes
  -V, --version  show the version
`;
}
