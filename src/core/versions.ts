/** A version as releases have it: three numbers, and what may follow a "-". */
export const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;

/** Below 0 when the first version is the older one, above 0 when it is the newer one (semver 2.0, section 11). */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [parsed(one), parsed(other)];
  for (let index = 0; index < 3; index++) {
    const difference = (a.numbers[index] ?? 0) - (b.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (a.parts.length === 0 || b.parts.length === 0) return b.parts.length - a.parts.length;
  for (let index = 0; index < Math.max(a.parts.length, b.parts.length); index++) {
    const difference = compareParts(a.parts[index], b.parts[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parsed(version: string): { readonly numbers: readonly number[]; readonly parts: readonly string[] } {
  const [numbers = "", ...rest] = version.split("-");
  return { numbers: numbers.split(".").map(Number), parts: rest.length === 0 ? [] : rest.join("-").split(".") };
}

/** Numbers by their value, and before words; what has fewer parts comes first. */
function compareParts(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const [aIsNumber, bIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (aIsNumber && bIsNumber) return Number(a) - Number(b);
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1;
  return a < b ? -1 : 1;
}
