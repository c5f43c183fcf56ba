import { readdirSync, readFileSync } from "node:fs";
import { run } from "./build.ts";

// The second is what lintian leaves.
const ours = /mosaic-(sandbox|canary|user|machine|fleet-|tmux-holder)|mldbm-elf/;

/** Processes that tests started and that have not ended. */
function processes(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      try {
        const group = readFileSync(`/proc/${pid}/cgroup`, "utf8");
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        if (command === "") return []; // it has ended and waits to be reaped
        return ours.test(group) || command.includes("/dev/shm/mosaic-") ? [`${pid} ${command}`] : [];
      } catch {
        return []; // it has just ended
      }
    });
}

/** The cgroups, mounts and folders that tests made and did not take away. */
function places(): string[] {
  const groups = run(["find", "/sys/fs/cgroup", "-type", "d", "-name", "mosaic-*"]).stdout.split("\n");
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const folders = ["/dev/shm", "/tmp", "/var/tmp"].flatMap((folder) =>
    readdirSync(folder).map((name) => `${folder}/${name}`),
  );
  return [...groups, ...mounts, ...folders].filter((each) => ours.test(each));
}

/** What is on this machine of tests, a line each: of those that run, and of those that were killed. */
export function leftovers(): string[] {
  return [...processes(), ...places()];
}

if (import.meta.main) for (const each of leftovers()) console.log(each);
