import { expect, test } from "bun:test";
import { localHost } from "../../../src/adapters/local-host.ts";
import { type Bench, runSequence } from "../../../src/canary/sequence.ts";
import { slowness } from "../../../src/canary/slowness.ts";
import { BrokenPromise, Late, type Step } from "../../../src/canary/step.ts";

const host = localHost();

/** What becomes of a step that ends so, where a program that does nothing takes `slow` milliseconds: a fake bench. */
async function seen(slow: number | undefined, run: Step<undefined>["run"]): Promise<string> {
  const bench: Bench<undefined> = {
    host,
    subject: () => undefined,
    others: async () => [],
    said: async () => [],
    shown: async (report) => report,
    busy: async () => true,
    slow: async () => slow,
  };
  const step: Step<undefined> = { id: "a", title: "a", limitMs: 30, requires: [], run };
  const [report] = await runSequence(bench, [step], { started: host.now(), deadline: host.now() + 60_000, round: 1 });
  return `${report?.status}: ${report?.message}`;
}

const late = () => Promise.reject(new Late("not back within 10 s"));
const never = () => new Promise<never>(() => {});

test("what comes too late breaks its promise, but not where the machine is slow: then it could not be told", async () => {
  expect(await seen(undefined, late)).toBe("fail: not back within 10 s");
  expect(await seen(undefined, never)).toBe("fail: not done within 0.03 s");
  const why = "this machine is slow: a program that does nothing takes 90 ms";
  expect(await seen(90, late)).toBe(`unknown: could not tell: not back within 10 s, and ${why}`);
  expect(await seen(90, never)).toBe(`unknown: could not tell: not done within 0.03 s, and ${why}`);
  expect(await seen(90, () => Promise.reject(new BrokenPromise("two sessions")))).toBe("fail: two sessions");
});

test("a machine is slow by what a program takes there that does nothing", async () => {
  expect(await slowness(host)).toBeUndefined();
  const clock = [0, 900];
  expect(await slowness({ ...host, now: () => clock.shift() ?? 0 })).toBe(90);
});
