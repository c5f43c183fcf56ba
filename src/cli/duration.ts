const UNITS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;
const LONGEST_MS = 24 * UNITS.h;

/** Milliseconds out of "30s", "2m", "1h" or a plain number of seconds, a day at most; undefined for anything else. */
export function durationMs(text: string): number | undefined {
  const [, digits, unit = "s"] = /^(\d{1,9}(?:\.\d{1,3})?)([smh])?$/.exec(text) ?? [];
  const ms = Number(digits) * UNITS[unit as keyof typeof UNITS];
  return ms > 0 && ms <= LONGEST_MS ? ms : undefined;
}

/** "30 s", "2 min 5 s", as a person reads it. */
export function seconds(ms: number): string {
  const whole = Math.round(ms / 1000);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
