/** What can be seen at one moment of a text that grows at its end, and whose last part, the screen, can change. */
export interface Sight {
  /** The last of its lines. */
  readonly lines: readonly string[];
  /** How many lines came before these, as far as it is known. */
  readonly before: number;
  /** Which of the lines is the first on the screen. Those above it do not change any more. */
  readonly screen: number;
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
  readonly told: boolean;
  /** When it came to be as it is. */
  readonly since: number;
  readonly restMs: number;
}

/**
 * Follows a text from sight to sight, and says which lines are news. All that the first sight has is known. A line that has gone
 * above the screen is told at once; where the text `grows`, line after line, so is one with another below it.
 */
export function newsAfter(first: Sight, now: number, grows: boolean): (sight: Sight, now: number) => News {
  let known = first.lines.map((text): Line => ({ text, told: true, since: now, restMs: 0 }));
  let before = first.before;
  return (sight, now) => {
    const left = known.slice(Math.max(0, sight.before - before));
    known = (grows ? grown(left, sight.lines, now) : undefined) ?? redrawn(known, sight.lines, now);
    before = sight.before;
    let againMs: number | undefined;
    const told: number[] = [];
    known = known.map((line, index) => {
      if (line.told) return line;
      const left = index < sight.screen ? 0 : line.since + line.restMs - now;
      if (left > 0) {
        againMs = Math.min(againMs ?? left, left);
        return line;
      }
      told.push(index);
      return { ...line, told: true };
    });
    return { told, againMs };
  };
}

/** The lines where nothing but the end has changed, which may be in the middle of a line; undefined where more has. */
function grown(old: readonly Line[], lines: readonly string[], now: number): Line[] | undefined {
  const before = old.slice(0, -1);
  if (!before.every(({ text }, index) => lines[index] === text)) return undefined;
  if (lines[before.length]?.startsWith(old.at(-1)?.text ?? "") === false) return undefined;
  return lines.map((text, index): Line => {
    const was = old[index];
    const whole = index < lines.length - 1;
    if (was?.text === text) return whole && index === old.length - 1 ? { ...was, restMs: 0 } : was;
    return { text, told: false, since: now, restMs: whole ? 0 : REST_MS };
  });
}

/** The lines as they are now, each with what is known of it: by the longest common subsequence, so that a line which has only moved is no news. */
function redrawn(old: readonly Line[], lines: readonly string[], now: number): Line[] {
  let start = 0;
  while (start < old.length && start < lines.length && old[start]?.text === lines[start]) start++;
  let end = 0;
  const most = Math.min(old.length, lines.length) - start;
  while (end < most && old[old.length - 1 - end]?.text === lines[lines.length - 1 - end]) end++;
  const were = old.slice(start, old.length - end);
  const are = lines.slice(start, lines.length - end);
  // common[i][j]: how many lines are common to those from i on and those from j on.
  const common = Array.from({ length: were.length + 1 }, () => new Uint32Array(are.length + 1));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = were.length - 1; i >= 0; i--)
    for (let j = are.length - 1; j >= 0; j--)
      (common[i] as Uint32Array)[j] =
        were[i]?.text === are[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const found: Line[] = [];
  let replaced: Line[] = [];
  let i = 0;
  for (let j = 0; j < are.length; ) {
    const was = were[i];
    const text = are[j] as string;
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
      found.push({ text, told: false, since: now, restMs });
      j++;
    }
  }
  return [...old.slice(0, start), ...found, ...old.slice(old.length - end)];
}

function letters(line: string): string {
  return line.replace(/\P{L}+/gu, "");
}
