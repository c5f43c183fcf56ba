import { join } from "node:path";
import type { Host } from "../core/host.ts";

/** Processes as /proc shows them. A process that is gone, or not ours to read, is undefined, never an error. */
export interface Procfs {
  /** The cgroup by which systemd knows the process: the unified one, else that of name=systemd. */
  cgroup(pid: number): Promise<string | undefined>;
  environment(pid: number): Promise<Record<string, string> | undefined>;
  workingFolder(pid: number): Promise<string | undefined>;
  commandLine(pid: number): Promise<string[] | undefined>;
  /** Clock ticks since boot; with the pid it names a process for good. */
  startTime(pid: number): Promise<string | undefined>;
  pids(): Promise<number[]>;
}

export function procfsOf(host: Pick<Host, "files">): Procfs {
  const read = async (pid: number, file: string) => {
    try {
      return await host.files.read(`/proc/${pid}/${file}`);
    } catch {
      return undefined;
    }
  };
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
    async pids() {
      return (await host.files.list("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
    },
  };
}

/** Out of the text of /proc/PID/cgroup. On a hybrid machine both lines are there and systemd goes by the unified one. */
export function cgroupPath(text: string): string | undefined {
  const lines = text.split("\n");
  const line = lines.find((each) => each.startsWith("0::")) ?? lines.find((each) => each.includes(":name=systemd:"));
  return line?.split(":").slice(2).join(":");
}
