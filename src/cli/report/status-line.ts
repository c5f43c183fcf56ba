import { columnsOf } from "../../core/columns.ts";
import { partOfRow } from "../../core/screen-text.ts";

/** One line, inverted, as wide as the screen. On the right the last is the most important: it stays, and what is on the left is cut. */
export function statusLine(left: string, right: readonly string[], columns: number): string {
  const end = ` ${right.join(" | ")} `;
  const room = columns - columnsOf(end);
  if (columnsOf(left) + 1 > room && right.length > 1) return statusLine(left, right.slice(1), columns);
  return `\x1b[7m${cut(cut(` ${left}`, room) + end, columns)}\x1b[0m`;
}

/** As wide as that: what is more is cut off, and the rest are blanks. */
function cut(text: string, columns: number): string {
  const kept = partOfRow([{ text, style: "" }], 0, columns)
    .map((run) => run.text)
    .join("");
  return kept + " ".repeat(Math.max(0, columns - columnsOf(kept)));
}
