import { fstatSync, promises, writeSync } from "node:fs";
import { EXIT } from "../core/exit.ts";
import type { Output } from "../core/host.ts";
import { codeOf, orUndefined } from "./looks.ts";
import { whenUnread } from "./unread.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** NO_COLOR beats FORCE_COLOR beats what the terminal is; an empty variable counts as not set. */
export function wantsColor(env: Environment, isTTY: boolean): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0";
  return isTTY && env.TERM !== "dumb";
}

/** What was to be told cannot be: that is said, and the exit code is ours. A reader that went away (| head) is no error. */
export function writeFailed(error: unknown): void {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EPIPE" || process.exitCode === EXIT.ioerr) return;
  process.exitCode = EXIT.ioerr;
  process.stderr.write(`mosaic-fleet: stdout cannot be written: ${message}\n`);
}

/** What is no terminal is mostly a pipe, a file or /dev/null: told without node:tty, which takes 3 ms to load. */
export function isTerminal(descriptor: 0 | 1 | 2): boolean {
  try {
    const status = fstatSync(descriptor);
    if (!status.isCharacterDevice() || status.rdev === DEV_NULL) return false;
  } catch {
    return false; // it is closed
  }
  return (require("node:tty") as typeof import("node:tty")).isatty(descriptor);
}

/** Device 1:3. */
const DEV_NULL = 0x103;

/**
 * A descriptor as an Output. A terminal is a stream of node's, opened when it is first written to. Anything else is written
 * as it is, what comes at one time in one piece: for node's streams that takes as long as a whole run of many commands.
 * `isHurried`: there is no other thread to write.
 */
export function outputOf(
  descriptor: 1 | 2,
  open: () => NodeJS.WriteStream,
  env: Environment,
  failed: (error: unknown) => void,
  isHurried: () => boolean,
): Output {
  let stream: NodeJS.WriteStream | undefined;
  const gone = new AbortController();
  const end = (error: unknown) => {
    gone.abort();
    failed(error);
  };
  const opened = () => {
    stream ??= open().on("error", end);
    return stream;
  };
  let written: Promise<unknown> = Promise.resolve();
  let unwritten = "";
  const flush = (): unknown => {
    const text = unwritten;
    unwritten = "";
    if (isFile(descriptor)) return writeNow(descriptor, text, end);
    return Bun.write(descriptor === 1 ? Bun.stdout : Bun.stderr, text);
  };
  const write = (text: string) => {
    if (unwritten === "") written = written.then(flush).catch(end);
    unwritten += text;
  };
  const isTTY = isTerminal(descriptor);
  let watched = isTTY;
  return {
    isTTY,
    get columns() {
      return (isTTY && opened().columns) || 80;
    },
    get rows() {
      return (isTTY && opened().rows) || 24;
    },
    color: wantsColor(env, isTTY),
    get gone() {
      if (!watched) whenUnread(descriptor, () => gone.abort()).catch(() => undefined);
      watched = true;
      return gone.signal;
    },
    write(text) {
      if (isHurried()) writeNow(descriptor, text, end);
      else if (isTTY) opened().write(text);
      else write(text);
    },
  };
}

/** Bun makes room in one before it writes: behind what is there, where it is appended to (>>), that stays, full of NULs. */
function isFile(descriptor: 1 | 2): boolean {
  try {
    return fstatSync(descriptor).isFile();
  } catch {
    return false; // it is closed
  }
}

/** Written when this returns; a pipe that takes no more for now is waited for. */
function writeNow(descriptor: 1 | 2, text: string, failed: (error: unknown) => void): void {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      if (codeOf(error) !== "EAGAIN") {
        failed(error);
        return;
      }
      Bun.sleepSync(10);
    }
  }
}

/** A line that is typed; an end of the input, or Ctrl-C, is an empty one. undefined when there is no terminal to ask at. */
async function lineAtTerminal(question: string, interrupted: AbortSignal): Promise<string | undefined> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return undefined;
  const { createInterface } = await import("node:readline");
  // terminal: false leaves the line to the kernel, and Ctrl-C a signal.
  const lines = createInterface({ input: process.stdin, terminal: false });
  const typed = new Promise<string>((resolve) => {
    lines.once("line", resolve);
    lines.once("close", () => resolve(""));
    interrupted.addEventListener("abort", () => resolve(""), { once: true });
    if (interrupted.aborted) resolve("");
  });
  process.stderr.write(question);
  try {
    return await typed;
  } finally {
    lines.close();
    process.stdin.pause();
  }
}

/** A line that is typed and not shown; undefined when there is no terminal to ask at, or it is empty. */
export async function askSecretAtTerminal(question: string, interrupted: AbortSignal): Promise<string | undefined> {
  if (!isTerminal(0)) return undefined;
  const echo = (on: boolean) =>
    Bun.spawnSync(["stty", on ? "echo" : "-echo"], { stdin: "inherit", stdout: "ignore", stderr: "ignore" });
  if (echo(false).exitCode !== 0) return undefined; // it would be shown
  try {
    return (await lineAtTerminal(question, interrupted)) || undefined;
  } finally {
    echo(true);
    process.stderr.write("\n");
  }
}

/** All that stdin holds. */
export async function readNamed(named: string, interrupted: AbortSignal): Promise<Uint8Array | undefined> {
  const end = () => {
    const signal: NodeJS.Signals = interrupted.reason;
    process.removeAllListeners(signal); // as if there had been none
    process.kill(process.pid, signal);
  };
  interrupted.addEventListener("abort", end);
  if (interrupted.aborted) end();
  try {
    if (named === "-") return new Uint8Array(await Bun.stdin.arrayBuffer());
    return await orUndefined(promises.readFile(named));
  } finally {
    interrupted.removeEventListener("abort", end);
  }
}

/** Whether y or yes was typed; an end of the input, or Ctrl-C, is a no. undefined when there is no terminal to ask at. */
export async function askAtTerminal(question: string, interrupted: AbortSignal): Promise<boolean | undefined> {
  const typed = await lineAtTerminal(question, interrupted);
  return typed === undefined ? undefined : /^\s*y(es)?\s*$/i.test(typed);
}

/** The answer that was typed, or the one that starts with what was typed. undefined without a terminal, or without an answer. */
export async function chooseAtTerminal<T extends string>(
  question: string,
  answers: readonly T[],
  interrupted: AbortSignal,
): Promise<T | undefined> {
  for (;;) {
    const typed = (await lineAtTerminal(question, interrupted))?.trim().toLowerCase();
    if (typed === undefined || typed === "") return undefined;
    const answer = answers.find((each) => each.startsWith(typed));
    if (answer !== undefined) return answer;
  }
}
