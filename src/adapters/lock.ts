import { basename } from "node:path";
import { ageText } from "../core/age.ts";
import { FleetError } from "../core/errors.ts";
import { EXIT, type ExitCode } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { moveAside, shellWord } from "../core/shell.ts";
import { until } from "../core/until.ts";
import { procfsOf } from "./procfs.ts";

/** "PID STARTTIME" */
export const LOCK_TEXT = /^(\d+) (\d+)$/;

/** By this variable a child is known to be of a process that has a lock: it is what the lock says. */
const MARK = "MOSAIC_FLEET_LOCK";

/** Time for a child that was killed to be gone, in milliseconds: a few are usual, where the kernel has no hold on it. */
const END_LIMIT_MS = 5_000;

/** How often a lock that another has is tried for, in milliseconds. */
const AGAIN_MS = 10;

/** What a lock of this process says: "PID STARTTIME". It is the target of a symbolic link, which is there whole or not at all. */
export async function lockText(host: Host): Promise<string> {
  return `${host.pid} ${await procfsOf(host).startTime(host.pid)}`;
}

/** The host, with children that clearStaleLock() ends where they are left when we are killed: they would act behind the next one's back. */
function markedBy(lock: string, host: Host): Host {
  return { ...host, exec: (argv, options) => host.exec(argv, { ...options, env: { ...options?.env, [MARK]: lock } }) };
}

export interface LockHolder {
  readonly pid: string;
  /** As a person says it: "mosaic-fleet uninstall --yes runs (pid 4711, for 12 s)". Its arguments are as they were typed. */
  readonly runs: string;
}

/** What to say of a lock that cannot be had. */
export interface Refusals {
  /** "Nothing was changed" */
  readonly nothing: string;
  /** What to type again, once nothing is in the way. */
  readonly again?: string;
  /** What a lock is refused with where something else lies in its place: 73 unless told. */
  readonly strange?: ExitCode;
  /** While another process has it: what is thrown; undefined has it waited for. */
  busy(holder: LockHolder): FleetError | undefined;
  /** What is thrown where no lock can be made; as the file system says it, unless told. */
  failed?(error: unknown): FleetError;
}

/**
 * Does something while no other process has this lock. That of a process which is gone does not count, once what it has left is
 * ended. `ready` makes the folder that the lock is to lie in. `work` gets the host to act with, whose children are known by
 * the lock. Throws FleetError.
 */
export async function locked<T>(
  host: Host,
  lock: string,
  refusals: Refusals,
  ready: () => Promise<unknown>,
  work: (acting: Host) => Promise<T>,
): Promise<T> {
  const me = await lockText(host);
  const taken = async () => {
    try {
      await ready();
      return await host.files.makeLink(lock, me);
    } catch (error) {
      throw refusals.failed?.(error) ?? error;
    }
  };
  while (!(await taken())) await giveWay(host, lock, refusals);
  try {
    return await work(markedBy(me, host));
  } finally {
    // What cannot be taken away now is the next run's to clear, and must not hide what went wrong before.
    await host.files.removeLink(lock, me).catch(() => undefined);
  }
}

/** Has a lock be out of the way, or waits a little for who has it. Throws FleetError. */
export async function giveWay(host: Host, lock: string, { nothing, again, strange, busy }: Refusals): Promise<void> {
  const found = await clearStaleLock(host, lock);
  if (found === "clear") return;
  if (found === "strange")
    throw new FleetError(strange ?? EXIT.cantcreate, nothing, `${lock} is in the way, and is no lock of ours`, [
      moveAside(lock, "yours"),
      ...(again === undefined ? [] : [again]),
    ]);
  const error = busy(found);
  if (error !== undefined) throw error;
  await host.pause(AGAIN_MS);
}

/** Whether a process that is there has this lock. */
export async function isLocked(host: Host, lock: string): Promise<boolean> {
  const [pid, startTime] = LOCK_TEXT.exec((await host.files.readLink(lock)) ?? "")?.slice(1) ?? [];
  return startTime !== undefined && (await procfsOf(host).startTime(Number(pid))) === startTime;
}

/**
 * Takes away a lock whose process is gone, once the children are that it has left. "clear" when it can be tried for again;
 * otherwise the process that has it, or "strange" when what is there is no lock.
 */
async function clearStaleLock(host: Host, lock: string): Promise<"clear" | "strange" | LockHolder> {
  const status = await host.files.status(lock);
  if (status === undefined) return "clear"; // given back meanwhile
  const holder = await host.files.readLink(lock);
  if (status.kind === "link" && holder === undefined) return "clear";
  const [pid, startTime] = LOCK_TEXT.exec(holder ?? "")?.slice(1) ?? [];
  if (holder === undefined || pid === undefined) return "strange";
  const age = ageText(host.date().getTime() - status.modified); // it is never written again
  const procfs = procfsOf(host);
  const named = async (of: string | number): Promise<LockHolder> => {
    const [program, ...words] = (await procfs.commandLine(Number(of))) ?? [];
    const command = program ? [basename(program), ...words].map(shellWord).join(" ") : "another mosaic-fleet";
    return { pid: String(of), runs: `${command} runs (pid ${of}, for ${age})` };
  };
  if ((await procfs.startTime(Number(pid))) === startTime) return named(pid);
  const left = await endLeft(host, holder);
  if (left !== undefined) return named(left);
  await host.files.removeLink(lock, holder);
  return "clear";
}

/** Kills what a process with this lock has left; one that does not go is returned. */
async function endLeft(host: Host, lock: string): Promise<number | undefined> {
  const procfs = procfsOf(host);
  let left: readonly number[] = [];
  await until(host, END_LIMIT_MS, async () => {
    left = await procfs.withVariable(MARK, lock);
    for (const pid of left) host.kill(pid, "SIGKILL");
    return left.length === 0 || undefined;
  });
  return left[0];
}
