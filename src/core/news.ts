/** What can be seen at one moment of a text that grows at its end, and whose last part, the screen, can change. */
export interface Sight {
  /** The last of its lines. */
  readonly lines: readonly { readonly text: string; readonly rows: number }[];
  /** How many rows came before these. */
  readonly before: number;
  /** That is not the same count as in the sight before: rows at the start were thrown away. */
  readonly recounted: boolean;
  /** Which of the lines is the first on the screen. Those above it do not change any more. */
  readonly screen: number;
  /** The last of them is whole: what comes next stands below it. */
  readonly ended: boolean;
}

/** Lines to tell, by their place in the sight, and after how many milliseconds there is more to tell though nothing changes. */
export interface News {
  readonly told: readonly number[];
  readonly againMs: number | undefined;
}

/** A line on a screen that is drawn anew is news when it has rested so long: not while it is still being written. */
const REST_MS = 250;
/** One that has changed in nothing but its numbers and signs is a clock, a spinner, a bar: news when it has come to an end. */
const CLOCK_REST_MS = 2_000;

interface Line {
  readonly text: string;
  /** How many it takes on the screen. */
  readonly rows: number;
  readonly told: boolean;
  /** When it came to be as it is. */
  readonly since: number;
  readonly restMs: number;
}

/**
 * Follows a text from sight to sight, and says which lines are news. All that the first sight has is known. A line that has gone
 * above the screen is told at once; where the text `grows`, line after line, so is one that is whole.
 */
export function newsAfter(first: Sight, grows: boolean): (sight: Sight, now: number) => News {
  let known = first.lines.map((line): Line => ({ ...line, ...KNOWN }));
  let before = first.before;
  return (sight, now) => {
    const shift = sight.recounted ? 0 : sight.before - before;
    // What came before all that is known is no news.
    const older = sight.lines.slice(0, linesIn(sight.lines, -shift)).map((line) => ({ ...line, ...KNOWN }));
    const newer = { ...sight, lines: sight.lines.slice(older.length) };
    const left = known.slice(linesIn(known, shift));
    const seen = (grows ? grown(left, newer, now) : undefined) ?? redrawn(known, newer, now);
    known = [...older, ...seen];
    before = sight.before;
    /** Lines are told in their order; only a clock is waited for by none. */
    let waits = false;
    let againMs: number | undefined;
    const told: number[] = [];
    known = known.map((line, index) => {
      if (line.told) return line;
      const left = index < sight.screen ? 0 : line.since + line.restMs - now;
      if (left > 0 || waits) {
        if (left > 0) againMs = Math.min(againMs ?? left, left);
        waits ||= grows && line.restMs < CLOCK_REST_MS;
        return line;
      }
      told.push(index);
      return { ...line, told: true };
    });
    return { told, againMs };
  };
}

const KNOWN = { told: true, since: 0, restMs: 0 } as const;

/** How many of the first of these lines are in so many rows. */
function linesIn(lines: Sight["lines"], rows: number): number {
  let count = 0;
  for (let room = rows; count < lines.length; count++) {
    room -= lines[count]?.rows ?? 0;
    if (room < 0) break;
  }
  return count;
}

/** The lines where nothing but the end has changed, which may be in the middle of a line; undefined where more has. */
function grown(old: readonly Line[], { lines, ended }: Sight, now: number): Line[] | undefined {
  const before = old.slice(0, -1);
  if (!before.every(({ text }, index) => lines[index]?.text === text)) return undefined;
  if (lines[before.length]?.text.startsWith(old.at(-1)?.text ?? "") === false) return undefined;
  return lines.map(({ text, rows }, index): Line => {
    const was = old[index];
    const whole = index < lines.length - 1 || ended;
    if (was?.text === text) return whole && index === old.length - 1 ? { ...was, restMs: 0 } : was;
    return { text, rows, told: false, since: now, restMs: whole ? 0 : REST_MS };
  });
}

/** The lines as they are now, each with what is known of it: by the longest common subsequence, so that a line which has only moved is no news. */
function redrawn(old: readonly Line[], { lines, recounted }: Sight, now: number): Line[] {
  let start = 0;
  while (start < old.length && start < lines.length && old[start]?.text === lines[start]?.text) start++;
  let end = 0;
  const most = Math.min(old.length, lines.length) - start;
  while (end < most && old[old.length - 1 - end]?.text === lines[lines.length - 1 - end]?.text) end++;
  const were = old.slice(start, old.length - end);
  const are = lines.slice(start, lines.length - end);
  // common[i][j]: how many lines are common to those from i on and those from j on.
  const common = Array.from({ length: were.length + 1 }, () => new Uint32Array(are.length + 1));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = were.length - 1; i >= 0; i--)
    for (let j = are.length - 1; j >= 0; j--)
      (common[i] as Uint32Array)[j] =
        were[i]?.text === are[j]?.text ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const found: Line[] = [];
  let replaced: Line[] = [];
  let i = 0;
  for (let j = 0; j < are.length; ) {
    const was = were[i];
    const { text, rows } = are[j] as Sight["lines"][number];
    if (was?.text === text) {
      found.push(was);
      replaced = [];
      i++;
      j++;
    } else if (was !== undefined && at(i + 1, j) >= at(i, j + 1)) {
      replaced.push(was);
      i++;
    } else {
      const clock = replaced.findIndex((each) => letters(each.text) === letters(text));
      const restMs = clock < 0 ? REST_MS : CLOCK_REST_MS;
      if (clock >= 0) replaced.splice(0, clock + 1);
      found.push({ text, rows, told: false, since: now, restMs });
      j++;
    }
  }
  const older = recounted && start === 0 ? found.findIndex((line) => were.includes(line)) : 0;
  const first = found.map((line, index) => (index < older ? { ...line, ...KNOWN } : line));
  return [...old.slice(0, start), ...first, ...old.slice(old.length - end)];
}

function letters(line: string): string {
  return line.replace(/\P{L}+/gu, "");
}
