import { describe, expect, test } from "bun:test";
import { until } from "../../../src/core/until.ts";

/** A clock that goes on while somebody pauses. */
function clock() {
  let time = 1_000;
  return {
    now: () => time,
    async pause(milliseconds: number) {
      time += milliseconds;
    },
  };
}

/** Something that is there at the nth look. */
function thereAt(nth: number) {
  let looks = 0;
  const look = async () => (++looks >= nth ? `look ${looks}` : undefined);
  return { look, count: () => looks };
}

describe("waiting for a state", () => {
  test("ends at once, without a pause, when it is there", async () => {
    const pause = () => Promise.reject(new Error("paused"));
    expect(await until({ now: () => 0, pause }, 1_000, thereAt(1).look)).toBe("look 1");
  });

  test("goes on until it is there", async () => {
    expect(await until(clock(), 1_000, thereAt(5).look)).toBe("look 5");
  });

  test("gives up at the limit, with a last look after it", async () => {
    const host = clock();
    const never = thereAt(Number.POSITIVE_INFINITY);
    const began = host.now();
    expect(await until(host, 1_000, never.look)).toBeUndefined();
    const took = host.now() - began;
    expect(took).toBeGreaterThanOrEqual(1_000);
    expect(took).toBeLessThan(1_100);
    const justInTime = thereAt(never.count());
    expect(await until(clock(), 1_000, justInTime.look)).toBe(`look ${never.count()}`);
  });

  test("looks once when there is no time at all", async () => {
    expect(await until(clock(), 0, thereAt(1).look)).toBe("look 1");
    expect(await until(clock(), 0, thereAt(2).look)).toBeUndefined();
  });

  test("takes false and zero for something seen", async () => {
    const pause = () => Promise.reject(new Error("paused"));
    expect(await until<boolean>({ now: () => 0, pause }, 1_000, async () => false)).toBe(false);
    expect(await until({ now: () => 0, pause }, 1_000, async () => 0)).toBe(0);
  });

  test("does not swallow an error", async () => {
    const look = () => Promise.reject(new Error("no answer"));
    await expect(until(clock(), 1_000, look)).rejects.toThrow("no answer");
  });
});
