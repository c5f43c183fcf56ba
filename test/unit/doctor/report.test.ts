import { describe, expect, test } from "bun:test";
import { verdictOf } from "../../../src/doctor/report.ts";

type Status = Parameters<typeof verdictOf>[0][number]["status"];

describe("the verdict of doctor", () => {
  for (const [statuses, verdict] of [
    [["pass", "pass"], "pass"],
    [["pass", "warn", "skip"], "pass"],
    [["pass", "unknown"], "unknown"],
    [["pass", "skip", "blocked"], "unknown"],
    [["pass", "warn", "fail"], "broken"],
    [["unknown", "blocked", "fail"], "broken"],
    [["warn", "skip"], "unknown"],
    [[], "unknown"],
  ] as [Status[], string][]) {
    test(`is ${verdict} for ${statuses.join(", ") || "no check"}`, () => {
      expect(verdictOf(statuses.map((status) => ({ status }))) as string).toBe(verdict);
    });
  }
});
