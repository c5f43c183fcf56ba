import { join } from "node:path";
import type { Host } from "../core/host.ts";

/** Processes as /proc shows them. A process that is gone, or not ours to read, is undefined, never an error. */
export interface Procfs {
  /** The cgroup by which systemd knows the process: the unified one, else that of name=systemd. */
  cgroup(pid: number): Promise<string | undefined>;
  /** Its cgroup in each hierarchy, by the controllers of that as /proc writes them: "" for the unified one. */
  cgroups(pid: number): Promise<ReadonlyMap<string, string>>;
  environment(pid: number): Promise<Record<string, string> | undefined>;
  workingFolder(pid: number): Promise<string | undefined>;
  commandLine(pid: number): Promise<string[] | undefined>;
  /** Clock ticks since boot; with the pid it names a process for good. */
  startTime(pid: number): Promise<string | undefined>;
  /** Its program's file, as the kernel names it: "/usr/bin/tmux (deleted)" when that was replaced since. */
  program(pid: number): Promise<string | undefined>;
  /** Its name, as in Process. */
  name(pid: number): Promise<string | undefined>;
  /** One variable of the environment that it was started with. */
  variable(pid: number, name: string): Promise<string | undefined>;
  /** Paths of the sockets on which it listens. */
  listensOn(pid: number): Promise<string[]>;
  pids(): Promise<number[]>;
  /** Every process of a user that runs a program. */
  ofUser(uid: number): Promise<Process[]>;
}

export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** The program's name as the kernel cuts it (15 characters), or as it calls itself: "tmux: server". */
  readonly name: string;
}

/** What is asked of /proc/PID/status. A process without memory of its own, the kernel's or a dead one, is left out. */
const STATUS = /^Name:\t(.*)\n[\s\S]*?^PPid:\t(\d+)\n[\s\S]*?^Uid:\t(\d+)\t[\s\S]*?^VmSize:/m;

export function procfsOf(host: Pick<Host, "files">): Procfs {
  const read = async (pid: number, file: string) => {
    try {
      return await host.files.read(`/proc/${pid}/${file}`);
    } catch {
      return undefined;
    }
  };
  const pids = async () => (await host.files.list("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  return {
    async cgroup(pid) {
      return cgroupPath((await read(pid, "cgroup")) ?? "");
    },
    async environment(pid) {
      const text = await read(pid, "environ");
      if (text === undefined) return undefined;
      return Object.fromEntries(
        text
          .split("\0")
          .filter((entry) => entry.includes("="))
          .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
      );
    },
    async cgroups(pid) {
      const lines = ((await read(pid, "cgroup")) ?? "").trimEnd().split("\n");
      return new Map(
        lines.map((line) => line.split(":")).map(([, controllers = "", ...path]) => [controllers, path.join(":")]),
      );
    },
    workingFolder: (pid) => host.files.readLink(join("/proc", String(pid), "cwd")),
    async commandLine(pid) {
      return (await read(pid, "cmdline"))?.split("\0").slice(0, -1);
    },
    async startTime(pid) {
      // The program's name, in brackets, may hold anything: count from the last bracket.
      const stat = await read(pid, "stat");
      const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields?.[0] === "Z" ? undefined : fields?.[19];
    },
    program: (pid) => host.files.readLink(join("/proc", String(pid), "exe")),
    name: async (pid) => (await read(pid, "comm"))?.trimEnd(),
    async variable(pid, name) {
      const text = `\0${(await read(pid, "environ")) ?? ""}`;
      const start = text.indexOf(`\0${name}=`) + name.length + 2;
      return start < name.length + 2 ? undefined : text.slice(start, `${text}\0`.indexOf("\0", start));
    },
    async listensOn(pid) {
      const folder = `/proc/${pid}/fd`;
      const open = await host.files.list(folder).catch(() => []);
      const targets = new Set(await Promise.all(open.map((fd) => host.files.readLink(join(folder, fd)))));
      // Num RefCount Protocol Flags Type St Inode Path; this flag is that of a listener.
      return ((await read(pid, "net/unix")) ?? "").split("\n").flatMap((line) => {
        const [, inode, path] = /^\S+ \S+ \S+ 00010000 \S+ \S+ +(\d+) (\/.*)$/.exec(line) ?? [];
        return path !== undefined && targets.has(`socket:[${inode}]`) ? [path] : [];
      });
    },
    pids,
    async ofUser(uid) {
      const statuses = await Promise.all((await pids()).map(async (pid) => ({ pid, text: await read(pid, "status") })));
      return statuses.flatMap(({ pid, text = "" }) => {
        const [, name = "", parent, owner] = STATUS.exec(text) ?? [];
        return owner === String(uid) ? [{ pid, parent: Number(parent), name }] : [];
      });
    },
  };
}

/** Of a process's cgroups the one by which systemd knows it; as cgroupPath(). */
export function systemdGroup(groups: ReadonlyMap<string, string>): string | undefined {
  return groups.get("") || groups.get("name=systemd") || undefined; // empty where the process is gone
}

/** Out of the text of /proc/PID/cgroup. On a hybrid machine both lines are there and systemd goes by the unified one. */
export function cgroupPath(text: string): string | undefined {
  const lines = text.split("\n");
  const line = lines.find((each) => each.startsWith("0::")) ?? lines.find((each) => each.includes(":name=systemd:"));
  return line?.split(":").slice(2).join(":");
}
