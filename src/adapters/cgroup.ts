import { dirname, join } from "node:path";
import type { Host } from "../core/host.ts";

/** A mounted cgroup hierarchy. */
interface Hierarchy {
  readonly mount: string;
  /** "" for the unified one, else such as "pids" or "name=systemd". */
  readonly controllers: string;
}

export type CgroupMode = "unified" | "hybrid" | "legacy" | "none";

async function hierarchies(host: Pick<Host, "files">): Promise<Hierarchy[]> {
  const mounts = (await host.files.read("/proc/self/mountinfo")) ?? "";
  return mounts.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [type = "", , options = ""] = right.split(" ");
    const mount = left.split(" ")[4];
    if (mount === undefined) return [];
    if (type === "cgroup2") return [{ mount, controllers: "" }];
    if (type !== "cgroup") return [];
    const controllers = options
      .split(",")
      .filter((option) => !/^(rw|ro|xattr|clone_children|release_agent=.*)$/.test(option));
    return [{ mount, controllers: controllers.join(",") }];
  });
}

export async function cgroupMode(host: Pick<Host, "files">): Promise<CgroupMode> {
  const found = await hierarchies(host);
  const unified = found.some((each) => each.controllers === "");
  const legacy = found.some((each) => each.controllers !== "");
  if (unified) return legacy ? "hybrid" : "unified";
  return legacy ? "legacy" : "none";
}

/** Where the unified hierarchy is mounted. */
export async function unifiedMount(host: Pick<Host, "files">): Promise<string | undefined> {
  return (await hierarchies(host)).find(({ controllers }) => controllers === "")?.mount;
}

/** The hierarchies that have a group of systemd's, by their controllers as /proc/PID/cgroup writes them. */
export async function hierarchiesOf(host: Pick<Host, "files">, group: string): Promise<string[]> {
  const all = await hierarchies(host);
  const there = await Promise.all(all.map(({ mount }) => host.files.status(join(mount, group, "cgroup.procs"))));
  return [...new Set(all.filter((_, index) => there[index] !== undefined).map(({ controllers }) => controllers))];
}

/** The file with the memory limit of a group of systemd's; undefined where no memory controller has that group. */
export async function memoryLimitFile(host: Pick<Host, "files">, group: string): Promise<string | undefined> {
  for (const { mount, controllers } of await hierarchies(host)) {
    if (controllers !== "" && !controllers.split(",").includes("memory")) continue;
    const file = join(mount, group, controllers === "" ? "memory.max" : "memory.limit_in_bytes");
    if ((await host.files.status(file)) !== undefined) return file;
  }
  return undefined;
}

/** Our own group in each hierarchy: its path from the mount. */
async function ownGroups(host: Pick<Host, "files">): Promise<(Hierarchy & { readonly path: string })[]> {
  const own = new Map<string, string>();
  for (const line of ((await host.files.read("/proc/self/cgroup")) ?? "").split("\n")) {
    const [, controllers, ...path] = line.split(":");
    if (controllers !== undefined) own.set(controllers, path.join(":"));
  }
  return (await hierarchies(host)).flatMap((hierarchy) => {
    const path = own.get(hierarchy.controllers);
    return path === undefined ? [] : [{ ...hierarchy, path }];
  });
}

/**
 * The folders that a group of this name below our own group has, one in every hierarchy.
 * cpuset is left out: a new group there takes no process until it is told which processors are its own.
 */
export async function groupFolders(host: Pick<Host, "files">, name: string): Promise<string[]> {
  return (await ownGroups(host)).flatMap(({ mount, controllers, path }) =>
    controllers.split(",").includes("cpuset") ? [] : [join(mount, path, name)],
  );
}

/** The group with the least room for more processes and threads (pids.max), our own or one above it. */
export async function tasksLeft(host: Pick<Host, "files">): Promise<{ readonly group: string; readonly left: number }> {
  let least = { group: "", left: Number.POSITIVE_INFINITY };
  for (const { mount, controllers, path } of await ownGroups(host)) {
    if (controllers !== "" && !controllers.split(",").includes("pids")) continue;
    for (let at = join("/", path); ; at = dirname(at)) {
      const group = join(mount, at);
      const numbers = await Promise.all(
        ["pids.max", "pids.current"].map(async (file) =>
          numberIn(await host.files.read(join(group, file)).catch(() => undefined)),
        ),
      );
      const [most, now] = numbers;
      if (most != null && now != null && most - now < least.left) least = { group, left: Math.max(0, most - now) };
      if (at === "/") break;
    }
  }
  return least;
}

/** What a group uses, and may; null where its tree does not count that. */
export interface GroupUsage {
  readonly memoryBytes: number | null;
  readonly memoryMaxBytes: number | "infinity" | null;
  /** Since the group was made. */
  readonly cpuSeconds: number | null;
  /** How many processors' time it may have. */
  readonly cpuMax: number | "infinity" | null;
  /** Its part of the processors where they are short, against its neighbours': 100 is the usual. null also where nobody asked. */
  readonly cpuWeight: number | null;
}

export const NO_USAGE: GroupUsage = {
  memoryBytes: null,
  memoryMaxBytes: null,
  cpuSeconds: null,
  cpuMax: null,
  cpuWeight: null,
};

/** Where the kernel counts what groups use: in the unified tree, or in one of a controller's own (version 1). */
export interface Counters {
  /** The unified tree, which counts time whatever its controllers are. */
  readonly unified: string | undefined;
  readonly memory: Tree | undefined;
  readonly cpu: Tree | undefined;
}

interface Tree {
  readonly mount: string;
  readonly version: 1 | 2;
}

/** Reads what groups use, by the path by which systemd knows them; `weighed`: their weight, too. */
export async function groupUsages(host: Pick<Host, "files">): Promise<(group: string, weighed: boolean) => GroupUsage> {
  const found = await hierarchies(host);
  const unified = found.find(({ controllers }) => controllers === "")?.mount;
  const here = unified === undefined ? "" : ((await host.files.read(join(unified, "cgroup.controllers"))) ?? "");
  const treeOf = (controller: string): Tree | undefined => {
    if (unified !== undefined && here.split(/\s+/).includes(controller)) return { mount: unified, version: 2 };
    const own = found.find(({ controllers }) => controllers.split(",").includes(controller));
    return own && { mount: own.mount, version: 1 };
  };
  const all = { unified, memory: treeOf("memory"), cpu: treeOf("cpu") };
  // Not asked in vain of a thousand: a file that is not there costs more than one that is. Where systemd has a group for one
  // unit of a slice, it has one for each.
  const bySlice = new Map<string, Counters>();
  return (group, weighed) => {
    const slice = dirname(group);
    const counters = bySlice.get(slice) ?? countersOf(host, all, group);
    bySlice.set(slice, counters);
    return groupUsage(host, counters, group, weighed);
  };
}

function countersOf(host: Pick<Host, "files">, { unified, memory, cpu }: Counters, group: string): Counters {
  const here = (tree: Tree | undefined, file: string) =>
    tree !== undefined && readNow(host, tree.mount, group, file) !== undefined ? tree : undefined;
  return {
    unified,
    memory: here(memory, memory?.version === 1 ? "memory.usage_in_bytes" : "memory.current"),
    cpu: here(cpu, cpu?.version === 1 ? "cpu.cfs_quota_us" : "cpu.max"),
  };
}

function readNow(host: Pick<Host, "files">, mount: string, group: string, file: string): string | undefined {
  try {
    return host.files.readNow(`${mount}${group}/${file}`); // both are as the kernel has them: nothing to be made tidy
  } catch {
    return undefined; // its group is gone
  }
}

/** Of one group. */
export function groupUsage(
  host: Pick<Host, "files">,
  { unified, memory, cpu }: Counters,
  group: string,
  weighed: boolean,
): GroupUsage {
  const read = (mount: string | undefined, file: string) =>
    mount === undefined ? undefined : readNow(host, mount, group, file);
  const used = read(memory?.mount, memory?.version === 1 ? "memory.usage_in_bytes" : "memory.current");
  const most = read(memory?.mount, memory?.version === 1 ? "memory.limit_in_bytes" : "memory.max");
  const bytes = most?.trim() === "max" ? Number.POSITIVE_INFINITY : numberIn(most);
  const micros = /^usage_usec (\d+)$/m.exec(read(unified, "cpu.stat") ?? "")?.[1];
  const quota = read(cpu?.mount, cpu?.version === 1 ? "cpu.cfs_quota_us" : "cpu.max") ?? "";
  const [part = "", period] = quota.trim().split(" ");
  const limited = /^[1-9]/.test(part); // else max, or -1
  const of = limited ? (period ?? read(cpu?.mount, "cpu.cfs_period_us")) : undefined;
  const weight = weighed ? numberIn(read(cpu?.mount, cpu?.version === 1 ? "cpu.shares" : "cpu.weight")) : null;
  return {
    memoryBytes: numberIn(used),
    memoryMaxBytes: bytes !== null && bytes >= UNLIMITED ? "infinity" : bytes,
    cpuSeconds: micros === undefined ? null : Number(micros) / 1_000_000,
    cpuMax: part === "" ? null : limited ? Number(part) / Number(of) : "infinity",
    cpuWeight: weight !== null && cpu?.version === 1 ? Math.round(weight / SHARES) : weight,
  };
}

/** What systemd makes of one of weight in version 1, where the usual are 1024. */
const SHARES = 10.24;
/** A limit of version 1 that is none: the largest number of whole pages. */
const UNLIMITED = 2 ** 62;

function numberIn(text: string | undefined): number | null {
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : null;
}

async function subgroups(host: Pick<Host, "files">, folder: string): Promise<string[]> {
  if ((await host.files.status(folder)) === undefined) return [];
  const deeper: string[] = [];
  for (const name of await host.files.list(folder)) {
    const path = join(folder, name);
    if ((await host.files.status(path))?.kind === "folder") deeper.push(...(await subgroups(host, path)));
  }
  return [...deeper, folder]; // innermost first: the order in which they can be removed
}

/** What is told of a group beside its processes, where it is. */
const TOLD = [
  ...["memory.max", "memory.current", "memory.events", "memory.limit_in_bytes", "memory.usage_in_bytes"],
  ...["pids.max", "pids.current", "cgroup.events", "cgroup.freeze"],
];

/** A group of systemd's and all below it, in every hierarchy that has it: processes, limits, use, as lines for people. */
export async function groupLines(host: Pick<Host, "files">, group: string): Promise<string[]> {
  const lines: string[] = [];
  for (const { mount, controllers } of await hierarchies(host)) {
    for (const folder of (await subgroups(host, join(mount, group))).reverse()) {
      const read = (file: string) => host.files.read(join(folder, file)).catch(() => undefined);
      const pids = ((await read("cgroup.procs")) ?? "").trim().split("\n").join(" ");
      const told = await Promise.all(
        TOLD.map(async (file) => [file, (await read(file))?.trim().replaceAll("\n", ", ")]),
      );
      const known = told.flatMap(([file, text]) => (text === undefined ? [] : [`${file}: ${text}`]));
      lines.push(`${folder}${controllers === "" ? "" : ` (${controllers})`}: processes ${pids || "none"}`);
      lines.push(...known.map((line) => `  ${line}`));
    }
  }
  return lines;
}

/** The processes of a group and of all below it. */
async function groupMembers(host: Pick<Host, "files">, folder: string): Promise<number[]> {
  const pids: number[] = [];
  for (const group of await subgroups(host, folder)) {
    const text = (await host.files.read(join(group, "cgroup.procs")).catch(() => undefined)) ?? "";
    pids.push(...text.split("\n").filter(Boolean).map(Number));
  }
  return pids;
}

/** Kills what lives in these groups, and what comes into them meanwhile, and removes them. Returns what could not be removed. */
export async function removeGroups(
  host: Pick<Host, "files" | "kill" | "now" | "pause">,
  folders: readonly string[],
): Promise<string[]> {
  const deadline = host.now() + 15_000;
  for (;;) {
    for (const folder of folders) for (const pid of await groupMembers(host, folder)) host.kill(pid, "SIGKILL");
    const left: string[] = [];
    for (const folder of folders) {
      for (const group of await subgroups(host, folder)) {
        if (!(await host.files.removeEmptyFolder(group).catch(() => false))) left.push(group);
      }
    }
    if (left.length === 0 || host.now() > deadline) return left;
    await host.pause(5);
  }
}
