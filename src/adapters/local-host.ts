import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Host, User } from "../core/host.ts";
import { files } from "./files.ts";
import { createExec, createForeground, spawnChild } from "./process.ts";
import {
  askAtTerminal,
  askSecretAtTerminal,
  chooseAtTerminal,
  isTerminal,
  outputOf,
  readNamed,
  writeFailed,
} from "./terminal.ts";

/** The file of users; empty where there is none, as in a container of one program. */
function passwd(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
}

/**
 * Who runs this process: by uid from /etc/passwd (Bun's userInfo() believes $USER). A user whom another service knows
 * is not in that file: then by the variables that login sets.
 */
function currentUser(env: Readonly<Record<string, string | undefined>>): User {
  const uid = process.getuid?.() ?? -1;
  const entry = passwd()
    .split("\n")
    .find((line) => line.split(":", 3)[2] === String(uid))
    ?.split(":");
  const name = entry?.[0] ?? env.USER ?? env.LOGNAME ?? String(uid);
  return { uid, name, home: resolve("/", env.HOME?.startsWith("/") ? env.HOME : (entry?.[5] ?? "")) };
}

/** Machines as the kernel names them. */
const MACHINES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** A signal that comes again within this many milliseconds was sent to a group, and by who is in it once more. */
const ONE_WISH_MS = 1000;

/** How long a process that waits for nothing more may take, in milliseconds: a page on a slow disk is written yet. */
const ABANDONED_MS = 1000;

/** Aborted by the first signal that asks for an end; the same one again, later, ends this process at once. */
function whenInterrupted(): AbortSignal {
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const heed = () => {
      interrupt.abort(signal);
      setTimeout(() => process.off(signal, heed), ONE_WISH_MS).unref();
    };
    process.on(signal, heed);
  }
  return interrupt.signal;
}

/** Where a shell looks that was given no PATH, and systemd: a bare environment (`env -i`) is not a machine without programs. */
const USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The host that this process runs on. Reads the process once. */
export function localHost(): Host {
  const env = { PATH: USUAL_PATH, ...process.env };
  // What a umask keeps from others stays theirs to lack; what it keeps from the owner would lock us out of our own folders.
  process.umask(process.umask() & 0o077);
  const interrupted = whenInterrupted();
  let abandoned = false;
  return {
    env,
    user: currentUser(env),
    pid: process.pid,
    executable: process.execPath,
    itself: Bun.main.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, Bun.main],
    machine: MACHINES[process.arch] ?? process.arch,
    exec: createExec(env),
    foreground: createForeground(env, interrupted),
    spawn: spawnChild,
    kill(pid, signal) {
      try {
        return process.kill(pid, signal);
      } catch {
        return false; // it is gone
      }
    },
    files,
    now: () => performance.now(),
    date: () => new Date(),
    pause: (milliseconds, cancelled) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        const cancel = () => {
          clearTimeout(timer);
          resolve();
        };
        if (cancelled?.aborted) cancel();
        else cancelled?.addEventListener("abort", cancel, { once: true });
      }),
    stdin: {
      get isTTY() {
        return isTerminal(0);
      },
    },
    input: (named) => readNamed(named, interrupted),
    stdout: outputOf(
      1,
      () => process.stdout,
      env,
      writeFailed,
      () => abandoned,
    ),
    stderr: outputOf(
      2,
      () => process.stderr,
      env,
      () => undefined,
      () => abandoned,
    ),
    fullScreen: async (events) => (await import("./full-screen.ts")).openFullScreen(events),
    ask: (question) => askAtTerminal(question, interrupted),
    askSecret: (question) => askSecretAtTerminal(question, interrupted),
    choose: (question, answers) => chooseAtTerminal(question, answers, interrupted),
    interrupted,
    abandon(code) {
      abandoned = true;
      process.exitCode ||= code;
      setTimeout(() => process.exit(), ABANDONED_MS).unref();
    },
  };
}
