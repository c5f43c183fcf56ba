import { basename } from "node:path";
import { ageText } from "../core/age.ts";
import type { Host } from "../core/host.ts";
import { shellWord } from "../core/shell.ts";
import { procfsOf } from "./procfs.ts";

/** "PID STARTTIME" */
export const LOCK_TEXT = /^(\d+) (\d+)$/;

/** What a lock of this process says: "PID STARTTIME". It is the target of a symbolic link, which is there whole or not at all. */
export async function lockText(host: Host): Promise<string> {
  return `${host.pid} ${await procfsOf(host).startTime(host.pid)}`;
}

export interface LockHolder {
  readonly pid: string;
  /** As a person says it: "mosaic-fleet uninstall --yes runs (pid 4711, for 12 s)". Its arguments are as they were typed. */
  readonly runs: string;
}

/**
 * Takes away a lock whose process is gone. "clear" when it can be tried for again; otherwise the process that has it, or
 * "strange" when what is there is no lock.
 */
export async function clearStaleLock(host: Host, lock: string): Promise<"clear" | "strange" | LockHolder> {
  const status = await host.files.status(lock);
  if (status === undefined) return "clear"; // given back meanwhile
  const holder = await host.files.readLink(lock);
  if (status.kind === "link" && holder === undefined) return "clear";
  const [pid, startTime] = LOCK_TEXT.exec(holder ?? "")?.slice(1) ?? [];
  if (holder === undefined || pid === undefined) return "strange";
  const procfs = procfsOf(host);
  if ((await procfs.startTime(Number(pid))) === startTime) {
    const [program, ...words] = (await procfs.commandLine(Number(pid))) ?? [];
    const command = program ? [basename(program), ...words].map(shellWord).join(" ") : "another mosaic-fleet";
    const age = ageText(host.date().getTime() - status.modified); // it is never written again
    return { pid, runs: `${command} runs (pid ${pid}, for ${age})` };
  }
  await host.files.removeLink(lock, holder);
  return "clear";
}
