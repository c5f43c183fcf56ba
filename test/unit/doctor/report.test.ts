import { describe, expect, test } from "bun:test";
import { type DoctorReport, okOf, verdictOf, waited } from "../../../src/doctor/report.ts";

type Status = Parameters<typeof verdictOf>[0][number]["status"];

function verdict(statuses: readonly Status[], more: Partial<Parameters<typeof verdictOf>[1]> = {}): string {
  return verdictOf(
    statuses.map((status) => ({ status })),
    { failOn: "fail", unreadable: false, broken: false, ...more },
  );
}

describe("the verdict of doctor", () => {
  for (const [statuses, expected] of [
    [["pass", "pass"], "pass"],
    [["pass", "warn", "skip"], "pass"],
    [["warn", "skip"], "pass"],
    [["pass", "unknown"], "unknown"],
    [["pass", "skip", "blocked"], "unknown"],
    [["pass", "warn", "fail"], "broken"],
    [["unknown", "blocked", "fail"], "broken"],
    [["skip", "skip"], "unknown"],
    [[], "unknown"],
  ] as [Status[], string][]) {
    test(`is ${expected} for ${statuses.join(", ") || "no check"}`, () => {
      expect(verdict(statuses)).toBe(expected);
    });
  }

  test("with --fail-on warn is broken by a warning too", () => {
    expect(verdict(["pass", "warn"], { failOn: "warn" })).toBe("broken");
    expect(verdict(["pass", "unknown"], { failOn: "warn" })).toBe("unknown");
  });

  test("is unreadable before all else", () => {
    expect(verdict(["pass", "fail", "unknown"], { unreadable: true })).toBe("unreadable");
  });
});

describe("a report that was waited for", () => {
  for (const [before, after, ok] of [
    ["pass", "pass", true],
    ["broken", "waited", false],
    ["unknown", "waited", null],
    ["unreadable", "waited", false],
  ] as const) {
    test(`is ${after}, and ok ${ok}, where it would be ${before}`, () => {
      const report = { verdict: before, ok: okOf(before), waitedMs: null } as DoctorReport;
      expect(waited(report, 1200.4)).toMatchObject({ verdict: after, ok, waitedMs: 1200 });
    });
  }
});
