import { join } from "node:path";
import { removeGroups } from "../adapters/cgroup.ts";
import { procfsOf } from "../adapters/procfs.ts";
import type { Host } from "../core/host.ts";
import { SANDBOX_PREFIX } from "../core/names.ts";
import { until } from "../core/until.ts";

/**
 * What holds every process of a sandbox, and so ends it: cgroups that we made, or a scope of a manager's. `runtime`: where
 * there is neither, the runtime folder that all of them have in their environment.
 */
export interface Cage {
  readonly groups: readonly string[];
  readonly scope?: { readonly unit: string; readonly manager: "system" | "user" };
  readonly runtime?: string;
}

/** How long what was killed may take to be gone, in milliseconds. */
const END_LIMIT_MS = 10_000;

/** The file in a sandbox that says whose it is and how it ends, so that a later run can clear what a killed one left. */
interface Owner {
  readonly pid: number;
  readonly startTime: string;
  /** The pid namespace; older runs did not note theirs. */
  readonly pids?: string;
  readonly cage: Cage;
}

/** Kills every process in a cage and takes it away. Returns what could not be removed. */
export async function endCage(host: Host, cage: Cage): Promise<string[]> {
  if (cage.runtime !== undefined) return endMarked(host, cage.runtime);
  const left = await removeGroups(host, cage.groups);
  if (cage.scope === undefined) return left;
  const { unit, manager } = cage.scope;
  const systemctl = (...words: string[]) =>
    host.exec(["systemctl", ...(manager === "user" ? ["--user"] : []), "--no-pager", ...words]);
  await systemctl("kill", "--signal=SIGKILL", unit);
  await systemctl("stop", unit); // returns when none of its processes is left
  const state = (await systemctl("show", "-p", "ActiveState", "--value", unit)).stdout.trim();
  return state === "inactive" || state === "failed" ? left : [...left, unit];
}

/** Kills, again until none is left, what has this runtime folder in its environment. Returns what does not end. */
async function endMarked(host: Host, runtime: string): Promise<string[]> {
  const procfs = procfsOf(host);
  const marked = async () => {
    const all = (await procfs.ofUser(host.user.uid)).filter(({ pid }) => pid !== host.pid);
    const folders = await Promise.all(all.map(({ pid }) => procfs.variable(pid, "XDG_RUNTIME_DIR")));
    return all.filter((_, index) => folders[index] === runtime);
  };
  const ended = await until(host, END_LIMIT_MS, async () => {
    const found = await marked();
    for (const { pid } of found) host.kill(pid, "SIGKILL");
    return found.length === 0 ? true : undefined;
  });
  return ended ? [] : (await marked()).map(({ pid, name }) => `process ${pid} (${name})`);
}

/** Written before the cage is made: whatever ends this run, a later one knows what to clear. */
export async function writeOwner(host: Host, root: string, cage: Cage): Promise<void> {
  const startTime = (await procfsOf(host).startTime(host.pid)) ?? "";
  const owner: Owner = { pid: host.pid, startTime, pids: await pidNamespace(host), cage };
  await host.files.writeAtomic(join(root, "owner.json"), JSON.stringify(owner), 0o600);
}

/** Where pids mean what they mean here. */
async function pidNamespace({ files }: Host): Promise<string> {
  return (await files.readLink("/proc/self/ns/pid")) ?? "";
}

/** Removes the sandboxes of runs that were killed. One whose owner lives, or cannot be seen from here, is left alone, and so is another user's. */
export async function clearLeftovers(host: Host, base: string): Promise<void> {
  for (const name of await host.files.list(base)) {
    const root = join(base, name);
    const status = name.startsWith(SANDBOX_PREFIX) ? await host.files.status(root) : undefined;
    if (status?.kind !== "folder" || status.uid !== host.user.uid) continue;
    const text = await host.files.read(join(root, "owner.json"));
    if (text === undefined) {
      // Being made just now; or of a run that was killed that early, whose pid is in the name.
      const pid = Number(name.slice(SANDBOX_PREFIX.length).split("-")[0]);
      if (pid > 0 && (await procfsOf(host).startTime(pid)) === undefined) await host.files.removeTree(root);
      continue;
    }
    const owner = JSON.parse(text) as Owner;
    const here = await pidNamespace(host);
    if ((owner.pids ?? here) !== here) continue; // of a container that has this folder, too, or of its host
    if ((await procfsOf(host).startTime(owner.pid)) === owner.startTime) continue;
    if ((await endCage(host, owner.cage)).length === 0) await host.files.removeTree(root);
  }
}
