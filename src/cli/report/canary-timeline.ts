import type { StepReport } from "../../canary/report.ts";
import type { Host, Output } from "../../core/host.ts";
import { WORDS } from "./canary-words.ts";
import { paint } from "./paint.ts";

/** Columns of the status, the id (where none is longer) and the time; the bar has the rest. */
const STATUS = 9;
const ID = 16;
const TIME = 9;
/** One with fewer cells tells nothing. */
const SHORTEST_BAR = 10;
/** How often a line that is drawn anew is drawn, in milliseconds. */
const TICK_MS = 100;

/** The columns that ids take. */
export function idColumns(steps: Iterable<Pick<Stretch, "id">>): number {
  return Math.max(ID, ...[...steps].map(({ id }) => id.length));
}

/**
 * A step as a line, never longer than a screen of 20 columns or more, for it is drawn over: its bar is the part that it had of
 * the whole, where there is room for one. `columns`: those of its id.
 */
export function timelineRow(output: Output, step: Stretch, wholeMs: number, columns: number): string {
  const { red, green, yellow, dim } = paint(output);
  const color = { pass: green, fail: red, unknown: yellow, skip: dim, blocked: dim, running: dim }[step.status];
  const word = step.status === "running" ? "…" : WORDS[step.status];
  const tried = step.status !== "skip" && step.status !== "blocked";
  const width = output.columns - STATUS - columns - TIME - 3;
  const bar = tried && width >= SHORTEST_BAR ? barOf(step.startMs, step.ms, wholeMs, width) : "";
  const time = tried ? timeOf(step.ms) : "";
  const room = Math.max(1, Math.min(columns, output.columns - STATUS - TIME - 1));
  const id = step.id.slice(0, room).padEnd(room);
  const line = `${color(word.padEnd(STATUS - 1))} ${id}${dim(time.padStart(TIME))}  `;
  return `${line}${color(bar)}`.trimEnd();
}

/** What a line is drawn of. */
type Stretch = Pick<StepReport, "id" | "startMs" | "ms"> & { readonly status: StepReport["status"] | "running" };

/** At least one cell, and never beyond the last. */
export function barOf(startMs: number, ms: number, wholeMs: number, width: number): string {
  const cell = (at: number) => (wholeMs <= 0 ? 0 : Math.floor((at / wholeMs) * width));
  const from = Math.min(cell(startMs), width - 1);
  const to = Math.min(Math.max(from + 1, cell(startMs + ms)), width);
  return `${" ".repeat(from)}${"━".repeat(to - from)}`;
}

function timeOf(ms: number): string {
  return ms < 10_000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export interface Live {
  start(step: Pick<StepReport, "id" | "round" | "startMs">): void;
  end(step: StepReport): void;
  /** Something to be read that stays. */
  note(text: string): void;
  /** Takes everything away again. */
  done(): Promise<void>;
}

/** Whether a terminal is there on which what was written can be written over. */
export function canRedraw({ env, stderr }: Pick<Host, "env" | "stderr">): boolean {
  return stderr.isTTY && env.TERM !== "dumb";
}

/** The steps of a round as they run, on stderr, drawn anew as time goes by; nothing where that is no terminal. */
export function liveTimeline(host: Pick<Host, "env" | "stderr" | "now" | "pause">): Live {
  const { stderr: output } = host;
  if (!canRedraw(host))
    return {
      start: () => undefined,
      end: () => undefined,
      note: output.write,
      done: async () => undefined,
    };
  const began = host.now();
  const over = new AbortController();
  const rows = new Map<string, Stretch>();
  let round = 1;
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) output.write(`\x1b[${drawn}A\r\x1b[J`);
    drawn = 0;
  };
  const draw = () => {
    const elapsed = host.now() - began;
    const all = [...rows.values()].map((row) =>
      row.status === "running" ? { ...row, ms: Math.max(0, Math.round(elapsed - row.startMs)) } : row,
    );
    // Never more than the screen has: what has left it at the top cannot be written over.
    const room = Math.max(1, output.rows - 1);
    const runs = ({ status }: Stretch) => status === "running";
    let left = room - all.filter(runs).length;
    // All that run, and as many of those that ended last as there is room for.
    const shown = all
      .toReversed()
      .filter((row) => runs(row) || left-- > 0)
      .toReversed()
      .slice(0, room);
    const columns = idColumns(shown);
    const lines = shown.map((row) => timelineRow(output, row, elapsed, columns));
    clear();
    output.write(lines.map((line) => `${line}\n`).join(""));
    drawn = lines.length;
  };
  const ticking = (async () => {
    while (!over.signal.aborted) {
      draw();
      await host.pause(TICK_MS, over.signal);
    }
  })();
  return {
    start(step) {
      if (step.round !== round) rows.clear();
      round = step.round;
      rows.set(step.id, { ...step, ms: 0, status: "running" });
    },
    end: (step) => void rows.set(step.id, step),
    note(text) {
      clear();
      output.write(text);
    },
    async done() {
      over.abort();
      await ticking;
      clear();
    },
  };
}
