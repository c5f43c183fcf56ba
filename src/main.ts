import { version } from "../package.json";

// The version is asked for often, by installers and scripts: nothing else is loaded for it.
const words = process.argv.slice(2);
if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) {
  console.log(version); // process.stdout alone would double the start
} else {
  const [{ localHost }, { runCli }] = await Promise.all([import("./adapters/local-host.ts"), import("./cli/root.ts")]);
  process.exitCode = await runCli(localHost(), words);
}
