import type { ExitCode } from "./exit.ts";

/** A failure that a person can act on: what failed, why, and what to type next. */
export class FleetError extends Error {
  constructor(
    readonly exit: ExitCode,
    readonly what: string,
    readonly why: string,
    readonly next: readonly string[],
  ) {
    super(`${what}: ${why}`);
  }
}

/** One sentence about anything that was thrown. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The one that happens to people of those that Bun has no words for.
  const isQuota = (error as { code?: unknown }).code === "EDQUOT";
  return isQuota ? error.message.replace("unknown error", "disk quota exceeded") : error.message;
}
