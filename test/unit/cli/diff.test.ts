import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { diffOf, statOf, unifiedDiff, writeDiff } from "../../../src/cli/report/diff.ts";
import type { Step } from "../../../src/install/action.ts";
import { temporaryFolder, writeFiles } from "../../support/build.ts";
import { recorder } from "../../support/fake-host.ts";
import { contentsOf, patchedBy } from "../../support/patch.ts";

test("patch makes of a file what its diff says, however it is called and whatever ends its lines", () => {
  using folder = temporaryFolder();
  let count = 0;
  for (const name of ["plain", "two words", 'a "quoted" \\ one', "tab\there", "new\nline", "ümlaut", "-rf"])
    for (const [was, becomes] of [
      ["a\nb\nc\n", "a\nB\nc\nd\n"],
      ["no end", "no end\n"],
      ["x\n", "x"],
      ["dos\r\nlines\r\n", "dos\nlines\r\n"],
      ["-- a\n++ b\n@@ c\n", "-- a\n++ d\n"],
      ["\u{feff}mark\n", "mark\n"],
      [undefined, "new\n"],
      ["gone\n", undefined],
    ] as const) {
      const home = join(folder.path, `${++count}`);
      mkdirSync(home);
      writeFiles(home, { other: "other\n", ...(was === undefined ? {} : { [name]: was }) });
      const diff = unifiedDiff(join(home, name), was, becomes);
      const made = patchedBy(diff, home, `${home}-patched`);
      const bytes = becomes === undefined ? {} : { [name]: Buffer.from(becomes).toString("latin1") };
      expect([name, made]).toEqual([name, { other: "other\n", ...bytes }]);
      expect(contentsOf(home)[name]).toBe(was === undefined ? undefined : Buffer.from(was).toString("latin1"));
    }
});

test("what is no text is said to differ, and nothing is shown of what is alike", () => {
  const remove = (was: string): Step => ({
    action: { kind: "remove-file", path: "/a", sums: [] },
    change: "remove",
    was,
  });
  expect(diffOf(remove("a\0b"))).toBe("Binary files /a and /dev/null differ\n");
  expect(diffOf(remove("a\ufffdb"))).toBe("Binary files /a and /dev/null differ\n");
  expect(diffOf(remove(""))).toBe("");
  expect(unifiedDiff("/a", "same\n", "same\n")).toBe("");
});

test("lines are counted and coloured by what becomes of them, not by what is in them, and do nothing to a terminal", () => {
  const diff = unifiedDiff("/a", "-- one\ntwo\nthree\n", "two\nthree\n++ four \x1b[2J\n++ five\n");
  expect(statOf(diff)).toBe("+2 -1");
  expect(statOf("")).toBe("");
  const output = recorder({ color: true });
  writeDiff(output, diff);
  expect(output.text()).toContain("\x1b[31m--- one\x1b[");
  expect(output.text()).toContain("\x1b[32m+++ four \\x1b[2J\x1b[");
});
