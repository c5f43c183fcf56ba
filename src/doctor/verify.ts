import { join } from "node:path";
import { systemdOf } from "../adapters/systemd.ts";
import type { ExecResult } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { AGENT_TEMPLATE, agentOfUnit, HOLDER_UNIT, isOurDropIn } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";

/** What systemd says of our units, as an answer that is on its way: no other of doctor's questions takes as long. */
export interface Verification {
  /** undefined where it was not asked: it would make the folder that the manager has, if one runs. */
  readonly answer: Promise<ExecResult | undefined>;
  /** Ends the asking, where it has not ended. */
  cancel(): void;
}

/** Asks `systemd-analyze verify` of our units. */
export function verification(host: Host): Verification {
  const over = new AbortController();
  const exec: Host["exec"] = (argv, options) => host.exec(argv, { ...options, cancelled: over.signal });
  const answer = managerHasFolder(host).then((has) => (has ? verify({ ...host, exec }) : undefined));
  answer.catch(() => undefined); // who wants the answer is told
  return { answer, cancel: () => over.abort() };
}

/** The holder's unit, the template, and every agent with drop-ins of its own, drop-ins merged. */
export async function verify(host: Host): Promise<ExecResult> {
  const { units: folder } = pathsOf(host);
  const units = [HOLDER_UNIT, AGENT_TEMPLATE, ...(await editedAgents(host, folder))];
  return systemdOf(host).verify(units.map((unit) => join(folder, unit)));
}

async function managerHasFolder(host: Host): Promise<boolean> {
  const { runtime } = pathsOf(host);
  return runtime !== undefined && (await host.files.status(join(runtime, "systemd")))?.kind === "folder";
}

/** Units of agents with drop-ins of the user's own beside ours, which are not masked: without asking the manager. */
async function editedAgents(host: Host, folder: string): Promise<string[]> {
  const names = await host.files.list(folder);
  const units = names.filter((name) => name.endsWith(".d")).map((name) => name.slice(0, -2));
  const edited = await Promise.all(
    units.map(async (unit) => {
      if (agentOfUnit(unit) === undefined) return [];
      if (names.includes(unit) && (await host.files.realPath(join(folder, unit))) === "/dev/null") return [];
      const dropIns = await host.files.list(join(folder, `${unit}.d`));
      return dropIns.some((name) => name.endsWith(".conf") && !isOurDropIn(name)) ? [unit] : [];
    }),
  );
  return edited.flat();
}
