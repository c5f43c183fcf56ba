import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { basename, join } from "node:path";
import { createExec } from "../../../src/adapters/process.ts";
import type { Host } from "../../../src/core/host.ts";
import type { Check } from "../../../src/doctor/check.ts";
import { behindMounts, bun, run, tree } from "../../support/build.ts";
import { examine, green, red } from "../../support/doctor.ts";
import { HOLDER_UNIT, openFleet, type TestFleet } from "../../support/fleet.ts";
import { pretend } from "../../support/pretend.ts";

const TEMPLATE = "mosaic-agent@.service";

let fleet: TestFleet;
/** Two agents: "runs" does, "waits" is only configured. */
beforeAll(async () => {
  fleet = await openFleet();
  for (const name of ["runs", "waits"]) await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await fleet.systemctl("start", "mosaic-agent@runs.service");
  await fleet.up("runs");
});
afterAll(() => fleet.close());

/** Types what a check says of one subject, or of all. */
async function mend(report: Awaited<ReturnType<typeof examine>>): Promise<void> {
  const fixes = [report, ...report.subjects].flatMap(({ fix }) => [...fix.commands, ...fix.root]);
  expect(fixes).not.toEqual([]);
  for (const command of fixes)
    expect(await fleet.host.exec(["sh", "-c", command])).toMatchObject({ kind: "exited", code: 0 });
}

/** The remedy works, and is taken back. */
async function mended(id: Check["id"], report: Awaited<ReturnType<typeof examine>>, takeBack: readonly string[]) {
  await mend(report);
  expect(await examine(fleet.host, id)).toMatchObject({ id, status: "pass" });
  for (const command of takeBack) await fleet.host.exec(["sh", "-c", command]);
}

/** With a drop-in of a unit for as long as `body` takes. */
async function withDropIn<T>(unit: string, text: string, body: () => Promise<T>): Promise<T> {
  await fleet.dropIn(unit, `[Service]\n${text}\n`);
  try {
    return await body();
  } finally {
    await fleet.host.files.removeTree(join(fleet.paths.runtime ?? "", "systemd/user", `${unit}.d`));
    await fleet.systemd.daemonReload();
  }
}

/** With another limit on a cgroup of the sandbox, in the hierarchy that has the file. */
async function withGroupLimit<T>(
  files: readonly string[],
  value: string,
  body: (file: string) => Promise<T>,
): Promise<T> {
  const tests = files.map((name) => `-path '*${basename(fleet.root)}*/${name}'`).join(" -o ");
  const found = await fleet.host.exec([
    "sh",
    "-c",
    `find /sys/fs/cgroup \\( ${tests} \\) | awk '{ print length, $0 }' | sort -n | cut -d ' ' -f 2-`,
  ]);
  const [file = ""] = found.stdout.split("\n");
  const before = ((await fleet.host.files.read(file)) ?? "").trim();
  await fleet.host.files.writeInPlace(file, value);
  try {
    return await body(file);
  } finally {
    await fleet.host.files.writeInPlace(file, file.endsWith("limit_in_bytes") ? "-1" : before);
  }
}

const withoutManager = { env: {}, exec: createExec({ PATH: "/usr/bin:/bin" }) };

const bad = (report: Awaited<ReturnType<typeof examine>>) =>
  report.subjects.filter(({ status }) => status !== "pass").map(({ subject }) => subject);

describe("limits.pty", () => {
  const pty = (max: number, nr: number, reserve = 0): Host =>
    pretend(fleet.host, {
      "/proc/sys/kernel/pty/max": `${max}\n`,
      "/proc/sys/kernel/pty/nr": `${nr}\n`,
      "/proc/sys/kernel/pty/reserve": `${reserve}\n`,
    });

  green("limits.pty", "here", () => examine(fleet.host, "limits.pty"));

  red(
    "limits.pty",
    "a kernel that has hardly any left (fake)",
    { status: "fail", message: /only 100, and the fleet \(2 agents\) needs about 101 with/, fix: /^sudo sysctl -p / },
    () => examine(pty(100, 99), "limits.pty"),
  );

  test("nearly all are taken: a warning (fake)", async () => {
    expect(await examine(pty(100, 95), "limits.pty")).toMatchObject({ status: "warn" });
  });

  test("a healthy line says for how many agents there is room (fake)", async () => {
    // One agent has its own already.
    expect(await examine(pty(1_000, 100), "limits.pty")).toMatchObject({ message: "pty for 451 agents" });
  });

  test("in a container the reserve is taken off (fake)", async () => {
    const container = pretend(pty(1_100, 90, 1_000), { "/.dockerenv": "" });
    expect(await examine(container, "limits.pty")).toMatchObject({ status: "warn", evidence: {} });
    const machine = pretend(pty(1_100, 90, 1_000), { "/.dockerenv": undefined, "/run/.containerenv": undefined });
    expect((await examine(machine, "limits.pty")).subjects[0]?.evidence.limit).toBeOneOf([100, 1_100]);
  });

  test("a limit of /dev/pts counts too (fake)", async () => {
    const mountinfo = (await fleet.host.files.read("/proc/self/mountinfo")) ?? "";
    const host = pretend(pty(4_096, 99), {
      "/proc/self/mountinfo": `${mountinfo}99 1 0:99 / /dev/pts rw - devpts devpts rw,max=100\n`,
    });
    const report = await examine(host, "limits.pty");
    expect(report.status).toBe("fail");
    expect(bad(report)).toEqual(["max= of /dev/pts"]);
  });

  test.skipIf(process.getuid?.() !== 0)("with terminals for six agents of ten six run; doctor names the limit", () => {
    const mounts = [
      "mount -t devpts -o newinstance,ptmxmode=666,mode=620,max=6 devpts /dev/pts",
      "mount --bind /dev/pts/ptmx /dev/ptmx",
    ];
    const script = join(tree, "test/support/few-terminals.ts");
    const inside = behindMounts(mounts.join(" && "));
    const { code, stdout, stderr } = run([...inside, bun, script, "10"], { timeoutMs: 60_000 });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { up, refused, report } = JSON.parse(stdout);
    expect(up).toBe(6);
    expect(refused).toHaveLength(4);
    for (const line of refused)
      expect(line).toEndWith(
        "not started: no terminal or no process is to be had for it (No space left on device): mosaic-fleet doctor --only limits",
      );
    expect(report.status).toBe("fail");
    expect(bad(report)).toEqual(["max= of /dev/pts"]);
  });

  test("the remedy sets the kernel now and at boot, in a mount namespace where both are our files", async () => {
    const { fix } = (await examine(pty(100, 99), "limits.pty")).subjects[0] ?? { fix: { root: [] } };
    expect(fix.root).toHaveLength(2);
    const now = join(fleet.root, "pty-max");
    await fleet.host.files.writeAtomic(now, "100\n", 0o644);
    const script = ["mount -t tmpfs none /etc/sysctl.d", `mount --bind ${now} /proc/sys/kernel/pty/max`, ...fix.root];
    const show = "cat /etc/sysctl.d/* /proc/sys/kernel/pty/max";
    const done = await fleet.host.exec(["unshare", "--mount", "sh", "-ec", [...script, show].join("\n")]);
    expect(done).toMatchObject({ kind: "exited", code: 0 });
    expect(done.stdout).toContain("kernel.pty.max = 1024\n1024\n");
  });
});

describe("limits.tasks", () => {
  green("limits.tasks", "here", () => examine(fleet.host, "limits.tasks"));

  red(
    "limits.tasks",
    "a cgroup above the agents that may not have as many",
    {
      status: "fail",
      message: /^tasks in .*: only 30, and .* needs about \d+ with what is taken already/m,
      fix: /^sudo /,
    },
    () => withGroupLimit(["pids.max"], "30", () => examine(fleet.host, "limits.tasks")),
  );

  test("the remedy of that lifts it", () =>
    withGroupLimit(["pids.max"], "30", async () => {
      await mended("limits.tasks", await examine(fleet.host, "limits.tasks"), []);
    }));

  test("a slice of the user manager's own may not have as many; the remedy lifts it", async () => {
    await fleet.dropIn("app.slice", "[Slice]\nTasksMax=30\n");
    const report = await examine(fleet.host, "limits.tasks");
    expect(bad(report)).toEqual([expect.stringMatching(/^tasks in .*\/app\.slice$/)]);
    await mended("limits.tasks", report, ["systemctl --user revert app.slice"]);
  });

  test("a slice that is enough for what runs just now, and not for the fleet: a warning", async () => {
    await fleet.dropIn("app.slice", "[Slice]\nTasksMax=90\n");
    expect(await examine(fleet.host, "limits.tasks")).toMatchObject({
      status: "warn",
      message: expect.stringMatching(/app\.slice: only 90, and the fleet \(2 agents\) needs about 100/),
    });
    await fleet.systemctl("revert", "app.slice");
    await fleet.systemd.daemonReload();
  });

  for (const [whose, unit] of [
    ["the agents are", TEMPLATE],
    ["one agent is", "mosaic-agent@waits.service"],
  ] as const)
    test(`a slice in which ${whose}, and which is not in app.slice, may not have as many; the remedy lifts it`, () =>
      withDropIn(unit, "Slice=few-tasks.slice", async () => {
        await fleet.dropIn("few-tasks.slice", "[Slice]\nTasksMax=30\n");
        await fleet.systemctl("start", "few-tasks.slice");
        const report = await examine(fleet.host, "limits.tasks");
        expect(bad(report)).toEqual([expect.stringMatching(/[^e]\/few\.slice\/few-tasks\.slice$/)]);
        await mended("limits.tasks", report, ["systemctl --user revert few-tasks.slice"]);
      }));

  test("an agent's unit may not have as many as an agent needs; the remedy lifts it", () =>
    withDropIn(TEMPLATE, "TasksMax=20", async () => {
      const report = await examine(fleet.host, "limits.tasks");
      expect(report).toMatchObject({
        status: "fail",
        message: expect.stringMatching(/^TasksMax of mosaic-agent@\.service: only 20, and an agent needs about 50/),
      });
      await mended("limits.tasks", report, [`rm -r ${fleet.paths.units}/${TEMPLATE}.d/zz-tasksmax.conf`]);
    }));

  test("one agent's own drop-in is looked at", () =>
    withDropIn("mosaic-agent@waits.service", "TasksMax=20", async () => {
      const report = await examine(fleet.host, "limits.tasks");
      expect(bad(report)).toEqual(["TasksMax of mosaic-agent@waits.service"]);
    }));

  for (const name of ["threads-max", "pid_max"])
    test(`kernel.${name} is too small (fake)`, async () => {
      const report = await examine(pretend(fleet.host, { [`/proc/sys/kernel/${name}`]: "60\n" }), "limits.tasks");
      expect(report).toMatchObject({ status: "fail", message: expect.stringMatching(/^kernel\.\S+: only 60, /) });
      expect(report.subjects.find(({ status }) => status === "fail")?.fix.root).toHaveLength(2);
    });

  test("the slice of the user is too small on a unified machine (fake): the remedy is for that slice", async () => {
    const status = { kind: "file", mode: 0o644, uid: 0, gid: 0, size: 1, modified: 0, changed: 0 } as const;
    const host: Host = {
      ...fleet.host,
      ...withoutManager,
      files: {
        ...fleet.host.files,
        async read(path) {
          if (path === "/proc/self/mountinfo") return "31 1 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
          if (path.endsWith("/cgroup")) return "0::/user.slice/user-1000.slice/session-1.scope\n";
          if (path.endsWith("/pids.max")) return path.includes("user-1000.slice/pids") ? "100\n" : "max\n";
          return path.endsWith("/pids.current") ? "70\n" : fleet.host.files.read(path);
        },
        status: async (path) => (/\/pids\.max$/.test(path) ? status : fleet.host.files.status(path)),
      },
    };
    const report = await examine(host, "limits.tasks");
    expect(bad(report)).toEqual(["tasks in /user.slice/user-1000.slice"]);
    expect(report.subjects.find((each) => each.status === "fail")?.fix.root).toEqual([
      "systemctl set-property user-1000.slice TasksMax=infinity",
    ]);
  });
});

describe("limits.files", () => {
  green("limits.files", "here", () => examine(fleet.host, "limits.files"));

  const server = async () => (await fleet.unit(HOLDER_UNIT)).mainPid;
  const limitServer = async (soft: number) =>
    expect(await fleet.host.exec(["prlimit", "--pid", String(await server()), `--nofile=${soft}:`])).toMatchObject({
      code: 0,
    });

  /** A limit that the server can answer with, but not take ten more agents. */
  async function withTightServer<T>(body: () => Promise<T>): Promise<T> {
    const names = Array.from({ length: 10 }, (_, index) => `more-${index}`);
    for (const name of names) await fleet.agent(name, {});
    await limitServer(25);
    try {
      return await body();
    } finally {
      await limitServer(8_192);
      for (const name of names) await fleet.host.files.removeFile(join(fleet.paths.agents, `${name}.env`));
    }
  }

  red(
    "limits.files",
    "a running server that may open hardly any more",
    {
      status: "fail",
      message: /^open files of the tmux server: only 25, and the fleet \(12/m,
      fix: /^prlimit --pid \d+ /,
    },
    () => withTightServer(() => examine(fleet.host, "limits.files")),
  );

  test("the remedy of that heals the server as it runs", () =>
    withTightServer(async () => {
      await mended("limits.files", await examine(fleet.host, "limits.files"), []);
      expect(await fleet.host.files.read(`/proc/${await server()}/limits`)).toMatch(/^Max open files +1024 /m);
    }));

  test("a drop-in lowers the holder's limit: the server that comes next will have it", () =>
    withDropIn(HOLDER_UNIT, "LimitNOFILE=66", async () => {
      const report = await examine(fleet.host, "limits.files");
      expect(report.status).toBe("fail");
      expect(bad(report)).toEqual([`LimitNOFILE of ${HOLDER_UNIT}`]);
      const fixes = report.subjects.flatMap(({ fix }) => fix.commands);
      // Without the last, which restarts the holder.
      for (const command of fixes.slice(0, -1))
        expect(await fleet.host.exec(["sh", "-c", command])).toMatchObject({ code: 0 });
      expect(await examine(fleet.host, "limits.files")).toMatchObject({ status: "pass" });
      await fleet.host.exec(["rm", join(fleet.paths.units, `${HOLDER_UNIT}.d/zz-limitnofile.conf`)]);
    }));

  test("the machine's own limit (fake)", async () => {
    const host = pretend(fleet.host, { "/proc/sys/fs/file-max": "1000\n", "/proc/sys/fs/file-nr": "900\t0\t1000\n" });
    expect(await examine(host, "limits.files")).toMatchObject({
      status: "fail",
      message: expect.stringMatching(/^fs\.file-max: only 1000, and the fleet \(2 agents\) needs about 1200/),
    });
  });
});

describe("limits.inotify", () => {
  green("limits.inotify", "here", () => examine(fleet.host, "limits.inotify"));

  red(
    "limits.inotify",
    "limits that a few agents use up (fake)",
    {
      status: "warn",
      message: /^fs\.inotify\.max_user_watches: only 3000, and the fleet \(2 agents\) needs about 4000: /m,
      fix: /^sudo sh -c 'echo fs\.inotify\.max_user_watches = 8192 >\/etc\/sysctl\.d\//,
    },
    () =>
      examine(
        pretend(fleet.host, {
          "/proc/sys/fs/inotify/max_user_watches": "3000\n",
          "/proc/sys/fs/inotify/max_user_instances": "128\n",
        }),
        "limits.inotify",
      ),
  );

  test("where no agent is configured a small fleet is assumed, and that is said (fake)", async () => {
    const host = pretend(fleet.host, { "/proc/sys/fs/inotify/max_user_instances": "16\n" });
    const empty = {
      ...host,
      ...withoutManager,
      user: { ...host.user, home: "/nonexistent" },
    };
    expect(await examine(empty, "limits.inotify")).toMatchObject({
      status: "warn",
      message: expect.stringContaining("only 16, and 10 agents (assumed: none is configured) need about 40"),
    });
  });

  test("a kernel that does not say is unknown (fake)", async () => {
    const host = pretend(fleet.host, { "/proc/sys/fs/inotify/max_user_instances": undefined });
    expect(await examine(host, "limits.inotify")).toMatchObject({ status: "unknown" });
  });
});

describe("limits.memory", () => {
  const meminfo = (ram: number, swap: number): Host =>
    pretend(fleet.host, { "/proc/meminfo": `MemTotal: ${ram} kB\nSwapTotal: ${swap} kB\n` });

  green("limits.memory", "where agents have no limit", () => examine(fleet.host, "limits.memory"));

  test("no limit is said, and is no finding", async () => {
    expect((await examine(fleet.host, "limits.memory")).message).toMatch(/^no limits, \S+ \wiB of memory$/);
  });

  red(
    "limits.memory",
    "limits that are more together than there is",
    {
      status: "warn",
      message: /the memory limits of 2 agents are 200 TiB together, and there are/,
      fix: /MemoryMax=\d+M/,
    },
    () => withDropIn(TEMPLATE, "MemoryMax=100T", () => examine(fleet.host, "limits.memory")),
  );

  test("the remedy of that makes them fit", () =>
    withDropIn(TEMPLATE, "MemoryMax=100T", async () => {
      const report = await examine(fleet.host, "limits.memory");
      await mended("limits.memory", report, [`rm ${fleet.paths.units}/${TEMPLATE}.d/zz-memorymax.conf`]);
    }));

  test("the remedy reaches the agent whose own limit it is", () =>
    withDropIn("mosaic-agent@waits.service", "MemoryMax=100T", async () => {
      const report = await examine(fleet.host, "limits.memory");
      await mended("limits.memory", report, [`rm ${fleet.paths.units}/mosaic-agent@waits.service.d/zz-memorymax.conf`]);
    }));

  test("each agent counts with its own limit", () =>
    withDropIn("mosaic-agent@waits.service", "MemoryMax=100T", async () => {
      expect(await examine(fleet.host, "limits.memory")).toMatchObject({
        status: "warn",
        message: expect.stringContaining("limits of 1 agent are 100 TiB together"),
        evidence: { "agents with a limit": 1, "agents without": 1 },
      });
    }));

  test("limits that fit are said; swap counts (fake)", () =>
    withDropIn(TEMPLATE, "MemoryMax=1G", async () => {
      const look = async (ram: number, swap: number) => (await examine(meminfo(ram, swap), "limits.memory")).message;
      expect(await look(4_194_304, 0)).toBe("2.0 GiB of 4.0 GiB");
      expect(await look(1_048_576, 4_194_304)).toBe("2.0 GiB of 1.0 GiB and 4.0 GiB of swap");
      expect(await look(1_048_576, 0)).toMatch(/are 2\.0 GiB together, and there are 1\.0 GiB of memory and no swap/);
    }));

  test("a cgroup above the agents has less than the machine", () =>
    withGroupLimit(["memory.max", "memory.limit_in_bytes"], "536870912", (file) =>
      withDropIn(TEMPLATE, "MemoryMax=400M", async () => {
        expect(await examine(fleet.host, "limits.memory")).toMatchObject({
          status: "warn",
          message: expect.stringMatching(/800 MiB together, and there are 512 MiB of memory/),
          evidence: { "memory by": file },
        });
      }),
    ));
});
