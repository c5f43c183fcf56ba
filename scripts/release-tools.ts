import { constants } from "node:os";
import { resolve } from "node:path";

export const tree = resolve(import.meta.dir, "..");

/** What keeps a release from being made, and the exit code of scripts/release. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly code = 1,
  ) {
    super(message);
  }
}

/** Runs a program, which must succeed; what it printed on stdout. */
export function must(
  argv: readonly string[],
  { cwd = tree, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): string {
  const child = Bun.spawnSync([...argv], { cwd, env: { ...process.env, ...env }, stdin: "inherit", stderr: "pipe" });
  if (child.exitCode === 0) return child.stdout.toString();
  if (child.signalCode)
    throw new Failure(`ended by ${child.signalCode}`, 128 + constants.signals[child.signalCode as NodeJS.Signals]);
  throw new Failure(`${argv.slice(0, 3).join(" ")} failed\n${child.stdout}${child.stderr}`);
}

/** What git says of this tree; undefined where it says nothing. */
export function git(...words: string[]): string | undefined {
  const child = Bun.spawnSync(["git", "-C", tree, ...words], { stderr: "ignore" });
  return child.exitCode === 0 ? child.stdout.toString().trim() : undefined;
}
