import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../package.json";
import { localHost } from "../../src/adapters/local-host.ts";
import { openSandbox, type Sandbox } from "../../src/canary/sandbox.ts";
import { until } from "../../src/core/until.ts";
import { type DoctorReport, doctorReportSchema } from "../../src/doctor/report.ts";
import { asIfBooted, binary, type Run, run, writeFiles } from "../support/build.ts";
import { treeOf } from "../support/tree.ts";

const HOLDER = "mosaic-tmux-holder.service";
const AGENT = "mosaic-agent@coder.service";

const host = localHost();
let sandbox: Sandbox;
let home: string;
let runtime: string;
beforeEach(async () => {
  sandbox = await openSandbox(host);
  home = sandbox.host.user.home;
  runtime = sandbox.host.env.XDG_RUNTIME_DIR ?? "";
});
afterEach(async () => {
  expect(await sandbox.close()).toEqual([]);
});

function inside(argv: readonly string[], env: Record<string, string | undefined> = {}): Run {
  return run(argv, { cwd: home, env: { ...sandbox.host.env, ...env }, timeoutMs: 60_000 });
}

function must(...argv: string[]): string {
  const result = inside(argv);
  expect({ argv, ...result }).toMatchObject({ argv, code: 0 });
  return result.stdout.trim();
}
const systemctl = (...words: string[]) => must("systemctl", "--user", ...words);
const tmux = (...words: string[]) => must("tmux", "-N", "-L", "mosaic-factory", ...words);
const shown = (unit: string, property: string) => systemctl("show", "-p", property, "--value", unit);

/** Doctor as JSON: the report, and that exit code, verdict and ok agree. */
function doctor(argv = [binary, "doctor", "-o", "json"]): DoctorReport {
  const { code, stdout, stderr } = inside(argv);
  expect(stderr).toBe("");
  const report = doctorReportSchema.parse(JSON.parse(stdout));
  const agreed = { pass: [true, 0], broken: [false, 1], unknown: [null, 2], unavailable: [null, 69] } as const;
  const [ok, exit] = agreed[report.verdict];
  expect({ ok: report.ok, code }).toEqual({ ok, code: exit });
  return report;
}

function checkIn(report: DoctorReport, id: string) {
  const check = report.checks.find((each) => each.id === id);
  if (check === undefined) throw new Error(`no check ${id}`);
  return check;
}

/** The checks of the fleet itself, as id → status; the others are the machine's. */
function fleetIn(report: DoctorReport): Record<string, string> {
  const areas = ["layout", "units", "holder", "agents"];
  return Object.fromEntries(
    report.checks.filter(({ area }) => areas.includes(area)).map(({ id, status }) => [id, status]),
  );
}

const well = {
  "layout.files": "pass",
  "units.verify": "pass",
  "units.reload": "pass",
  "holder.server": "pass",
  "agents.state": "pass",
};

function installed(): void {
  must(binary, "install");
}

/** A holder that serves, and an agent that runs this. */
function running(command = "sleep infinity"): void {
  installed();
  writeFiles(home, { ".config/mosaic/fleet/agents/coder.env": `MOSAIC_AGENT_COMMAND=${command}\n` });
  systemctl("start", AGENT);
}

/** Waits until something is so; throws when it does not come. */
async function eventually(what: string, look: () => boolean): Promise<void> {
  if ((await until(host, 20_000, async () => look() || undefined)) === undefined) throw new Error(`never: ${what}`);
}

/** What doctor says of a fleet with one thing wrong: that check fails, and what it says, does and holds is returned. */
function broken(id: string, others: Record<string, string> = {}) {
  const report = doctor();
  expect(report.verdict).toBe("broken");
  expect(fleetIn(report)).toEqual({ ...well, [id]: "fail", ...others });
  return checkIn(report, id);
}

describe("before install", () => {
  test("the layout is missing, with the remedy; what hangs on it is blocked, and by what", () => {
    const report = doctor();
    expect(fleetIn(report)).toEqual({
      "layout.files": "fail",
      "units.verify": "blocked",
      "units.reload": "blocked",
      "holder.server": "blocked",
      "agents.state": "blocked",
    });
    const layout = checkIn(report, "layout.files");
    expect(layout.fix).toEqual(["mosaic-fleet install"]);
    expect(layout.evidence["missing or out of date"]).toContain(`~/.config/systemd/user/${HOLDER}`);
    expect(checkIn(report, "holder.server").message).toBe("by layout.files");
    expect(checkIn(report, "agents.state").message).toBe("by holder.server");
  });

  test("a person is told the same: exit 1, the reason, the remedy, the verdict last", () => {
    const { code, stdout, stderr } = inside([binary, "doctor"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toMatch(/^FAIL {5}every file of the layout is there and of this version$/m);
    expect(stdout).toMatch(/^ {9}\$ mosaic-fleet install$/m);
    expect(stdout).toMatch(/^blocked {2}of every agent, unit, session and process agree$/m);
    expect(stdout.trimEnd().split("\n").slice(-2)).toEqual([
      "something is broken: see FAIL",
      expect.stringMatching(/^\d+ pass, .*5? ?\d+ blocked.* in \d+ ms$/),
    ]);
  });
});

describe("after install", () => {
  test("the layout and the units are well; the holder, which is not started, is skipped", () => {
    installed();
    const report = doctor();
    expect(fleetIn(report)).toEqual({ ...well, "holder.server": "skip", "agents.state": "skip" });
    expect(checkIn(report, "holder.server").message).toContain(`systemctl --user start ${HOLDER}`);
  });

  test("with holder and agent running everything of the fleet is well", () => {
    running();
    const report = doctor();
    expect(fleetIn(report)).toEqual(well);
    expect(checkIn(report, "holder.server").message).toBe(`pid ${shown(HOLDER, "MainPID")}`);
    expect(checkIn(report, "agents.state").message).toBe("1 up");
  });

  test("an agent that was stopped by hand is no complaint", () => {
    running();
    systemctl("stop", AGENT);
    expect(fleetIn(doctor())).toEqual(well);
  });
});

describe("the verdict", () => {
  /** The same machine where logind says whether the user's manager stays. */
  const withLogind = (mark: string) => {
    const script = `mount -t tmpfs none /var/lib/systemd && mkdir /var/lib/systemd/linger && ${mark} && exec "$0" "$@"`;
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, binary, "doctor", "-o", "json"];
  };

  test("is a pass, exit 0, where nothing is broken; a warning breaks nothing", () => {
    running();
    for (const [mark, status] of [
      [`touch /var/lib/systemd/linger/${sandbox.host.user.name}`, "pass"],
      ["true", "warn"],
    ] as const) {
      const report = doctor(withLogind(mark));
      expect(report).toMatchObject({ verdict: "pass", ok: true });
      expect(checkIn(report, "login.linger").status).toBe(status);
    }
  });

  test.skipIf(existsSync("/var/lib/systemd/linger"))("is null, exit 2, where something could not be told", () => {
    running();
    const report = doctor();
    expect(report).toMatchObject({ verdict: "unknown", ok: null, summary: { unknown: 1 } });
    expect(checkIn(report, "login.linger")).toMatchObject({
      status: "unknown",
      message: "could not tell: neither logind's marks nor loginctl say whether lingering is enabled",
      fix: [],
    });
  });
});

describe("broken on purpose", () => {
  test("a file of the layout is edited", () => {
    running();
    appendFileSync(join(home, ".config/mosaic/tools/fleet/tmux.conf"), "# mine\n");
    const report = doctor();
    const check = checkIn(report, "layout.files");
    expect(check.status).toBe("warn");
    expect(check.evidence.changed).toEqual(["~/.config/mosaic/tools/fleet/tmux.conf"]);
  });

  for (const [unit, setting, consequence] of [
    ["mosaic-agent@.service", "Delegate=no", "may not be moved into its unit"],
    ["mosaic-agent@.service", "Restart=no", "stays down"],
    [HOLDER, "OOMPolicy=stop", "ends the whole fleet"],
  ] as const) {
    test(`a drop-in says ${setting} for ${unit}`, () => {
      running();
      writeFiles(runtime, { [`systemd/user/${unit}.d/50-test.conf`]: `[Service]\n${setting}\n` });
      systemctl("daemon-reload");
      const check = broken("units.verify");
      expect(check.message).toBe("the effective settings of the units break what the fleet promises");
      expect(check.evidence.settings).toEqual([expect.stringContaining(`: ${setting}: `)]);
      expect(String(check.evidence.settings)).toContain(consequence);
      expect(check.evidence["drop-ins"]).toContain(join(runtime, `systemd/user/${unit}.d/50-test.conf`));
    });
  }

  test("a unit has a line that systemd does not know", () => {
    installed();
    systemctl("start", HOLDER);
    writeFiles(runtime, { [`systemd/user/${HOLDER}.d/50-test.conf`]: "[Service]\nRestrat=always\n" });
    systemctl("daemon-reload");
    const check = broken("units.verify");
    expect(check.message).toBe("systemd warns about the units");
    expect(String(check.evidence.warnings)).toContain("Restrat");
  });

  for (const [what, change] of [
    ["the unit's own file is written anew", () => must("touch", join(home, `.config/systemd/user/${HOLDER}`))],
    ["a drop-in is changed", () => appendFileSync(join(runtime, `systemd/user/${HOLDER}.d/50-test.conf`), "Nice=1\n")],
  ] as const) {
    test(`${what} without a daemon-reload; the remedy helps`, () => {
      writeFiles(runtime, { [`systemd/user/${HOLDER}.d/50-test.conf`]: "[Service]\nTimeoutStopSec=31s\n" });
      running();
      change();
      const check = broken("units.reload");
      expect(check.message).toBe(`${HOLDER} changed on disk since the manager read it`);
      expect(check.fix).toEqual(["systemctl --user daemon-reload"]);
      expect(inside(["sh", "-c", check.fix.join("\n")]).code).toBe(0);
      expect(fleetIn(doctor())).toEqual(well);
    });
  }

  test("a drop-in takes from the holder what it starts: it cannot be loaded", () => {
    installed();
    writeFiles(runtime, { [`systemd/user/${HOLDER}.d/50-test.conf`]: "[Service]\nExecStart=\n" });
    systemctl("daemon-reload");
    const check = checkIn(doctor(), "units.reload");
    expect(check.status).toBe("fail");
    expect(check.message).toBe(`${HOLDER} is bad-setting`);
    expect(check.fix).toContain(`systemctl --user status ${HOLDER}`);
  });

  test("the holder's socket is gone while its server lives; the remedy brings it back", async () => {
    running();
    const server = shown(HOLDER, "MainPID");
    const socket = tmux("display-message", "-p", "#{socket_path}");
    rmSync(socket);
    const check = broken("holder.server", { "agents.state": "blocked" });
    expect(check.message).toContain(`the holder is active (pid ${server}), but nothing answers on its socket`);
    expect(check.fix).toEqual([expect.stringMatching(new RegExp(`^kill -USR1 ${server} `))]);
    expect(inside(["sh", "-c", check.fix.join("\n")]).code).toBe(0);
    await eventually("the socket is back", () => existsSync(socket));
    expect(fleetIn(doctor())).toEqual(well);
  });

  /** Founds a server of no fleet on the fleet's socket, and returns its pid. In a unit, so that it goes with the sandbox. */
  function squat(): string {
    const found = ["tmux", "-L", "mosaic-factory", "-f", "/dev/null", "new-session", "-d", "-s", "squatter"];
    const settings = ["-p", "Type=forking", "-E", `TMUX_TMPDIR=${runtime}`, "--quiet"];
    must("systemd-run", "--user", ...settings, ...found, "sleep infinity");
    return tmux("display-message", "-p", "#{pid}");
  }

  test("a stranger's server serves the socket while the holder is stopped; the remedy ends it", async () => {
    installed();
    const squatter = squat();
    const check = broken("holder.server", { "agents.state": "blocked" });
    expect(check.message).toContain("the holder is inactive");
    expect(check.message).toContain(`(pid ${squatter})`);
    expect(inside(["sh", "-c", check.fix.join("\n")]).code).toBe(0);
    await eventually("the holder serves", () => fleetIn(doctor())["holder.server"] === "pass");
  });

  test("a stranger's server serves the socket while the holder runs: it is not the holder's", () => {
    running();
    const socket = tmux("display-message", "-p", "#{socket_path}");
    rmSync(socket);
    const squatter = squat();
    const check = broken("holder.server", { "agents.state": "blocked" });
    expect(check.message).toContain(
      `(pid ${squatter}) is not the holder's main process (pid ${shown(HOLDER, "MainPID")})`,
    );
  });

  test("the holder has failed", () => {
    installed();
    const dropIn = "[Service]\nExecStartPre=/bin/false\nRestart=no\n";
    writeFiles(runtime, { [`systemd/user/${HOLDER}.d/50-test.conf`]: dropIn });
    systemctl("daemon-reload");
    expect(inside(["systemctl", "--user", "start", HOLDER]).code).toBe(1);
    const check = checkIn(doctor(), "holder.server");
    expect(check.status).toBe("fail");
    expect(check.message).toBe("the holder has failed (exit-code)");
    expect(check.fix).toContain(`journalctl --user -u ${HOLDER} -n 20`);
  });

  test("an agent's process is outside its unit", () => {
    running();
    const pid = tmux("display-message", "-p", "-t", "=coder:", "#{pane_pid}");
    moveToHolder(pid);
    const check = broken("agents.state");
    expect(check.message).toBe(`coder: its process ${pid} is outside its unit`);
    expect(check.fix).toEqual(["systemctl --user status mosaic-agent@coder"]);
  });

  /** Puts a process beside the server, in every hierarchy; another one keeps the agent's unit up. */
  function moveToHolder(pid: string): void {
    const script = `
      unit=${AGENT} holder=${HOLDER}
      for procs in $(find /sys/fs/cgroup -path "*$(basename ${sandbox.root})*/$unit/cgroup.procs"); do
        other=$(find "\${procs%%/app.slice/*}" -path "*/$holder/cgroup.procs" ! -path "*/.control/*")
        sleep infinity >/dev/null 2>&1 & echo $! >"$procs"
        echo ${pid} >"$other"
      done`;
    expect(inside(["sh", "-c", script])).toEqual({ code: 0, stdout: "", stderr: "" });
  }

  test("an agent's program has ended, and its unit does not know", () => {
    running();
    const pid = tmux("display-message", "-p", "-t", "=coder:", "#{pane_pid}");
    moveToHolder(pid); // so that its death is not noticed
    must("kill", "-9", pid);
    const check = broken("agents.state");
    expect(check.message).toBe("coder: its unit is active (running), but its program has ended");
  });

  test("an agent's session is gone, and its unit does not know", () => {
    running();
    const pid = tmux("display-message", "-p", "-t", "=coder:", "#{pane_pid}");
    moveToHolder(pid);
    tmux("kill-session", "-t", "=coder");
    const check = broken("agents.state");
    expect(check.message).toBe("coder: its unit is active (running), but there is no session");
  });

  test("an agent's unit is stopped, but its session runs on", () => {
    running();
    systemctl("stop", AGENT);
    tmux("new-session", "-d", "-s", "coder", "sleep infinity");
    tmux("set-option", "-p", "-t", "=coder:", "@mosaic_agent", "1");
    const check = broken("agents.state");
    expect(check.message).toBe("coder: its unit is stopped, but its session runs a program");
  });

  test("a session that somebody opened by hand is no agent, nor is a pane beside an agent's", () => {
    running();
    tmux("new-session", "-d", "-s", "by-hand", "sleep infinity");
    tmux("split-window", "-b", "-d", "-t", "=coder:", "sleep infinity");
    expect(tmux("list-panes", "-t", "=coder:").split("\n")).toHaveLength(2);
    expect(fleetIn(doctor())).toEqual(well);
  });

  test("an agent's unit has failed", () => {
    installed();
    systemctl("start", HOLDER);
    writeFiles(runtime, { [`systemd/user/${AGENT}.d/50-test.conf`]: "[Service]\nRestart=no\n" });
    systemctl("daemon-reload");
    writeFiles(home, { ".config/mosaic/fleet/agents/coder.env": "MOSAIC_AGENT_COMMAND=no-such-program\n" });
    expect(inside(["systemctl", "--user", "start", AGENT]).code).toBe(1);
    expect(broken("agents.state").message).toBe("coder: its unit has failed");
  });

  test("several agents are wrong: each is named, and none is taken for one with a longer name", () => {
    running();
    systemctl("start", "mosaic-agent@canary.service");
    tmux("rename-session", "-t", "=coder", "coder-2");
    const check = broken("agents.state");
    expect(check.message).toBe("2 agents are not what they say");
    expect(check.evidence.agents).toEqual([
      "coder: its unit is active (running), but there is no session",
      "coder-2: its unit is stopped, but its session runs a program",
    ]);
    expect(check.fix).toEqual([
      "systemctl --user status mosaic-agent@coder",
      "systemctl --user status mosaic-agent@coder-2",
    ]);
  });
});

describe("without a user manager", () => {
  for (const [what, env, cause, remedy] of [
    [
      "XDG_RUNTIME_DIR is not set",
      ["-u", "XDG_RUNTIME_DIR"],
      "XDG_RUNTIME_DIR is not set",
      /^export XDG_RUNTIME_DIR=\/run\/user\/\d+$/,
    ],
    [
      "none runs in the runtime folder",
      ["XDG_RUNTIME_DIR=/nonexistent"],
      "no user manager runs for",
      /^sudo loginctl enable-linger /,
    ],
  ] as const) {
    test(`${what}: it fails with the remedy that fits, and the rest is still looked at`, () => {
      const report = doctor(asIfBooted(["env", ...env, binary, "doctor", "-o", "json"]));
      expect(report.verdict).toBe("broken");
      const manager = checkIn(report, "systemd.user-manager");
      expect(manager.status).toBe("fail");
      expect(manager.message).toContain(cause);
      expect(manager.fix[0]).toMatch(remedy);
      expect(checkIn(report, "layout.files")).toMatchObject({ status: "blocked", message: "by systemd.user-manager" });
      expect(checkIn(report, "tmux.version").status).toBe("pass");
      expect(checkIn(report, "systemd.runtime-folder").status).toBe("fail");
    });
  }
});

describe("programs that are not there", () => {
  test("tmux is missing: it says so, and what hangs on it is blocked", () => {
    installed();
    const bin = join(sandbox.root, "bin");
    mkdirSync(bin);
    for (const name of ["systemctl", "systemd-analyze"]) must("ln", "-s", Bun.which(name) ?? "", join(bin, name));
    const report = doctor(["env", `PATH=${bin}`, binary, "doctor", "-o", "json"]);
    expect(checkIn(report, "tmux.version")).toMatchObject({ status: "fail", message: "tmux is not on PATH" });
    expect(checkIn(report, "holder.server")).toMatchObject({ status: "blocked", message: "by tmux.version" });
    expect(report.environment.tmux).toBeNull();
  });

  for (const [said, status] of [
    ["tmux 3.1c", "fail"],
    ["tmux 3.2", "pass"],
    ["tmux 4.0", "pass"],
    ["tmux master", "unknown"],
  ] as const) {
    test(`${said} is ${status}`, () => {
      writeFiles(join(sandbox.root, "bin"), { tmux: `#!/bin/sh\necho ${said}\n` });
      must("chmod", "755", join(sandbox.root, "bin/tmux"));
      const path = `${join(sandbox.root, "bin")}:${process.env.PATH}`;
      const report = doctor(["env", `PATH=${path}`, binary, "doctor", "-o", "json"]);
      expect(checkIn(report, "tmux.version").status).toBe(status);
    });
  }
});

describe("it only looks", () => {
  for (const [what, prepare] of [
    ["before install", () => undefined],
    ["after install", installed],
    ["with a running fleet", () => running()],
  ] as const) {
    test(`${what}: no file is written and no unit started`, () => {
      prepare();
      // The manager's own files, which it touches whoever asks it something.
      const volatile = (path: string) => /^systemd\/(units|inaccessible|generator)/.test(path);
      const look = () => ({
        // First, because this client makes tmux's folder.
        sessions: inside(["tmux", "-N", "-L", "mosaic-factory", "list-panes", "-a", "-F", "#{session_id} #{pane_pid}"]),
        home: treeOf(home),
        runtime: treeOf(runtime, volatile),
        units: systemctl("list-units", "--all", "--plain", "--no-legend"),
        jobs: systemctl("list-jobs", "--no-legend"),
        defaultServer: existsSync(join(runtime, `tmux-${process.getuid?.()}/default`)),
      });
      const before = look();
      doctor();
      inside([binary, "doctor"]);
      expect(look()).toEqual(before);
    });
  }
});

test("-o json: every check with its area, its time and the shape that scripts read", () => {
  const report = doctor();
  expect(report).toMatchObject({ schemaVersion: 1, environment: { binary: version, tmux: expect.any(String) } });
  expect(report.checks.map(({ id }) => id)).toEqual([
    "machine.linux",
    "systemd.version",
    "systemd.runtime-folder",
    "systemd.user-manager",
    "systemd.cgroups",
    "login.linger",
    "tmux.version",
    "layout.files",
    "units.verify",
    "units.reload",
    "holder.server",
    "agents.state",
  ]);
  for (const check of report.checks) {
    expect(check.area).toBe(check.id.split(".")[0] ?? "");
    expect(check.ms).toBeGreaterThanOrEqual(0);
    if (check.status === "fail") expect(check.fix).not.toEqual([]);
  }
  const total = Object.values(report.summary).reduce((sum, count) => sum + count, 0);
  expect(total).toBe(report.checks.length);
});
