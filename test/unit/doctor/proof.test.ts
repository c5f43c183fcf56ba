import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checks } from "../../../src/doctor/registry.ts";
import { tree } from "../../support/build.ts";

const tests = [...new Bun.Glob("test/**/*.test.ts").scanSync(tree)].map((path) =>
  readFileSync(join(tree, path), "utf8"),
);

for (const kind of ["green", "red"] as const) {
  test(`every check has a test in which it is ${kind}`, () => {
    const proved = new Set(
      tests.flatMap((text) => [...text.matchAll(new RegExp(`\\b${kind}\\(\\s*"([^"]+)"`, "g"))].map(([, id]) => id)),
    );
    expect(proved.size).toBeGreaterThan(0);
    expect(checks.map(({ id }) => id).filter((id) => !proved.has(id))).toEqual([]);
  });
}

test("every check says what it looks at, why, and how to mend it, in whole sentences", () => {
  for (const { id, explain } of checks)
    for (const [part, text] of Object.entries(explain))
      expect({ id, part, text }).toEqual({ id, part, text: expect.stringMatching(/^\S.{20,}\.$/s) });
});
