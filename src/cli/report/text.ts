/** Characters that a terminal shows two columns wide: East Asian, and emoji. */
const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1F64F}\u{1F680}-\u{1F6FF}\u{1F900}-\u{1F9FF}\u{20000}-\u{3FFFD}]/gu;
/** And those that it puts upon the one before. */
const NONE = /\p{Mn}|\p{Me}|\p{Cf}/gu;

/** How many columns a terminal needs for a text. */
function columnsOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: nearly every text is plain, and the rest is slow
  if (/^[\x00-\x7f]*$/.test(text)) return text.length;
  return [...text.replace(NONE, "").replace(WIDE, "xx")].length;
}

/** Two columns, the second wrapped to 80. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(24, Math.max(...rows.map(([left]) => left.length)));
  return rows
    .map(([left, right]) => {
      const lines = wrap(right, 80 - width - 4);
      const first =
        left.length <= width
          ? [`  ${left.padEnd(width)}  ${lines[0] ?? ""}`]
          : [`  ${left}`, `${" ".repeat(width + 4)}${lines[0] ?? ""}`];
      return [...first, ...lines.slice(1).map((line) => " ".repeat(width + 4) + line)]
        .map((line) => `${line.trimEnd()}\n`)
        .join("");
    })
    .join("");
}

/** Breaks a text into lines of at most so many columns; a longer word stands alone. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const word of text.split(" ")) {
    const needed = columnsOf(word);
    if (line !== "" && used + 1 + needed > columns) {
      lines.push(line);
      line = word;
      used = needed;
    } else {
      used += line === "" ? needed : needed + 1;
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
