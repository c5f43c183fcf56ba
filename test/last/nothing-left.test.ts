import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { leftovers } from "../support/leftovers.ts";

// Runs after all other suites: what they started and made is gone. What scripts/test found before them is not theirs.
test("no process, cgroup, mount or folder of a test is left", () => {
  const file = process.env.MOSAIC_FOUND_BEFORE;
  const before = file === undefined ? [] : readFileSync(file, "utf8").split("\n");
  expect(leftovers().filter(({ of }) => !before.includes(of))).toEqual([]);
});
