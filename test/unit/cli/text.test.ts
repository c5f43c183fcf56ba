import { describe, expect, test } from "bun:test";
import { hanging, table, typed, wrap } from "../../../src/cli/report/text.ts";

describe("wrapping", () => {
  test("breaks between words, at the width and not before", () => {
    expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
    expect(wrap("one two three", 6)).toEqual(["one", "two", "three"]);
    expect(wrap("one two three", 13)).toEqual(["one two three"]);
  });

  test("lets a word that is longer than the width stand alone, whole", () => {
    expect(wrap("see /a/very/long/path there", 8)).toEqual(["see", "/a/very/long/path", "there"]);
  });

  test("counts what is wide as two columns, and what is put upon another as none", () => {
    expect(wrap("作業 作業 a", 9)).toEqual(["作業 作業", "a"]);
    expect(wrap("作業 作業 a", 8)).toEqual(["作業", "作業 a"]);
    expect(wrap("🦉🦉 b", 5)).toEqual(["🦉🦉", "b"]);
    expect(wrap("e\u0301e\u0301 b", 4)).toEqual(["e\u0301e\u0301 b"]);
  });

  test("of nothing is one empty line", () => {
    expect(wrap("", 80)).toEqual([""]);
  });

  test("loses no word", () => {
    const text = "a bb ccc dddd eeeee ffffff ggggggg";
    for (let width = 1; width < 40; width++) expect(wrap(text, width).join(" ")).toBe(text);
  });
});

describe("hanging prose", () => {
  const text = "one two three\nfour five";

  test("goes on below its beginning, on a terminal", () => {
    expect(hanging({ isTTY: true, columns: 12 }, 2, text)).toBe("one two\n  three\n  four five");
  });

  test("stays as it is where nobody reads it on a screen", () => {
    expect(hanging({ isTTY: false, columns: 12 }, 2, text)).toBe(text);
  });
});

describe("a table", () => {
  test("has its second column below itself", () => {
    expect(
      table([
        ["-o", "what to print"],
        ["--long", "another"],
      ]),
    ).toBe("  -o      what to print\n  --long  another\n");
  });

  test("wraps the second column to 80 columns, indented", () => {
    const lines = table([["-o", "word ".repeat(40).trim()]])
      .trimEnd()
      .split("\n");
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    for (const line of lines.slice(1)) expect(line).toStartWith("      word");
    expect(lines.join(" ").match(/word/g)).toHaveLength(40);
  });

  test("gives a wide first column a line of its own", () => {
    const wide = "--an-option-that-is-very-long VALUE";
    expect(
      table([
        [wide, "text"],
        ["-o", "other"],
      ]),
    ).toBe(`  ${wide}\n${" ".repeat(28)}text\n  -o${" ".repeat(24)}other\n`);
  });

  test("has no blanks at the end of a line", () => {
    expect(table([["-o", ""]])).toBe("  -o\n");
  });
});

describe("a command to be pasted", () => {
  const plain = { color: false };
  test("has what there is to say of it on a line of its own", () => {
    expect(typed(plain, 8, "ls -ld ~   # whose is it?")).toBe("ls -ld ~\n          # whose is it?");
    expect(typed(plain, 8, "ls -ld ~")).toBe("ls -ld ~");
    expect(typed(plain, 8, "# nothing was changed")).toBe("# nothing was changed");
  });
  test("is not cut within quotes", () => {
    const odd = "rm 'it'\\''s   # one' $'a\\'   # b'";
    expect(typed(plain, 8, odd)).toBe(odd);
    expect(typed(plain, 8, `${odd}   # it's this`)).toBe(`${odd}\n          # it's this`);
  });
});
