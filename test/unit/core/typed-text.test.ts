import { expect, test } from "bun:test";
import { longestLine, textProblem } from "../../../src/core/typed-text.ts";

const problem = (text: string | Uint8Array) =>
  textProblem(typeof text === "string" ? new TextEncoder().encode(text) : text)?.why;

test("every character that is no key is text", () => {
  for (const text of ["plain", "tab\tand\n\nbreaks", "ü 日本 🎉 e\u0301 \u200d \u202e \u2028", "\ufeffmark", "\ufffd"])
    expect(problem(text)).toBeUndefined();
});

test("a key is named, with its place", () => {
  expect(problem("é🎉\x1b")).toContain("character 4 of line 1 is Escape (0x1b)");
  expect(problem("one\ntwo\x7f")).toContain("character 4 of line 2 is the control character 0x7f");
  expect(problem("\u0085")).toContain("0x85");
  expect(textProblem(new TextEncoder().encode("a\r\n"))?.next).toBe("tr -d '\\r'");
});

test("bytes that are no UTF-8: the first is named", () => {
  const bytes: readonly (readonly [number[], number])[] = [
    [[0x61, 0xff, 0x62], 2],
    [[0xc3, 0x28], 1],
    [[0xed, 0xa0, 0x80], 1], // half of a character
    [[0x61, 0x62, 0xe2, 0x82], 3], // cut off
    [[0xef, 0xbf, 0xbd, 0xc0, 0x80], 4],
  ];
  for (const [each, at] of bytes) expect(problem(new Uint8Array(each))).toBe(`byte ${at} is not UTF-8`);
});

test("the longest line, in bytes", () => {
  const longest = (text: string) => longestLine(new TextEncoder().encode(text));
  expect([longest(""), longest("a\n"), longest("a\nüü\nb"), longest("\n\nabc")]).toEqual([0, 1, 4, 3]);
});
