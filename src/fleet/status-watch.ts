import { BusError } from "../adapters/bus.ts";
import { createBell } from "../core/bell.ts";
import { FleetError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { type FleetStatus, statusBy } from "./status.ts";
import { withManager } from "./user-manager.ts";

export interface StatusWatching {
  readonly names: readonly string[];
  /** Between two looks where nothing tells of a change: what only ever grows, such as time and memory. */
  readonly everyMs: number;
  readonly cancelled: AbortSignal;
  show(status: FleetStatus): void;
  /** A look after the first one was not possible: the next may be. */
  failed(error: Error): void;
}

/** Looks are so far apart at least: units that change come in herds. */
const APART_MS = 250;
/** And so many times as long as one takes: of a processor a fifth at most. */
const REST = 4;

/**
 * Looks at the fleet again and again until `cancelled`: at once when systemd tells that an agent's unit has changed, else after
 * `everyMs`. The last status; throws FleetError where the first look fails.
 */
export async function watchStatus(
  host: Host,
  { names, everyMs, cancelled, show, failed }: StatusWatching,
): Promise<FleetStatus | undefined> {
  const bell = createBell(host.pause);
  cancelled.addEventListener("abort", bell.ring);
  let status: FleetStatus | undefined;
  while (!cancelled.aborted) {
    try {
      await withManager(host, "The fleet cannot be looked at", async (manager) => {
        await manager.onChange(bell.ring);
        while (!cancelled.aborted) {
          const started = host.now();
          status = await statusBy(host, manager, names);
          if (cancelled.aborted) return;
          show(status);
          const restMs = Math.max(APART_MS, REST * (host.now() - started));
          await host.pause(restMs, cancelled);
          await bell.next(Math.max(0, everyMs - restMs));
        }
      });
    } catch (error) {
      if (status === undefined || !(error instanceof FleetError || error instanceof BusError)) throw error;
      failed(error);
      await bell.next(everyMs);
    }
  }
  return status;
}
