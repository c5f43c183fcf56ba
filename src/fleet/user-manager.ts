import { BusError } from "../adapters/bus.ts";
import { explained, type Manager, managerProblem, openUserManager } from "../adapters/manager.ts";
import { FleetError } from "../core/errors.ts";
import { describeResult, type ExecResult } from "../core/exec.ts";
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

/** Why systemctl has refused, and what to type: the way to the manager first, where that cannot be reached. */
export async function refusal(
  host: Host,
  result: ExecResult,
  next: readonly string[],
): Promise<{ readonly why: string; readonly next: readonly string[] }> {
  const isReached = await openUserManager(host).then(
    (manager) => {
      manager.close();
      return true;
    },
    () => false,
  );
  const problem = isReached ? undefined : await managerProblem(host, result);
  if (problem === undefined) return { why: describeResult(result), next };
  return { why: problem.cause, next: [...typed(problem.remedy), ...next] };
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
