import type { Process } from "../adapters/procfs.ts";
import { HOLDER_UNIT, SANDBOX_PREFIX } from "../core/names.ts";
import type { Tools } from "./tools.ts";

/** Children, their children, and so on. */
export function descendants(processes: readonly Process[], pid: number): Process[] {
  const byParent = Map.groupBy(processes, ({ parent }) => parent);
  const found = [...(byParent.get(pid) ?? [])];
  for (const process of found) found.push(...(byParent.get(process.pid) ?? [])); // grows as it is walked
  return found;
}

/** The sandbox in which a cgroup is; undefined outside of any. */
function sandboxOf(cgroup: string): string | undefined {
  if (!cgroup.includes(SANDBOX_PREFIX)) return undefined;
  return cgroup.split("/").find((group) => group.startsWith(SANDBOX_PREFIX));
}

/** Tells cgroups of this fleet's world: a sandbox is one of its own. */
export async function sameWorld(tools: Tools): Promise<(cgroup: string) => boolean> {
  const own = sandboxOf("manager" in (await tools.userManager()) ? (await tools.managerState()).controlGroup : "");
  return (cgroup) => sandboxOf(cgroup) === own;
}

/** tmux servers of this user that are neither a holder's nor a tool of an agent. Only /proc is asked. */
export async function otherServers(tools: Tools): Promise<Process[]> {
  const servers = (await tools.processes()).filter(({ name }) => name === "tmux: server");
  const [cgroups, isOurs] = await Promise.all([
    Promise.all(servers.map(({ pid }) => tools.procfs.cgroup(pid))),
    sameWorld(tools),
  ]);
  return servers.filter((_, index) => {
    const cgroup = cgroups[index];
    if (cgroup === undefined || !isOurs(cgroup)) return false; // gone meanwhile, or another's
    return !cgroup.split("/").some((unit) => unit === HOLDER_UNIT || /^mosaic-agent@.*\.service$/.test(unit));
  });
}
