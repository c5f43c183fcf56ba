import { userInfo } from "node:os";
import type { Host } from "../core/host.ts";
import { files } from "./files.ts";
import { createExec, spawnChild } from "./process.ts";
import { outputOf } from "./terminal.ts";

/** The host that this process runs on. Reads the process once. */
export function localHost(): Host {
  const env = { ...process.env };
  const passwd = userInfo();
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => interrupt.abort());
  return {
    env,
    user: { uid: passwd.uid, name: passwd.username, home: env.HOME?.startsWith("/") ? env.HOME : passwd.homedir },
    pid: process.pid,
    exec: createExec(env),
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
    stdout: outputOf(process.stdout, env),
    stderr: outputOf(process.stderr, env),
    interrupted: interrupt.signal,
  };
}
