import { procfsOf } from "../adapters/procfs.ts";
import type { Host } from "../core/host.ts";

/** The kernel counts them a hundred a second on every machine that systemd runs on. */
const TICK_MS = 10;

/** When a process started, in seconds since 1970; undefined for one that is gone. */
export async function startTimes(host: Pick<Host, "files">): Promise<(pid: number) => Promise<number | undefined>> {
  const boot = Number(/^btime (\d+)$/m.exec((await host.files.read("/proc/stat")) ?? "")?.[1]);
  const procfs = procfsOf(host);
  return async (pid) => {
    const started = boot + (Number(await procfs.startTime(pid)) * TICK_MS) / 1000;
    return Number.isFinite(started) ? started : undefined;
  };
}

/** For how long processes have run, in milliseconds; undefined for one that is gone. */
export async function processAges(host: Pick<Host, "files">): Promise<(pid: number) => Promise<number | undefined>> {
  const uptime = Number.parseFloat((await host.files.read("/proc/uptime")) ?? "") * 1000;
  const procfs = procfsOf(host);
  return async (pid) => {
    const started = await procfs.startTime(pid);
    return started === undefined ? undefined : uptime - Number(started) * TICK_MS;
  };
}
