import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** The root of this tree. */
export const tree = resolve(import.meta.dir, "../..");

/** The binary under test: scripts/build names a fresh one before it puts it into its place. */
export const binary = process.env.MOSAIC_FLEET_BINARY ?? join(tree, "dist/mosaic-fleet");

/** The Bun that this tree pins. */
export const bun = join(tree, "node_modules/.bin/bun");

export interface Run {
  /** The exit code, or null when a signal or the time limit ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child; this process's own when left out. */
  readonly env?: Record<string, string | undefined>;
  readonly timeoutMs?: number;
}

/** Runs a program to its end; past the time limit it is killed. */
export function run(argv: readonly string[], { cwd = tree, env = process.env, timeoutMs }: RunOptions = {}): Run {
  const child = Bun.spawnSync([...argv], {
    cwd,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: "SIGKILL" }),
  });
  return { code: child.exitCode, stdout: child.stdout.toString(), stderr: child.stderr.toString() };
}

/** A new temporary folder that every user may enter; it goes with `using`. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "mosaic-fleet-build-"));
  chmodSync(path, 0o755);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes files, given as path → text, below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** What goes before a command line that is to run in a mount namespace of its own, once `script` has done its mounts there. Takes root. */
export function behindMounts(script: string, then = 'exec "$@"'): string[] {
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", `${script} && ${then}`, "sh"];
}

/** The program as it would run on a machine that was booted with systemd, where this one was not. Takes root. */
export function asIfBooted(argv: readonly string[]): string[] {
  const first = "echo systemd >/run/systemd/first && mount --bind /run/systemd/first /proc/1/comm";
  const look = `[ -d /run/systemd/system ] || { mount -t tmpfs none /run/systemd && mkdir /run/systemd/system && ${first}; }`;
  return [...behindMounts(look), ...argv];
}
