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

/** What a release has been told to end by, and the program that runs just now. */
let told: NodeJS.Signals | undefined;
let running: Bun.Subprocess | undefined;

/** Has what a person or a system sends end the program that runs just now, and must() fail from then on. */
export function heedSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      told = signal;
      running?.kill(signal);
    });
}

interface Options {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Whether it speaks to the person at the terminal, and is not heard here. */
  readonly aloud?: boolean;
}

/** Runs a program, which must succeed; what it printed on stdout. Throws Failure, also where this was told to end meanwhile or before. */
export async function must(
  argv: readonly string[],
  { cwd = tree, env = {}, aloud = false }: Options = {},
): Promise<string> {
  const output = aloud ? "inherit" : "pipe";
  mustGoOn();
  const child = Bun.spawn([...argv], {
    cwd,
    env: { ...process.env, ...env },
    stdin: "inherit",
    stdout: output,
    stderr: output,
  });
  running = child;
  const text = (stream: ReadableStream | undefined) => (stream === undefined ? "" : new Response(stream).text());
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const code = await child.exited;
  told ??= (child.signalCode as NodeJS.Signals | null) ?? undefined;
  mustGoOn();
  if (code === 0) return stdout;
  throw new Failure(`${argv.slice(0, 3).join(" ")} failed\n${stdout}${stderr}`);
}

function mustGoOn(): void {
  if (told !== undefined) throw new Failure(`ended by ${told}`, 128 + constants.signals[told]);
}

/** What git says of this tree; undefined where it says nothing. */
export function git(...words: string[]): string | undefined {
  const child = Bun.spawnSync(["git", "-C", tree, ...words], { stderr: "ignore" });
  return child.exitCode === 0 ? child.stdout.toString().trim() : undefined;
}
