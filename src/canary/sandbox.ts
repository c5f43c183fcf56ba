import { join } from "node:path";
import sandboxScript from "../../assets/canary-sandbox.sh" with { type: "text" };
import { BusError } from "../adapters/bus.ts";
import { groupFolders } from "../adapters/cgroup.ts";
import { managerProblem, openUserManager } from "../adapters/manager.ts";
import { mountOf, mountsOf } from "../adapters/mounts.ts";
import { createExec } from "../adapters/process.ts";
import { systemdOf } from "../adapters/systemd.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Child, Host } from "../core/host.ts";
import { SANDBOX_PREFIX } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { shellPath } from "../core/shell.ts";
import { until } from "../core/until.ts";
import { typed } from "../core/user-bus.ts";
import { type Cage, clearLeftovers, endCage, writeOwner } from "./cage.ts";
import { HALF, hasRoom, packageLines, ROOM, requireBasics } from "./requires.ts";

/** A private user manager with its own HOME and runtime folder, in cgroups of its own. */
export interface Sandbox {
  /** The host as a user of the sandbox sees it. */
  readonly host: Host;
  readonly root: string;
  /** Arguments that make journalctl read what the sandbox's units said. */
  readonly journal: readonly string[];
  /** Ends every process of the sandbox and removes all of it. Returns what could not be removed. */
  close(): Promise<string[]>;
}

/** How long a private manager may take to start, in milliseconds; 250 is usual. */
const BOOT_LIMIT_MS = 20_000;

/**
 * How the sandbox gets cgroups that it may write: root makes them where systemd is not the first process, and has a
 * scope of the system's manager where it is; an ordinary user has a scope of the user manager.
 */
type Way = "own-groups" | "system-scope" | "user-scope";

function missing(why: string, next: readonly string[] = []): FleetError {
  return new FleetError(EXIT.unavailable, "A sandbox cannot be made here", why, [...next, HALF]);
}

async function firstThere(host: Host, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if ((await host.files.status(path)) !== undefined) return path;
  return undefined;
}

/** Says exactly which requirement is missing (FleetError, 69) or how it can be done. */
async function requirements(host: Host): Promise<{ way: Way; manager: string; journald: string; base: string }> {
  const manager = await firstThere(host, ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]);
  if (manager === undefined)
    throw missing(
      "systemd is not installed (no /usr/lib/systemd/systemd)",
      await packageLines(host, { debian: "systemd", fedora: "systemd", suse: "systemd", arch: "systemd" }),
    );
  await requireBasics(host);
  // What systemd and tmux do there would look like a broken promise.
  if (!(await host.files.allows("/tmp", "write")))
    throw missing("/tmp cannot be written", [
      "mount -t tmpfs tmpfs /tmp   # a container has it of who starts it (docker: --tmpfs /tmp)",
    ]);
  const booted = (await host.files.status("/run/systemd/system")) !== undefined;
  const journald = booted
    ? undefined
    : await firstThere(host, ["/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"]);
  const found = { manager, journald: journald ?? "" };
  if (host.user.uid === 0) {
    const base = await memoryFolder(host);
    if (booted) return { ...found, way: "system-scope", base };
    const unshare = await host.exec(["unshare", "--mount", "true"]);
    if (!succeeded(unshare))
      throw missing(`a private mount namespace is not allowed (${describeResult(unshare)})`, [
        "run the container with --privileged",
      ]);
    return { ...found, way: "own-groups", base };
  }
  if (!booted)
    throw missing("this machine was not booted with systemd, and only root can make it look so to a private manager", [
      // By its path: sudo looks for a program where root has it, and not in ~/.local/bin.
      `sudo ${shellPath(host.executable, host.user.home)} canary --sandbox`,
    ]);
  const problem = await managerProblem(host, await systemdOf(host).managerVersion());
  if (problem !== undefined)
    throw missing(
      `an ordinary user's sandbox runs in a scope of the user manager, and that cannot be reached: ${problem.cause}`,
      typed(problem.remedy),
    );
  const base = pathsOf(host).runtime;
  if (base === undefined)
    throw missing("XDG_RUNTIME_DIR is not set", [`export XDG_RUNTIME_DIR=/run/user/${host.user.uid}`]);
  return { ...found, way: "user-scope", base };
}

/** systemd clears a runtime folder only on a memory file system; and socket paths must be short (107 bytes). */
async function memoryFolder(host: Host): Promise<string> {
  const mounts = await mountsOf(host);
  const full: string[] = [];
  for (const folder of ["/dev/shm", "/run", "/tmp"]) {
    const mount = mountOf(mounts, folder);
    if (mount?.folder !== folder || mount.type !== "tmpfs" || mount.options.includes("ro")) continue;
    if (await hasRoom(host, folder, mount)) return folder;
    full.push(folder);
  }
  const next = ["mount -t tmpfs tmpfs /dev/shm"];
  if (full.length === 0) throw missing("no writable memory file system at /dev/shm, /run or /tmp", next);
  throw missing(`too little room is left in ${full.join(", ")}: a sandbox needs ${ROOM.bytes / 2 ** 20} MiB`, next);
}

/** Boots a sandbox. Throws FleetError: 69 when a requirement is missing. `homeName`: what its home folder is called. */
export async function openSandbox(host: Host, homeName = "home"): Promise<Sandbox> {
  const { way, manager, journald, base } = await requirements(host);
  await clearLeftovers(host, base);
  const root = await host.files.makeTemporaryFolder(join(base, `${SANDBOX_PREFIX}${host.pid}-`));
  const id = root.slice(root.lastIndexOf("/") + 1);
  const cage: Cage =
    way === "own-groups"
      ? { groups: await groupFolders(host, id) }
      : { groups: [], scope: { unit: `${id}.scope`, manager: way === "system-scope" ? "system" : "user" } };
  let child: Child | undefined;
  let ended = false;
  const close = async () => {
    // It may be on its way into its cage, where we would not find it.
    if (child !== undefined && !ended) host.kill(child.pid, "SIGKILL");
    const left = await endCage(host, cage);
    if (left.length === 0) await host.files.removeTree(root); // else a later run finds in it what to clear
    return left;
  };
  try {
    await writeOwner(host, root, cage);
    if (way === "own-groups") await makeGroups(host, cage.groups);
    const home = join(root, homeName);
    const run = join(root, "run");
    await host.files.makeFolder(home, 0o700);
    await host.files.makeFolder(run, 0o700);
    const env = {
      HOME: home,
      USER: host.user.name,
      LOGNAME: host.user.name,
      PATH: host.env.PATH ?? "/usr/local/bin:/usr/bin:/bin",
      LANG: "C.UTF-8",
      XDG_RUNTIME_DIR: run,
      TMUX_TMPDIR: run,
    };
    const boot = ["sh", "-c", sandboxScript, "canary-sandbox", root, manager, journald, ...cage.groups];
    const scope = [
      "--scope",
      "--quiet",
      "--collect",
      `--unit=${id}`,
      "--description=A sandbox of the mosaic-fleet canary",
    ];
    const inScope = [...scope, "-p", "Delegate=yes", "env", "-i", ...pairs(env)];
    const starter = {
      "own-groups": ["unshare", "--mount", "--propagation", "private"],
      "system-scope": ["systemd-run", ...inScope],
      "user-scope": ["systemd-run", "--user", ...inScope],
    }[way];
    const log = join(root, "manager.log");
    child = host.spawn([...starter, ...boot], { log, env: way === "own-groups" ? env : scopeEnvironment(host) });
    void child.ended.then(() => {
      ended = true;
    });
    const inside = hostInside(host, env, home);
    await untilBooted(inside, () => ended, log);
    const journal = {
      "own-groups": ["--directory", join(root, "log/journal")],
      "system-scope": [],
      "user-scope": ["--user"],
    }[way];
    return { host: inside, root, journal, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function makeGroups(host: Host, groups: readonly string[]): Promise<void> {
  if (groups.length === 0) throw missing("no cgroup hierarchy is mounted", ["run the container with --privileged"]);
  try {
    for (const group of groups) await host.files.makeFolder(group);
  } catch (error) {
    throw missing(`the cgroup tree cannot be written (${describeError(error)})`, [
      "run the container with --privileged, or with a writable /sys/fs/cgroup",
    ]);
  }
}

function pairs(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([key, value]) => `${key}=${value}`);
}

function scopeEnvironment(host: Host): Record<string, string> {
  const { PATH, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS, HOME } = host.env;
  return Object.fromEntries(
    Object.entries({ PATH, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS, HOME }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
}

/** The host as who has this environment and this home sees it. */
export function hostInside(host: Host, env: Readonly<Record<string, string>>, home: string): Host {
  return { ...host, env, user: { ...host.user, home }, exec: createExec(env) };
}

/** A manager makes its socket, and only then takes connections at it. */
async function isRefused(inside: Host): Promise<boolean> {
  try {
    (await openUserManager(inside, BOOT_LIMIT_MS)).close();
    return false;
  } catch (error) {
    return error instanceof BusError && error.code === "ECONNREFUSED"; // of all else systemctl tells more
  }
}

async function untilBooted(inside: Host, ended: () => boolean, log: string): Promise<void> {
  const socket = join(inside.env.XDG_RUNTIME_DIR ?? "", "systemd/private");
  const seen = await until(inside, BOOT_LIMIT_MS, async () => {
    if (ended() || inside.interrupted.aborted) return "ended";
    if ((await inside.files.status(socket)) === undefined) return undefined;
    return (await isRefused(inside)) ? undefined : "there";
  });
  // Done when the manager has started what it starts by itself.
  const ready = seen === "there" ? await systemdOf(inside).run("start", ["default.target"], BOOT_LIMIT_MS) : undefined;
  if (ready !== undefined && succeeded(ready)) return;
  const said = ((await inside.files.read(log)) ?? "").trim().split("\n").slice(-3).join("; ");
  const why = ready === undefined ? "it ended, or never opened its socket" : describeResult(ready);
  // Slow is not the same as impossible.
  const exit = seen === undefined || ready?.kind === "timed-out" ? EXIT.unknown : EXIT.unavailable;
  const next =
    exit === EXIT.unavailable ? [HALF] : ["mosaic-fleet canary --sandbox   # again, when the machine has less to do"];
  const whole = `${why}${said === "" ? "" : ` (its manager said: ${said})`}`;
  throw new FleetError(exit, "The sandbox did not start", whole, next);
}
