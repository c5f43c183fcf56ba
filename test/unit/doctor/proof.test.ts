import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checks } from "../../../src/doctor/registry.ts";
import type { CheckReport } from "../../../src/doctor/report.ts";
import { tree } from "../../support/build.ts";
import { notPastable } from "../../support/pasted.ts";

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

// Every report that the tests make is looked at so: see examine() of test/support/doctor.ts.
test("what cannot be pasted is seen: a control", () => {
  const ofOne = (fix: { commands?: string[]; root?: string[] }) => {
    const text = { commands: [], root: [], automatic: false, ...fix };
    return notPastable({ checks: [{ fix: text, subjects: [] } as unknown as CheckReport] }, false);
  };
  for (const command of ["echo 'open", 'rm "~/a b"', "mv ~/a '~/b'", "cp --to=~/a x", "one\ntwo", "rm a   # or b"])
    expect({ command, seen: ofOne({ commands: [command] }).length }).toEqual({ command, seen: 1 });
  for (const root of ["journalctl -k -n 9", "echo a >/etc/b", "true && true"])
    expect({ root, seen: ofOne({ root: [root] }).length }).toEqual({ root, seen: 1 });
  const commands = [
    "ls ~/a   # or '~/b",
    "export A=~/a:~/b",
    "printf '%s\\n' 'MOSAIC_PATH=~/a:~/b' >>~/c",
    "mv ~/'a b' ~",
  ];
  expect(ofOne({ commands, root: ["sh -c 'echo a >/etc/b'   # then a > b"] })).toEqual([]);
});
