import type { Host } from "../core/host.ts";
import { type DoctorReport, waited } from "./report.ts";
import type { DoctorRun } from "./run.ts";

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;

/** Looks again until the verdict is a pass, at most that long: a look that has begun then is the last. */
export async function untilPass(
  host: Host,
  limitMs: number,
  look: () => Promise<DoctorRun>,
  onLook: (report: DoctorReport, waitedMs: number) => void,
): Promise<DoctorRun> {
  const began = host.now();
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    const waitedMs = host.now() - began;
    const run = await look();
    const left = limitMs - (host.now() - began);
    if (run.report.verdict === "pass" || left <= 0 || host.interrupted.aborted)
      return { ...run, report: waited(run.report, waitedMs) };
    onLook(run.report, host.now() - began);
    await host.pause(Math.min(pause, left), host.interrupted);
  }
}
