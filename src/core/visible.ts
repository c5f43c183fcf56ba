/**
 * Characters that are not seen, but do something to a terminal or to what stands beside them: control characters, those
 * that turn the direction of reading, separators of lines, halves of a character. What joins letters is none of them.
 */
const INVISIBLE = /(?![\u200C\u200D])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\uFFFE\uFFFF]/u;
/** Most texts: nothing in them is invisible. */
const PLAIN = /^[\n\t -~]*$/;
const EACH_BUT_LINES = new RegExp(`(?![\\n\\t])${INVISIBLE.source}`, "gu");

/** Whether something in a text cannot be seen, a line break and a tab included. */
export function hasInvisible(text: string): boolean {
  return INVISIBLE.test(text);
}

/** What sets a colour or a style. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it starts with
const STYLE = /(\x1b\[[\d;:]*m)/;

/** A text that does nothing to whoever shows it: what cannot be seen is spelled (\x1b, \u202e), but line breaks and tabs. */
export function visible(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(EACH_BUT_LINES, (character) => {
    const code = character.codePointAt(0)?.toString(16) ?? "";
    if (code.length <= 2) return `\\x${code.padStart(2, "0")}`;
    return code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\u{${code}}`;
  });
}

/** The same of a text whose colours and styles are wanted. */
export function visibleInColour(text: string): string {
  return text
    .split(STYLE)
    .map((part, index) => (index % 2 === 0 ? visible(part) : part))
    .join("");
}
