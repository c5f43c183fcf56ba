import { describe, expect, test } from "bun:test";
import { cgroupPath, procfsOf } from "../../../src/adapters/procfs.ts";
import { fakeFiles } from "../../support/fake-host.ts";

describe("the cgroup by which systemd knows a process", () => {
  for (const [what, text, path] of [
    ["on a unified machine", "0::/user.slice/a.service\n", "/user.slice/a.service"],
    ["on a hybrid machine is the unified one", "9:name=systemd:/legacy\n8:pids:/other\n0::/unified\n", "/unified"],
    ["on a legacy machine is that of name=systemd", "9:pids:/other\n1:name=systemd:/legacy\n", "/legacy"],
    ["may have colons", "0::/app.slice/mosaic-agent@a:b.service\n", "/app.slice/mosaic-agent@a:b.service"],
    ["of a process at the root", "0::/\n", "/"],
    ["is not there without a hierarchy of systemd's", "3:pids:/other\n", undefined],
    ["is not there when the process is gone", "", undefined],
  ] as const) {
    test(what, () => {
      expect(cgroupPath(text)).toBe(path as string);
    });
  }
});

describe("a process", () => {
  const fields = (state: string) => `${state} 1 ${Array.from({ length: 17 }, (_, index) => index).join(" ")} 4711 0`;
  const of = (texts: Record<string, string>) => procfsOf({ files: fakeFiles(texts) });

  test("is named by its start time, whatever its program is called", async () => {
    const process = of({ "/proc/7/stat": `7 (a) b) S 3) ${fields("S")}`, "/proc/7/cgroup": "0::/x\n" });
    expect(await process.startTime(7)).toBe("4711");
    expect(await process.lives([7, 8])).toEqual([{ name: "a) b) S 3", startTime: "4711", cgroup: "/x" }, undefined]);
  });

  test("that has ended and is not reaped yet runs no more", async () => {
    const process = of({ "/proc/7/stat": `7 (sh) ${fields("Z")}`, "/proc/7/comm": "sh\n" });
    expect([await process.startTime(7), await process.name(7)]).toEqual([undefined, undefined]);
    expect(await process.lives([7])).toEqual([undefined]);
  });

  test("has an environment of whole lines", async () => {
    const environ = "A=1=2\0B=\n x\0not an assignment\0C=\0";
    expect(await of({ "/proc/7/environ": environ }).environment(7)).toEqual({ A: "1=2", B: "\n x", C: "" });
  });

  test("has its words as they are, empty ones too", async () => {
    expect(await of({ "/proc/7/cmdline": "sh\0-c\0\0a b\0" }).commandLine(7)).toEqual(["sh", "-c", "", "a b"]);
  });

  test("that is gone is undefined, and no error", async () => {
    const gone = procfsOf({ files: { ...fakeFiles(), read: () => Promise.reject(new Error("ESRCH")) } });
    for (const look of [gone.cgroup(7), gone.environment(7), gone.commandLine(7), gone.startTime(7)])
      expect(await look).toBeUndefined();
  });
});
