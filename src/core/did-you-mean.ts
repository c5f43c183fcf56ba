/** " (did you mean X?)" where something close is known, else nothing. */
export function didYouMean(typed: string, known: readonly string[]): string {
  const word = closest(typed, known);
  return word === undefined ? "" : ` (did you mean ${word}?)`;
}

/** The known word that was probably meant, the first of those that are equally close; undefined when none is close. */
export function closest(typed: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((word) => ({ word, distance: editDistance(typed, word) }))
    .filter(({ word, distance }) => distance <= Math.max(1, Math.floor(word.length / 3)) && !otherLetter(typed, word))
    .sort((a, b) => a.distance - b.distance);
  return best?.word;
}

/** One letter for another is no slip: every letter is as close as any other. */
function otherLetter(typed: string, word: string): boolean {
  const [a, b] = [typed, word].map((each) => each.replace(/^-+/, ""));
  return a?.length === 1 && b?.length === 1 && a !== b;
}

/** How many letters are too many, missing, wrong, or swapped with their neighbour. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : changed;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, changed, swapped));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
