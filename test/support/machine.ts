import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Run, run, tree } from "./build.ts";

/** A booted Debian with logind, a user manager and real logins, in a container of its own. */
export interface Machine {
  /** Its files, as this machine sees them. */
  readonly root: string;
  /** Runs a shell script in it as root, outside of any session. */
  asRoot(script: string): Run;
  /** Logs the user in over ssh for one script: a session of logind's, as a person has it. */
  login(script: string, options?: { readonly terminal?: boolean }): Run;
  /** The same, as long as wanted: a person who stays logged in. Returns the logout. */
  stayLoggedIn(): () => void;
  /** Reboots it, and waits until it is up. */
  reboot(): void;
  /** Waits until a script that root runs succeeds. */
  until(what: string, script: string, limitMs?: number): void;
  close(): void;
}

const BOOT_LIMIT_MS = 60_000;
const SCRIPT_LIMIT_MS = 120_000;
const plainEnvironment = [
  "env",
  "-i",
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "HOME=/root",
  "LANG=C.UTF-8",
];

/** Boots a machine on a root that stays as it is: what it writes is gone with it. `shared` is read-only in it, at /release. */
export function bootMachine(root: string, shared: string): Machine {
  const folder = mkdtempSync("/tmp/mosaic-machine-");
  const name = folder.slice("/tmp/".length).toLowerCase();
  const merged = join(folder, "root");
  const log = join(folder, "log");
  for (const each of ["upper", "work", "root"]) mkdirSync(join(folder, each));
  const layers = `lowerdir=${root},upperdir=${folder}/upper,workdir=${folder}/work`;
  const mounted = run(["mount", "-t", "overlay", "overlay", "-o", layers, merged]);
  if (mounted.code !== 0) throw new Error(mounted.stderr);
  const launcher = Bun.spawn(["sh", join(tree, "test/support/machine.sh"), name, merged, log, shared], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });

  /** The pid of its first process; undefined while there is none. */
  const leader = (): number | undefined => {
    const [nspawn] = childrenOf(launcher.pid);
    return nspawn === undefined ? undefined : childrenOf(nspawn)[0];
  };
  const inside = (argv: readonly string[], timeoutMs = SCRIPT_LIMIT_MS): Run => {
    const pid = leader();
    if (pid === undefined) return { code: null, stdout: "", stderr: "the machine is down" };
    return run(["nsenter", "--target", String(pid), "--all", ...plainEnvironment, ...argv], { timeoutMs });
  };
  const ssh = (...options: string[]) => [
    ...["ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
    ...["-o", "BatchMode=yes", ...options, "ada@127.0.0.1"],
  ];
  const machine: Machine = {
    root: merged,
    asRoot: (script) => inside(["sh", "-c", script]),
    login: (script, { terminal = false } = {}) => inside([...ssh(...(terminal ? ["-tt"] : ["-T"])), script]),
    stayLoggedIn() {
      const pid = leader();
      Bun.spawn(
        ["nsenter", "--target", String(pid), "--all", ...plainEnvironment, ...ssh("-T"), "exec tail -f /dev/null"],
        {
          stdin: "ignore",
          stdout: "ignore",
          stderr: "ignore",
        },
      );
      machine.until("the user is logged in", "pgrep -u ada -x tail", 20_000);
      return () => machine.until("the session has ended", "pkill -u ada -x tail; ! pgrep -u ada -x tail", 5_000);
    },
    reboot() {
      const before = leader();
      machine.asRoot("systemctl reboot --no-block");
      waitFor("it goes down", () => leader() !== before && leader() !== undefined);
      up();
    },
    until: (what, script, limitMs = 30_000) => waitFor(what, () => machine.asRoot(script).code === 0, limitMs),
    close() {
      launcher.kill("SIGKILL"); // first, or it would boot again
      waitFor("its processes are gone", () => {
        const left = membersOf(name);
        if (left.length > 0) run(["kill", "-9", ...left]);
        return left.length === 0;
      });
      for (const group of groupsOf(name)) run(["find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
      run(["umount", merged]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  function waitFor(what: string, holds: () => boolean, limitMs = BOOT_LIMIT_MS): void {
    for (const end = Date.now() + limitMs; !holds(); Bun.sleepSync(50))
      if (Date.now() > end)
        throw new Error(`${what}: not within ${limitMs / 1000} s\n${readFileSync(log, "utf8").slice(-2000)}`);
  }
  const up = () => {
    const ready = "systemctl is-system-running | grep -Eq 'running|degraded' && systemctl -q is-active ssh";
    waitFor("it is up", () => inside(["sh", "-c", ready], 10_000).code === 0);
  };
  try {
    up();
  } catch (error) {
    machine.close();
    throw error;
  }
  return machine;
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return []; // it is gone
  }
}

/** The machine's cgroup in every hierarchy. */
function groupsOf(name: string): string[] {
  const hierarchies = ["/sys/fs/cgroup", ...readdirSync("/sys/fs/cgroup").map((each) => `/sys/fs/cgroup/${each}`)];
  return hierarchies.map((each) => join(each, name)).filter((group) => run(["test", "-d", group]).code === 0);
}

function membersOf(name: string): string[] {
  return groupsOf(name).flatMap((group) => {
    const { stdout } = run(["find", group, "-name", "cgroup.procs", "-exec", "cat", "{}", "+"]);
    return stdout.split("\n").filter(Boolean);
  });
}
