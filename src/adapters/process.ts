import { closeSync, openSync } from "node:fs";
import type { Exec, ExecOptions, ExecResult } from "../core/exec.ts";
import type { Child, Foreground } from "../core/host.ts";
import { whyNotStarted } from "./unstarted.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that would make a child which is a Bun program do something else than it should; and an address that may hold a password. */
const NEVER_PASSED_ON = /^(BUN_(OPTIONS|BE_BUN|INSPECT.*)|MOSAIC_FLEET_BASE_URL)$/;

/** What every child gets: an output that can be parsed. */
const PLAIN_OUTPUT = { LC_ALL: "C.UTF-8", SYSTEMD_COLORS: "0", SYSTEMD_PAGER: "", SYSTEMD_URLIFY: "0" };

/** How long a program that is open for writing is waited for, in milliseconds. */
const BUSY_LIMIT_MS = 1_000;

/** How long a child's output may outlive the child, in milliseconds, when somebody it started holds the pipe. */
const PIPE_GRACE_MS = 200;

function childEnvironment(base: Environment, extra: Environment = {}): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const [key, value] of Object.entries({ ...base, ...PLAIN_OUTPUT, ...extra })) {
    if (value !== undefined && !NEVER_PASSED_ON.test(key)) merged[key] = value;
  }
  return merged;
}

/**
 * What a child may print before it is taken for one that never ends, in bytes or characters of each stream: a hundred times the
 * report on 1,000 agents. A program gone mad took 2.4 GB of memory in 5 s.
 */
const OUTPUT_LIMIT = 64 << 20;

interface Collected {
  text(): string;
  readonly done: Promise<void>;
  /** Lets go of the pipe: as long as it is read, this program does not end either. */
  stop(): void;
}

function collect(stream: ReadableStream<Uint8Array>, endless: () => void, line?: (line: string) => void): Collected {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = "";
  const take = (more: string) => {
    text += more;
    if (line === undefined || !more.includes("\n")) return;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const each of lines) line(each);
  };
  const done = (async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      take(decoder.decode(next.value, { stream: true }));
      if (text.length <= OUTPUT_LIMIT) continue;
      endless();
      return void reader.cancel();
    }
  })().catch(() => undefined);
  return { text: () => text, done, stop: () => void reader.cancel().catch(() => undefined) };
}

export function createExec(base: Environment): Exec {
  return async (argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> => {
    const timeoutMs = options.timeoutMs ?? 10_000;
    const env = childEnvironment(base, options.env);
    const [program = ""] = argv;
    const unstarted = (error: unknown): ExecResult => ({
      ...{ argv, stdout: "", stderr: "" },
      ...whyNotStarted(program, { path: env.PATH ?? "", cwd: options.cwd }, error),
    });
    // Bun reports a missing folder and a missing program alike.
    if (!program.includes("/") && Bun.which(program, { PATH: env.PATH ?? "" }) === null) return unstarted(undefined);
    let timedOut = false;
    let child: Bun.Subprocess<Uint8Array | "ignore", "pipe", "pipe">;
    try {
      const start = () =>
        Bun.spawn([...argv], {
          env,
          ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
          stdin: options.input === undefined ? "ignore" : Buffer.from(options.input),
          stdout: "pipe",
          stderr: "pipe",
          // A group of its own, to be killed whole: Ctrl-C does not reach it then, so only where somebody sees to that.
          detached: options.cancelled !== undefined,
        });
      child = await unlessBusy(start);
    } catch (error) {
      return unstarted(error);
    }
    const kill = () => (options.cancelled === undefined ? child.kill("SIGKILL") : killGroup(child.pid));
    const timedOutNow = () => {
      timedOut = true;
      kill();
    };
    let isEndless = false;
    const endless = () => {
      isEndless = true;
      kill();
    };
    const timer = Number.isFinite(timeoutMs) ? setTimeout(timedOutNow, timeoutMs) : undefined;
    options.cancelled?.addEventListener("abort", kill);
    if (options.cancelled?.aborted) kill();
    const out = collect(child.stdout, endless, options.line);
    const err = collect(child.stderr, endless);
    await child.exited;
    clearTimeout(timer);
    options.cancelled?.removeEventListener("abort", kill);
    const grace = setTimeout(() => {
      out.stop();
      err.stop();
    }, PIPE_GRACE_MS);
    await Promise.all([out.done, err.done]);
    clearTimeout(grace);
    const said = { argv, stdout: out.text(), stderr: err.text() };
    if (isEndless) return { ...said, kind: "endless", afterBytes: OUTPUT_LIMIT };
    if (timedOut) return { ...said, kind: "timed-out", afterMs: timeoutMs };
    if (child.signalCode !== null) return { ...said, kind: "signaled", signal: String(child.signalCode) };
    return { ...said, kind: "exited", code: child.exitCode ?? 0 };
  };
}

/**
 * Runs a program at this process's own terminal, until it ends: attached to a session, following a journal. A SIGTERM or
 * SIGHUP that ends us ends it.
 */
export function createForeground(base: Environment, interrupted: AbortSignal): Foreground {
  return async (argv, { env } = {}) => {
    const said = { argv, stdout: "", stderr: "" };
    let child: Bun.Subprocess<"inherit", "inherit", "inherit">;
    try {
      child = Bun.spawn([...argv], {
        env: childEnvironment({ ...base, ...env }, terminalSettings(base)),
        stdin: "inherit",
        stdout: "inherit",
        stderr: "inherit",
      });
    } catch (error) {
      return { ...said, ...whyNotStarted(argv[0] ?? "", { path: base.PATH ?? "", cwd: undefined }, error) };
    }
    const end = () => interrupted.reason === "SIGINT" || child.kill("SIGTERM"); // the terminal has sent it SIGINT itself
    interrupted.addEventListener("abort", end);
    if (interrupted.aborted) end();
    await child.exited;
    interrupted.removeEventListener("abort", end);
    if (child.signalCode !== null) return { ...said, kind: "signaled", signal: String(child.signalCode) };
    return { ...said, kind: "exited", code: child.exitCode ?? 0 };
  };
}

/**
 * Starts a program. One that has just been written may still be open for writing, in a process that was forked in that moment
 * and has yet to become another program: then the kernel refuses it (ETXTBSY), for some milliseconds.
 */
async function unlessBusy<T>(start: () => T): Promise<T> {
  for (const end = Date.now() + BUSY_LIMIT_MS; ; await Bun.sleep(5)) {
    try {
      return start();
    } catch (error) {
      if ((error as { code?: string }).code !== "ETXTBSY" || Date.now() >= end) throw error;
    }
  }
}

/** A person reads it: in the person's own language, and in colour where the person has it. */
function terminalSettings(base: Environment): Environment {
  const { LC_ALL, SYSTEMD_COLORS, SYSTEMD_PAGER, SYSTEMD_URLIFY } = base;
  return { LC_ALL, SYSTEMD_COLORS, SYSTEMD_PAGER, SYSTEMD_URLIFY };
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // it is gone
  }
}

export function spawnChild(argv: readonly string[], options: { log: string; env: Record<string, string> }): Child {
  const log = openSync(options.log, "a", 0o600);
  try {
    const child = Bun.spawn([...argv], { env: options.env, stdin: "ignore", stdout: log, stderr: log });
    child.unref();
    return { pid: child.pid, ended: child.exited.then(() => undefined) };
  } finally {
    closeSync(log);
  }
}
