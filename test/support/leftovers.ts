import { readdirSync, readFileSync } from "node:fs";
import { run } from "./build.ts";

/** What tests call what they make: a sandbox, a machine, a folder. The second is what lintian leaves. */
const ours = /mosaic-(?:sandbox|canary|user|machine|fleet-|tmux-holder)[\w.@-]*|[^/]*mldbm-elf[^/]*/;

/** Something of a test, and what it is of: the outermost of ours around it. In a machine or a sandbox more comes and goes. */
export interface Leftover {
  readonly of: string;
  readonly what: string;
}

/** Processes that tests started and that have not ended. */
function processes(): Leftover[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      try {
        const group = readFileSync(`/proc/${pid}/cgroup`, "utf8");
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        if (command === "") return []; // it has ended and waits to be reaped
        const of = nameIn(group) ?? (command.includes("/dev/shm/mosaic-") ? nameIn(command) : undefined);
        return of === undefined ? [] : [{ of, what: `process ${pid} ${command}` }];
      } catch {
        return []; // it has just ended
      }
    });
}

/** The cgroups, mounts and folders that tests made and did not take away. */
function places(): Leftover[] {
  const groups = run(["find", "/sys/fs/cgroup", "-type", "d", "-name", "mosaic-*"]).stdout.split("\n");
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const folders = ["/dev/shm", "/tmp", "/var/tmp"].flatMap((folder) =>
    readdirSync(folder).map((name) => `${folder}/${name}`),
  );
  return [...groups, ...mounts, ...folders].flatMap((what) => {
    const of = nameIn(what);
    return of === undefined ? [] : [{ of, what }];
  });
}

/** A machine's folder has capitals where its cgroup has none. */
function nameIn(text: string): string | undefined {
  return ours.exec(text)?.[0].toLowerCase();
}

/** What is on this machine of tests: of those that run, and of those that were killed. */
export function leftovers(): Leftover[] {
  return [...processes(), ...places()];
}

if (import.meta.main) for (const of of new Set(leftovers().map((each) => each.of))) console.log(of);
