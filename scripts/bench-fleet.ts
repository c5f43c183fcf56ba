// The fleets that scripts/bench.ts measures, each in a sandbox of its own, and what it does with them.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { localHost } from "../src/adapters/local-host.ts";
import { systemdOf } from "../src/adapters/systemd.ts";
import { openSandbox } from "../src/canary/sandbox.ts";
import { succeeded } from "../src/core/exec.ts";
import type { Host } from "../src/core/host.ts";
import { HOLDER_UNIT } from "../src/core/names.ts";
import { until } from "../src/core/until.ts";
import { install } from "../src/install/install.ts";

export const SOCKET = "mosaic-factory";
export const machine = localHost();

export interface Fleet extends AsyncDisposable {
  readonly host: Host;
  /** What the cgroup of each of its processes has in its path. */
  readonly id: string;
}

async function sandboxed(prepare: (host: Host, home: string) => Promise<void>): Promise<Fleet> {
  const { host, root, close } = await openSandbox(machine);
  const dispose = async () => {
    const left = await close();
    if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
  };
  try {
    await prepare(host, host.user.home);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { host, id: basename(root), [Symbol.asyncDispose]: dispose };
}

/** A manager and a home with nothing in it. */
export function emptyFleet(): Promise<Fleet> {
  return sandboxed(async () => {});
}

/** The layout as install makes it; every agent runs `sleep infinity`. */
export function ourFleet(): Promise<Fleet> {
  return sandboxed(async (host, home) => {
    await install(host, { version: "bench" });
    const settings = join(home, ".config/mosaic/fleet/fleet.env");
    await host.files.writeAtomic(settings, "MOSAIC_AGENT_COMMAND=sleep infinity\n", 0o600);
  });
}

/** The least that does the same, as one would type it: units of the same names with nothing in them but the tmux call. */
export function bareFleet(): Promise<Fleet> {
  return sandboxed(async (host, home) => {
    const units = join(home, ".config/systemd/user");
    await host.files.makeFolder(units);
    const files = {
      [join(home, "bare.conf")]: "set -s exit-empty off\n",
      [join(units, HOLDER_UNIT)]: `[Service]\nType=forking\nExecStart=tmux -L ${SOCKET} -f %h/bare.conf start-server\n`,
      [join(units, "mosaic-agent@.service")]:
        `[Service]\nType=oneshot\nRemainAfterExit=yes\n` +
        `ExecStart=tmux -L ${SOCKET} new-session -d -s %i sleep infinity\n` +
        `ExecStop=tmux -L ${SOCKET} kill-session -t =%i\n`,
    };
    for (const [path, text] of Object.entries(files)) await host.files.writeAtomic(path, text, 0o644);
    systemctl(host, "daemon-reload");
  });
}

export function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bench-${index + 1}`);
}

export function unitOf(name: string): string {
  return `mosaic-agent@${name}.service`;
}

/** Milliseconds that a program took. Throws when it failed, which is an exit code not in `fine`. Nothing else happens here meanwhile, which is the point. */
export function timed(argv: readonly string[], { env }: Pick<Host, "env"> = machine, fine = [0]): number {
  const before = performance.now();
  const child = Bun.spawnSync([...argv], { env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const ms = performance.now() - before;
  if (!fine.includes(child.exitCode ?? -1))
    throw new Error(`${argv.join(" ").slice(0, 200)} failed: ${child.stderr.toString().trim()}`);
  return ms;
}

export function systemctl(host: Host, ...args: string[]): number {
  return timed(["systemctl", "--user", ...args], host);
}

export function tmux(host: Host, ...args: string[]): number {
  return timed(["tmux", "-u", "-N", "-L", SOCKET, ...args], host);
}

/** Stops units, and forgets how often they were started: the next round has its starts to itself. */
export function stop(host: Host, ...units: string[]): void {
  systemctl(host, "stop", ...units);
  systemctl(host, "reset-failed");
}

/** Seconds from the end of the tmux server to the last agent's return. */
export async function killAndWait(host: Host, agents: readonly string[]): Promise<number> {
  systemctl(host, "reset-failed");
  const [holder] = await systemdOf(host).show([HOLDER_UNIT]);
  if (holder === undefined || holder.mainPid === 0) throw new Error("the holder has no server to kill");
  const killed = performance.now();
  process.kill(holder.mainPid, "SIGKILL");
  await untilAllBack(host, agents, String(holder.mainPid));
  return (performance.now() - killed) / 1000;
}

/** Resolves when a server other than `old` has a live session for each agent, its program in its unit, its unit active. */
export async function untilAllBack(host: Host, agents: readonly string[], old: string): Promise<void> {
  const format = "#{pid} #{session_name} #{pane_pid} #{pane_dead}";
  let missing = "any session";
  const back = await until(host, 120_000, async () => {
    machine.interrupted.throwIfAborted();
    const result = await host.exec(["tmux", "-u", "-N", "-L", SOCKET, "list-panes", "-a", "-F", format]);
    if (!succeeded(result)) return undefined;
    const panes = new Map<string, string>();
    for (const line of result.stdout.trim().split("\n")) {
      const [server, session = "", pid = "", dead] = line.split(" ");
      if (server !== old && dead === "0") panes.set(session, pid);
    }
    const absent = agents.find((name) => !inUnit(panes.get(name), name));
    if (absent !== undefined) {
      missing = `${absent} in its unit`;
      return undefined;
    }
    const units = await systemdOf(host).list("mosaic-agent@*");
    const active = new Set(units.filter((unit) => unit.active === "active").map(({ unit }) => unit));
    missing = agents.find((name) => !active.has(unitOf(name))) ?? "";
    return missing === "" || undefined;
  });
  if (back === undefined) throw new Error(`not all of ${agents.length} agents came within two minutes: no ${missing}`);
}

function inUnit(pid: string | undefined, name: string): boolean {
  return pid !== undefined && (read(`/proc/${pid}/cgroup`)?.includes(`/${unitOf(name)}\n`) ?? false);
}

/** Proportional set sizes, in kB, of a fleet's tmux server, its user manager, and all else that is in its units. */
export interface Usage {
  readonly programs: readonly number[];
  readonly server: number;
  readonly manager: number;
}

export function usage({ id }: Fleet): Usage {
  const programs: number[] = [];
  let [server, manager] = [0, 0];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const groups = read(`/proc/${pid}/cgroup`);
    if (!groups?.includes(`/${id}`)) continue;
    const kb = Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? "")?.[1] ?? 0);
    const name = read(`/proc/${pid}/comm`)?.trim();
    if (name === "tmux: server") server += kb;
    else if (/\/(mosaic-(agent|tmux)|tmux-spawn)[^/]*\.(service|scope)/.test(groups)) programs.push(kb);
    else if (name === "systemd") manager += kb;
  }
  return { programs, server, manager };
}

/** The text of a file of the kernel's; undefined when its process is gone. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
