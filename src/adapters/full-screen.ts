import { writeSync } from "node:fs";
import type { FullScreen, ScreenEvents } from "../core/host.ts";
import { isTerminal } from "./terminal.ts";

/** The second screen, without a cursor, where what is too long is cut off and not wrapped; and back from it. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
/** A terminal that knows these shows all that is between them at once. */
const BEGIN = "\x1b[?2026h\x1b[?25l";
const END = "\x1b[?2026l";

const KEYS: Readonly<Record<string, string>> = {
  ...{ "[A": "up", "[B": "down", "[C": "right", "[D": "left", OA: "up", OB: "down", OC: "right", OD: "left" },
  ...{
    "[H": "home",
    "[F": "end",
    OH: "home",
    OF: "end",
    "[1~": "home",
    "[4~": "end",
    "[5~": "pageup",
    "[6~": "pagedown",
  },
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: a key that is no letter comes as a sequence
const EACH_KEY = /\x1b(\[[\d;]*[A-Za-z~]|O[A-Z])|[\s\S]/gu;

/**
 * Takes the whole terminal until close(), or the end of this process. Ctrl-C is SIGINT, Ctrl-Z stops, as without it. undefined
 * where stdin or stdout is no terminal.
 */
export function openFullScreen({ key, resized }: ScreenEvents): FullScreen | undefined {
  if (!isTerminal(0) || !isTerminal(1)) return undefined;
  const { stdin, stdout } = process;
  let shown: readonly string[] = [];
  let wanted: { readonly rows: readonly string[]; readonly cursor: string } | undefined;
  let writing = false;
  let open = false;
  const enter = () => {
    open = true;
    shown = [];
    stdin.setRawMode(true);
    stdout.write(ENTER);
  };
  const leave = () => {
    if (!open) return;
    open = false;
    stdin.setRawMode(false);
    writeSync(1, LEAVE);
  };
  /** A terminal that is slow gets the newest frame when it has taken the one before. */
  const flush = () => {
    if (writing || !open || wanted === undefined) return;
    const { rows, cursor } = wanted;
    const changed = rows.map((row, index) => (row === shown[index] ? "" : `\x1b[${index + 1};1H\x1b[0m\x1b[K${row}`));
    shown = rows;
    wanted = undefined;
    writing = true;
    stdout.write(`${BEGIN}${changed.join("")}\x1b[0m${cursor}${END}`, () => {
      writing = false;
      flush();
    });
  };
  const size = () => {
    const [columns, rows] = stdout.getWindowSize();
    return { columns: columns || 80, rows: rows || 24 }; // a terminal that does not know its size says 0
  };
  const again = () => {
    shown = [];
    if (open) stdout.write("\x1b[2J");
    resized();
  };
  const carryOn = () => {
    enter();
    resized();
  };
  const typed = (bytes: Buffer) => {
    for (const [text, sequence] of bytes.toString().matchAll(EACH_KEY)) {
      if (text === "\x03") process.kill(process.pid, "SIGINT");
      else if (text === "\x1a") {
        leave();
        process.kill(process.pid, "SIGTSTP");
      } else key(sequence === undefined ? text : (KEYS[sequence] ?? ""));
    }
  };
  const hungUp = () => void process.kill(process.pid, "SIGHUP");
  process.on("exit", leave);
  process.on("SIGWINCH", again);
  process.on("SIGCONT", carryOn);
  stdin.on("data", typed).on("end", hungUp).on("error", hungUp);
  enter();
  return {
    size,
    draw(rows, cursor) {
      wanted = { rows, cursor: cursor ? `\x1b[${cursor.row + 1};${cursor.column + 1}H\x1b[?25h` : "" };
      flush();
    },
    close() {
      process.off("exit", leave).off("SIGWINCH", again).off("SIGCONT", carryOn);
      stdin.off("data", typed).off("end", hungUp).off("error", hungUp).pause();
      leave();
    },
  };
}
