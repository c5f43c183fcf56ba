import type { Host } from "./host.ts";

/**
 * Looks until `look` gives something else than undefined, at most `limitMs`; then undefined.
 * For states that nothing announces; each look costs what it costs, so the pause between two is short.
 */
export async function until<T>(
  host: Pick<Host, "now" | "pause">,
  limitMs: number,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const deadline = host.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined || host.now() >= deadline) return seen;
    await host.pause(15);
  }
}
