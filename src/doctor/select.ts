import type { Check } from "./check.ts";

/** Which checks are run; `only` and `skip` hold ids and areas. */
export interface Selection {
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  /** Only those that say something before anything is installed. */
  readonly pre?: boolean;
}

export interface Selected {
  /** To be reported, in the order of the list. */
  readonly checks: readonly Check[];
  /** Those that were left out by name: reported as skipped, and nothing hangs on them. */
  readonly skipped: ReadonlySet<Check["id"]>;
}

export function areaOf({ id }: Pick<Check, "id">): string {
  return id.slice(0, id.indexOf("."));
}

/** Whether a check is one of those named, by its id or its area. */
export function matches(check: Check, names: readonly string[]): boolean {
  return names.includes(check.id) || names.includes(areaOf(check));
}

/** What can be named: every area and every id. */
export function selectable(checks: readonly Check[]): string[] {
  return [...new Set(checks.map(areaOf)), ...checks.map(({ id }) => id)];
}

/** What was asked for; what it needs is looked at too, but not reported. */
export function select(checks: readonly Check[], { only, skip = [], pre = false }: Selection): Selected {
  const wanted = checks.filter((check) => (only === undefined || matches(check, only)) && (!pre || check.pre === true));
  return { checks: wanted, skipped: new Set(checks.filter((check) => matches(check, skip)).map(({ id }) => id)) };
}
