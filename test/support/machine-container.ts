import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run, tree } from "./build.ts";
import { type Machine, machineOn, rootEnvironment } from "./machine.ts";

/**
 * Boots a machine in a container (systemd-nspawn), on a root that stays as it is: what it writes is gone with it. `shared`
 * is read-only in it, at /release. Where the host's cgroups are hybrid it has no resource controllers.
 */
export function bootMachine(root: string, shared: string): Machine {
  const folder = mkdtempSync("/tmp/mosaic-machine-");
  const name = folder.slice("/tmp/".length).toLowerCase();
  const merged = join(folder, "root");
  const log = join(folder, "log");
  for (const each of ["upper", "work", "root"]) mkdirSync(join(folder, each));
  const layers = `lowerdir=${root},upperdir=${folder}/upper,workdir=${folder}/work`;
  const mounted = run(["mount", "-t", "overlay", "overlay", "-o", layers, merged]);
  if (mounted.code !== 0) throw new Error(mounted.stderr);
  const launcher = Bun.spawn(["sh", join(tree, "test/support/machine-container.sh"), name, merged, log, shared], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });

  /** The pid of its first process; undefined while there is none. */
  const leader = (): number | undefined => {
    const [nspawn] = childrenOf(launcher.pid);
    return nspawn === undefined ? undefined : childrenOf(nspawn)[0];
  };
  return machineOn({
    inside(script, timeoutMs) {
      const pid = leader();
      if (pid === undefined) return { code: null, stdout: "", stderr: "the machine is down" };
      const enter = ["nsenter", "--target", String(pid), "--all"];
      return run([...enter, ...rootEnvironment, "sh", "-c", script], { timeoutMs });
    },
    console: () => readFileSync(log, "utf8"),
    close() {
      launcher.kill("SIGKILL"); // first, or it would boot again
      for (const end = Date.now() + 60_000; ; Bun.sleepSync(50)) {
        const left = membersOf(name);
        if (left.length === 0) break;
        if (Date.now() > end) throw new Error(`${name}: processes that cannot be killed: ${left.join(" ")}`);
        run(["kill", "-9", ...left]);
      }
      for (const group of groupsOf(name)) run(["find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
      run(["umount", merged]);
      rmSync(folder, { recursive: true, force: true });
    },
  });
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
