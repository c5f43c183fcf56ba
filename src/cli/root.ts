import { version } from "../../package.json";
import { EXIT, type ExitCode } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import type { Command } from "./command.ts";

/** Every command, by the words that call it: a line here, a file in commands/. Loaded only when it is called. */
const commands = {
  doctor: {
    summary: "say whether a fleet will hold on this machine, and what to do",
    load: () => import("./commands/doctor.ts"),
  },
  install: { summary: "lay out the units and scripts of the fleet", load: () => import("./commands/install.ts") },
  rollback: { summary: "lay out the version before this one again", load: () => import("./commands/rollback.ts") },
  uninstall: { summary: "remove what install has laid out", load: () => import("./commands/uninstall.ts") },
  canary: {
    summary: "prove, on real systemd and real tmux, that the fleet holds",
    load: () => import("./commands/canary.ts"),
  },
} as const satisfies Record<string, { summary: string; load: () => Promise<{ command: Command }> }>;

type Name = keyof typeof commands;

/** Runs what was typed. The only place where a thrown error becomes words and an exit code. */
export async function runCli(host: Host, words: readonly string[]): Promise<ExitCode> {
  const [first, ...rest] = words;
  if (first === "--version" || first === "-V") {
    host.stdout.write(`${version}\n`);
    return EXIT.ok;
  }
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    (first === undefined ? host.stderr : host.stdout).write(rootHelp());
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  const { runCommand, usageOf, UsageError } = await import("./command.ts");
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

function firstWords(): string[] {
  return [...new Set(Object.keys(commands).map((name) => name.split(" ")[0] ?? name))];
}

/** Lines of a help: what is typed, and what that does. */
function rowsOf(names: readonly string[]): string {
  const width = Math.max(...names.map((name) => name.length)) + 2;
  return names.map((name) => `  ${name.padEnd(width)}${commands[name as Name].summary}\n`).join("");
}

function groupHelp(group: string): string {
  return `Usage: mosaic-fleet ${group} COMMAND [OPTIONS]

Commands:
${rowsOf(membersOf(group))}
Options:
  -h, --help  show this; with a command, that command's options and examples
`;
}

function rootHelp(): string {
  return `mosaic-fleet ${version}: a durable fleet of AI coding agents on this machine

Usage: mosaic-fleet COMMAND [OPTIONS]

Commands:
${rowsOf(Object.keys(commands))}
Options:
  -h, --help     show this; with a command, that command's options and examples
  -V, --version  show the version

Examples:
  mosaic-fleet canary --sandbox  prove the fleet here, touching nothing of yours
  mosaic-fleet install --enable  lay it out, and start it at boot

Exit codes: 0 fine, 1 something is broken, 2 could not tell, 3 waited in vain,
            64 usage, 69 a prerequisite is missing, 73 a file is in the way,
            74 stdout cannot be written, 78 settings cannot be read,
            129, 130, 143 interrupted
`;
}
