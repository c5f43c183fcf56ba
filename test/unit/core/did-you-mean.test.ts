import { describe, expect, test } from "bun:test";
import { closest, didYouMean, editDistance } from "../../../src/core/did-you-mean.ts";

describe("did you mean", () => {
  test("knows a letter too many, too few, wrong, and two swapped", () => {
    for (const typed of ["doctorr", "docto", "dictor", "dcotor"])
      expect(didYouMean(typed, ["canary", "doctor", "install"])).toBe(" (did you mean doctor?)");
  });

  test("says the closest of several, the first of equals", () => {
    expect(didYouMean("--ot", ["--output", "--on", "--out"])).toBe(" (did you mean --on?)");
    expect(closest("--out", ["--output", "--ou", "--out"])).toBe("--out");
  });

  test("says nothing when nothing is close", () => {
    expect(didYouMean("frobnicate", ["canary", "doctor", "install"])).toBe("");
    expect(didYouMean("x", [])).toBe("");
    expect(closest("frobnicate", ["canary", "doctor", "install"])).toBeUndefined();
    expect(closest("", ["canary"])).toBeUndefined();
  });

  test("takes no letter for another letter", () => {
    expect(didYouMean("-x", ["--output", "-o", "-n"])).toBe("");
    expect(closest("x", ["o"])).toBeUndefined();
    expect(closest("-x", ["--o"])).toBeUndefined();
    expect(closest("--o", ["-o"])).toBe("-o");
    expect(closest("-oo", ["-o"])).toBe("-o");
  });
});

test("a swap of neighbours is one slip", () => {
  for (const [a, b, slips] of [
    ["MOASIC", "MOSAIC", 1],
    ["MOSIAC", "MOSAIC", 1],
    ["MUSIC", "MOSAIC", 2],
    ["", "abc", 3],
    ["abc", "", 3],
    ["ab", "ba", 1],
    ["abc", "abc", 0],
    ["kitten", "sitting", 3],
  ] as const)
    expect([a, b, editDistance(a, b)]).toEqual([a, b, slips]);
});
