import { describe, expect, test } from "bun:test";
import { durationMs, seconds } from "../../../src/cli/duration.ts";

describe("a duration", () => {
  for (const [text, ms] of [
    ["30s", 30_000],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["24h", 86_400_000],
    ["5", 5_000],
    ["0.5", 500],
    ["1.5m", 90_000],
    ["25h", undefined],
    ["0", undefined],
    ["0s", undefined],
    ["-5", undefined],
    ["1d", undefined],
    ["5 s", undefined],
    ["1m30s", undefined],
    ["1e3", undefined],
    ["0x10", undefined],
    ["Infinity", undefined],
    ["", undefined],
    ["s", undefined],
  ] as const) {
    test(`"${text}" is ${ms === undefined ? "none" : `${ms} ms`}`, () => {
      expect(durationMs(text)).toBe(ms as number);
    });
  }

  for (const [ms, text] of [
    [0, "0 s"],
    [1_499, "1 s"],
    [119_000, "119 s"],
    [125_000, "2 min 5 s"],
  ] as const) {
    test(`of ${ms} ms is said as ${text}`, () => {
      expect(seconds(ms)).toBe(text);
    });
  }
});
