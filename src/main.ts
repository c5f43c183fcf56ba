import { writeSync } from "node:fs";
import { version } from "../package.json";
import { writeFailed } from "./adapters/terminal.ts";

// The version is asked for often, by installers and scripts: nothing else is loaded for it.
const words = process.argv.slice(2);
if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) {
  try {
    writeSync(1, `${version}\n`); // process.stdout alone would double the start
  } catch (error) {
    writeFailed(error);
  }
} else {
  const [{ localHost }, { runCli }] = await Promise.all([import("./adapters/local-host.ts"), import("./cli/root.ts")]);
  const code = await runCli(localHost(), words);
  process.exitCode ||= code; // unless stdout failed, before or after
}
