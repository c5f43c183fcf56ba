import { columnsOf } from "./columns.ts";
import { visible } from "./visible.ts";

/** Characters of one style, one after another on a row of a terminal's screen. */
export interface Run {
  /** Nothing in it does anything to a terminal. */
  readonly text: string;
  /** Numbers as SGR sequences take them, such as "1;38;5;9"; empty for none. */
  readonly style: string;
}

/** What stands for a letter in the line-drawing set of a VT100, as programs use that for boxes. */
const DRAWN: Readonly<Record<string, string>> = {
  ...{ "+": "→", ",": "←", "-": "↑", ".": "↓", "0": "█", "`": "◆", a: "▒", b: "␉", c: "␌", d: "␍", e: "␊", f: "°" },
  ...{ g: "±", h: "␤", i: "␋", j: "┘", k: "┐", l: "┌", m: "└", n: "┼", o: "⎺", p: "⎻", q: "─", r: "⎼", s: "⎽" },
  ...{ t: "├", u: "┤", v: "┴", w: "┬", x: "│", y: "≤", z: "≥", "{": "π", "|": "≠", "}": "£", "~": "·" },
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: SGR, OSC (a link), and the switches to the line-drawing set and back
const CONTROL = /\x1b\[([\d;:]*)m|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x0e\x0f]/g;

/**
 * Reads rows of a screen as tmux captures them with their styles, where each goes on with the style that the one before ended
 * with. Links are left out; what boxes are drawn with becomes what it looks like.
 */
export function readRows(rows: readonly string[]): Run[][] {
  const style = styleState();
  let drawing = false;
  return rows.map((row) => {
    const runs: Run[] = [];
    const add = (raw: string) => {
      if (raw === "") return;
      const text = visible(drawing ? raw.replace(/[+-.0`a-z{|}~]/g, (letter) => DRAWN[letter] ?? letter) : raw);
      const last = runs.at(-1);
      if (last?.style === style.text()) runs[runs.length - 1] = { text: last.text + text, style: last.style };
      else runs.push({ text, style: style.text() });
    };
    let from = 0;
    for (const { 0: control, 1: numbers, index } of row.matchAll(CONTROL)) {
      add(row.slice(from, index));
      from = index + control.length;
      if (numbers !== undefined) style.apply(numbers);
      else if (control === "\x0e") drawing = true;
      else if (control === "\x0f") drawing = false;
    }
    add(row.slice(from));
    return runs;
  });
}

/** The row without its styles, and without blanks at its end. */
export function plainRow(runs: readonly Run[]): string {
  return runs
    .map(({ text }) => text)
    .join("")
    .trimEnd();
}

/** The row with its styles, for a terminal; what comes after it has none. */
export function styledRow(runs: readonly Run[]): string {
  return runs.map(({ text, style }) => (style === "" ? text : `\x1b[${style}m${text}\x1b[0m`)).join("");
}

/** What is to be seen of the row in a window so many columns wide that begins at `left`; half a wide character is a blank. */
export function partOfRow(runs: readonly Run[], left: number, width: number): Run[] {
  const part: Run[] = [];
  let column = 0;
  for (const { text, style } of runs) {
    let kept = "";
    for (const character of text) {
      const wide = columnsOf(character);
      const from = column;
      column += wide;
      if (wide === 0 ? from > left && from <= left + width : from >= left && column <= left + width) kept += character;
      else if (from < left + width && column > left) kept += " ";
    }
    if (kept !== "") part.push({ text: kept, style });
  }
  return part;
}

/** What a sequence of SGR sequences amounts to. */
function styleState() {
  // By what it sets: text colour, background, colour of the underline, and each attribute.
  const set = new Map<string, string>();
  return {
    text: () => [...set.values()].join(";"),
    apply(sequence: string) {
      const numbers = sequence.split(";");
      for (let at = 0; at < numbers.length; at++) {
        const number = numbers[at] ?? "";
        const code = Number.parseInt(number, 10) || 0;
        // 38;5;9 is one colour, and so is 38;2;1;2;3; with colons it is one number already.
        const more =
          [38, 48, 58].includes(code) && !number.includes(":") ? { "5": 2, "2": 4 }[numbers[at + 1] ?? ""] : 0;
        const whole = numbers.slice(at, at + 1 + (more ?? 0)).join(";");
        at += more ?? 0;
        if (code === 0) set.clear();
        else if (code === 22) for (const each of ["1", "2"]) set.delete(each);
        else if (code > 22 && code < 30) set.delete(String(code - 20));
        else if (code === 39) set.delete("text");
        else if (code === 49) set.delete("background");
        else if (code === 59) set.delete("underline");
        else if (code === 55) set.delete("53");
        else set.set(kindOf(code), whole);
      }
    },
  };
}

function kindOf(code: number): string {
  if ((code >= 30 && code <= 38) || (code >= 90 && code <= 97)) return "text";
  if ((code >= 40 && code <= 48) || (code >= 100 && code <= 107)) return "background";
  return code === 58 ? "underline" : String(code);
}
