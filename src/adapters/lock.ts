import type { Host } from "../core/host.ts";
import { procfsOf } from "./procfs.ts";

/** What a lock of this process says: "PID STARTTIME". It is the target of a symbolic link, which is there whole or not at all. */
export async function lockText(host: Host): Promise<string> {
  return `${host.pid} ${await procfsOf(host).startTime(host.pid)}`;
}

/**
 * Takes away a lock whose process is gone. "clear" when it can be tried for again; otherwise the process that has it, or
 * "strange" when what is there is no lock.
 */
export async function clearStaleLock(
  host: Host,
  lock: string,
): Promise<"clear" | "strange" | { readonly pid: string }> {
  const status = await host.files.status(lock);
  if (status === undefined) return "clear"; // given back meanwhile
  const holder = await host.files.readLink(lock);
  if (status.kind === "link" && holder === undefined) return "clear";
  const [pid, startTime] = /^(\d+) (\d+)$/.exec(holder ?? "")?.slice(1) ?? [];
  if (holder === undefined || pid === undefined) return "strange";
  if ((await procfsOf(host).startTime(Number(pid))) === startTime) return { pid };
  await host.files.removeLink(lock, holder);
  return "clear";
}
