import { columnsOf } from "../../core/columns.ts";
import type { Output } from "../../core/host.ts";
import { paint } from "./paint.ts";

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

/**
 * Prose that begins `indent` columns from the left: on a terminal broken between words, its further lines below its beginning;
 * elsewhere as it is, for whoever searches in it.
 */
export function hanging(output: Pick<Output, "isTTY" | "columns">, indent: number, text: string): string {
  if (!output.isTTY) return text;
  const lines = text.split("\n").flatMap((line) => wrap(line, output.columns - indent));
  return lines.join(`\n${" ".repeat(indent)}`);
}

/**
 * A command to be pasted, `indent` columns from the left, and what there is to say of it on a line of its own: a zsh that is typed
 * at takes # for a word, and with a ? behind it runs nothing.
 */
export function typed(output: Pick<Output, "color">, indent: number, command: string): string {
  const { bold, dim } = paint(output);
  const end = command.startsWith("# ") ? 0 : endOfCommand(command);
  if (end === command.length) return bold(command);
  const comment = dim(command.slice(end).trimStart());
  return end === 0 ? comment : `${bold(command.slice(0, end))}\n${" ".repeat(indent + 2)}${comment}`;
}

/** Where the comment behind a command begins: not within quotes. */
function endOfCommand(command: string): number {
  const isWhole = (text: string) => text.replaceAll("\\'", "").split("'").length % 2 === 1;
  let end = command.indexOf("   # ");
  while (end >= 0 && !isWhole(command.slice(0, end))) end = command.indexOf("   # ", end + 1);
  return end < 0 ? command.length : end;
}
