import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../package.json";
import { localHost } from "../../src/adapters/local-host.ts";
import { openSandbox, type Sandbox } from "../../src/canary/sandbox.ts";
import { checks as registry } from "../../src/doctor/registry.ts";
import { checkListSchema, type DoctorReport, doctorLineSchema, doctorReportSchema } from "../../src/doctor/schema.ts";
import { asIfBooted, behindMounts, binary, type Run, run, writeFiles } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";
import { treeOf } from "../support/tree.ts";

const FORMATS = ["human", "json", "ndjson", "junit", "tap", "github", "markdown"] as const;
/** What is well in a sandbox, on whatever machine. */
const WELL = ["--only", "layout.files,units.verify,units.reload,holder.server,agents.state"];
const AGENT = "mosaic-agent@coder.service";

let fleet: TestFleet;
let home: string;
beforeAll(async () => {
  fleet = await openFleet();
  home = fleet.host.user.home;
  await fleet.agent("coder", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  expect((await fleet.systemctl("start", AGENT)).kind).toBe("exited");
  await fleet.up("coder");
});
afterAll(() => fleet.close());

/** Doctor in the fleet's sandbox, as it is on a machine that was booted with systemd. */
function doctor(words: readonly string[], env: Record<string, string | undefined> = {}): Run {
  const argv = asIfBooted([binary, "doctor", ...words]);
  return run(argv, { cwd: home, env: { ...fleet.host.env, ...env }, timeoutMs: 60_000 });
}

/** The report, and that exit code, verdict and ok agree. */
function reportOf({ code, stdout, stderr }: Run, said: string | RegExp = ""): DoctorReport {
  expect(stderr).toMatch(said);
  const report = doctorReportSchema.strict().parse(JSON.parse(stdout));
  const agreed = {
    pass: [true, 0],
    broken: [false, 1],
    unknown: [null, 2],
    waited: [false, 3],
    unreadable: [false, 78],
  } as const;
  const [ok, exit] = agreed[report.verdict];
  expect({ ok: report.ok, code }).toEqual({ ok, code: exit });
  return report;
}

const json = (...words: string[]) => reportOf(doctor(["-o", "json", ...words]));

function statuses(report: DoctorReport): Record<string, string> {
  return Object.fromEntries(report.checks.map(({ id, status }) => [id, status]));
}

function checkIn(report: DoctorReport, id: string) {
  const check = report.checks.find((each) => each.id === id);
  if (check === undefined) throw new Error(`no check ${id}`);
  return check;
}

/** Something is broken while `body` runs: a file of the layout is gone, which --fix can mend. */
async function withoutAFile<T>(body: (path: string) => T | Promise<T>): Promise<T> {
  const path = join(fleet.paths.tools, "agent-pane.sh");
  const text = readFileSync(path);
  rmSync(path);
  try {
    return await body(path);
  } finally {
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  }
}

function doctorWithoutTmux(...words: string[]) {
  const bin = join(fleet.root, "bin-without-tmux");
  mkdirSync(bin, { recursive: true });
  for (const name of ["systemctl", "systemd-analyze", "sh"]) run(["ln", "-sf", Bun.which(name) ?? "", join(bin, name)]);
  return run(asIfBooted(["/usr/bin/env", `PATH=${bin}`, binary, "doctor", "-o", "json", ...words]), {
    env: { ...fleet.host.env },
    timeoutMs: 60_000,
  });
}

describe("before install", () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await openSandbox(localHost());
  });
  afterEach(async () => {
    expect(await sandbox.close()).toEqual([]);
  });
  const inside = (...words: string[]) =>
    run(asIfBooted([binary, "doctor", ...words]), { cwd: "/", env: { ...sandbox.host.env }, timeoutMs: 60_000 });

  test("a person is told the reason, the remedy and the verdict; exit 1", () => {
    const { code, stdout, stderr } = inside();
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toMatch(/^FAIL {5}layout\.files$/m);
    expect(stdout).toMatch(/^ {9}\$ mosaic-fleet install$/m);
    expect(stdout).toMatch(/^blocked {2}\d+ checks until these pass: (.|\n)*units\.loaded/m);
    expect(stdout).toMatch(/^Something is broken\.\n\d+ fail, (.|\n)* in \d+ ms$/m);
    const wide = stdout.split("\n").filter((line) => line.length > 80 && !/^ +(\$|sudo|~?\/|[a-z]+ .*#)/.test(line));
    expect(wide).toEqual([]);
  });

  test("a script is told the same, and what blocks what", () => {
    const report = reportOf(inside("-o", "json"));
    expect(statuses(report)).toMatchObject({ "layout.files": "fail", "units.reload": "blocked" });
    expect(checkIn(report, "units.reload").blockedBy).toContain("units.loaded");
    expect(report.checks.map(({ id }) => id)).toEqual(registry.map(({ id }) => id));
    for (const check of report.checks) expect(check.area).toBe(check.id.split(".")[0] ?? "");
    const total = Object.values(report.summary).reduce((sum, count) => sum + count, 0);
    expect(total).toBe(report.checks.length);
    expect(report.environment).toMatchObject({ binary: version, tmux: expect.any(String) });
  });

  test("--pre says only what can be said already", () => {
    const report = reportOf(inside("--pre", "-o", "json"));
    expect(report.checks.map(({ id }) => id)).toEqual(registry.filter(({ pre }) => pre).map(({ id }) => id));
    expect(report.checks.map(({ area }) => area)).not.toContain("agents");
  });
});

describe("which checks", () => {
  test("a healthy fleet passes, exit 0", () => {
    const report = json(...WELL);
    expect(report).toMatchObject({ verdict: "pass", ok: true, summary: { pass: 5 } });
  });

  test("--only and --skip take ids and areas, several times and separated by commas", () => {
    const report = json("--only", "holder.server,units", "--only=layout.files", "--skip", "units.verify");
    const units = registry.filter(({ id }) => id.startsWith("units.")).map(({ id }) => id as string);
    expect(report.checks.map(({ id }) => id)).toEqual(["layout.files", ...units, "holder.server"]);
    expect(checkIn(report, "units.verify")).toMatchObject({ status: "skip", message: "left out by --skip" });
  });

  test("what is blocked by a check that was not asked for says what that one says", () => {
    const report = reportOf(doctorWithoutTmux("--only", "holder.server"));
    expect(report.checks).toHaveLength(1);
    expect(report.checks[0]).toMatchObject({ status: "blocked", blockedBy: ["tmux.version"] });
    expect(report.checks[0]?.message).toMatch(/^by tmux\.version \(.{10,}\)$/);
  });

  test("--list says what there is; with --pre and --only what would be looked at", () => {
    const { code, stdout } = doctor(["--list"]);
    expect(code).toBe(0);
    for (const { id } of registry) expect(stdout).toContain(`\n  ${id} `);
    const list = checkListSchema.strict().parse(JSON.parse(doctor(["--list", "-o", "json"]).stdout));
    expect(list.checks.map(({ id }) => id)).toEqual(registry.map(({ id }) => id));
    const only = checkListSchema.parse(JSON.parse(doctor(["--list", "--only", "tmux", "-o", "json"]).stdout));
    expect(new Set(only.checks.map(({ area }) => area))).toEqual(new Set(["tmux"]));
  });

  test("--explain says what, why and how", () => {
    const { code, stdout } = doctor(["--explain", "tmux.version"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^tmux\.version\n(.|\n)*What is checked\n(.|\n)*Why it matters\n(.|\n)*How to mend it\n/);
  });

  for (const [words, said] of [
    [["--only", "layot"], "no check or area layot (did you mean layout?)"],
    [["--skip", "layout.file"], "no check or area layout.file (did you mean layout.files?)"],
    [["--explain", "tmux.versio"], "no check or area tmux.versio (did you mean tmux.version?)"],
    [["--fix", "agnets"], "no check or area agnets (did you mean agents?)"],
    [["layout.files"], "takes no arguments without --fix: did you mean doctor --only layout.files?"],
    [["--only", ""], "--only needs a value"],
    [["--pre", "--only", "agents.state"], "no check is left"],
    [["-o", "json", "-o", "tap"], "-o is given twice"],
    [["--yes"], "--yes answers the question of --fix"],
    [["--list", "--fix"], "--list and --fix do not go together"],
    [["--list", "--wait", "1s"], "--list and --wait do not go together"],
    [["--list", "layout"], "--list and an argument do not go together"],
    [["--schema", "--only", "nope"], "--schema and --only do not go together"],
    [["--schema", "--list", "-o", "ndjson"], "--schema is of --list -o json, not of ndjson"],
    [["--explain", "layout", "--only", "nope"], "--explain and --only do not go together"],
    [["--fix", "machine.linux", "--only", "holder"], "--fix machine.linux: with --only, --skip or --pre that is"],
    [["--fix", "holder", "--skip", "holder"], "--fix holder: with --only, --skip or --pre that is not looked at"],
    [["--list", "-o", "tap"], "--list is printed as human or json"],
    [["--schema", "-o", "tap"], "--schema is of -o json or -o ndjson"],
    [["--wait", "soon"], '--wait is a time such as 30s, 2m or 1h, at most 24h, not "soon"'],
    [["--wait", "0"], "--wait is a time"],
    [["--fail-on", "skip"], "--fail-on is one of warn, fail"],
  ] as const) {
    test(`${words.join(" ")} is refused: 64`, () => {
      const { code, stdout, stderr } = doctor(words);
      expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
      expect(stderr).toContain(`mosaic-fleet doctor: ${said.startsWith("no check is") ? "" : said}`);
      expect(stderr).toContain(said);
    });
  }
});

describe("the verdict", () => {
  test("is broken by a warning where --fail-on warn is said", () => {
    const only = ["--only", "units.enabled"]; // nothing is
    expect(statuses(json(...only))).toEqual({ "units.enabled": "warn" });
    expect(json(...only).verdict).toBe("pass");
    expect(json(...only, "--fail-on", "warn").verdict).toBe("broken");
    for (const [format, passes, breaks] of [
      ["junit", /failures="0"/, /failures="1".*<failure [^>]*type="warn"/s],
      ["tap", /^ok 1/m, /^not ok 1.* status: warn/ms],
      ["github", /^::warning /m, /^::error /m],
    ] as const) {
      expect(doctor(["-o", format, ...only])).toMatchObject({ code: 0, stdout: expect.stringMatching(passes) });
      const broken = doctor(["-o", format, ...only, "--fail-on", "warn"]);
      expect(broken).toMatchObject({ code: 1, stdout: expect.stringMatching(breaks) });
    }
  });

  test("is unreadable, exit 78, where systemd cannot read a file with settings", () => {
    const path = join(fleet.paths.agents, "odd.env");
    writeFileSync(path, Buffer.from([0x41, 0x3d, 0xff, 0x0a]), { mode: 0o600 });
    try {
      expect(json("--only", "agents.env-file").verdict).toBe("unreadable");
    } finally {
      rmSync(path);
    }
  });

  test("and nothing else on stderr, where nothing of another user's may be looked at", () => {
    const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    const looked = run([...nobody, binary, "doctor", "-o", "json"], { cwd: "/", env: { ...fleet.host.env } });
    expect(checkIn(reportOf(looked, /^$/), "orphans.canary").status).toBe("unknown");
  });

  test("is said where the machine has no list of users, as in a container of one program", () => {
    const looked = run([...behindMounts("mount -t tmpfs none /etc"), binary, "doctor", "-o", "json"], {
      env: { ...fleet.host.env },
    });
    expect(checkIn(reportOf(looked, /^$/), "machine.linux").status).toBe("pass");
  });

  test("is null, exit 2, where it could not be told", () => {
    const bin = join(fleet.root, "bin-verify");
    writeFiles(bin, { "systemd-analyze": "#!/bin/sh\nkill -9 $$\n" });
    chmodSync(join(bin, "systemd-analyze"), 0o755);
    const report = reportOf(
      doctor(["-o", "json", "--only", "units.verify"], { PATH: `${bin}:${fleet.host.env.PATH}` }),
    );
    expect(report).toMatchObject({ verdict: "unknown", ok: null, summary: { unknown: 1 } });
  });
});

describe("in every format", () => {
  for (const format of FORMATS) {
    test(`${format}: the same exit code, and something on stdout only`, async () => {
      const well = doctor(["-o", format, ...WELL]);
      expect({ code: well.code, stderr: well.stderr }).toEqual({ code: 0, stderr: "" });
      await withoutAFile(() => {
        const { code, stdout, stderr } = doctor(["-o", format, ...WELL]);
        expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
        expect(stdout).toContain("layout.files");
        expect(stdout).not.toBe(well.stdout);
        expect(stdout).not.toContain("\x1b");
      });
    });
  }

  test("ndjson: a check a line, the rest of the document last", () => {
    const lines = doctor(["-o", "ndjson", ...WELL])
      .stdout.trimEnd()
      .split("\n");
    const parsed = lines.map((line) => doctorLineSchema.parse(JSON.parse(line)));
    expect(parsed.map(({ type }) => type)).toEqual(["check", "check", "check", "check", "check", "summary"]);
    expect(parsed.at(-1)).toMatchObject({ verdict: "pass", ok: true, fixes: [] });
  });

  test("--schema prints the schema of each, and that is the published one", () => {
    for (const [words, file] of [
      [["--schema"], "doctor.schema.json"],
      [["--schema", "-o", "json"], "doctor.schema.json"],
      [["--schema", "-o", "ndjson"], "doctor-lines.schema.json"],
      [["--schema", "--list"], "doctor-list.schema.json"],
    ] as const) {
      const { code, stdout } = doctor(words);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(join(import.meta.dir, "../../docs", file), "utf8")));
    }
  });

  test("github: the table goes to the end of the step's summary", () => {
    const path = join(fleet.root, "summary.md");
    writeFileSync(path, "# of another step\n");
    expect(doctor(["-o", "github", ...WELL], { GITHUB_STEP_SUMMARY: path }).stderr).toBe("");
    expect(readFileSync(path, "utf8")).toMatch(/^# of another step\n# mosaic.fleet doctor: (.|\n)*layout\.files/);
  });

  test("github: a summary that cannot be written is said, changes no verdict, and keeps nobody waiting", () => {
    const pipe = join(fleet.root, "summary.pipe");
    expect(run(["mkfifo", pipe]).code).toBe(0);
    for (const [path, why] of [
      [join(fleet.root, "none/summary.md"), "ENOENT"],
      [pipe, "ENXIO"],
    ] as const) {
      const { code, stdout, stderr } = doctor(["-o", "github", ...WELL], { GITHUB_STEP_SUMMARY: path });
      expect({ code, stdout: stdout.slice(0, 8) }).toEqual({ code: 0, stdout: "::notice" });
      expect(stderr).toContain(`the step summary was not written: ${why}`);
    }
  });
});

describe("secrets are shown in no format", () => {
  const secrets = {
    file: "hunter2-in-the-file",
    quoted: "hunter2 \"in\" <quotes> & 100% 'more'",
    unit: "swordfish-in-the-unit",
    template: "swordfish-in-the-template",
    nobody: "swordfish-of-no-agent",
    caller: "opensesame-of-the-caller",
  };
  beforeAll(async () => {
    // Each is where a check has to name it: in the path of a folder that is not there.
    const lost = (secret: string) => `/nonexistent/${secret}`;
    await fleet.agent("leak-file", { MY_API_KEY: secrets.file, MOSAIC_AGENT_WORKDIR: lost(secrets.file) });
    await fleet.agent("leak-quoted", {
      MY_API_KEY: `'${secrets.quoted.replaceAll("'", "'\"'\"'")}'`,
      MOSAIC_AGENT_WORKDIR: `'${lost(secrets.quoted).replaceAll("'", "'\"'\"'")}'`,
    });
    await fleet.agent("leak-unit", { MOSAIC_AGENT_WORKDIR: lost(secrets.unit) });
    await fleet.dropIn("mosaic-agent@leak-unit.service", `[Service]\nEnvironment=DEPLOY_TOKEN=${secrets.unit}\n`);
    await fleet.agent("leak-template", { MOSAIC_AGENT_WORKDIR: lost(secrets.template) });
    await fleet.dropIn("mosaic-agent@.service", `[Service]\nEnvironment=DEPLOY_TOKEN=${secrets.template}\n`);
    // Of a unit that is no agent's: nothing but its drop-in is there.
    await fleet.agent("leak-nobody", { MOSAIC_AGENT_WORKDIR: lost(secrets.nobody) });
    await fleet.dropIn("mosaic-agent@nobody.service", `[Service]\nEnvironment=DEPLOY_TOKEN=${secrets.nobody}\n`);
    await fleet.agent("leak-caller", { MOSAIC_AGENT_WORKDIR: lost(secrets.caller) });
  });
  afterAll(async () => {
    for (const name of ["file", "quoted", "unit", "template", "nobody", "caller"])
      rmSync(join(fleet.paths.agents, `leak-${name}.env`));
    for (const unit of ["leak-unit", "nobody", ""].map((name) => `mosaic-agent@${name}.service`))
      rmSync(join(fleet.paths.runtime ?? "", "systemd/user", `${unit}.d`), { recursive: true });
    await fleet.systemd.daemonReload();
  });

  for (const format of FORMATS) {
    for (const words of [[], ["-v"], ["--only", "agents.workdir"]]) {
      test(`${format} ${words.join(" ")}`, () => {
        const summary = join(fleet.root, "secret-summary.md");
        rmSync(summary, { force: true });
        const env = { CI_SECRET: secrets.caller, GITHUB_STEP_SUMMARY: summary };
        const { stdout, stderr } = doctor(["-o", format, ...words], env);
        const all = stdout + stderr + (existsSync(summary) ? readFileSync(summary, "utf8") : "");
        expect(all.length).toBeGreaterThan(100);
        expect(all).not.toMatch(/hunter2|swordfish|opensesame/);
        expect(all).not.toContain(home);
        if (words.length > 0) expect(all.replaceAll("\\", "")).toContain("/nonexistent/[redacted]");
      });
    }
  }
});

describe("--wait", () => {
  test("ends at once where all is well, and says how long it waited", () => {
    const report = json("--wait", "1m", ...WELL);
    expect(report.verdict).toBe("pass");
    expect(report.waitedMs).toBeGreaterThanOrEqual(0);
    expect(report.waitedMs).toBeLessThan(10_000);
  });

  test("runs out: 3", async () => {
    await withoutAFile(() => {
      const report = json("--wait", "0.3s", ...WELL);
      expect(report).toMatchObject({ verdict: "waited", ok: false });
      expect(report.waitedMs).toBeGreaterThanOrEqual(200);
      expect(doctor(["--wait", "0.1s", ...WELL]).stdout).toMatch(
        /^Waited, and it did not come right\.\n.* after waiting/m,
      );
    });
  });

  test("goes on until it comes right", async () => {
    const child = await withoutAFile(async () => {
      const child = Bun.spawn(asIfBooted([binary, "doctor", "--wait", "30s", "-o", "json", ...WELL]), {
        env: { ...fleet.host.env } as Record<string, string>,
        stdout: "pipe",
        stderr: "pipe",
      });
      // Another look than the first: one that began before it came right.
      expect(json(...WELL).verdict).toBe("broken");
      return child;
    });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    await child.exited;
    const report = reportOf({ code: child.exitCode, stdout, stderr });
    expect(report.verdict).toBe("pass");
  });
});

describe("--fix", () => {
  test("without a terminal and without --yes it changes nothing, and says so", () =>
    withoutAFile((path) => {
      const run = doctor(["--fix", "-o", "json", ...WELL]);
      const report = reportOf(run, /^This can be mended:\n {2}mosaic-fleet install --restore {2}\(layout\.files\)\n/);
      expect(run.stderr).toContain("Nothing was changed: there is no terminal to ask at. Say --yes.");
      expect(report.verdict).toBe("broken");
      expect(report.fixes).toEqual([
        { command: "mosaic-fleet install --restore", for: ["layout.files"], outcome: "planned", message: null },
      ]);
      expect(existsSync(path)).toBe(false);
    }));

  test("with --yes it does it, looks again, and reports both; the exit code is that of the second look", () =>
    withoutAFile((path) => {
      const report = reportOf(doctor(["--fix", "--yes", "-o", "json", ...WELL]), /^This can be mended:/);
      expect(report).toMatchObject({
        verdict: "pass",
        fixes: [{ command: "mosaic-fleet install --restore", for: ["layout.files"], outcome: "done", message: null }],
      });
      expect(existsSync(path)).toBe(true);
    }));

  test("a person is told what was done", () =>
    withoutAFile(() => {
      const { code, stdout } = doctor(["--fix", "-y", ...WELL]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^done +mosaic-fleet install --restore {2}\(layout\.files\)$/m);
    }));

  for (const format of ["junit", "tap", "github", "markdown"])
    test(`${format} has no place for what was done: stderr says it`, () =>
      withoutAFile(() => {
        const { code, stderr } = doctor(["--fix", "-y", "-o", format, ...WELL]);
        expect(code).toBe(0);
        expect(stderr).toMatch(/^done +mosaic-fleet install --restore {2}\(layout\.files\)$/m);
      }));

  test("ids restrict it to what they found", () =>
    withoutAFile((path) => {
      const report = reportOf(doctor(["--fix", "units", "holder.server", "--yes", "-o", "json", ...WELL]), /^Nothing/);
      expect(report).toMatchObject({ verdict: "broken", fixes: [] });
      expect(existsSync(path)).toBe(false);
    }));

  test("what fails is said, and what is left decides", () => {
    const path = join(fleet.paths.tools, "agent-pane.sh");
    const text = readFileSync(path);
    rmSync(path);
    mkdirSync(path);
    try {
      const report = reportOf(doctor(["--fix", "--yes", "-o", "json", ...WELL]), /./);
      expect(report.verdict).toBe("broken");
      for (const fix of report.fixes) expect(fix).toMatchObject({ outcome: "failed", message: expect.any(String) });
    } finally {
      rmSync(path, { recursive: true });
      writeFileSync(path, text);
      chmodSync(path, 0o755);
    }
  });

  test("interrupted in the middle it says what was done by then, and shows as little as a report", async () => {
    const unit = "mosaic-agent@gone.service";
    await fleet.agent("gone", { MOSAIC_AGENT_WORKDIR: "/nonexistent" });
    await fleet.dropIn(unit, "[Service]\nRestart=no\n");
    await fleet.systemctl("start", unit);
    const others = `case " $* " in *" reset-failed "*) ;; *) exec ${Bun.which("systemctl")} "$@" ;; esac`;
    const says = 'echo "$HOME/x: API_KEY=swordfish-1 is not taken" >&2';
    const bin = join(fleet.root, "bin-interrupts");
    writeFiles(bin, { systemctl: `#!/bin/sh\n${others}\nkill -INT $PPID\nsleep 0.3\n${says}\nexit 1\n` });
    chmodSync(join(bin, "systemctl"), 0o755);
    const words = ["--fix", "-y", "--only", "systemd.state"];
    const { code, stdout, stderr } = doctor(words, { PATH: `${bin}:${fleet.host.env.PATH}` });
    await fleet.systemctl("reset-failed", unit);
    rmSync(join(fleet.paths.agents, "gone.env"));
    rmSync(join(fleet.paths.runtime ?? "", "systemd/user", `${unit}.d`), { recursive: true });
    await fleet.systemd.daemonReload();
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    const said = stderr.replace(/\n +/g, " ");
    expect(said).toMatch(
      /^FAILED +systemctl --user reset-failed \S+ {2}\(systemd\.state\) .*: ~\/x: API_KEY=\[redacted\]/m,
    );
    expect(stderr).not.toContain(home);
  });

  test("nothing to mend is said", () => {
    expect(reportOf(doctor(["--fix", "-o", "json", ...WELL]), /^Nothing that was found can be mended/).verdict).toBe(
      "pass",
    );
  });
});

describe("programs that are not there", () => {
  test("tmux is missing: it says so, and what hangs on it is blocked", () => {
    const report = reportOf(doctorWithoutTmux());
    expect(checkIn(report, "tmux.version").status).toBe("fail");
    expect(checkIn(report, "holder.server").status).toBe("blocked");
    expect(report.environment.tmux).toBeNull();
  });

  test("without a PATH (a bare environment) they are where they usually are, as they are to a shell", () => {
    const { HOME = "", XDG_RUNTIME_DIR = "" } = fleet.host.env;
    const bare = ["/usr/bin/env", "-i", `HOME=${HOME}`, `XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR}`];
    const found = run(asIfBooted([...bare, binary, "doctor", "--only", "systemd.version,tmux.version", "-o", "json"]));
    expect(statuses(reportOf(found))).toEqual({ "systemd.version": "pass", "tmux.version": "pass" });
  });
});

describe("it only looks", () => {
  test("no file is written and no unit started, whatever it is asked", async () => {
    // The manager's own files, which it touches whoever asks it something.
    const volatile = (path: string) => /^systemd\/(units|inaccessible|generator)/.test(path);
    const runtime = fleet.paths.runtime ?? "";
    const look = async () => ({
      // First, because this client makes tmux's folder.
      sessions: (await fleet.tmuxCommand("list-panes", "-a", "-F", "#{session_id} #{pane_pid}")).stdout,
      home: treeOf(home),
      runtime: treeOf(runtime, volatile),
      units: (await fleet.systemctl("list-units", "--all", "--plain", "--no-legend")).stdout,
      jobs: (await fleet.systemctl("list-jobs", "--no-legend")).stdout,
      defaultServer: existsSync(join(runtime, `tmux-${process.getuid?.()}/default`)),
    });
    const before = await look();
    for (const words of [[], ["-v"], ["--pre"], ["--fix"], ["--list"], ["-o", "junit"], ["--wait", "0.1s"]])
      doctor(words);
    expect(await look()).toEqual(before);
  });
});
