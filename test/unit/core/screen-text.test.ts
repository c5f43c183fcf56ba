import { describe, expect, test } from "bun:test";
import { partOfRow, plainRow, readRows, styledRow } from "../../../src/core/screen-text.ts";

const shown = (...rows: string[]) => readRows(rows).map(styledRow);

describe("rows as tmux captures them", () => {
  test("a style goes on over the end of a row, and each row stands alone", () => {
    expect(shown("a\x1b[31mred", "still", "\x1b[39mnot")).toEqual([
      "a\x1b[31mred\x1b[0m",
      "\x1b[31mstill\x1b[0m",
      "not",
    ]);
  });

  test.each([
    ["\x1b[1m\x1b[38;5;9m\x1b[48;2;1;2;3mx", "1;38;5;9;48;2;1;2;3"],
    ["\x1b[31m\x1b[32mx", "32"],
    ["\x1b[91;101mx", "91;101"],
    ["\x1b[4:3m\x1b[58:2::1:2:3mx", "4:3;58:2::1:2:3"],
    ["\x1b[1;4;7m\x1b[0;7mx", "7"],
    ["\x1b[1;2;3m\x1b[22mx", "3"],
    ["\x1b[31;41m\x1b[39;49mx", ""],
    ["\x1b[7m\x1b[27m\x1b[mx", ""],
  ])("%j amounts to %j", (row, style) => {
    expect(readRows([row])).toEqual([[{ text: "x", style }]]);
  });

  test("boxes that are drawn with letters look like boxes", () => {
    expect(shown("\x0elqk", "x\x0f x")).toEqual(["┌─┐", "│ x"]);
  });

  test("a link is its text; whatever else would do something to a terminal is spelled", () => {
    expect(shown("\x1b]8;;http://x.y/\x1b\\link\x1b]8;;\x1b\\ C1 \u009b31m \u202eabc")).toEqual([
      "link C1 \\x9b31m \\u202eabc",
    ]);
    expect(shown("\x1b[2J\x1b]0;title")).toEqual(["\\x1b[2J\\x1b]0;title"]);
  });

  test.each([
    [0, 3, "ab"],
    [0, 4, "ab漢"],
    [3, 4, " 字e\u0301"],
    [6, 9, "e\u0301f"],
    [9, 9, ""],
  ])("of a row from column %i on, %i columns: %j", (left, width, part) => {
    const [row = []] = readRows(["ab\x1b[1m漢字\x1b[0me\u0301f"]);
    expect(plainRow(partOfRow(row, left, width))).toBe(part);
  });

  test("plain, it has neither styles nor blanks at its end", () => {
    expect(readRows(["\x1b[7m漢字 \x1b[0m  "]).map(plainRow)).toEqual(["漢字"]);
  });
});
