import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Host } from "../../../src/core/host.ts";
import { agentUnit } from "../../../src/core/names.ts";
import { shellWord } from "../../../src/core/shell.ts";
import type { CheckReport } from "../../../src/doctor/report.ts";
import { examine, green, red } from "../../support/doctor.ts";
import { HOLDER_UNIT, openFleet, type TestFleet } from "../../support/fleet.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
  await fleet.agent("coder", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await start(agentUnit("coder"));
});
afterAll(() => fleet.close());

async function start(unit: string): Promise<void> {
  expect(await fleet.systemctl("start", unit)).toMatchObject({ kind: "exited", code: 0 });
}

async function must(...argv: string[]): Promise<string> {
  const result = await fleet.host.exec(argv);
  expect({ ...result }).toMatchObject({ argv, kind: "exited", code: 0 });
  return result.stdout.trim();
}

/** Types what the report says, root's lines left out. */
async function type({ fix }: CheckReport): Promise<void> {
  // Nobody is there to edit.
  await must("sh", "-c", ["EDITOR=:", ...fix.commands].join("\n"));
}

async function mainPid(): Promise<number> {
  return (await fleet.unit(HOLDER_UNIT)).mainPid;
}

async function socketOf(): Promise<string> {
  return (await fleet.tmux.server())?.socketPath ?? "";
}

/** A server of no fleet on the fleet's socket, in a unit, so that it goes with the sandbox. */
async function squat(): Promise<number> {
  const unit = ["-p", "Type=forking", "-E", `TMUX_TMPDIR=${fleet.paths.runtime}`, "--quiet"];
  const squatter = ["tmux", "-L", "mosaic-factory", "-f", "/dev/null", "new-session", "-d", "sleep infinity"];
  await must("systemd-run", "--user", ...unit, ...squatter);
  return (await fleet.tmux.server())?.pid ?? 0;
}

/** Takes drop-ins of the holder away, and has it run. */
async function wellAgain(): Promise<void> {
  rmSync(join(fleet.paths.runtime ?? "", `systemd/user/${HOLDER_UNIT}.d`), { recursive: true, force: true });
  await fleet.systemd.daemonReload();
  await fleet.systemctl("stop", HOLDER_UNIT);
  await fleet.systemctl("reset-failed", HOLDER_UNIT);
  await start(agentUnit("coder"));
}

describe("holder.options", () => {
  const id = "holder.options";
  const set = (...words: string[]) => must("tmux", "-N", "-L", "mosaic-factory", "set-option", ...words);

  green("holder.options", "as the holder has founded it", () => examine(fleet.host, id));
  for (const [words, status, message] of [
    [["-s", "exit-empty", "on"], "fail", /exit-empty is on, not off: the server ends/],
    [["-s", "exit-unattached", "on"], "fail", /exit-unattached is on, not off: the server ends, with every agent/],
    [["-gw", "remain-on-exit", "off"], "fail", /remain-on-exit is off, not on: the exit status/],
    [["-gw", "remain-on-exit", "failed"], "fail", /remain-on-exit is failed, not on/],
    [
      ["-g", "update-environment", "DISPLAY SSH_AUTH_SOCK"],
      "warn",
      /is DISPLAY; SSH_AUTH_SOCK, not empty: whoever attaches/,
    ],
    [["-gaw", "pane-died[7]", "kill-server"], "fail", /pane-died is .*kill-server, not the hook of tmux.conf/],
    [["-gw", "pane-died", "kill-pane"], "fail", /pane-died is kill-pane, not the hook of tmux.conf/],
    [["-gwu", "window-unlinked"], "fail", /window-unlinked is empty, not the hook of tmux.conf/],
    [["-gu", "after-kill-pane"], "fail", /after-kill-pane is empty, not the hook of tmux.conf/],
  ] as const)
    red(
      "holder.options",
      `${words.join(" ")}; what is typed mends it`,
      { status, message, fix: /^tmux -L mosaic-factory (set|source-file) / },
      async () => {
        await set(...words);
        const report = await examine(fleet.host, id);
        await type(report);
        expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
        return report;
      },
    );
  red(
    "holder.options",
    "a hook that the tmux.conf of an earlier version did not have yet: install brings it",
    {
      status: "fail",
      message: /after-kill-pane is empty/,
      fix: /^mosaic-fleet install; tmux -L mosaic-factory source-file /,
    },
    async () => {
      const conf = join(fleet.paths.tools, "tmux.conf");
      const now = readFileSync(conf, "utf8");
      writeFileSync(conf, now.replace(/^set-hook -g after-kill-pane .*\n/m, ""));
      await set("-gu", "after-kill-pane");
      const report = await examine(fleet.host, id);
      writeFileSync(conf, now);
      await must("tmux", "-N", "-L", "mosaic-factory", "source-file", conf);
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
      return report;
    },
  );
  // With a viewer it would end nobody yet; without one tmux ends the session at once.
  red(
    "holder.options",
    "destroy-unattached",
    {
      status: "fail",
      message: /destroy-unattached is on, not off: an agent ends/,
      fix: /set -g destroy-unattached off$/,
    },
    async () => {
      await fleet.systemctl("stop", agentUnit("coder"));
      await set("-g", "destroy-unattached", "on");
      const report = await examine(fleet.host, id);
      await type(report);
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
      await start(agentUnit("coder"));
      return report;
    },
  );
  for (const level of ["-w", "-p"])
    red(
      "holder.options",
      `an agent's own remain-on-exit (${level})`,
      {
        status: "fail",
        message: /^coder: remain-on-exit is off for this agent alone$/,
        fix: /set -wu -t %\d+ remain-on-exit$/,
      },
      async () => {
        await set(level, "-t", "=coder:", "remain-on-exit", "off");
        const report = await examine(fleet.host, id);
        await type(report);
        expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
        return report;
      },
    );
  red(
    "holder.options",
    "an agent's own destroy-unattached, while somebody looks on",
    {
      status: "fail",
      message: /^coder: destroy-unattached is on for this agent alone$/,
      fix: /set -u -t =coder: destroy-unattached$/,
    },
    async () => {
      // A viewer, in a server of its own.
      const path = join(fleet.root, "viewer.sock");
      const viewer = `exec tmux -S ${await socketOf()} attach -t =coder`;
      await must(
        "systemd-run",
        "--user",
        "--quiet",
        "-p",
        "Type=forking",
        "tmux",
        "-f",
        "/dev/null",
        "-S",
        path,
        "new-session",
        "-d",
        viewer,
      );
      await fleet.wait("a viewer", async () => (await fleet.tmuxCommand("list-clients")).stdout !== "");
      await set("-t", "=coder:", "destroy-unattached", "on");
      const report = await examine(fleet.host, id);
      await type(report);
      await must("tmux", "-S", path, "kill-server");
      await fleet.up("coder");
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
      return report;
    },
  );
  test("what somebody has for a session of their own is theirs", async () => {
    await must("tmux", "-N", "-L", "mosaic-factory", "new-session", "-d", "-s", "mine", "sleep infinity");
    await set("-w", "-t", "=mine:", "remain-on-exit", "off");
    expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
    await must("tmux", "-N", "-L", "mosaic-factory", "kill-session", "-t", "=mine");
  });
  test("several, by tmux.local.conf: its lines are named", async () => {
    const local = join(fleet.paths.site, "tmux.local.conf");
    writeFileSync(local, "# exit-empty\nset -s exit-empty on\nset -g status off\nset -gw remain-on-exit off\n");
    await must("tmux", "-N", "-L", "mosaic-factory", "source-file", local);
    const report = await examine(fleet.host, id);
    expect(report.status).toBe("fail");
    expect(report.message).toMatch(/^2 options that keep/);
    expect(report.evidence["tmux.local.conf"]).toEqual(["set -s exit-empty on", "set -gw remain-on-exit off"]);
    expect(report.fix.commands[0]).toMatch(
      /^\$\{EDITOR:-vi\} ~\/\.config\/mosaic\/fleet\/tmux\.local\.conf {3}# take out line 2, 4$/,
    );
    rmSync(local);
    await type(report);
    expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
  });
});

describe("holder.oom", () => {
  const id = "holder.oom";
  /** A memory cgroup of the unit's own with the process in it; where there is one already, that. */
  async function memoryGroup(pid: number, unit: string): Promise<string> {
    const groups = await fleet.procfs.cgroups(pid);
    const shared = groups.get("memory");
    if (shared === undefined) return join("/sys/fs/cgroup", groups.get("") ?? "");
    const group = join("/sys/fs/cgroup/memory", shared.split(`/${unit}`)[0] ?? "", unit);
    await mkdir(group, { recursive: true });
    await must("sh", "-c", `echo ${pid} >${shellWord(group)}/cgroup.procs`);
    return group;
  }

  test("where the units share a memory cgroup there is nothing to look at", async () => {
    const groups = await fleet.procfs.cgroups(await mainPid());
    if (groups.get("memory")?.includes(HOLDER_UNIT) === false)
      expect(await examine(fleet.host, id)).toMatchObject({ status: "skip" });
  });
  /** As where nothing is counted by version 1: there the units may have groups of their own, too. */
  async function onlyVersion2(): Promise<Record<string, string>> {
    const mounts = "/proc/self/mountinfo";
    const lines = ((await fleet.host.files.read(mounts)) ?? "").split("\n");
    return { [mounts]: lines.filter((line) => !/ - cgroup \S+ .*\bmemory\b/.test(line)).join("\n") };
  }

  for (const [limit, message] of [
    ["max", /^holder: .* killed 2 processes .* \(the machine, or a slice above, ran out\)/m],
    ["1073741824", /its limit is 1\.0 GiB/],
  ] as const)
    red(
      "holder.oom",
      `what version 2 counts, with the limit ${limit} (fake)`,
      { status: "warn", message, fix: limit === "max" ? /^ps -eo / : /MemoryMax=2147483648$/ },
      async () => {
        const { files } = fleet.host;
        const root = existsSync("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
        const group = join(root, (await fleet.procfs.cgroup(await mainPid())) ?? "");
        const texts: Record<string, string> = {
          ...(await onlyVersion2()),
          [join(root, "cgroup.controllers")]: "cpu memory pids\n",
          [join(group, "memory.events")]: "low 0\noom 2\noom_kill 2\n",
          [join(group, "memory.max")]: `${limit}\n`,
        };
        const read = async (path: string) => texts[path] ?? files.read(path);
        const readNow = (path: string) => texts[path] ?? files.readNow(path);
        return examine({ ...fleet.host, files: { ...files, read, readNow } }, id);
      },
    );
  green("holder.oom", "where version 2 counts nothing above all units, which are then not asked (fake)", async () => {
    const { files } = fleet.host;
    const root = existsSync("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
    const group = join(root, (await fleet.procfs.cgroup(await mainPid())) ?? "");
    const texts: Record<string, string> = {
      ...(await onlyVersion2()),
      [join(root, "cgroup.controllers")]: "memory\n",
      [join(dirname(group), "memory.events")]: "low 0\noom_kill 0\n",
    };
    const read = async (path: string) => texts[path] ?? files.read(path);
    const readNow = (path: string) => {
      if (path === join(group, "memory.events")) throw new Error("that of each unit was asked");
      return path.endsWith("/memory.max") ? "max\n" : (texts[path] ?? files.readNow(path));
    };
    return examine({ ...fleet.host, files: { ...files, read, readNow } }, "holder.oom");
  });
  green("holder.oom", "where nothing was killed", async () => {
    await memoryGroup(await mainPid(), HOLDER_UNIT);
    return examine(fleet.host, id);
  });
  red(
    "holder.oom",
    "that an agent has hit its limit",
    {
      status: "warn",
      message: /^eater: the kernel has killed a process .* \(its limit is 16 MiB\)/m,
      fix: /^systemctl --user set-property mosaic-agent@eater\.service MemoryMax=33554432$/,
    },
    async () => {
      const ready = join(fleet.root, "eat");
      await fleet.agent("eater", {
        MOSAIC_AGENT_COMMAND: `exec sh -c 'while ! [ -e ${ready} ]; do sleep 0.02; done; tail /dev/zero; exec sleep infinity'`,
      });
      await start(agentUnit("eater"));
      const { pid } = await fleet.up("eater");
      const group = await memoryGroup(pid, agentUnit("eater"));
      const limit = existsSync(join(group, "memory.max")) ? "memory.max" : "memory.limit_in_bytes";
      await must("sh", "-c", `echo 16M >${shellWord(group)}/${limit}`);
      writeFileSync(ready, "");
      await fleet.wait("the kill", async () =>
        /oom_kill 1/.test(
          await must("sh", "-c", 'cat "$0"/memory.oom_control "$0"/memory.events 2>/dev/null || true', group),
        ),
      );
      const report = await examine(fleet.host, id);
      await fleet.systemctl("stop", agentUnit("eater"));
      return report;
    },
  );
});

describe("holder.restarts", () => {
  const id = "holder.restarts";
  green("holder.restarts", "when it has never died", async () => {
    await fleet.systemctl("restart", HOLDER_UNIT);
    const report = await examine(fleet.host, id);
    expect(report.message).toMatch(/^up for \d+ s$/);
    return report;
  });
  red(
    "holder.restarts",
    "that its server was killed",
    {
      status: "warn",
      message:
        /has brought the holder back once since it was started, the last time \d+ s ago: its server had died, .* or did/,
      fix: /^journalctl --user-unit mosaic-tmux-holder/,
    },
    async () => {
      const before = await mainPid();
      fleet.host.kill(before, "SIGKILL");
      await fleet.wait("another server", async () => {
        const unit = await fleet.unit(HOLDER_UNIT);
        return unit.active === "active" && unit.mainPid !== before;
      });
      const report = await examine(fleet.host, id);
      const days = 3 * 24 * 60 * 60;
      const clockSet: Host = { ...fleet.host, date: () => new Date(Date.now() + days * 1000) };
      expect(await examine(clockSet, id)).toMatchObject({ status: "warn" });
      const uptime = async () => `${Number.parseFloat(readFileSync("/proc/uptime", "utf8")) + days} 0`;
      const { read } = fleet.host.files;
      const files = { ...fleet.host.files, read: (path: string) => (path === "/proc/uptime" ? uptime() : read(path)) };
      const later = await examine({ ...fleet.host, files }, id);
      expect(later).toMatchObject({ status: "pass", message: "brought back once, last 3 days ago" });
      await fleet.systemctl("restart", HOLDER_UNIT);
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" }); // counts anew
      return report;
    },
  );
  red(
    "holder.restarts",
    "that it never comes up",
    { status: "fail", message: /does not stay up: systemd has brought it back (once|\d+ times)/, fix: /^journalctl/ },
    async () => {
      await fleet.dropIn(HOLDER_UNIT, "[Service]\nExecStartPre=/bin/false\nRestartSec=20ms\n");
      await fleet.systemctl("restart", HOLDER_UNIT);
      await fleet.wait("restarts", async () => {
        const unit = await fleet.unit(HOLDER_UNIT);
        return unit.restarts >= 2 && unit.active === "activating";
      });
      const report = await examine(fleet.host, id);
      expect(await examine(fleet.host, "holder.server")).toMatchObject({ status: "fail" });
      await wellAgain();
      return report;
    },
  );
  test("a holder that is stopped has nothing to tell", async () => {
    await fleet.systemctl("stop", HOLDER_UNIT);
    expect(await examine(fleet.host, id)).toMatchObject({ status: "skip", message: "the holder is inactive" });
    await wellAgain();
  });
});

describe("holder.server", () => {
  const id = "holder.server";
  green("holder.server", "while the holder serves", () => examine(fleet.host, id));
  test("a holder that is not started is left out, with what starts it", async () => {
    await fleet.systemctl("stop", HOLDER_UNIT);
    expect(await examine(fleet.host, id)).toMatchObject({
      status: "skip",
      message: expect.stringContaining(`start ${HOLDER_UNIT}`),
    });
    await wellAgain();
  });
  for (const [what, text] of [
    ["gone", undefined],
    ["garbled", "garbage"],
  ] as const)
    red(
      "holder.server",
      `that the holder's record is ${what}`,
      { status: "fail", message: /record of its server cannot be read/, fix: /^systemctl --user restart / },
      async () => {
        const record = join(fleet.paths.runtime ?? "", "mosaic-tmux-holder/socket");
        const was = readFileSync(record, "utf8");
        if (text === undefined) rmSync(record);
        else writeFileSync(record, text);
        const report = await examine(fleet.host, id);
        writeFileSync(record, was);
        expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
        return report;
      },
    );

  test("a socket that is gone blocks it: tmux.socket tells", async () => {
    const socket = await socketOf();
    rmSync(socket);
    expect((await examine(fleet.host, id)).status).toBe("blocked");
    fleet.host.kill(await mainPid(), "SIGUSR1");
    await fleet.wait("the socket", async () => existsSync(socket));
  });
  red(
    "holder.server",
    "a stranger's server while the holder is stopped; what is typed ends it",
    {
      status: "fail",
      message: /the holder is inactive, but a tmux server that is not its own \(pid \d+\) serves /,
      fix: /^tmux -S \S+ kill-server /,
    },
    async () => {
      await fleet.systemctl("stop", HOLDER_UNIT);
      const squatter = await squat();
      const report = await examine(fleet.host, id);
      expect(report.message).toContain(`(pid ${squatter})`);
      await type(report);
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
      await start(agentUnit("coder"));
      return report;
    },
  );
  red(
    "holder.server",
    "a stranger's server in front of the holder's; what is typed brings back the holder's",
    { status: "fail", message: /is not the holder's main process/, fix: /^kill -USR1 \d+ / },
    async () => {
      rmSync(await socketOf());
      const squatter = await squat();
      const report = await examine(fleet.host, id);
      expect(report.message).toContain(`the server that answers (pid ${squatter}) is not`);
      await type(report);
      await fleet.wait("the holder's own", async () => (await fleet.tmux.server())?.pid === (await mainPid()));
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
      return report;
    },
  );
  red(
    "holder.server",
    "a socket that nobody listens on; the signal mends it",
    { status: "fail", message: /nothing answers on its socket/, fix: /^kill -USR1 \d+ / },
    async () => {
      const socket = await socketOf();
      rmSync(socket);
      fleet.host.kill(await squat(), "SIGKILL"); // leaves its socket behind
      await fleet.wait("its end", async () => (await fleet.tmux.server()) === undefined);
      const report = await examine(fleet.host, id);
      expect(report.fix.automatic).toBe(true);
      await must("sh", "-c", report.fix.commands[0] ?? "");
      await fleet.wait("the holder's own", async () => (await fleet.tmux.server())?.pid === (await mainPid()));
      return report;
    },
  );
  red(
    "holder.server",
    "that it was moved out of its cgroup; a restart mends it",
    { status: "fail", message: /was moved out of its cgroup/, fix: /^systemctl --user restart / },
    async () => {
      const pid = await mainPid();
      // In the hierarchy by which systemd goes; where it does not see it leave, the unit stays.
      const own = (await fleet.host.files.read(`/proc/${pid}/cgroup`))
        ?.split("\n")
        .find((line) => line.startsWith("0::"));
      const root = existsSync("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
      const group = join(root, own?.slice(3).replace(`/${HOLDER_UNIT}`, "/elsewhere.scope") ?? "");
      await mkdir(group);
      await must(
        "sh",
        "-c",
        `sleep infinity >/dev/null 2>&1 & echo $! >${root}${own?.slice(3)}/cgroup.procs; echo ${pid} >${group}/cgroup.procs`,
      );
      const report = await examine(fleet.host, id);
      await must("sh", "-c", report.fix.commands.at(-1) ?? "");
      await start(agentUnit("coder"));
      return report;
    },
  );
  red(
    "holder.server",
    "that systemd has passed over it",
    {
      status: "fail",
      message: /^systemd has passed over the holder: an ExecCondition= /,
      fix: /^systemctl --user cat /,
    },
    async () => {
      await fleet.dropIn(HOLDER_UNIT, "[Service]\nExecCondition=/bin/false\n");
      await fleet.systemctl("restart", HOLDER_UNIT);
      const report = await examine(fleet.host, id);
      await wellAgain();
      return report;
    },
  );
  for (const [what, text, message] of [
    [
      "ends its server",
      "set -g mouse on\nkill-server\n",
      /^the holder is activating .*; line 2 of tmux.local.conf, .* may be why$/,
    ],
    [
      "never comes to an end",
      "run-shell 'sleep 1000'\n",
      /^the holder's server \(pid \d+\) is founded, and does not come to the end of its configuration.*; line 1 of/,
    ],
  ] as const)
    red(
      "holder.server",
      `that tmux.local.conf ${what}`,
      { status: "fail", message, fix: /tmux\.local\.conf {3}# take out line \d$/ },
      async () => {
        const conf = join(fleet.paths.site, "tmux.local.conf");
        writeFileSync(conf, text);
        await fleet.systemctl("restart", "--no-block", HOLDER_UNIT);
        const report = await fleet.wait("what keeps it down", async () => {
          const found = await examine(fleet.host, id);
          return message.test(found.message ?? "") && found;
        });
        rmSync(conf);
        await wellAgain();
        return report;
      },
    );
  red(
    "holder.server",
    "that it has failed",
    {
      status: "fail",
      message: /^the holder has failed \(exit-code\)$/,
      fix: /^journalctl --user-unit mosaic-tmux-holder/,
    },
    async () => {
      await fleet.dropIn(HOLDER_UNIT, "[Service]\nExecStartPre=/bin/false\nRestart=no\n");
      await fleet.systemctl("restart", HOLDER_UNIT);
      const report = await examine(fleet.host, id);
      await wellAgain();
      return report;
    },
  );
});
