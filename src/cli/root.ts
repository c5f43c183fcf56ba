import { version } from "../../package.json";
import { EXIT, type ExitCode } from "../core/exit.ts";
import type { Host } from "../core/host.ts";

/** Every command: a line here, a file in commands/. Loaded only when it is called. */
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
} as const;

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
  if (!Object.hasOwn(commands, first)) {
    const { didYouMean } = await import("../core/did-you-mean.ts");
    const kind = first.startsWith("-") ? "option" : "command";
    host.stderr.write(
      `mosaic-fleet: unknown ${kind} ${first}${didYouMean(first, [...Object.keys(commands), "--version", "--help"])}\n\n${rootHelp()}`,
    );
    return EXIT.usage;
  }
  const { command } = await commands[first as Name].load();
  try {
    return await runCommand(command, host, rest);
  } catch (error) {
    if (error instanceof UsageError) {
      host.stderr.write(
        `mosaic-fleet ${first}: ${error.message}\n\nUsage: ${usageOf(command)}\nTry:   mosaic-fleet ${first} --help\n`,
      );
      return EXIT.usage;
    }
    return renderError(host, error);
  }
}

function rootHelp(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}\n`);
  return `mosaic-fleet ${version}: a durable fleet of AI coding agents on this machine

Usage: mosaic-fleet COMMAND [OPTIONS]

Commands:
${rows.join("")}
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
