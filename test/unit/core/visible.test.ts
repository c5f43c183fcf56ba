import { expect, test } from "bun:test";
import { hasInvisible, visible } from "../../../src/core/visible.ts";

test.each([
  ["\x1b[2J\x07", "\\x1b[2J\\x07"],
  ["\0\r\x7f", "\\x00\\x0d\\x7f"],
  ["\u009b31m", "\\x9b31m"],
  ["a\u202eb\u2066\u200e", "a\\u202eb\\u2066\\u200e"],
  ["\u2028\ufeff\ud83e", "\\u2028\\ufeff\\ud83e"],
  ["\u{e0041}", "\\u{e0041}"],
])("%j is shown as %j", (text, shown) => {
  expect(visible(text)).toBe(shown);
  expect(hasInvisible(text)).toBe(true);
});

test("letters of every language, emoji, lines and tabs stay as they are", () => {
  const text = "é 作業 🦉 👩\u200d💻 می\u200cخواهم\n\tx";
  expect(visible(text)).toBe(text);
  expect([hasInvisible("é 作業 👩\u200d💻"), hasInvisible("a\nb")]).toEqual([false, true]);
});
