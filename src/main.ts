import { version } from "../package.json";

// The version is asked for often, by installers and scripts: nothing else is loaded for it.
const words = process.argv.slice(2);
if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) {
  try {
    await Bun.write(Bun.stdout, `${version}\n`); // process.stdout alone would double the start, and node:fs add a quarter
  } catch (error) {
    (await import("./adapters/terminal.ts")).writeFailed(error);
  }
} else {
  // A shell waits at every Tab: where a folder never answers, as on a server that is gone, nothing is offered.
  if (words[0] === "__complete") setTimeout(() => process.exit(0), 2000).unref();
  const [{ localHost }, { runCli }] = await Promise.all([import("./adapters/local-host.ts"), import("./cli/root.ts")]);
  const code = await runCli(localHost(), words);
  process.exitCode ||= code; // unless stdout failed, before or after
}
