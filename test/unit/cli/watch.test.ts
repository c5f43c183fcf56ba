import { describe, expect, test } from "bun:test";
import { statusLine } from "../../../src/cli/report/status-line.ts";
import { cornerOfCursor, cornerWithin, watchFrame } from "../../../src/cli/report/watch.ts";
import { readRows } from "../../../src/core/screen-text.ts";
import type { Watched } from "../../../src/fleet/watch.ts";

/** An agent's screen of 20 by 10, with its number in each row. */
function watched(pane: Partial<Watched["pane"]> = {}): Watched {
  return {
    rows: readRows(Array.from({ length: 10 }, (_, n) => `row ${n} 89abcdefghijklm`)),
    pane: {
      ...{ server: 1, session: "web", id: "%1", pid: 2, dead: false, tty: "/dev/pts/1", width: 20, height: 10 },
      ...{ cursor: { column: 0, row: 0, shown: true }, fullScreen: false, inputOff: false },
      ...{ scrollback: 0, scrollbackLimit: 100 },
      ...pane,
    },
  };
}
const small = { columns: 10, rows: 5 };
const at = (column: number, row: number, shown = true) => ({ cursor: { column, row, shown } });

describe("the part that is shown", () => {
  test("has the cursor in it, and is never more than the agent's screen", () => {
    expect(cornerOfCursor(watched(), small)).toEqual({ column: 0, row: 0 });
    expect(cornerOfCursor(watched(at(9, 3)), small)).toEqual({ column: 0, row: 0 });
    expect(cornerOfCursor(watched(at(10, 4)), small)).toEqual({ column: 1, row: 1 });
    expect(cornerOfCursor(watched(at(19, 9)), small)).toEqual({ column: 10, row: 6 });
    expect(cornerWithin(watched(), small, { column: 99, row: -1 })).toEqual({ column: 10, row: 0 });
    expect(cornerWithin(watched(), { columns: 50, rows: 50 }, { column: 9, row: 9 })).toEqual({ column: 0, row: 0 });
  });

  test("has the last row with something in it, where the program hides its cursor", () => {
    expect(cornerOfCursor(watched(at(15, 0, false)), small)).toEqual({ column: 0, row: 6 });
  });

  test("is drawn row by row, with the cursor where it is", () => {
    const { rows, cursor } = watchFrame("web", watched(at(7, 3)), false, small, { column: 4, row: 2 });
    expect(rows.slice(0, 4)).toEqual([2, 3, 4, 5].map((n) => `${n} 89abcdef`));
    expect(cursor).toEqual({ column: 3, row: 1 });
    expect(watchFrame("web", watched(at(1, 3)), false, small, { column: 4, row: 2 }).cursor).toBeUndefined();
    expect(watchFrame("web", watched(at(7, 3)), true, small, { column: 4, row: 2 }).cursor).toBeUndefined();
  });
});

test("the line below leaves out what has no room, the least important first", () => {
  const plain = (columns: number) => Bun.stripANSI(statusLine("web: up", ["10x4 of 20x10", "q ends"], columns));
  expect(plain(40)).toBe(" web: up         10x4 of 20x10 | q ends ");
  expect(plain(20)).toBe(" web: up     q ends ");
  expect(plain(14)).toBe(" web:  q ends ");
  expect(plain(5)).toBe(" q en");
});
