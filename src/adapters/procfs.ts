import { join } from "node:path";
import type { Host } from "../core/host.ts";

/** Processes as /proc shows them. A process that is gone, or not ours to read, is undefined, never an error. */
export interface Procfs {
  /** The cgroup by which systemd knows the process: the unified one, else that of name=systemd. */
  cgroup(pid: number): Promise<string | undefined>;
  /** Its cgroup in each hierarchy, by the controllers of that as /proc writes them: "" for the unified one. */
  cgroups(pid: number): Promise<ReadonlyMap<string, string>>;
  /** What /proc/PID/cgroup says of each, for cgroupPath() and cgroupIn(). */
  groupTexts(pids: readonly number[]): Promise<(string | undefined)[]>;
  environment(pid: number): Promise<Record<string, string> | undefined>;
  workingFolder(pid: number): Promise<string | undefined>;
  commandLine(pid: number): Promise<string[] | undefined>;
  /** Clock ticks since boot; with the pid it names a process for good. */
  startTime(pid: number): Promise<string | undefined>;
  /** Of each what is asked of a thousand at once. */
  lives(pids: readonly number[]): Promise<(Life | undefined)[]>;
  /** startTime() of each. */
  startTimes(pids: readonly number[]): Promise<(string | undefined)[]>;
  /** Its program's file, as the kernel names it: "/usr/bin/tmux (deleted)" when that was replaced since. */
  program(pid: number): Promise<string | undefined>;
  /** Its name, as in Process. */
  name(pid: number): Promise<string | undefined>;
  /** One variable of the environment that it was started with. */
  variable(pid: number, name: string): Promise<string | undefined>;
  /** The processes that were started with this variable, and say so to us. */
  withVariable(name: string, value: string): Promise<number[]>;
  /** Paths of the sockets on which it listens. */
  listensOn(pid: number): Promise<string[]>;
  /**
   * The processes that may read the terminal of this one now, its foreground group, as far as they are the process itself or
   * descend from it; and how many bytes each has read in its life, from wherever.
   */
  terminalReaders(pid: number): Promise<readonly TerminalReader[]>;
  pids(): Promise<number[]>;
  /** How many processes and threads a user has. */
  tasksOf(uid: number): Promise<number>;
  /** Every process of a user that runs a program. */
  ofUser(uid: number): Promise<Process[]>;
}

export interface TerminalReader {
  readonly pid: number;
  readonly name: string;
  /** undefined where that is not ours to know. */
  readonly bytesRead: number | undefined;
}

interface Life {
  /** As in Process. */
  readonly name: string;
  /** As startTime(). */
  readonly startTime: string;
  /** As cgroup(). */
  readonly cgroup: string | undefined;
}

export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** The program's name as the kernel cuts it (15 characters), or as it calls itself: "tmux: server". */
  readonly name: string;
}

export function procfsOf({ files }: Pick<Host, "files">): Procfs {
  const read = async (pid: number, file: string) => {
    try {
      return await files.read(`/proc/${pid}/${file}`);
    } catch {
      return undefined;
    }
  };
  const textNow = (path: string) => {
    try {
      return files.readNow(path);
    } catch {
      return undefined; // it is gone meanwhile
    }
  };
  const readEach = (pids: readonly number[], file: string) => files.readEach(pids.map((pid) => `/proc/${pid}/${file}`));
  /** A process and all that it and they have started, as far as it still is their ancestor. */
  const descendants = async (pid: number): Promise<number[]> => {
    const threads = await files.list(`/proc/${pid}/task`).catch(() => []);
    const children = await Promise.all(threads.map((thread) => read(pid, `task/${thread}/children`)));
    const pids = children.flatMap((text) => (text ?? "").split(" ").filter(Boolean).map(Number));
    return [pid, ...(await Promise.all(pids.map(descendants))).flat()];
  };
  const pids = async () => (await files.list("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
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
    workingFolder: (pid) => files.readLink(join("/proc", String(pid), "cwd")),
    async commandLine(pid) {
      return (await read(pid, "cmdline"))?.split("\0").slice(0, -1);
    },
    startTime: async (pid) => startTimeIn(await read(pid, "stat")),
    startTimes: async (pids) => (await readEach(pids, "stat")).map(startTimeIn),
    groupTexts: (pids) => readEach(pids, "cgroup"),
    async lives(pids) {
      // Of each process both in one go: what the kernel has of a thousand is more than a processor keeps at hand.
      const texts = await files.readEach(pids.flatMap((pid) => [`/proc/${pid}/stat`, `/proc/${pid}/cgroup`]));
      return pids.map((_, index) => lifeIn(texts[2 * index], texts[2 * index + 1]));
    },
    program: (pid) => files.readLink(join("/proc", String(pid), "exe")),
    name: async (pid) => lifeIn(await read(pid, "stat"))?.name,
    async variable(pid, name) {
      const text = `\0${(await read(pid, "environ")) ?? ""}`;
      const start = text.indexOf(`\0${name}=`) + name.length + 2;
      return start < name.length + 2 ? undefined : text.slice(start, `${text}\0`.indexOf("\0", start));
    },
    async withVariable(name, value) {
      const all = await pids();
      const environments = await readEach(all, "environ");
      return all.filter((_, index) => `\0${environments[index] ?? ""}`.includes(`\0${name}=${value}\0`));
    },
    async listensOn(pid) {
      const folder = `/proc/${pid}/fd`;
      const open = await files.list(folder).catch(() => []);
      const targets = new Set(await Promise.all(open.map((fd) => files.readLink(join(folder, fd)))));
      // Num RefCount Protocol Flags Type St Inode Path; this flag is that of a listener.
      return ((await read(pid, "net/unix")) ?? "").split("\n").flatMap((line) => {
        const [, inode, path] = /^\S+ \S+ \S+ 00010000 \S+ \S+ +(\d+) (\/.*)$/.exec(line) ?? [];
        return path !== undefined && targets.has(`socket:[${inode}]`) ? [path] : [];
      });
    },
    async terminalReaders(pid) {
      const [, , , , , foreground] = statFields(await read(pid, "stat")) ?? [];
      const family = foreground === undefined || foreground === "-1" ? [] : await descendants(pid);
      const readers = await Promise.all(
        family.map(async (each): Promise<TerminalReader[]> => {
          const [stat, io, name] = await Promise.all(["stat", "io", "comm"].map((file) => read(each, file)));
          if (statFields(stat)?.[2] !== foreground) return [];
          const bytes = /^rchar: (\d+)$/m.exec(io ?? "")?.[1];
          return [
            { pid: each, name: name?.trimEnd() ?? "", bytesRead: bytes === undefined ? undefined : Number(bytes) },
          ];
        }),
      );
      return readers.flat();
    },
    pids,
    async tasksOf(uid) {
      const statuses = await readEach(await pids(), "status");
      const own = statuses.filter((text = "") => lineOf(text, "Uid") === String(uid));
      return own.reduce((sum, text = "") => sum + Number(lineOf(text, "Threads")), 0);
    },
    async ofUser(uid) {
      const found: Process[] = [];
      for (const pid of await pids()) {
        const text = textNow(`/proc/${pid}/status`) ?? "";
        // A process without memory of its own, the kernel's or a dead one, is left out.
        if (!text.includes("\nVmSize:") || lineOf(text, "Uid") !== String(uid)) continue;
        found.push({
          pid,
          parent: Number(lineOf(text, "PPid")),
          name: text.slice("Name:\t".length, text.indexOf("\n")),
        });
        // For who remembers groups, as doctor does: to come back for them takes longer, as what the kernel has is then not at hand.
        textNow(`/proc/${pid}/cgroup`);
      }
      return found;
    },
  };
}

/** The first value in a line of /proc/PID/status. */
function lineOf(status: string, name: string): string {
  const start = status.indexOf(`\n${name}:\t`) + name.length + 3;
  return status.slice(start, status.indexOf("\n", start)).split("\t", 1)[0] ?? "";
}

function startTimeIn(stat: string | undefined): string | undefined {
  if (!stat) return undefined;
  let at = stat.lastIndexOf(")") + 2;
  if (stat.startsWith("Z", at)) return undefined;
  // Of a thousand processes the fields before it are not worth a text each.
  for (let field = 0; field < 19; field++) at = stat.indexOf(" ", at) + 1;
  return stat.slice(at, stat.indexOf(" ", at));
}

function lifeIn(stat: string | undefined, groups = ""): Life | undefined {
  const startTime = startTimeIn(stat);
  if (stat === undefined || startTime === undefined) return undefined;
  const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
  return { name, startTime, cgroup: cgroupPath(groups) };
}

/** What /proc/PID/stat says from the state to the start time. The program's name before it, in brackets, may hold anything. */
function statFields(stat: string | undefined): string[] | undefined {
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ", 20);
}

/** Out of the text of /proc/PID/cgroup. On a hybrid machine both lines are there and systemd goes by the unified one. */
export function cgroupPath(text: string): string | undefined {
  return inUnified(text) ?? inSystemds(text);
}

const inUnified = cgroupIn("");
const inSystemds = cgroupIn("name=systemd");

/** What tells out of that text the path in the hierarchy of a controller; "" is the unified one. */
export function cgroupIn(controller: string): (text: string) => string | undefined {
  const list = controller === "" ? "" : `(?:[^:\\n]*,)?${controller}(?:,[^:\\n]*)?`;
  const line = new RegExp(`^\\d+:${list}:(.*)$`, "m");
  return (text) => line.exec(text)?.[1];
}
