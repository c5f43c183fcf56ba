import { expect, test } from "bun:test";
import { hasInvisible, visible, visibleInColour } from "../../../src/core/visible.ts";

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

test("colours and styles stay where they are wanted, and nothing else", () => {
  expect(visibleInColour("\x1b[1;31mred\x1b[0m \x1b[2J\x1b]0;x\x07 \x1b[38;2;1;2;3m\u202e")).toBe(
    "\x1b[1;31mred\x1b[0m \\x1b[2J\\x1b]0;x\\x07 \x1b[38;2;1;2;3m\\u202e",
  );
});
