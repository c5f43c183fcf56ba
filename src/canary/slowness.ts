import type { Host } from "../core/host.ts";

/** Milliseconds: 1 is usual, 20 with a twentieth of a processor, and 130 there beside a fleet at work. */
const SLOW_MS = 40;
const TRIES = 10;

/**
 * How long a program takes here that does nothing, in milliseconds, where that is so long that what comes late says nothing of a
 * promise; undefined elsewhere.
 */
export async function slowness(host: Pick<Host, "exec" | "now">): Promise<number | undefined> {
  const begun = host.now();
  for (let tries = 0; tries < TRIES; tries++) await host.exec(["true"]);
  const ms = Math.round((host.now() - begun) / TRIES);
  return ms < SLOW_MS ? undefined : ms;
}
