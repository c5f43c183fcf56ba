import type { AgentPane, Capture } from "../adapters/tmux-pane.ts";
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
  readonly flow: readonly Line[];
  /** Which of them is the first on the screen. */
  readonly screen: number;
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
  let flowNews = newsAfter(sightOf(first.seen), host.now(), true);
  let pageNews = first.seen.page && newsAfter(pageSight(first.seen.page), host.now(), false);
  /** Of blank lines in a row, which a screen is full of, one is told. */
  let blank = false;
  const cancelled = AbortSignal.any([host.interrupted, host.stdout.gone]);
  await follow(host, name, found, {
    cancelled,
    async look(now) {
      const scrolled = (pane: AgentPane) => (pane.server === before.server ? pane.scrollback - before.scrollback : 0);
      const looked = await look(now, ABOVE);
      if (looked === undefined || (scrolled(looked.pane) >= 0 && scrolled(looked.pane) < ABOVE / 2)) return looked;
      // At its limit tmux throws a tenth away, and there is no telling how much came.
      if (scrolled(looked.pane) > MOST_ABOVE) say("skipped");
      return look(now, scrolled(looked.pane) < 0 ? MOST_ABOVE : Math.min(MOST_ABOVE, scrolled(looked.pane) + ABOVE));
    },
    see(seen, pane) {
      const anew = pane.pid !== before.pid;
      const ended = !before.dead && (anew || pane.dead);
      if (pane.server !== before.server || pane.id !== before.id) flowNews = newsAfter(NOTHING, host.now(), true);
      before = pane;
      const { page } = seen;
      if (page === undefined) pageNews = undefined;
      else pageNews ??= newsAfter(NOTHING, host.now(), false);
      const shown = page ?? seen.flow;
      const news = (page && pageNews) ?? flowNews;
      const { told, againMs } = news(page === undefined ? sightOf(seen) : pageSight(page), host.now());
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

const NOTHING: Sight = { lines: [], before: 0, screen: 0 };
const sightOf = ({ flow, screen, above }: Shown) => ({ lines: flow.map(plainRow), before: above, screen });
const pageSight = (page: readonly Line[]) => ({ lines: page.map(plainRow), before: 0, screen: 0 });

/** Rows are not lines: where too few of these come of as many rows, all there are are read. */
async function lookBack(found: FoundPane, last: number): Promise<Look | undefined> {
  const looked = await look(found, Math.max(ABOVE, last));
  if (looked === undefined || looked.seen.above === 0 || lastOf(looked.seen, last).length >= last) return looked;
  return look(found, looked.pane.scrollback);
}

function lastOf({ flow, screen, page }: Shown, last: number | undefined): readonly Line[] {
  if (last === undefined) return page ?? flow.slice(screen);
  return last === 0 ? [] : [...flow, ...(page ?? [])].slice(-last);
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
  const scrolling = pane.fullScreen ? [...all.slice(0, screen), ...beneath] : all;
  const flow = withoutBlankEnd(scrolling);
  return {
    pane,
    seen: {
      flow: pane.dead ? withEndAtHand(flow) : flow,
      screen,
      above: Math.max(0, pane.scrollback - above),
      page: pane.fullScreen ? withoutBlankEnd(visible) : undefined,
    },
  };
}

/** A screen is mostly longer than what is on it. */
function withoutBlankEnd(lines: readonly Line[]): readonly Line[] {
  return lines.slice(0, lines.findLastIndex((line) => plainRow(line) !== "") + 1);
}

/** tmux says how a program ended in the last row, wherever its last words are. */
function withEndAtHand(lines: readonly Line[]): readonly Line[] {
  return [...withoutBlankEnd(lines.slice(0, -1)), ...lines.slice(-1)];
}
