import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../../src/core/until.ts";
import { HOLDER_UNIT, openFleet, type TestFleet } from "../support/fleet.ts";

// The hard cases of docs/supervision.md, on a real user manager and a real tmux server.

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
});
afterAll(() => fleet.close());

const start = async (name: string) => {
  const result = await fleet.systemctl("start", `mosaic-agent@${name}`);
  expect(result).toMatchObject({ kind: "exited", code: 0 });
  return fleet.up(name);
};
/** Lines of the journal that hold a text. What was said arrives there a moment later: none means none for two seconds. */
const said = async (text: string) => {
  const look = async () => {
    const lines = (await fleet.journal()).filter((line) => line.includes(text));
    return lines.length === 0 ? undefined : lines;
  };
  return (await until(fleet.host, 2_000, look)) ?? [];
};
const statusSays = async (name: string, text: string) =>
  (await fleet.systemctl("status", `mosaic-agent@${name}`)).stdout.includes(text);
const stop = (name: string) => fleet.systemctl("stop", `mosaic-agent@${name}`);
const alive = async (pid: number) => (await fleet.procfs.startTime(pid)) !== undefined;

describe("an agent that ends", () => {
  test("with a code: the code is in the journal and in the unit's status, and it comes back in the same session", async () => {
    await fleet.agent("code", { MOSAIC_AGENT_COMMAND: "sh -c 'sleep 0.3; exit 3'" });
    const before = await start("code");
    await fleet.wait("the status", () => statusSays("code", 'Status: "exited with status 3"'));
    expect(await said("code: exited with status 3")).not.toHaveLength(0);
    const after = await fleet.wait("another process", async () => {
      const pane = await fleet.pane("code");
      return pane !== undefined && pane.pid !== before.pid && pane;
    });
    expect(after.sessionId).toBe(before.sessionId);
    await stop("code");
  });

  test("by a signal: the signal is in the journal and in the unit's status", async () => {
    await fleet.agent("signal", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
    const { pid } = await start("signal");
    fleet.host.kill(pid, "SIGKILL");
    await fleet.wait("the status", () => statusSays("signal", 'Status: "killed by signal 9"'));
    expect(await said("signal: killed by signal 9")).toHaveLength(1);
    await fleet.up("signal");
    await stop("signal");
  });

  test("leaving a setsid child that holds the terminal: the child is ended and the agent is back", async () => {
    await fleet.agent("stray", { MOSAIC_AGENT_COMMAND: "sh -c 'setsid sleep 54321 & exec sleep infinity'" });
    const before = await start("stray");
    const child = await fleet.wait("the child", () => sleeper("54321"));
    fleet.host.kill(before.pid, "SIGKILL");
    await fleet.wait("the child's end", async () => !(await alive(child)));
    await fleet.wait("another process", async () => (await fleet.up("stray")).pid !== before.pid);
    await stop("stray");
  });

  test("leaving a setsid child that ignores SIGTERM and a second session: both are ended, and not the start that follows at once", async () => {
    await fleet.agent("stubborn", {
      MOSAIC_AGENT_COMMAND: `sh -c 'setsid sh -c "trap : TERM; while :; do sleep 54322; done" & exec sleep infinity'`,
    });
    // A start that takes its time, as on a busy machine, while the dead one's processes are still looked for.
    await fleet.dropIn("mosaic-agent@stubborn.service", "[Service]\nRestartSec=0\nExecStartPre=/bin/sleep 0.4\n");
    const before = await start("stubborn");
    await fleet.wait("the child", () => sleeper("54322"));
    fleet.host.kill(before.pid, "SIGKILL");
    await fleet.wait("another process", async () => (await fleet.up("stubborn")).pid !== before.pid);
    expect((await fleet.unit("stubborn")).restarts).toBe(1);
    await stop("stubborn");
    expect(await sleeper("54322")).toBeUndefined();
  });
});

test.each(["split-window", "new-window"])(
  "a pane that a person opened beside the agent's (%s) is never taken for it",
  async (verb) => {
    await fleet.agent("beside", { MOSAIC_AGENT_COMMAND: "sh -c 'read -r code; exit $code'" });
    const before = await start("beside");
    await fleet.tmuxCommand(verb, "-t", "=beside:", "exec sleep 54325");
    const beside = await fleet.wait("the other pane", () => sleeper("54325"));
    const own = (
      await fleet.tmuxCommand("list-panes", "-s", "-t", "=beside:", "-f", "#{@mosaic_agent}", "-F", "#{pane_id}")
    ).stdout.trim();
    await fleet.tmuxCommand("send-keys", "-t", own, "7", "Enter");
    await fleet.wait("the agent again", async () => {
      const panes = (await fleet.tmux.panes()).filter(({ session }) => session === "beside");
      return panes.some(({ pid, dead }) => !dead && pid !== before.pid && pid !== beside);
    });
    expect(await said("beside: exited with status 7")).not.toHaveLength(0);
    expect(await alive(beside)).toBe(true);
    expect(await fleet.procfs.cgroup(beside)).not.toContain("mosaic-agent@");
    await stop("beside");
    await fleet.wait("the end of the session", async () => (await fleet.pane("beside")) === undefined);
    expect((await fleet.unit("beside")).active).toBe("inactive");
  },
);

test("an agent whose own pane was closed, in a session that stays, gets a window of its own again", async () => {
  await fleet.agent("closed", { MOSAIC_AGENT_COMMAND: "sleep 54326" });
  const before = await start("closed");
  await fleet.tmuxCommand("split-window", "-t", "=closed:", "exec sleep 54327");
  const own = (
    await fleet.tmuxCommand("list-panes", "-s", "-t", "=closed:", "-f", "#{@mosaic_agent}", "-F", "#{pane_id}")
  ).stdout.trim();
  await fleet.tmuxCommand("kill-pane", "-t", own);
  const again = await fleet.wait("another process", async () => {
    const pid = await sleeper("54326");
    return pid !== undefined && pid !== before.pid && pid;
  });
  await fleet.wait("it in its unit", async () => (await fleet.procfs.cgroup(again))?.includes("mosaic-agent@closed"));
  expect(await fleet.procfs.cgroup((await sleeper("54327")) ?? 0)).not.toContain("mosaic-agent@");
  await stop("closed");
});

describe("an agent below a shell that outlives its terminal", () => {
  /** The agent's own pane, with another one beside it where `beside`. */
  const opened = async (name: string, seconds: string, beside: boolean) => {
    await fleet.agent(name, { MOSAIC_AGENT_COMMAND: `sh -c 'sleep ${seconds}; :'` });
    await start(name);
    if (beside) await fleet.tmuxCommand("split-window", "-d", "-t", `=${name}:`, "exec sleep 54329");
    const own = ["-s", "-t", `=${name}:`, "-f", "#{@mosaic_agent}", "-F", "#{pane_id}"];
    const pane = (await fleet.tmuxCommand("list-panes", ...own)).stdout.trim();
    return { pane, program: await fleet.wait("its program", () => sleeper(seconds)) };
  };
  const closed = [
    ["kill-session", false],
    ["kill-window", false],
    ["kill-pane", false],
    ["kill-pane", true],
  ] as const;

  test.each(closed)(
    "is started anew when somebody closes its pane by %s (another pane beside it: %p)",
    async (verb, beside) => {
      const { pane, program } = await opened("shut", "54331", beside);
      await fleet.tmuxCommand(verb, "-t", verb === "kill-session" ? "=shut" : pane);
      await fleet.wait("the end of its program", async () => !(await alive(program)));
      await fleet.wait("another program", () => sleeper("54331"));
      await fleet.up("shut");
      await stop("shut");
      expect((await fleet.unit("shut")).active).toBe("inactive");
    },
  );

  test("is started anew, and does not run twice, when somebody respawns its pane", async () => {
    const { pane, program } = await opened("respawned", "54332", false);
    await fleet.tmuxCommand("respawn-pane", "-k", "-t", pane);
    const again = await fleet.wait("another program alone", async () => {
      const pid = await sleeper("54332");
      return !(await alive(program)) && pid;
    });
    await fleet.wait("it in its unit", async () =>
      (await fleet.procfs.cgroup(again))?.includes("mosaic-agent@respawned"),
    );
    await fleet.up("respawned");
    await stop("respawned");
    expect(await sleeper("54332")).toBeUndefined();
  });
});

/** The pid of "sleep SECONDS", for a number of seconds that nobody else uses. */
async function sleeper(seconds: string): Promise<number | undefined> {
  for (const pid of await fleet.procfs.pids()) {
    const words = await fleet.procfs.commandLine(pid);
    if (words?.[0] === "sleep" && words[1] === seconds) return pid;
  }
  return undefined;
}

describe("a start", () => {
  test("fails at once, and leaves no session, when the pane ends before it is in the unit", async () => {
    const script = join(fleet.paths.tools, "agent-pane.sh");
    const text = (await fleet.host.files.read(script)) ?? "";
    await fleet.agent("early", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
    await fleet.dropIn("mosaic-agent@early.service", "[Service]\nRestart=no\n");
    try {
      await fleet.host.files.writeAtomic(script, "#!/bin/sh\nexit 7\n", 0o755);
      const started = fleet.host.now();
      const result = await fleet.systemctl("start", "mosaic-agent@early");
      expect(result).toMatchObject({ kind: "exited", code: 1 });
      expect(fleet.host.now() - started).toBeLessThan(5_000);
      expect((await fleet.unit("early")).active).toBe("failed");
      expect(await said("early: not started: its first process ended before it was in its unit")).not.toHaveLength(0);
    } finally {
      await fleet.host.files.writeAtomic(script, text, 0o755);
    }
    expect(await fleet.pane("early")).toBeUndefined();
    await fleet.systemctl("reset-failed");
  });

  test("in the middle of which the server dies: the agent is up in the end", async () => {
    const folder = join(fleet.root, "server-killer");
    const done = join(folder, "done");
    await fleet.host.files.makeFolder(folder);
    // The first time that tmux is asked for a session, its server is gone.
    await fleet.host.files.writeAtomic(
      join(folder, "tmux"),
      `#!/bin/sh
case "$*" in *new-session*) [ -e ${done} ] || { : >${done}; kill -KILL "$(cat "$XDG_RUNTIME_DIR/mosaic-tmux-holder/pid")"; } ;; esac
exec /usr/bin/tmux "$@"
`,
      0o755,
    );
    await fleet.agent("midway", { MOSAIC_AGENT_COMMAND: "sleep infinity", MOSAIC_PATH: folder });
    await fleet.systemctl("start", "mosaic-agent@midway");
    expect(await fleet.host.files.status(done)).toBeDefined();
    await fleet.up("midway");
    await stop("midway");
  });

  test("on a server that was told to exit, and stays because a session was made in that moment, ends it and finds another", async () => {
    await fleet.agent("deaf", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
    await start("deaf");
    const before = (await fleet.tmux.server())?.pid ?? 0;
    await fleet.tmuxCommand("set-hook", "-g", "session-closed", "new-session -d -s late 'sleep 54324'");
    await fleet.tmuxCommand("kill-server");
    const turnedAway = async () => (await fleet.tmuxCommand("list-sessions")).stderr.includes("exited unexpectedly");
    await fleet.wait("a server that turns everybody away", turnedAway, 5_000);
    await fleet.wait("another server", async () => {
      const server = await fleet.tmux.server().catch(() => undefined); // ToolError: it is turned away
      return server !== undefined && server.pid !== before;
    });
    await fleet.up("deaf");
    expect(await sleeper("54324")).toBeUndefined();
    await stop("deaf");
  });

  test("of an agent whose session runs already takes that session over, untouched", async () => {
    await fleet.systemctl("start", HOLDER_UNIT);
    await fleet.tmuxCommand("new-session", "-d", "-s", "byhand", "--", "sh", "-c", "sleep 54323 & wait");
    const before = await fleet.wait("the session", () => fleet.pane("byhand"));
    await fleet.agent("byhand", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
    const after = await start("byhand");
    expect([after.pid, after.sessionId]).toEqual([before.pid, before.sessionId]);
    const child = await fleet.wait("the child", () => sleeper("54323"));
    expect(await fleet.procfs.cgroup(child)).toBe((await fleet.unit("byhand")).controlGroup);
    await stop("byhand");
    expect(await sleeper("54323")).toBeUndefined();
  });

  test("of a broken command is tried a bounded number of times, and the unit says so", async () => {
    await fleet.agent("storm", { MOSAIC_AGENT_COMMAND: "sh -c 'exit 9'" });
    await fleet.dropIn("mosaic-agent@storm.service", "[Service]\nRestartSec=20ms\n");
    await fleet.systemctl("start", "mosaic-agent@storm");
    await fleet.wait("the end of the storm", async () => (await fleet.unit("storm")).result === "start-limit-hit");
    expect((await fleet.unit("storm")).active).toBe("failed");
    await fleet.wait("ten tries in the journal", async () => (await said("storm")).length >= 10);
    expect(await said("storm")).toEqual(Array.from({ length: 10 }, () => "storm: exited with status 9"));
    await fleet.systemctl("reset-failed");
  });

  test("of agents whose names are those of our locks disturbs nobody", async () => {
    for (const name of ["slot-0", "slot-1", "slot-2", "slot-3", "other-1", "other-2"]) {
      await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity" });
      await start(name);
      await stop(name);
    }
  });

  const refusals: [string, string, Record<string, string>, number, string][] = [
    [
      "a socket that is not the holder's",
      "socket",
      { MOSAIC_TMUX_SOCKET: "elsewhere" },
      78,
      "MOSAIC_TMUX_SOCKET is 'elsewhere'",
    ],
    ["another agent's name", "named", { MOSAIC_AGENT_NAME: "other" }, 78, "MOSAIC_AGENT_NAME is 'other'"],
    ["a missing working folder", "workdir", { MOSAIC_AGENT_WORKDIR: "/no/such" }, 66, "working folder '/no/such'"],
    ["a missing program", "program", { MOSAIC_AGENT_COMMAND: "nosuchprogram --x" }, 69, "program 'nosuchprogram'"],
    [
      "a missing program behind exec and an assignment",
      "behind",
      { MOSAIC_AGENT_COMMAND: "A=b exec ~/nosuchprogram x" },
      69,
      "nosuchprogram'",
    ],
    ["a missing runtime", "runtime", { MOSAIC_AGENT_RUNTIME: "nosuchruntime" }, 69, "program 'nosuchruntime'"],
    ["a name that is not allowed", "a.b", {}, 64, "a name is letters, digits, - and _"],
    ["a name that is too long", "n".repeat(64), {}, 64, "a name has at most 63 characters"],
  ];
  test.each(refusals)(
    "is refused for %s, in one line, with a code of its own and no session",
    async (_, name, settings, code, line) => {
      await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity", ...settings });
      if (name === "runtime") await fleet.agent(name, settings);
      await fleet.dropIn(`mosaic-agent@${name}.service`, "[Service]\nRestart=no\n");
      expect(await fleet.systemctl("start", `mosaic-agent@${name}.service`)).toMatchObject({ kind: "exited", code: 1 });
      expect((await fleet.systemctl("status", `mosaic-agent@${name}.service`)).stdout).toContain(`status=${code}`);
      expect((await said(`${name}: not started: `)).filter((each) => each.includes(line))).toHaveLength(1);
      expect((await fleet.tmux.panes()).filter((pane) => name.startsWith(pane.session))).toEqual([]);
      await fleet.systemctl("reset-failed");
    },
  );
});

describe("a stop by hand never shows failed", () => {
  const programs: [string, string][] = [
    ["a program that exits with 1 on SIGTERM", `sh -c 'trap "exit 1" TERM; while :; do sleep 0.05; done'`],
    ["a program that ignores SIGHUP and SIGTERM", `sh -c 'trap "" HUP TERM; while :; do sleep 54324; done'`],
    ["a shell at its prompt", "bash --norc"],
    ["a program that has just crashed, again and again", "sh -c 'exit 5'"],
  ];
  test.each(programs)("for %s", async (_, command) => {
    await fleet.agent("stopped", { MOSAIC_AGENT_COMMAND: command, MOSAIC_AGENT_STOP_SECONDS: "1" });
    await fleet.systemctl("start", "mosaic-agent@stopped");
    expect(await stop("stopped")).toMatchObject({ kind: "exited", code: 0 });
    expect((await fleet.unit("stopped")).active).toBe("inactive");
    expect(await sleeper("54324")).toBeUndefined();
    expect((await fleet.pane("stopped"))?.dead ?? true).toBe(true);
  });

  test.each(["10s", "2.5", "08", "600", "-1"])(
    "when MOSAIC_AGENT_STOP_SECONDS is %s, which is said and not taken",
    async (seconds) => {
      await fleet.agent("seconds", { MOSAIC_AGENT_COMMAND: "sleep infinity", MOSAIC_AGENT_STOP_SECONDS: seconds });
      await start("seconds");
      await stop("seconds");
      expect((await fleet.unit("seconds")).active).toBe("inactive");
      expect(await said(`seconds: MOSAIC_AGENT_STOP_SECONDS=${seconds} is not`)).toHaveLength(1);
    },
  );

  test("whatever moment of a crash it comes in", async () => {
    await fleet.agent("moment", { MOSAIC_AGENT_COMMAND: "sh -c 'exit 5'" });
    const states = new Set<string>();
    for (let trial = 0; trial < 25; trial++) {
      await fleet.systemctl("reset-failed", "mosaic-agent@moment");
      await fleet.systemctl("start", "mosaic-agent@moment");
      await fleet.host.pause(trial * 4); // spreads the stop over the whole of the ending: not a wait for anything
      await stop("moment");
      states.add((await fleet.unit("moment")).active);
    }
    expect({
      states: [...states],
      journal: (await fleet.journal()).filter((line) => line.includes("moment")).slice(-30),
    }).toMatchObject({ states: ["inactive"] });
  });
});

describe("the agent gets", () => {
  test("its seconds to finish after SIGTERM", async () => {
    const mark = join(fleet.root, "finished");
    const ready = join(fleet.root, "ready");
    const command = `sh -c 'trap "sleep 0.5; : >${mark}; exit 0" TERM; : >${ready}; while :; do sleep 0.05; done'`;
    await fleet.agent("graceful", { MOSAIC_AGENT_COMMAND: command });
    await start("graceful");
    await fleet.wait("its trap", () => fleet.host.files.status(ready));
    await stop("graceful");
    expect(await fleet.host.files.status(mark)).toBeDefined();
    expect(await fleet.pane("graceful")).toBeUndefined();
  });

  test("its unit's environment exactly, and nothing of the holder's or of systemd's own", async () => {
    const fleetEnv = join(fleet.paths.site, "fleet.env");
    await fleet.host.files.writeAtomic(fleetEnv, "MOSAIC_PATH=~/tools:/opt/x\nFROM_FLEET=fleet\nBOTH=fleet\n", 0o600);
    await fleet.agent("env", {
      MOSAIC_AGENT_COMMAND: "sleep infinity",
      root: "root",
      line: "line",
      name: "name",
      rest: "rest",
      ODD: `"it's \\"5\\" #{pid} \\$HOME \\\\ é漢"`,
      BOTH: "agent",
    });
    const { pid } = await start("env");
    await fleet.host.files.removeFile(fleetEnv);
    const env = (await fleet.procfs.environment(pid)) ?? {};
    expect(env).toMatchObject({
      ODD: `it's "5" #{pid} $HOME \\ é漢`,
      root: "root",
      line: "line",
      name: "name",
      rest: "rest",
      FROM_FLEET: "fleet",
      BOTH: "agent",
      MOSAIC_AGENT_NAME: "env",
      MOSAIC_TMUX_SOCKET: "mosaic-factory",
      XDG_RUNTIME_DIR: fleet.paths.runtime,
    });
    expect(env.PATH?.split(":").slice(0, 2)).toEqual([`${fleet.host.user.home}/tools`, "/opt/x"]);
    expect(env.TMUX).toStartWith(`${fleet.paths.runtime}/`);
    expect(env.DBUS_SESSION_BUS_ADDRESS ?? "none").not.toContain("/dev/null");
    for (const key of [
      "INVOCATION_ID",
      "JOURNAL_STREAM",
      "NOTIFY_SOCKET",
      "MANAGERPID",
      "RUNTIME_DIRECTORY",
      "MOSAIC_FLEET_TOOLS",
      "mosaic_command",
    ])
      expect(env).not.toHaveProperty(key);
    await stop("env");
  });

  test("its program by runtime and model, through the mosaic launcher where that is installed", async () => {
    const bin = join(fleet.root, "bin");
    await fleet.host.files.makeFolder(bin);
    const program =
      '#!/bin/sh\nprintf "%s\\n" "$0" "$@" >"$HOME/ran.new"; mv "$HOME/ran.new" "$HOME/ran"; exec sleep infinity\n';
    const ran = join(fleet.host.user.home, "ran");
    const words = async () => {
      const text = await fleet.wait("the program's words", () => fleet.host.files.read(ran));
      await stop("typed");
      await fleet.host.files.removeFile(ran);
      return text.trim().split("\n");
    };
    await fleet.host.files.writeAtomic(join(bin, "claude"), program, 0o755);
    await fleet.agent("typed", { MOSAIC_AGENT_RUNTIME: "claude", MOSAIC_AGENT_MODEL: "some model", MOSAIC_PATH: bin });
    await start("typed");
    expect(await words()).toEqual([join(bin, "claude"), "--model", "some model"]);
    await fleet.host.files.writeAtomic(join(bin, "mosaic"), program, 0o755);
    await start("typed");
    expect(await words()).toEqual([join(bin, "mosaic"), "claude", "--model", "some model"]);
    await fleet.agent("typed", { MOSAIC_RUNTIME_BIN: join(bin, "claude"), MOSAIC_PATH: bin });
    await start("typed");
    expect(await words()).toEqual([join(bin, "claude")]);
  });

  test.each(["sleep infinity", " exec sleep infinity", "A=b C=d sleep infinity"])(
    "no process of ours beside its own program (%s)",
    async (command) => {
      await fleet.agent("lone", { MOSAIC_AGENT_COMMAND: command });
      const { pid } = await start("lone");
      const unit = await fleet.unit("lone");
      const members: number[] = [];
      for (const each of await fleet.procfs.pids())
        if ((await fleet.procfs.cgroup(each))?.startsWith(unit.controlGroup)) members.push(each);
      expect(members).toEqual([pid]);
      expect(await fleet.procfs.commandLine(pid)).toEqual(["sleep", "infinity"]);
      await stop("lone");
    },
  );
});

describe("where the pane cannot move itself", () => {
  const readOnly = "[Service]\nReadOnlyPaths=/sys/fs/cgroup\n";

  test("the user manager is asked to, and the agent is in its unit", async () => {
    await fleet.systemctl("stop", HOLDER_UNIT);
    await fleet.dropIn(HOLDER_UNIT, readOnly);
    await fleet.dropIn("mosaic-agent@asked.service", readOnly);
    await fleet.agent("asked", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
    await start("asked");
    expect(await said("asked: degraded")).toEqual([]);
    await stop("asked");
  });

  test("and the manager cannot be asked either: it runs, says that it is degraded, and ends truthfully", async () => {
    await fleet.dropIn(
      "mosaic-agent@degraded.service",
      `${readOnly}Environment=DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent\n`,
    );
    await fleet.agent("degraded", { MOSAIC_AGENT_COMMAND: "sh -c 'read -r code; exit $code'" });
    expect(await fleet.systemctl("start", "mosaic-agent@degraded")).toMatchObject({ kind: "exited", code: 0 });
    expect(await said("degraded: degraded: process")).toHaveLength(1);
    expect((await fleet.unit("degraded")).active).toBe("active");
    await fleet.tmuxCommand("send-keys", "-t", "=degraded:", "4", "Enter");
    await fleet.wait("the status", () => statusSays("degraded", 'Status: "exited with status 4"'));
    expect(await said("degraded: exited with status 4")).toHaveLength(1);
    await stop("degraded");
    expect((await fleet.unit("degraded")).active).toBe("inactive");
    await fleet.systemctl("stop", HOLDER_UNIT);
    await fleet.host.files.removeTree(join(fleet.paths.runtime ?? "", "systemd/user", `${HOLDER_UNIT}.d`));
    await fleet.systemctl("daemon-reload");
  });
});

test("a unit from before, with its ExecStopPost= of then: its end is told once, and a stop shows inactive", async () => {
  await fleet.agent("before", { MOSAIC_AGENT_COMMAND: "sh -c 'read -r code; exit $code'" });
  const script = join(fleet.paths.tools, "agent-session-ended.sh");
  await fleet.dropIn(
    "mosaic-agent@before.service",
    `[Service]
SyslogIdentifier=before
ExecStopPost=/bin/sh ${script} before
`,
  );
  const before = await start("before");
  await fleet.tmuxCommand("send-keys", "-t", "=before:", "3", "Enter");
  await fleet.wait("the status", () => statusSays("before", 'Status: "exited with status 3"'));
  await fleet.wait("another process", async () => (await fleet.up("before")).pid !== before.pid);
  await stop("before");
  expect(await fleet.unit("before")).toMatchObject({ active: "inactive", result: "success" });
  expect(await fleet.journal("before")).toEqual(["before: exited with status 3"]);
  expect(await fleet.pane("before")).toBeUndefined();
});

describe("a user's drop-in", () => {
  test("with Restart=on-failure: an agent that exits with 0 stays down, one that lost its server comes back", async () => {
    await fleet.dropIn("mosaic-agent@careful.service", "[Service]\nRestart=on-failure"); // and no newline at the end
    await fleet.agent("careful", { MOSAIC_AGENT_COMMAND: "sh -c 'read -r code; exit $code'" });
    const before = await start("careful");
    fleet.host.kill((await fleet.tmux.server())?.pid ?? 0, "SIGKILL");
    await fleet.wait("another process", async () => (await fleet.up("careful")).pid !== before.pid);
    await fleet.tmuxCommand("send-keys", "-t", "=careful:", "0", "Enter");
    await fleet.wait("the end", async () => (await fleet.unit("careful")).active === "inactive");
    expect((await fleet.unit("careful")).result).toBe("success");
  });

  test("with Restart=no: a crash shows as failed, with the agent's own code", async () => {
    await fleet.dropIn("mosaic-agent@once.service", "[Service]\nRestart=no\n");
    await fleet.agent("once", { MOSAIC_AGENT_COMMAND: "sh -c 'exit 6'" });
    await fleet.systemctl("start", "mosaic-agent@once"); // which may or may not see the end
    await fleet.wait("the failure", async () => (await fleet.unit("once")).active === "failed");
    expect((await fleet.unit("once")).result).toBe("exit-code");
    await fleet.systemctl("reset-failed");
  });
});

describe("the holder", () => {
  test("does not start on a squatter's socket, and leaves the squatter alone", async () => {
    await fleet.systemctl("stop", HOLDER_UNIT);
    const squatter = await fleet.host.exec([
      "tmux",
      "-L",
      "mosaic-factory",
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-s",
      "squat",
      "-P",
      "-F",
      "#{pid}",
    ]);
    const pid = Number(squatter.stdout);
    await fleet.dropIn(HOLDER_UNIT, "[Service]\nRestart=no\n");
    expect(await fleet.systemctl("start", HOLDER_UNIT)).toMatchObject({ kind: "exited", code: 1 });
    expect((await fleet.systemctl("status", HOLDER_UNIT)).stdout).toContain("status=75");
    expect(await said(`is served by another process (pid ${pid})`)).toHaveLength(1);
    expect((await fleet.tmux.panes()).map((pane) => pane.session)).toEqual(["squat"]);
    expect((await fleet.tmux.server())?.pid).toBe(pid);
    await fleet.tmuxCommand("kill-server");
    await fleet.wait("the squatter's end", async () => !(await alive(pid)));
    await fleet.host.files.removeTree(join(fleet.paths.runtime ?? "", "systemd/user", `${HOLDER_UNIT}.d`));
    await fleet.systemctl("daemon-reload");
    await fleet.systemctl("reset-failed");
  });

  test("that cannot come back at once has its agents wait for it, and they come back with it; one stopped meanwhile stays down", async () => {
    const bin = join(fleet.root, "bin");
    await fleet.host.files.makeFolder(bin);
    const broken = join(bin, "broken");
    const tmux = `#!/bin/sh\n[ ! -e ${broken} ] || { echo 'tmux: cannot be loaded' >&2; exit 127; }\nPATH=\${PATH#${bin}:} exec tmux "$@"\n`;
    await fleet.host.files.writeAtomic(join(bin, "tmux"), tmux, 0o755);
    const fleetEnv = join(fleet.paths.site, "fleet.env");
    await fleet.host.files.writeAtomic(fleetEnv, `MOSAIC_PATH=${bin}\n`, 0o600);
    await fleet.systemctl("restart", HOLDER_UNIT);
    for (const name of ["waits", "stopped"]) await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity" });
    let { pid } = await start("waits");
    await start("stopped");
    const waiting = async () =>
      /mosaic-agent@waits\.service +start +waiting/.test((await fleet.systemctl("list-jobs")).stdout);
    for (const how of ["crash", "restart"] as const) {
      await fleet.host.files.writeAtomic(broken, "", 0o600);
      if (how === "crash") fleet.host.kill((await fleet.tmux.server())?.pid ?? 0, "SIGKILL");
      else await fleet.systemctl("--no-block", "restart", HOLDER_UNIT);
      await fleet.wait("the start that waits", waiting);
      if (how === "crash") await stop("stopped");
      await fleet.host.pause(1_500); // for tries that fail
      expect(await waiting()).toBe(true);
      await fleet.host.files.removeFile(broken);
      const back = await fleet.up("waits");
      expect(back.pid).not.toBe(pid);
      pid = back.pid;
    }
    expect(await fleet.unit("stopped")).toMatchObject({ active: "inactive", result: "success" });
    expect(await said("mosaic-tmux-holder: the tmux server on socket 'mosaic-factory' was not founded")).toHaveLength(
      2,
    );
    await stop("waits");
    await fleet.host.files.removeFile(fleetEnv);
    await fleet.systemctl("restart", HOLDER_UNIT);
  });

  test("reads its own tmux.conf and tmux.local.conf, never ~/.tmux.conf, and hands its server a clean environment", async () => {
    await fleet.host.files.writeAtomic(join(fleet.host.user.home, ".tmux.conf"), "set -g @home yes\n", 0o600);
    await fleet.host.files.writeAtomic(join(fleet.paths.site, "tmux.local.conf"), "set -g @local yes\n", 0o600);
    await fleet.systemctl("set-environment", "SECRET_OF_THE_SHELL=1");
    await fleet.systemctl("restart", HOLDER_UNIT);
    await fleet.systemctl("unset-environment", "SECRET_OF_THE_SHELL");
    expect((await fleet.tmuxCommand("show-options", "-gv", "@local")).stdout.trim()).toBe("yes");
    expect((await fleet.tmuxCommand("show-options", "-gqv", "@home")).stdout.trim()).toBe("");
    const env = (await fleet.procfs.environment((await fleet.tmux.server())?.pid ?? 0)) ?? {};
    expect(Object.keys(env).sort()).toEqual(
      [
        "DBUS_SESSION_BUS_ADDRESS",
        "HOME",
        "LANG",
        "MOSAIC_FLEET_SITE",
        "MOSAIC_FLEET_TOOLS",
        "PATH",
        "TMUX_TMPDIR",
        "XDG_RUNTIME_DIR",
      ].sort(),
    );
  });

  test("runs nothing that a session's name says when a pane in it dies or it is closed, and closes a pane that is no agent's", async () => {
    await fleet.systemctl("start", HOLDER_UNIT);
    const mark = join(fleet.root, "marked");
    const name = `$(touch ${mark});'"\`touch ${mark}\``;
    await fleet.tmuxCommand("new-session", "-d", "-s", name, "--", "sleep", "0.1");
    await fleet.tmuxCommand("set-option", "-p", "-t", `=${name}:`, "@mosaic_agent", "1");
    await fleet.tmuxCommand("new-session", "-d", "-s", "mine", "--", "sleep", "0.1");
    await fleet.wait("the end of both", async () => {
      // tmux may have lost their signals (docs/supervision.md), and no unit's script wakes it for these.
      await fleet.host.exec(["kill", "-CHLD", String((await fleet.tmux.server())?.pid)]);
      const panes = await fleet.tmux.panes();
      return panes.every((pane) => pane.dead) && !panes.some((pane) => pane.session === "mine");
    });
    expect(await fleet.host.files.status(mark)).toBeUndefined();
    await fleet.tmuxCommand("kill-session", "-t", `=${name}`);
    await fleet.tmuxCommand("new-session", "-d", "-s", "last");
    await fleet.tmuxCommand("kill-session", "-t", "=last"); // what its hook runs comes after what that of the first has run
    await fleet.host.pause(200);
    expect(await fleet.host.files.status(mark)).toBeUndefined();
  });
});
