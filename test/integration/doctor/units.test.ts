import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Host } from "../../../src/core/host.ts";
import { brokenSettings, JUDGED_PROPERTIES } from "../../../src/core/unit-settings.ts";
import type { CheckReport } from "../../../src/doctor/report.ts";
import { thenReload } from "../../../src/doctor/root-reload.ts";
import { examine, green, red, typed } from "../../support/doctor.ts";
import { HOLDER_UNIT, openFleet, type TestFleet } from "../../support/fleet.ts";

const AGENT = "mosaic-agent@.service";
const CODER = "mosaic-agent@coder.service";

let fleet: TestFleet;
let kept: string;
let unitsBefore: string;
beforeAll(async () => {
  fleet = await openFleet("a home"); // systemd's lists of paths are separated by blanks
  kept = join(fleet.root, "kept");
  unitsBefore = join(fleet.paths.runtime ?? "", "systemd/user");
  cpSync(fleet.paths.config, kept, { recursive: true, preserveTimestamps: true });
  await fleet.agent("coder", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  expect(await fleet.systemctl("start", CODER)).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await fleet?.close();
});
// Holder and agent run on; their files are again as they were installed.
afterEach(async () => {
  rmSync(unitsBefore, { recursive: true, force: true });
  for (const folder of ["systemd/user", "systemd/user.control", "mosaic/tools/fleet"]) {
    rmSync(join(fleet.paths.config, folder), { recursive: true, force: true });
    const was = join(kept, folder);
    if (existsSync(was)) cpSync(was, join(fleet.paths.config, folder), { recursive: true, preserveTimestamps: true });
  }
  await fleet.systemd.daemonReload();
});

/** Writes files below the folder of units (or another), path → text; no daemon-reload. */
function write(files: Readonly<Record<string, string>>, folder = fleet.paths.units): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}
async function writeAndReload(files: Readonly<Record<string, string>>, folder?: string): Promise<void> {
  write(files, folder);
  await fleet.systemd.daemonReload();
}
const service = (...lines: string[]) => `[Service]\n${lines.map((line) => `${line}\n`).join("")}`;

/** Types what a report says, as it says it; then looks again. */
async function mended(report: CheckReport): Promise<CheckReport> {
  for (const { fix } of [report, ...report.subjects])
    for (const command of [...fix.commands, ...fix.root])
      expect(await typed(fleet.host, command)).toMatchObject({ code: 0 });
  return examine(fleet.host, report.id as `${string}.${string}`);
}

async function mends(report: CheckReport): Promise<CheckReport> {
  expect(await mended(report)).toMatchObject({ status: "pass" });
  return report;
}

describe("units.verify", () => {
  const verify = (host: Host = fleet.host) => examine(host, "units.verify");

  green("units.verify", "after install", () => verify());

  red(
    "units.verify",
    "a line that systemd does not know",
    {
      status: "warn",
      message: /50-test\.conf:2: Unknown key/,
      fix: /^systemctl --user edit mosaic-tmux-holder\.service$/,
    },
    async () => {
      await writeAndReload({ [`${HOLDER_UNIT}.d/50-test.conf`]: service("Restrat=always") });
      return verify();
    },
  );

  red(
    "units.verify",
    "a unit that cannot be used",
    { status: "fail", message: /Service has no ExecStart=/, fix: /^systemctl --user edit / },
    async () => {
      await writeAndReload({ [`${HOLDER_UNIT}.d/50-test.conf`]: service("ExecStart=") });
      return verify();
    },
  );

  red(
    "units.verify",
    "a template that cannot be used, and names that, not the instance with which systemd tries it",
    {
      status: "fail",
      message: /mosaic-agent@\w+\.service: Service has no ExecStart=/,
      fix: /edit mosaic-agent@\.service$/,
    },
    async () => {
      await writeAndReload({ [`${AGENT}.d/50-test.conf`]: service("ExecStart=") });
      return verify();
    },
  );

  red(
    "units.verify",
    "what systemd does not know in one agent's own drop-in",
    {
      status: "warn",
      message: /mosaic-agent@coder\.service\.d\/override\.conf:2: Unknown key/,
      fix: /^systemctl --user edit mosaic-agent@coder\.service$/,
    },
    async () => {
      await writeAndReload({ [`${CODER}.d/override.conf`]: service("MemoryMx=4G", "TasksMax=lots") });
      const report = await verify();
      expect(report.evidence.warnings).toHaveLength(2);
      return report;
    },
  );

  test("what it says about other units is shown, and is no complaint", async () => {
    write({ "other.service": service("ExecStart=/bin/true", "Restrat=no") });
    await writeAndReload({ [`${AGENT}.d/50-test.conf`]: "[Unit]\nWants=other.service\n" });
    const report = await verify();
    expect(report).toMatchObject({ status: "pass" });
    expect(String(report.evidence["of other units"])).toContain("other.service:3: Unknown key");
  });

  test("a drop-in for services of every name is about ours too", async () => {
    await writeAndReload({ "service.d/50-test.conf": service("Restrat=always") });
    expect((await verify()).status).toBe("warn");
  });

  test("a systemd-analyze that does not end leaves it unknown (fake)", async () => {
    const exec: Host["exec"] = async (argv, options) =>
      argv[0] === "systemd-analyze"
        ? { argv, stdout: "", stderr: "", kind: "timed-out", afterMs: 1 }
        : fleet.host.exec(argv, options);
    expect((await verify({ ...fleet.host, exec })).status).toBe("unknown");
  });
});

describe("units.loaded", () => {
  const loaded = (host: Host = fleet.host) => examine(host, "units.loaded");

  green("units.loaded", "after install", () => loaded());

  red(
    "units.loaded",
    "a unit of the same name in a folder that wins",
    {
      status: "fail",
      message: /^mosaic-tmux-holder\.service: systemd takes it from .*user\.control\/mosaic-tmux-holder\.service/,
      fix: /^mv .*user\.control\/mosaic-tmux-holder\.service/,
    },
    async () => {
      await writeAndReload(
        { [HOLDER_UNIT]: service("ExecStart=/bin/true") },
        join(fleet.paths.config, "systemd/user.control"),
      );
      return mends(await loaded());
    },
  );

  red(
    "units.loaded",
    "a masked template",
    {
      status: "fail",
      message: /^mosaic-agent@\.service: it is masked by .*user\.control\/mosaic-agent@\.service/,
      fix: /^rm ~\/\.config\/systemd\/user\.control\/mosaic-agent@\.service$/,
    },
    async () => {
      mkdirSync(join(fleet.paths.config, "systemd/user.control"));
      symlinkSync("/dev/null", join(fleet.paths.config, "systemd/user.control", AGENT));
      await fleet.systemd.daemonReload();
      return mends(await loaded());
    },
  );

  red(
    "units.loaded",
    "a unit that systemd refuses, and what it says",
    {
      status: "fail",
      message:
        /^mosaic-tmux-holder\.service: systemd refuses it \(bad-setting\): Unit .* has a bad unit file setting$/m,
      fix: /^systemctl --user edit mosaic-tmux-holder\.service$/,
    },
    async () => {
      await writeAndReload({ [`${HOLDER_UNIT}.d/50-test.conf`]: service("ExecStart=") });
      const report = await loaded();
      expect(report.subjects[0]?.evidence["drop-ins"]).toEqual([expect.stringContaining("50-test.conf")]);
      return report;
    },
  );

  red(
    "units.loaded",
    "a unit that was away when the manager last read them",
    {
      status: "fail",
      message: /^mosaic-tmux-holder\.service: systemd could not load it: .* reload service manager: /m,
      fix: /^systemctl --user daemon-reload$/,
    },
    async () => {
      const path = join(fleet.paths.units, HOLDER_UNIT);
      renameSync(path, `${path}.away`);
      await fleet.systemd.daemonReload();
      renameSync(`${path}.away`, path);
      return mends(await loaded());
    },
  );

  test("a manager that cannot read a unit is told from one that has not read it (fake: it is away)", async () => {
    const template = join(fleet.paths.units, AGENT);
    renameSync(template, `${template}.away`);
    await fleet.systemd.daemonReload();
    const { files } = fleet.host;
    const allows: Host["files"]["allows"] = async (path, what) => path !== template && files.allows(path, what);
    const status: Host["files"]["status"] = (path) => files.status(path === template ? `${template}.away` : path);
    const report = await loaded({ ...fleet.host, files: { ...files, allows, status } });
    expect(report).toMatchObject({
      status: "fail",
      message: expect.stringMatching(/systemd cannot read it, and this/),
    });
    expect(report.subjects.flatMap(({ fix }) => fix.commands)).toEqual(["systemctl --user daemon-reload"]);
  });

  test("a manager that looks elsewhere is told from one that has not read them", async () => {
    const elsewhere = join(fleet.root, "elsewhere");
    const host = { ...fleet.host, env: { ...fleet.host.env, XDG_CONFIG_HOME: elsewhere } };
    cpSync(fleet.paths.config, elsewhere, { recursive: true });
    for (const unit of [HOLDER_UNIT, AGENT]) rmSync(join(fleet.paths.units, unit));
    await fleet.systemd.daemonReload();
    expect(await loaded(host)).toMatchObject({
      status: "fail",
      message: expect.stringContaining(`this shell's settings are in ${elsewhere}, the user manager's in ~/.config`),
      fix: { commands: ["unset XDG_CONFIG_HOME"] },
    });
    // environment.d, and set-environment, tell the manager of another folder when it has long chosen its own.
    await fleet.systemctl("set-environment", `XDG_CONFIG_HOME=${elsewhere}`);
    expect(await loaded(host)).toMatchObject({ status: "fail", fix: { commands: ["unset XDG_CONFIG_HOME"] } });
    await fleet.systemctl("unset-environment", "XDG_CONFIG_HOME");
    rmSync(elsewhere, { recursive: true });
  });
});

describe("units.loaded, of one agent", () => {
  for (const [how, folder] of [
    ["masked", () => fleet.paths.units],
    ["masked until the next boot", () => unitsBefore],
  ] as const)
    red(
      "units.loaded",
      `that an agent is ${how}`,
      { status: "warn", message: /^coder: it is masked by \S+: it does not start/, fix: /^rm / },
      async () => {
        mkdirSync(folder(), { recursive: true });
        symlinkSync("/dev/null", join(folder(), CODER));
        await fleet.systemd.daemonReload();
        return mends(await examine(fleet.host, "units.loaded"));
      },
    );

  green("units.loaded", "where a unit is a link to a file of the same content", async () => {
    const unit = join(fleet.paths.units, HOLDER_UNIT);
    const real = join(fleet.host.user.home, "dotfiles.service");
    renameSync(unit, real);
    symlinkSync(real, unit);
    await fleet.systemd.daemonReload();
    expect(await examine(fleet.host, "holder.server")).toMatchObject({ status: "pass" });
    return examine(fleet.host, "units.loaded");
  });

  test("a masked holder is told as that", async () => {
    rmSync(join(fleet.paths.units, HOLDER_UNIT));
    symlinkSync("/dev/null", join(fleet.paths.units, HOLDER_UNIT));
    await fleet.systemd.daemonReload();
    expect(await examine(fleet.host, "units.loaded")).toMatchObject({
      status: "fail",
      message: expect.stringContaining("it is masked by"),
    });
  });

  test("what is missing beside the units keeps nobody from looking at the fleet", async () => {
    rmSync(join(fleet.paths.tools, "agent-pane-died.sh"));
    for (const id of ["holder.server", "agents.state", "units.promises"] as const)
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
  });
});

describe("units.reload", () => {
  const reload = () => examine(fleet.host, "units.reload");

  green("units.reload", "after install, with a holder and an agent running", reload);

  for (const [what, files] of [
    ["the holder", { [`${HOLDER_UNIT}.d/50-test.conf`]: service("Nice=1") }],
    ["a loaded agent, of the template's", { [`${AGENT}.d/50-test.conf`]: service("Nice=1") }],
    ["a loaded agent, of its own", { [`${CODER}.d/50-test.conf`]: service("Nice=1") }],
    ["every service", { "service.d/50-test.conf": service("Nice=1") }],
    ["units that start with mosaic-tmux-", { "mosaic-tmux-.service.d/50-test.conf": service("Nice=1") }],
    ["agents by their prefix", { "mosaic-@.service.d/50-test.conf": service("Nice=1") }],
  ] as const)
    red(
      "units.reload",
      `a drop-in in a new folder that the manager has never seen: ${what}`,
      {
        status: "fail",
        message: /changed on disk since the manager read (it|them): the change does nothing yet$/,
        fix: /^systemctl --user daemon-reload$/,
      },
      async () => {
        write(files);
        const report = await reload();
        expect(report.evidence["never read"]).toEqual([`~/.config/systemd/user/${Object.keys(files)[0]}`]);
        return mends(report);
      },
    );

  for (const [what, id, change] of [
    ["the unit's own file", HOLDER_UNIT, (folder: string) => appendFileSync(join(folder, HOLDER_UNIT), "\n")],
    ["the template's own file", CODER, (folder: string) => appendFileSync(join(folder, AGENT), "\n")],
    [
      "a drop-in that it has read",
      CODER,
      (folder: string) => appendFileSync(join(folder, `${CODER}.d/50-test.conf`), "\n"),
    ],
    [
      "a drop-in that it has read, and is gone",
      CODER,
      (folder: string) => rmSync(join(folder, `${CODER}.d`), { recursive: true }),
    ],
  ] as const)
    red(
      "units.reload",
      `a change of ${what}`,
      {
        status: "fail",
        message: new RegExp(`^${id.replace(".", "\\.")} changed on disk since the manager read it`),
        fix: /^systemctl --user daemon-reload$/,
      },
      async () => {
        write({ [`${CODER}.d/50-test.conf`]: service("Nice=1") });
        const past = new Date(Date.now() - 60_000);
        for (const name of [AGENT, HOLDER_UNIT, `${CODER}.d/50-test.conf`])
          utimesSync(join(fleet.paths.units, name), past, past);
        await fleet.systemd.daemonReload();
        expect((await reload()).status).toBe("pass");
        change(fleet.paths.units);
        return mends(await reload());
      },
    );

  green(
    "units.reload",
    "with odd drop-ins that it has read: shadowed, masked, dangling, a folder, no .conf",
    async () => {
      const control = join(fleet.paths.config, "systemd/user.control");
      write({ [`${AGENT}.d/70.conf`]: service("Nice=1") }, control);
      write({ [`${CODER}.d/70.conf`]: service("Nice=2"), [`${CODER}.d/notes.txt`]: "" });
      mkdirSync(join(fleet.paths.units, `${CODER}.d/80.conf`));
      symlinkSync("/dev/null", join(fleet.paths.units, `${CODER}.d/81.conf`));
      symlinkSync(join(fleet.root, "nowhere"), join(fleet.paths.units, `${CODER}.d/82.conf`));
      await fleet.systemd.daemonReload();
      return reload();
    },
  );

  green("units.reload", "where the folder of units is a link to that of somebody's dotfiles", async () => {
    const folder = join(fleet.paths.config, "systemd");
    const dotfiles = join(fleet.root, "dotfiles");
    renameSync(folder, dotfiles);
    symlinkSync(dotfiles, folder);
    try {
      await writeAndReload({ [`${AGENT}.d/50.conf`]: service("Nice=1"), [`${CODER}.d/60.conf`]: service("Nice=2") });
      const dropIns = await examine(fleet.host, "units.drop-ins");
      expect(dropIns).toMatchObject({ status: "pass", message: "2 of yours" });
      return await reload();
    } finally {
      rmSync(folder);
      renameSync(dotfiles, folder);
    }
  });

  green("units.reload", "after set-property, whose second drop-in sorts before its first", async () => {
    for (const property of ["MemoryMax=1G", "CPUWeight=20"])
      expect(await fleet.systemctl("set-property", CODER, property)).toMatchObject({ code: 0 });
    return reload();
  });

  test("a change that is not set-property's is found beside it", async () => {
    for (const property of ["MemoryMax=1G", "CPUWeight=20"]) await fleet.systemctl("set-property", CODER, property);
    write({ [`${CODER}.d/99.conf`]: service("Nice=1") });
    expect(await reload()).toMatchObject({ status: "fail", evidence: { units: [CODER] } });
    await fleet.systemd.daemonReload();
    for (const property of ["MemoryMax=2G", "AllowedCPUs=0"]) await fleet.systemctl("set-property", CODER, property);
    write({ [`${CODER}.d/99.conf`]: service("Nice=2") });
    expect(await reload()).toMatchObject({ status: "fail", evidence: { units: [CODER] } });
  });
});

describe("units.promises", () => {
  const promises = () => examine(fleet.host, "units.promises");

  green("units.promises", "after install", promises);

  green("units.promises", "with drop-ins that keep them", async () => {
    await writeAndReload({
      [`${HOLDER_UNIT}.d/50-test.conf`]: service("LimitNOFILE=infinity", "Nice=1", "ExecStartPre=/bin/true"),
      [`${CODER}.d/50-test.conf`]: service(
        "Restart=on-failure",
        "MemoryMax=1G",
        "EnvironmentFile=-%h/more.env",
        "ExecStopPost=-/bin/true",
        "ExecStart=",
        "ExecStart=nice /bin/sh %E/mosaic/tools/fleet/start-agent-session.sh %i",
      ),
    });
    return promises();
  });

  for (const [unit, section, setting, consequence] of [
    [HOLDER_UNIT, "Service", "OOMPolicy=stop", "ends the whole fleet"],
    [HOLDER_UNIT, "Service", "Restart=on-failure", "stays dead"],
    [HOLDER_UNIT, "Unit", "StartLimitIntervalSec=10", "gives the server up"],
    [HOLDER_UNIT, "Service", "Type=simple", "which process is the tmux server"],
    [AGENT, "Service", "Delegate=no", "may not be moved into its unit"],
    [AGENT, "Service", "KillMode=process", "leaves processes behind"],
    [AGENT, "Unit", `BindsTo=${HOLDER_UNIT}`, "stops it for good"],
    [AGENT, "Service", "RemainAfterExit=yes", "active when the agent is gone"],
    [AGENT, "Service", "RuntimeDirectory=more", "does not start"],
    [AGENT, "Service", "EnvironmentFile=", "own settings are not read"],
    [AGENT, "Service", "ExecStop=", "how it ended"],
    [HOLDER_UNIT, "Service", "RuntimeMaxSec=3", "whatever it is at"],
    [AGENT, "Service", "User=nobody", "cannot start it"],
    [CODER, "Service", "Restart=no", "stays down"],
    [CODER, "Service", "OOMPolicy=kill", "ends the agent"],
    [CODER, "Service", "TimeoutStopSec=1ms", "a stop is cut short"],
    [CODER, "Service", "TimeoutStartSec=1ms", "wait its turn"],
    [CODER, "Unit", "StartLimitBurst=1", "gives it up"],
    [CODER, "Service", "PrivateTmp=yes", "which is in /tmp"],
    [CODER, "Service", "ProtectHome=tmpfs", "kept from it"],
    [CODER, "Service", "PIDFile=/run/x.pid", "a file that nobody writes"],
    [CODER, "Unit", "StopWhenUnneeded=yes", "as soon as no other unit wants it"],
    [HOLDER_UNIT, "Service", "RootDirectory=/srv", "not there"],
    [HOLDER_UNIT, "Unit", "ConditionPathExists=/nonexistent", "without a word"],
  ] as const) {
    const [directive = ""] = setting.split("=");
    red(
      "units.promises",
      `${setting} for ${unit}`,
      {
        status: "fail",
        message: new RegExp(
          `^${unit.replaceAll(".", "\\.")}: ${directive}=.* \\(.* in the layout\\): .*${consequence}`,
        ),
        fix: new RegExp(
          `^sed -i '/\\^\\\\s\\*${directive}\\\\s\\*=/d' ~/\\.config/systemd/user/${unit}\\.d/50-test\\.conf$`,
        ),
      },
      async () => {
        await writeAndReload({
          [`${unit}.d/20-test.conf`]: service("Nice=1"),
          [`${unit}.d/50-test.conf`]: `# mine\n[${section}]\n${setting}\n[Service]\nNice=2\n`,
        });
        const report = await promises();
        const [found] = report.subjects.filter(({ status }) => status === "fail");
        expect(found?.evidence).toEqual({ [directive]: `~/.config/systemd/user/${unit}.d/50-test.conf:3: ${setting}` });
        expect(report.subjects.filter(({ status }) => status !== "pass")).toHaveLength(1);
        return mends(report);
      },
    );
  }

  red(
    "units.promises",
    "what was in a drop-in that is gone, until the manager reads it anew",
    { status: "fail", message: /KillMode=process/, fix: /^systemctl --user daemon-reload$/ },
    async () => {
      await writeAndReload({ [`${HOLDER_UNIT}.d/50-test.conf`]: service("KillMode=process") });
      rmSync(join(fleet.paths.units, `${HOLDER_UNIT}.d`), { recursive: true });
      const report = await promises();
      expect(report.subjects.flatMap(({ fix }) => fix.commands)).toEqual(["systemctl --user daemon-reload"]);
      return mends(report);
    },
  );

  test("what only root may change root has the manager read, too (fake: a user who may not)", async () => {
    await writeAndReload({ [`${AGENT}.d/50-test.conf`]: service("KillMode=process") });
    const allows = async (path: string, what: "read" | "write" | "execute") =>
      !path.startsWith(fleet.paths.units) && fleet.host.files.allows(path, what);
    const report = await examine({ ...fleet.host, files: { ...fleet.host.files, allows } }, "units.promises");
    expect(report.subjects.find(({ status }) => status === "fail")?.fix).toMatchObject({
      commands: [],
      root: [expect.stringMatching(/^sed -i .*50-test\.conf$/), "systemctl --user daemon-reload"],
    });
    expect(thenReload({ user: { ...fleet.host.user, uid: 1000, name: "o'neil" } }, ["rm x"])).toEqual([
      ...["rm x", "systemctl --user --machine='o'\\''neil@' daemon-reload"],
    ]);
  });

  for (const [unit, section, setting, consequence] of [
    [CODER, "Unit", "ConditionPathExists=!/proc", "passes over the unit without a word, at boot too"],
    [AGENT, "Unit", "AssertPathExists=/nonexistent", "each start fails"],
    [CODER, "Service", "PrivateNetwork=yes", "and not the agent"],
    [AGENT, "Service", "ReadOnlyPaths=/srv", "and not the agent"],
    [CODER, "Service", "NotifyAccess=none", "how the agent has ended"],
    [CODER, "Unit", "RefuseManualStop=yes", "refuses to stop it"],
    [HOLDER_UNIT, "Service", "TimeoutStartSec=90", "are lost"],
    [CODER, "Service", "ExecCondition=/bin/false", "passes over the unit without a word, at boot too"],
  ] as const)
    red(
      "units.promises",
      `${setting} for ${unit}`,
      {
        status: "warn",
        message: new RegExp(
          `^${unit.replaceAll(".", "\\.")}: ${setting.split("=")[0]}=.* in the layout\\): .*${consequence}`,
        ),
        fix: /^sed -i /,
      },
      async () => {
        await writeAndReload({ [`${unit}.d/50-test.conf`]: `[${section}]\n${setting}\n` });
        return mends(await promises());
      },
    );

  red(
    "units.promises",
    "a stop that is cut short before the agent has had its own time",
    {
      status: "fail",
      message:
        /^mosaic-agent@slow\.service: TimeoutStopSec=20s \(35 seconds or more in the layout\): a stop is cut short/,
      fix: /^sed -i '\/\^\\s\*TimeoutStopSec/,
    },
    async () => {
      await fleet.agent("quick", { MOSAIC_AGENT_STOP_SECONDS: "15" });
      await writeAndReload({ [`${AGENT}.d/50-test.conf`]: service("TimeoutStopSec=20") });
      expect((await promises()).status).toBe("pass");
      await fleet.agent("slow", { MOSAIC_AGENT_STOP_SECONDS: "30" });
      const report = await promises();
      expect(report.subjects.filter(({ status }) => status !== "pass").map(({ subject }) => subject)).toEqual([
        "mosaic-agent@slow.service",
      ]);
      await mends(report);
      for (const file of ["quick.env", "slow.env"]) rmSync(join(fleet.paths.agents, file));
      return report;
    },
  );
  red(
    "units.promises",
    "the same where all agents have that time",
    { status: "fail", message: /^mosaic-agent@\.service: TimeoutStopSec=20s \(35 seconds/, fix: /^sed -i / },
    async () => {
      const settings = join(fleet.paths.site, "fleet.env");
      const before = (await fleet.host.files.read(settings)) ?? "";
      writeFileSync(settings, `${before}\nMOSAIC_AGENT_STOP_SECONDS=30\n`);
      await writeAndReload({ [`${AGENT}.d/50-test.conf`]: service("TimeoutStopSec=20") });
      const report = await mends(await promises());
      writeFileSync(settings, before);
      return report;
    },
  );

  red(
    "units.promises",
    "a condition with the agent's name in it, of each agent by its own",
    {
      status: "warn",
      message: /coder\.service: ConditionPathExists=.*\/coder\.gone .*without a word/,
      fix: /^sed -i '\/\^\\s\*ConditionPathExists/,
    },
    async () => {
      await fleet.agent("holds", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
      writeFileSync(join(fleet.paths.agents, "holds.gone"), "");
      await writeAndReload({
        [`${AGENT}.d/50-test.conf`]: "[Unit]\nConditionPathExists=%E/mosaic/fleet/agents/%i.gone\n",
      });
      const report = await promises();
      expect(report.subjects.filter(({ status }) => status !== "pass").map(({ subject }) => subject)).toEqual([CODER]);
      for (const file of ["holds.gone", "holds.env"]) rmSync(join(fleet.paths.agents, file));
      return mends(report);
    },
  );

  green("units.promises", "with conditions that hold, one of two that may", async () => {
    await writeAndReload({
      [`${HOLDER_UNIT}.d/50-test.conf`]: "[Unit]\nConditionPathExists=|/nonexistent\nConditionPathExists=|/proc\n",
    });
    return promises();
  });

  red(
    "units.promises",
    "one agent's unit that systemd refuses",
    {
      status: "fail",
      message: /^mosaic-agent@coder\.service: systemd refuses it \(bad-setting\)/,
      fix: /^systemctl --user edit /,
    },
    async () => {
      await writeAndReload({ [`${CODER}.d/50-test.conf`]: service("Type=oneshot") });
      return promises();
    },
  );

  red(
    "units.promises",
    "a limit of open files with which the server goes deaf later",
    {
      status: "warn",
      message: /LimitNOFILE=1024 \(65536 in the layout\): the server goes deaf/,
      fix: /^sed -i '\/\^\\s\*LimitNOFILE/,
    },
    async () => {
      await writeAndReload({ [`${HOLDER_UNIT}.d/50-test.conf`]: service("LimitNOFILE=1024:65536") });
      return mends(await promises());
    },
  );

  red(
    "units.promises",
    "several that one drop-in breaks, one of them over two lines",
    {
      status: "fail",
      message: /OOMPolicy=stop .*; ExecStart=\/bin\/sh -c x y \(/,
      fix: /^mv .*50-test\.conf.* .*50-test\.conf\.off/,
    },
    async () => {
      await writeAndReload({
        [`${HOLDER_UNIT}.d/50-test.conf`]: service("OOMPolicy=stop", "ExecStart=", "ExecStart=/bin/sh -c \\", "  x y"),
      });
      const report = await promises();
      expect(Object.keys(report.subjects[0]?.evidence ?? {})).toEqual(["OOMPolicy", "ExecStart"]);
      return report;
    },
  );

  red(
    "units.promises",
    "an edited unit",
    {
      status: "fail",
      message: /^mosaic-agent@\.service: After=.*it starts before its tmux server$/m,
      fix: /^mosaic-fleet install --restore$/,
    },
    async () => {
      const text = (await fleet.host.files.read(join(fleet.paths.units, AGENT))) ?? "";
      await writeAndReload({ [AGENT]: text.replace(/^After=.*\n/m, "") });
      const report = await promises();
      expect(report.subjects.find(({ status }) => status === "fail")?.evidence).toEqual({
        After: `no line in ~/.config/systemd/user/${AGENT}`,
      });
      return mends(report);
    },
  );

  red(
    "units.promises",
    "a setting of one agent's that runs over two lines; a comment does not",
    { status: "fail", message: /coder\.service: Restart=no /, fix: /^mv .*50-test\.conf\.off'?$/ },
    async () => {
      await writeAndReload({ [`${CODER}.d/50-test.conf`]: "[Service]\n# c\\\nRestart\\\n=no\n" });
      return mends(await promises());
    },
  );

  test("scripts of the same name in another place are not ours", async () => {
    const copy = join(fleet.root, "copy/mosaic/tools/fleet");
    cpSync(fleet.paths.tools, copy, { recursive: true });
    await writeAndReload({
      [`${CODER}.d/50-test.conf`]: service("ExecStart=", `ExecStart=/bin/sh ${copy}/start-agent-session.sh %i`),
    });
    expect(await promises()).toMatchObject({
      status: "fail",
      message: expect.stringContaining("a script is run that mosaic-fleet did not install"),
    });
  });

  test("an agent with a unit file of its own is judged by it", async () => {
    const text = (await fleet.host.files.read(join(fleet.paths.units, AGENT))) ?? "";
    // Without that line it is as it is with another value: what mends the one has to mend the other.
    for (const line of ["", "Delegate=no\n"]) {
      await writeAndReload({ [CODER]: text.replace("Delegate=yes\n", line) });
      const report = await promises();
      expect(report).toMatchObject({ status: "fail", message: expect.stringContaining(`${CODER}: Delegate=no`) });
      expect((await mended(report)).status).toBe("pass");
      rmSync(join(fleet.paths.units, `${CODER}.off`));
    }
  });

  test("what the template breaks is not said again of an agent with settings of its own", async () => {
    await writeAndReload({
      [`${AGENT}.d/50-test.conf`]: service("Delegate=no"),
      [`${CODER}.d/50-test.conf`]: service("KillMode=none"),
    });
    const off = (await promises()).subjects.filter(({ status }) => status === "fail");
    expect(off.map(({ subject, evidence }) => [subject, Object.keys(evidence)])).toEqual([
      [AGENT, ["Delegate"]],
      [CODER, ["KillMode"]],
    ]);
  });

  test("systemctl, by which the canary looks, is judged the same", async () => {
    await writeAndReload({
      [`${CODER}.d/50-test.conf`]: service(
        "EnvironmentFile=-%h/more.env",
        "ExecStop=/bin/true",
        "ExecStopPost=-/bin/true",
        "KillMode=none",
      ),
    });
    const units = await fleet.systemd.show([HOLDER_UNIT, CODER], JUDGED_PROPERTIES);
    expect(units.map(brokenSettings)).toEqual([[], ["KillMode=none: a stop leaves processes behind"]]);
  });

  test("of units that are not loaded nothing is said", async () => {
    await writeAndReload({ [`${HOLDER_UNIT}.d/50-test.conf`]: service("ExecStart=") });
    expect(await promises()).toMatchObject({ status: "blocked", message: expect.stringContaining("units.loaded") });
  });
});

describe("units.drop-ins", () => {
  const dropIns = (host: Host = fleet.host) => examine(host, "units.drop-ins");

  green("units.drop-ins", "after install", () => dropIns());

  test("they are listed, ours apart from the user's", async () => {
    await writeAndReload({ [`${HOLDER_UNIT}.d/50-mine.conf`]: service(), [`${CODER}.d/limits.conf`]: service() });
    const report = await dropIns();
    expect(report).toMatchObject({ status: "pass", message: "2 of yours" });
    expect(report.evidence.yours).toEqual([
      `~/.config/systemd/user/${CODER}.d/limits.conf`,
      `~/.config/systemd/user/${HOLDER_UNIT}.d/50-mine.conf`,
    ]);
    expect(report.evidence["of mosaic-fleet"]).toContain(
      "~/.config/systemd/user/mosaic-agent@canary.service.d/10-mosaic-canary.conf",
    );
  });

  red(
    "units.drop-ins",
    "one that everybody can change",
    { status: "warn", message: /50-test\.conf: everybody can change it/, fix: /^chmod go-w ~\/.*50-test\.conf$/ },
    async () => {
      await writeAndReload({ [`${CODER}.d/50-test.conf`]: service() });
      chmodSync(join(fleet.paths.units, `${CODER}.d/50-test.conf`), 0o666);
      return mends(await dropIns());
    },
  );

  red(
    "units.drop-ins",
    "one whose folder everybody can change",
    {
      status: "warn",
      message: /everybody can change what is in its folder/,
      fix: /^chmod go-w ~\/.*coder\.service\.d$/,
    },
    async () => {
      await writeAndReload({ [`${CODER}.d/50-test.conf`]: service() });
      chmodSync(join(fleet.paths.units, `${CODER}.d`), 0o777);
      return mends(await dropIns());
    },
  );

  red(
    "units.drop-ins",
    "one that leads nowhere",
    { status: "warn", message: /50-test\.conf: it leads nowhere, and does nothing/, fix: /^rm ~\/.*50-test\.conf$/ },
    async () => {
      mkdirSync(join(fleet.paths.units, `${CODER}.d`));
      symlinkSync(join(fleet.root, "nowhere"), join(fleet.paths.units, `${CODER}.d/50-test.conf`));
      return mends(await dropIns());
    },
  );

  red(
    "units.drop-ins",
    "one that is a folder",
    {
      status: "warn",
      message: /50-test\.conf: systemd cannot read it, and it does nothing \(EISDIR/,
      fix: /^mv .*50-test\.conf.* .*50-test\.conf\.off/,
    },
    async () => {
      mkdirSync(join(fleet.paths.units, `${CODER}.d/50-test.conf`), { recursive: true });
      return mends(await dropIns());
    },
  );

  red(
    "units.drop-ins",
    "one that cannot be read (fake)",
    {
      status: "warn",
      message: /50-test\.conf: systemd cannot read it, and it does nothing \(EACCES\)/,
      fix: /^chmod u\+r ~\/.*50-test\.conf$/,
    },
    async () => {
      await writeAndReload({ [`${HOLDER_UNIT}.d/50-test.conf`]: service() });
      const read = async (path: string) => {
        if (path.endsWith("50-test.conf")) throw Object.assign(new Error("EACCES"), { code: "EACCES" });
        return fleet.host.files.read(path);
      };
      return dropIns({ ...fleet.host, files: { ...fleet.host.files, read } });
    },
  );
});

describe("units.enabled", () => {
  const enabled = () => examine(fleet.host, "units.enabled");

  red(
    "units.enabled",
    "that nothing is enabled",
    {
      status: "warn",
      message: /^neither the holder nor an agent is enabled: nothing of the fleet starts /,
      fix: /^systemctl --user enable --now mosaic-tmux-holder\.service$/,
    },
    async () => {
      await fleet.systemctl("stop", HOLDER_UNIT);
      const report = await mends(await enabled());
      expect(await examine(fleet.host, "holder.server")).toMatchObject({ status: "pass" });
      return report;
    },
  );

  test("of a holder that runs it can be mended by --fix, which starts nothing", async () => {
    await fleet.systemctl("disable", HOLDER_UNIT);
    await fleet.systemctl("daemon-reload");
    const { fix } = await enabled();
    expect(fix).toMatchObject({ automatic: true, commands: [`systemctl --user enable ${HOLDER_UNIT}`] });
  });

  green("units.enabled", "with an agent that is enabled, and brings the holder", async () => {
    expect(await fleet.systemctl("enable", CODER)).toMatchObject({ code: 0 });
    expect(readdirSync(join(fleet.paths.units, "default.target.wants"))).toEqual([CODER]);
    return enabled();
  });

  test("enabled until the next reboot is not enabled", async () => {
    expect(await fleet.systemctl("enable", "--runtime", HOLDER_UNIT)).toMatchObject({ code: 0 });
    expect(await enabled()).toMatchObject({
      status: "warn",
      message: expect.stringContaining("until the next reboot only"),
    });
  });
});
