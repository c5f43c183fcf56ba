import { expect, test } from "bun:test";
import { groupUsage } from "../../../src/adapters/cgroup.ts";
import { localHost } from "../../../src/adapters/local-host.ts";
import { temporaryFolder, writeFiles } from "../../support/build.ts";

// Fakes of the kernel's files: not every machine counts memory in the unified hierarchy.
test("memory, its limit and processor time of a group", async () => {
  using folder = temporaryFolder();
  writeFiles(folder.path, {
    "memory.current": "1048576\n",
    "memory.max": "2097152\n",
    "cpu.stat": "usage_usec 1500000\nuser_usec 1000000\n",
  });
  expect(await groupUsage(localHost(), folder.path, true)).toEqual({
    memoryBytes: 1_048_576,
    memoryMaxBytes: 2_097_152,
    cpuSeconds: 1.5,
  });
  writeFiles(folder.path, { "memory.max": "max\n" });
  expect(await groupUsage(localHost(), folder.path, true)).toMatchObject({ memoryMaxBytes: "infinity" });
  expect(await groupUsage(localHost(), folder.path, false)).toMatchObject({ memoryBytes: null, cpuSeconds: 1.5 });
});

test("what is not counted is null, never 0", async () => {
  using folder = temporaryFolder();
  const nothing = { memoryBytes: null, memoryMaxBytes: null, cpuSeconds: null };
  expect(await groupUsage(localHost(), folder.path, true)).toEqual(nothing);
});
