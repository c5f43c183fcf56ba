import type { AgentPane, Capture } from "../adapters/tmux-pane.ts";
import { columnsOf } from "../core/columns.ts";
import type { Host } from "../core/host.ts";
import { newsAfter, type Sight } from "../core/news.ts";
import { plainRow, type Run, readRows } from "../core/screen-text.ts";
import { demandPane, type FoundPane } from "./agent-pane.ts";
import { follow } from "./follow.ts";

/** A line of what a program has shown: one that was broken at the right edge is one again. */
export type Line = readonly Run[];

export interface Tailing {
  /** Gets the last lines, and where it is followed, lines as they come. */
  lines(lines: readonly Line[]): void;
  /** Gets what became of the agent; away: it has no session just now. skipped: so much came at once that its first lines are not told. */
  say(what: "dead" | "restarted" | "away" | "skipped"): void;
}

interface Shown {
  /** What scrolls: the rows above the screen, and the screen, or what is beneath that of a full-screen program. */
  readonly flow: readonly { readonly line: Line; readonly rows: number }[];
  /** Which of them is the first on the screen. */
  readonly screen: number;
  /** The cursor is below the last of them. */
  readonly ended: boolean;
  /** Rows above the first of them. */
  readonly above: number;
  /** The screen of a full-screen program. */
  readonly page: readonly Line[] | undefined;
}

interface Look {
  readonly pane: AgentPane;
  readonly seen: Shown;
}

/** Rows that are looked at above the screen while it is followed, on top of those that went there since the look before. */
const ABOVE = 200;
/** Not more than these: a program that prints without end is not followed line by line. */
const MOST_ABOVE = 5_000;

const WHAT = "Nothing to show";

/**
 * Gives the last lines of what an agent's program has shown: all of its screen where `last` is undefined. A full-screen program's
 * screen is what comes last. With `followed` it goes on with what comes, as follow() does, until the agent has ended for good: then
 * true; false at an interrupt, or when nobody reads stdout any more. Throws FleetError: 64, 69.
 */
export async function tailAgent(
  host: Host,
  name: string,
  last: number | undefined,
  followed: boolean,
  { lines, say }: Tailing,
): Promise<boolean> {
  const found = await demandPane(host, name, WHAT);
  const first = (await lookBack(found, last ?? 0)) ?? (await lookBack(await demandPane(host, name, WHAT), last ?? 0));
  if (first === undefined) return true;
  lines(lastOf(first.seen, last));
  if (first.pane.dead) say("dead");
  if (!followed) return true;

  let { pane: before } = first;
  let flowNews = newsAfter(sightOf(first.seen, false), true);
  let pageNews = first.seen.page && newsAfter(pageSight(first.seen.page), false);
  /** Of blank lines in a row, which a screen is full of, one is told. */
  let blank = false;
  const cancelled = AbortSignal.any([host.interrupted, host.stdout.gone]);
  await follow(host, name, found, {
    cancelled,
    async look(now) {
      for (let above = ABOVE; ; ) {
        const looked = await look(now, above);
        if (looked === undefined || looked.pane.server !== before.server) return looked;
        // At its limit tmux throws a tenth away, and there is no telling how much came.
        const scrolled = looked.pane.scrollback - before.scrollback;
        if (scrolled >= 0 && scrolled + ABOVE / 2 <= above) return looked;
        if (scrolled > MOST_ABOVE) say("skipped");
        if (above === MOST_ABOVE) return looked;
        above = scrolled < 0 ? MOST_ABOVE : Math.min(MOST_ABOVE, 2 * scrolled + ABOVE); // more comes meanwhile
      }
    },
    see(seen, pane) {
      const anew = pane.pid !== before.pid;
      const ended = !before.dead && (anew || pane.dead);
      const recounted = pane.scrollback < before.scrollback;
      if (pane.server !== before.server || pane.id !== before.id) flowNews = newsAfter(NOTHING, true);
      before = pane;
      const { page } = seen;
      if (page === undefined) pageNews = undefined;
      else pageNews ??= newsAfter(NOTHING, false);
      const shown = page ?? seen.flow.map(({ line }) => line);
      const news = (page && pageNews) ?? flowNews;
      const { told, againMs } = news(page === undefined ? sightOf(seen, recounted) : pageSight(page), host.now());
      lines(
        told
          .map((index) => shown[index] ?? [])
          .filter((line) => {
            const wasBlank = blank;
            blank = plainRow(line) === "";
            return !blank || (!wasBlank && page === undefined);
          }),
      );
      if (ended) say("dead");
      if (anew) say("restarted");
      return againMs;
    },
    away: () => say("away"),
  });
  return !cancelled.aborted;
}

const NOTHING: Sight = { lines: [], before: 0, recounted: false, screen: 0, ended: false };
const sightOf = ({ flow, screen, ended, above }: Shown, recounted: boolean): Sight => ({
  ...{ lines: flow.map(({ line, rows }) => ({ text: plainRow(line), rows })), before: above, recounted, screen, ended },
});
const pageSight = (page: readonly Line[]): Sight => ({
  ...{ ...NOTHING, lines: page.map((line) => ({ text: plainRow(line), rows: 1 })) },
});

/** Rows are not lines: where too few of these come of as many rows, all there are are read. */
async function lookBack(found: FoundPane, last: number): Promise<Look | undefined> {
  const looked = await look(found, Math.max(ABOVE, last));
  if (looked === undefined || looked.seen.above === 0 || lastOf(looked.seen, last).length >= last) return looked;
  return look(found, looked.pane.scrollback);
}

function lastOf({ flow, screen, page }: Shown, last: number | undefined): readonly Line[] {
  const lines = flow.map(({ line }) => line);
  if (last === undefined) return page ?? lines.slice(screen);
  return last === 0 ? [] : [...lines, ...(page ?? [])].slice(-last);
}

async function look({ panes, pane: known }: FoundPane, above: number): Promise<Look | undefined> {
  const how = { joined: true, colours: true };
  const captures: Capture[] = [
    { ...how, from: -Math.min(above, known.scrollbackLimit) },
    { ...how, from: 0 },
    { ...how, from: 0, beneath: true },
  ];
  const looked = await panes.look(known, captures);
  if (looked === undefined) return undefined;
  const [all = [], visible = [], beneath = []] = looked.captured.map(readRows);
  const { pane } = looked;
  // A line that begins above the screen is on it.
  const screen = Math.max(0, all.length - visible.length);
  const scrolling = withoutBlankEnd(pane.fullScreen ? [...all.slice(0, screen), ...beneath] : all);
  const flow = scrolling.map((line) => ({ line, rows: rowsOf(line, pane.width) }));
  const rows = flow.slice(screen).reduce((sum, line) => sum + line.rows, 0);
  // The first may begin above what was captured.
  const cut = pane.scrollback > above && screen > 0 ? 1 : 0;
  return {
    pane,
    seen: {
      flow: (pane.dead ? withEndAtHand(flow) : flow).slice(cut),
      screen: screen - cut,
      ended: pane.cursor.row >= rows,
      above: Math.max(0, pane.scrollback - above) + (cut === 0 ? 0 : (flow[0]?.rows ?? 0)),
      page: pane.fullScreen ? withoutBlankEnd(visible) : undefined,
    },
  };
}

/** How many rows a line takes: tmux keeps the blanks at its end. */
function rowsOf(line: Line, width: number): number {
  return Math.max(1, Math.ceil(line.reduce((sum, { text }) => sum + columnsOf(text), 0) / width));
}

/** A screen is mostly longer than what is on it. */
function withoutBlankEnd(lines: readonly Line[]): readonly Line[] {
  return lines.slice(0, lines.findLastIndex((line) => plainRow(line) !== "") + 1);
}

/** tmux says how a program ended in the last row, wherever its last words are. */
function withEndAtHand(flow: Shown["flow"]): Shown["flow"] {
  const last = flow.slice(0, -1).findLastIndex(({ line }) => plainRow(line) !== "");
  return [...flow.slice(0, last + 1), ...flow.slice(-1)];
}
