import { expect, test } from "bun:test";
import { join } from "node:path";
import { type Counters, groupUsage, NO_USAGE } from "../../../src/adapters/cgroup.ts";
import { localHost } from "../../../src/adapters/local-host.ts";
import { temporaryFolder, writeFiles } from "../../support/build.ts";

// Fakes of the kernel's files: not every machine counts all of it, or in both ways.
test.each([
  [
    2,
    { "memory.current": "1048576\n", "memory.max": "2097152\n", "cpu.max": "150000 100000\n", "cpu.weight": "200\n" },
  ],
  [
    1,
    {
      "memory.usage_in_bytes": "1048576\n",
      "memory.limit_in_bytes": "2097152\n",
      "cpu.cfs_quota_us": "150000\n",
      "cpu.cfs_period_us": "100000\n",
      "cpu.shares": "2048\n",
    },
  ],
] as const)("memory and processor time of a group, and their limits: version %d", (version, files) => {
  using folder = temporaryFolder();
  const tree = { mount: folder.path, version };
  const counters = { unified: folder.path, memory: tree, cpu: tree };
  writeFiles(join(folder.path, "group"), { ...files, "cpu.stat": "usage_usec 1500000\nuser_usec 1000000\n" });
  const of = (counted: Counters) => groupUsage(localHost(), counted, "/group", true);
  expect(of(counters)).toEqual({
    memoryBytes: 1_048_576,
    memoryMaxBytes: 2_097_152,
    cpuSeconds: 1.5,
    cpuMax: 1.5,
    cpuWeight: 200,
  });
  expect(groupUsage(localHost(), counters, "/group", false)).toMatchObject({ cpuMax: 1.5, cpuWeight: null });
  expect(of({ ...counters, memory: undefined, cpu: undefined })).toEqual({ ...NO_USAGE, cpuSeconds: 1.5 });
  expect(of({ unified: undefined, memory: tree, cpu: undefined })).toMatchObject({ memoryBytes: 1_048_576 });
  const none =
    version === 1
      ? { "memory.limit_in_bytes": "9223372036854771712\n", "cpu.cfs_quota_us": "-1\n" }
      : { "memory.max": "max\n", "cpu.max": "max 100000\n" };
  writeFiles(join(folder.path, "group"), none);
  expect(of(counters)).toMatchObject({ memoryMaxBytes: "infinity", cpuMax: "infinity" });
});

test("what is not counted is null, never 0", () => {
  using folder = temporaryFolder();
  const tree = { mount: folder.path, version: 2 } as const;
  expect(groupUsage(localHost(), { unified: folder.path, memory: tree, cpu: tree }, "/", true)).toEqual(NO_USAGE);
});
