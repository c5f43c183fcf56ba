/** Characters that a terminal shows two columns wide: East Asian, and emoji. */
const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1F64F}\u{1F680}-\u{1F6FF}\u{1F900}-\u{1F9FF}\u{20000}-\u{3FFFD}]/gu;
/** And those that it puts upon the one before. */
const NONE = /\p{Mn}|\p{Me}|\p{Cf}/gu;

/** How many columns a terminal needs for a text. */
export function columnsOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: nearly every text is plain, and the rest is slow
  if (/^[\x00-\x7f]*$/.test(text)) return text.length;
  return [...text.replace(NONE, "").replace(WIDE, "xx")].length;
}
