import { procfsOf } from "../adapters/procfs.ts";
import type { Host } from "../core/host.ts";

/** The kernel counts them a hundred a second on every machine that systemd runs on. */
const TICK_MS = 10;

export interface ProcessAge {
  /** What runs, as the kernel has it. */
  readonly program: string;
  /** In seconds since 1970; undefined where the kernel does not say when it was booted. */
  readonly startedAt: number | undefined;
  /** In milliseconds. */
  readonly age: number;
  /** By which systemd knows it. */
  readonly cgroup: string | undefined;
}

/** Of each what runs, where, and for how long; undefined for a process that is gone. */
export async function processAges(
  host: Pick<Host, "files">,
  pids: readonly number[],
): Promise<(ProcessAge | undefined)[]> {
  const [uptime, stat] = await Promise.all(["uptime", "stat"].map((file) => host.files.read(`/proc/${file}`)));
  const now = Number.parseFloat(uptime ?? "") * 1000;
  const boot = Number(/^btime (\d+)$/m.exec(stat ?? "")?.[1]);
  return (await procfsOf(host).lives(pids)).map((life) => {
    if (life === undefined) return undefined;
    const started = Number(life.startTime) * TICK_MS;
    const startedAt = boot + started / 1000;
    return {
      program: life.name,
      startedAt: Number.isFinite(startedAt) ? startedAt : undefined,
      age: now - started,
      cgroup: life.cgroup,
    };
  });
}
