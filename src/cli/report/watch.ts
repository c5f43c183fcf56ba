import { partOfRow, plainRow, styledRow } from "../../core/screen-text.ts";
import type { Watched } from "../../fleet/watch.ts";
import { statusLine } from "./status-line.ts";

export interface Frame {
  readonly rows: readonly string[];
  readonly cursor: { readonly column: number; readonly row: number } | undefined;
}

interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Where the part that is shown begins, on the agent's screen. */
export interface Corner {
  readonly column: number;
  readonly row: number;
}

/** An agent's screen, or the part of it that fits from `corner` on, and below it a line that says what this is. */
export function watchFrame(name: string, seen: Watched, away: boolean, size: Size, corner: Corner): Frame {
  const { pane, rows } = seen;
  const height = size.rows - 1;
  const shown = Array.from({ length: height }, (_, index) =>
    styledRow(partOfRow(rows[corner.row + index] ?? [], corner.column, size.columns)),
  );
  const state = away ? "no session just now" : pane.dead ? "has ended" : "up";
  const whole = pane.width <= size.columns && pane.height <= height;
  const part = `${size.columns}x${height} of its ${pane.width}x${pane.height}: arrows move`;
  const line = statusLine(`${name}: ${state}`, [...(whole ? [] : [part]), "read-only, q ends"], size.columns);
  const cursor = { column: pane.cursor.column - corner.column, row: pane.cursor.row - corner.row };
  const inside = cursor.column >= 0 && cursor.column < size.columns && cursor.row >= 0 && cursor.row < height;
  return { rows: [...shown, line], cursor: inside && pane.cursor.shown && !pane.dead && !away ? cursor : undefined };
}

/** The corner nearest to this one of a part that is all on the agent's screen. */
export function cornerWithin({ pane }: Watched, size: Size, { column, row }: Corner): Corner {
  const within = (at: number, of: number, shown: number) => Math.max(0, Math.min(at, of - shown));
  return { column: within(column, pane.width, size.columns), row: within(row, pane.height, size.rows - 1) };
}

/** The corner of the part with the cursor; where the program hides that, with the last row that has something on it. */
export function cornerOfCursor({ pane, rows }: Watched, size: Size): Corner {
  const last = rows.findLastIndex((row) => plainRow(row) !== "");
  const { column, row } = pane.cursor.shown && !pane.dead ? pane.cursor : { column: 0, row: last };
  return cornerWithin({ pane, rows }, size, { column: column - size.columns + 1, row: row - size.rows + 2 });
}
