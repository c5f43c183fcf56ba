import { describe, expect, test } from "bun:test";
import type { DoctorReport } from "../../../src/doctor/report.ts";
import type { DoctorRun } from "../../../src/doctor/run.ts";
import { untilPass } from "../../../src/doctor/wait.ts";
import { fakeHost } from "../../support/fake-host.ts";

/** Waits on a clock on which a look takes 100 ms and a pause what it says; the looks come to these verdicts. */
async function waiting(limitMs: number, verdicts: readonly DoctorReport["verdict"][], interruptAt = Number.NaN) {
  let now = 0;
  let looks = 0;
  const pauses: number[] = [];
  const seen: number[] = [];
  const interrupt = new AbortController();
  const pause = async (milliseconds: number) => {
    pauses.push(Math.round(milliseconds));
    now += milliseconds;
  };
  const host = fakeHost({ now: () => now, pause, interrupted: interrupt.signal });
  const look = async (): Promise<DoctorRun> => {
    now += 100;
    const verdict = verdicts[Math.min(looks++, verdicts.length - 1)];
    if (looks === interruptAt) interrupt.abort();
    return { report: { verdict } as DoctorReport, planned: [], hangs: false };
  };
  const { report } = await untilPass(host, limitMs, look, (_, waitedMs) => seen.push(Math.round(waitedMs)));
  return { verdict: report.verdict as string, waitedMs: report.waitedMs, looks, pauses, seen };
}

describe("waiting for a pass", () => {
  test("is over with the first look where that passes", async () => {
    expect(await waiting(1_000, ["pass"])).toEqual({ verdict: "pass", waitedMs: 0, looks: 1, pauses: [], seen: [] });
  });

  test("looks again until it passes, and says when the last look began", async () => {
    const result = await waiting(60_000, ["broken", "unknown", "pass"]);
    expect(result).toEqual({ verdict: "pass", waitedMs: 700, looks: 3, pauses: [200, 300], seen: [100, 400] });
  });

  test("pauses longer and longer, but no longer than two seconds", async () => {
    const { pauses } = await waiting(20_000, ["broken"]);
    expect(pauses.slice(0, 8)).toEqual([200, 300, 450, 675, 1013, 1519, 2000, 2000]);
    expect(Math.max(...pauses)).toBe(2000);
  });

  test("runs out, with a last look at the very end", async () => {
    const result = await waiting(1_000, ["broken"]);
    expect(result).toMatchObject({ verdict: "waited", waitedMs: 1_000 });
    expect(result.pauses).toEqual([200, 300, 200]);
  });

  test("ends when it is interrupted", async () => {
    expect(await waiting(60_000, ["broken"], 2)).toMatchObject({ looks: 2 });
  });
});
