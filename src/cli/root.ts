import { version } from "../../package.json";
import { EXIT, type ExitCode } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import type { Command } from "./command.ts";
import { wrap } from "./report/text.ts";

/** The parts of the help, in their order. */
export const GROUPS = ["Set up", "Every day", "Agents", "This program"] as const;

/** One line of the help, and where the rest is. */
interface Entry {
  readonly group: (typeof GROUPS)[number];
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

/** Every command, by the words that call it: a line here, a file in commands/. Loaded only when it is called. */
export const commands = {
  doctor: {
    group: "Set up",
    summary: "say whether a fleet will hold on this machine, and what to do",
    load: () => import("./commands/doctor.ts"),
  },
  install: {
    group: "Set up",
    summary: "lay out the units and scripts of the fleet",
    load: () => import("./commands/install.ts"),
  },
  canary: {
    group: "Set up",
    summary: "prove, on real systemd and real tmux, that the fleet holds",
    load: () => import("./commands/canary.ts"),
  },
  rollback: {
    group: "Set up",
    summary: "lay out the version before this one again",
    load: () => import("./commands/rollback.ts"),
  },
  uninstall: {
    group: "Set up",
    summary: "remove what install has laid out",
    load: () => import("./commands/uninstall.ts"),
  },
  status: {
    group: "Every day",
    summary: "say what each agent does, and where systemd and tmux disagree",
    load: () => import("./commands/status.ts"),
  },
  apply: {
    group: "Every day",
    summary: "bring agents to what a roster file says",
    load: () => import("./commands/apply.ts"),
  },
  export: {
    group: "Every day",
    summary: "write the roster of the agents that there are",
    load: () => import("./commands/export.ts"),
  },
  "agent start": {
    group: "Agents",
    summary: "start agents, and wait until they are up",
    load: () => import("./commands/agent-start.ts"),
  },
  "agent stop": {
    group: "Agents",
    summary: "stop agents, and close their sessions",
    load: () => import("./commands/agent-stop.ts"),
  },
  "agent restart": {
    group: "Agents",
    summary: "give agents a new process, and wait until they are up",
    load: () => import("./commands/agent-restart.ts"),
  },
  "agent enable": {
    group: "Agents",
    summary: "have agents start at boot; --now: and now",
    load: () => import("./commands/agent-enable.ts"),
  },
  "agent disable": {
    group: "Agents",
    summary: "have agents start no more by themselves; --now: stop them, too",
    load: () => import("./commands/agent-disable.ts"),
  },
  completions: {
    group: "This program",
    summary: "print what lets bash, zsh or fish complete all of this",
    load: () => import("./commands/completions.ts"),
  },
  man: {
    group: "This program",
    summary: "show the manual: a page of each command",
    load: () => import("./commands/man.ts"),
  },
  "agent add": {
    group: "Agents",
    summary: "add an agent: its settings, its limits",
    load: () => import("./commands/agent-add.ts"),
  },
  "agent edit": {
    group: "Agents",
    summary: "change an agent's settings",
    load: () => import("./commands/agent-edit.ts"),
  },
  "agent rm": {
    group: "Agents",
    summary: "remove an agent; its settings are kept aside",
    load: () => import("./commands/agent-rm.ts"),
  },
  "agent show": {
    group: "Agents",
    summary: "show what is in effect for an agent, and where it is from",
    load: () => import("./commands/agent-show.ts"),
  },
  "agent attach": {
    group: "Agents",
    summary: "show an agent at this terminal, to work in",
    load: () => import("./commands/agent-attach.ts"),
  },
  "agent tail": {
    group: "Agents",
    summary: "print what is on an agent's screen, and what comes",
    load: () => import("./commands/agent-tail.ts"),
  },
  "agent watch": {
    group: "Agents",
    summary: "show an agent at this terminal, without being able to disturb it",
    load: () => import("./commands/agent-watch.ts"),
  },
  "agent logs": {
    group: "Agents",
    summary: "show what systemd and the fleet's scripts said of an agent",
    load: () => import("./commands/agent-logs.ts"),
  },
  "agent send": {
    group: "Agents",
    summary: "type a text into an agent's program, exactly",
    load: () => import("./commands/agent-send.ts"),
  },
  "self-update": {
    group: "This program",
    summary: "replace this binary by a newer one, or go back",
    load: () => import("./commands/self-update.ts"),
  },
} as const satisfies Record<string, Entry>;

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
  const { askForJson, runCommand, usageOf, UsageError } = await import("./command.ts");
  const { renderError } = await import("./report/error.ts");
  const name = nameOf(first, rest[0]);
  if (name === undefined) {
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
      `${said}: unknown ${kind} ${typed}${didYouMean(typed ?? "", known)}\n\n${group ? groupHelp(first) : rootHelp()}`,
    );
    return EXIT.usage;
  }
  const { command } = await commands[name].load();
  try {
    return await runCommand(command, host, rest.slice(name.split(" ").length - 1));
  } catch (error) {
    if (error instanceof UsageError) {
      host.stderr.write(
        `mosaic-fleet ${name}: ${error.message}\n\nUsage: ${usageOf(command)}\nTry:   mosaic-fleet ${name} --help\n`,
      );
      if (command.alwaysDocuments && askForJson(rest)) {
        const { documentProblem } = await import("./layout.ts");
        documentProblem(host, { what: "Wrong usage", why: error.message, next: [`mosaic-fleet ${name} --help`] });
      }
      return EXIT.usage;
    }
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
