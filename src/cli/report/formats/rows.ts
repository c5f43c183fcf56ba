import type { Row } from "./examination.ts";

/** How many rows have each status, the worst first: "1 fail, 12 pass". */
export function tally(rows: readonly Row[]): string {
  const counts = (["fail", "unknown", "blocked", "warn", "skip", "pass"] as const).flatMap((status) => {
    const count = rows.filter((row) => row.status === status).length;
    return count === 0 ? [] : [`${count} ${status}`];
  });
  return counts.join(", ") || "nothing was looked at";
}

/** Whether the verdict is broken by it: who reads a document alone is told the same as who looks at the exit code. */
export function breaks({ status, breaks = false }: Row): boolean {
  return status === "fail" || breaks;
}

/** What is said of a row where its status is not shown: that it was blocked, then, or what else was found. */
export function messageOf({ status, message, title }: Row): string {
  return status === "blocked" ? `blocked: ${message ?? title}` : (message ?? title);
}

/** The remedy, a line each, as a person sees it typed. */
export function remedyOf(row: Row): string[] {
  return row.fix.map((command) => `$ ${command}`);
}

/** The text without line breaks and control characters. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/** Milliseconds as seconds, without a unit. */
export function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** What was seen, a line each. */
export function evidenceLines(
  evidence: Readonly<Record<string, string | number | boolean | readonly string[]>>,
): string[] {
  return Object.entries(evidence).flatMap(([key, value]) => {
    if (typeof value !== "object") return [`${key}: ${value}`];
    return value.length === 0 ? [] : [`${key}:`, ...value.map((each) => `  ${each}`)];
  });
}
