import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { run } from "../support/build.ts";

// Runs after all other suites: what they started and made is gone.

// The second is what lintian leaves.
const ours = /mosaic-(sandbox|canary|user|machine|fleet-|tmux-holder)|mldbm-elf/;

test("no process of a test is left", () => {
  const left = readdirSync("/proc")
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
  expect(left).toEqual([]);
});

test("no cgroup, mount or folder of a test is left", () => {
  const groups = run(["find", "/sys/fs/cgroup", "-type", "d", "-name", "mosaic-*"]).stdout.split("\n");
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const folders = ["/dev/shm", "/tmp", "/var/tmp"].flatMap((folder) =>
    readdirSync(folder).map((name) => `${folder}/${name}`),
  );
  expect([...groups, ...mounts, ...folders].filter((each) => ours.test(each))).toEqual([]);
});
