import { BusError } from "../adapters/bus.ts";
import { explained, type Manager, openUserManager } from "../adapters/manager.ts";
import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { typed } from "../core/user-bus.ts";

/** Runs something with the user manager. Throws FleetError (69), with the way to mend it, where that cannot be reached. */
export async function withManager<T>(host: Host, nothing: string, run: (manager: Manager) => Promise<T>): Promise<T> {
  const manager = await reached(host, nothing);
  try {
    return await run(manager);
  } finally {
    manager.close();
  }
}

async function reached(host: Host, nothing: string): Promise<Manager> {
  try {
    return await openUserManager(host);
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    const { cause, remedy } = await explained(host, { code: error.code, said: error.message });
    throw new FleetError(EXIT.unavailable, `${nothing}: the user manager cannot be reached`, cause, typed(remedy));
  }
}
