import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { procfsOf } from "../../../src/adapters/procfs.ts";
import type { Host } from "../../../src/core/host.ts";
import { checks } from "../../../src/doctor/registry.ts";
import type { CheckReport } from "../../../src/doctor/report.ts";
import { runDoctor } from "../../../src/doctor/run.ts";
import { ownedFiles } from "../../../src/install/assets.ts";
import { install, installFiles, rollback } from "../../../src/install/install.ts";
import { examine, green, red, typed } from "../../support/doctor.ts";
import { openFleet, type TestFleet } from "../../support/fleet.ts";

let fleet: TestFleet;
let kept: string;
beforeAll(async () => {
  fleet = await openFleet();
  kept = join(fleet.root, "kept");
  cpSync(fleet.host.user.home, kept, { recursive: true, preserveTimestamps: true });
});
afterAll(async () => {
  await fleet?.close();
});
// Each has the layout as it was installed.
const renew = () => {
  rmSync(fleet.host.user.home, { recursive: true, force: true });
  cpSync(kept, fleet.host.user.home, { recursive: true, preserveTimestamps: true });
};
beforeEach(() => renew());
afterEach(() => rmSync(join(fleet.root, "bin"), { recursive: true, force: true }));

const tools = (name: string) => join(fleet.paths.tools, name);
const site = (name: string) => join(fleet.paths.site, name);
const HOLDER = "mosaic-tmux-holder.service";

/** Types what a report says, as it says it, up to the first comment; then looks again. */
async function mended(report: CheckReport, host: Host = fleet.host): Promise<CheckReport> {
  const said = [report, ...report.subjects];
  const all = said.flatMap(({ fix }) => [...fix.commands, ...fix.root]);
  // What is in the way is moved first: until then an install does nothing.
  const installs = all.filter((command) => command.startsWith("mosaic-fleet install"));
  for (const command of [...all.filter((each) => !installs.includes(each)), ...new Set(installs)]) {
    if (!command.startsWith("systemctl --user edit"))
      expect(await typed(host, command)).toMatchObject({ code: 0, stderr: "" });
  }
  return examine(host, report.id as `${string}.${string}`);
}

/** The receipt as it would be with other values. */
function receipt(
  change: (receipt: { phase: string; version: string; files: { path: string; sha256: string }[] }) => void,
) {
  const written = JSON.parse(readFileSync(fleet.paths.receipt, "utf8"));
  change(written);
  writeFileSync(fleet.paths.receipt, JSON.stringify(written));
}

/** A user who may not read what is there, or use a folder (fake: root may). */
function closedTo(path: string, uid = fleet.host.user.uid): Host {
  const { files } = fleet.host;
  const denied = () =>
    Promise.reject(Object.assign(new Error(`EACCES: permission denied, ${path}`), { code: "EACCES" }));
  const within = (each: string) => each === path || each.startsWith(`${path}/`);
  return {
    ...fleet.host,
    files: {
      ...files,
      allows: async (each, what) => !within(each) && files.allows(each, what),
      read: (each) => (within(each) ? denied() : files.read(each)),
      readBytes: (each) => (within(each) ? denied() : files.readBytes(each)),
      async status(each) {
        if (each !== path && within(each)) return denied();
        const status = await files.status(each);
        return each === path && status !== undefined ? { ...status, uid } : status;
      },
    },
  };
}

describe("layout.files", () => {
  const files = (host: Host = fleet.host) => examine(host, "layout.files");

  for (const [whose, uid, fix] of [
    ["the user's own", 0, /^chmod 0755 ~\/\.config\/mosaic\/tools\/fleet\/agent-pane\.sh$/],
    ["somebody else's", 7, /^mv .*agent-pane\.sh .*agent-pane\.sh\.yours$/],
  ] as const)
    red(
      "layout.files",
      `a file that cannot be read, ${whose} (fake)`,
      { status: "fail", message: /agent-pane\.sh: it cannot be read, by systemd neither \(mode 0755, of user/, fix },
      () => files(closedTo(tools("agent-pane.sh"), fleet.host.user.uid + uid)),
    );

  red(
    "layout.files",
    "somebody else's file that cannot be read, in a folder of theirs (fake)",
    { status: "fail", message: /it cannot be read, by systemd neither/, fix: /^sudo chown 0 ~\/.*agent-pane\.sh$/ },
    () => {
      const host = closedTo(tools("agent-pane.sh"), 7);
      const allows: Host["files"]["allows"] = async (path, what) =>
        (path !== fleet.paths.tools || what !== "write") && host.files.allows(path, what);
      return files({ ...host, files: { ...host.files, allows } });
    },
  );

  red(
    "layout.files",
    "a folder that cannot be entered (fake)",
    {
      status: "fail",
      message: /^~\/\.config\/mosaic\/tools\/fleet cannot be entered by this user/,
      fix: /^chmod u\+rwx ~\/\.config\/mosaic\/tools\/fleet$/,
    },
    () => files(closedTo(fleet.paths.tools)),
  );

  green("layout.files", "after install", files);

  test.each([240, 299])(
    "it goes by the running manager, as install does, not by systemd %d on disk (fake --version)",
    async (major) => {
      const exec: Host["exec"] = async (argv, options) =>
        argv[0] === "systemctl" && argv[1] === "--version"
          ? { argv, stdout: `systemd ${major} (${major}-1)\n`, stderr: "", kind: "exited", code: 0 }
          : fleet.host.exec(argv, options);
      expect(await files({ ...fleet.host, exec })).toMatchObject({ status: "pass" });
    },
  );

  test("it needs no user manager", async () => {
    const env = { ...fleet.host.env, XDG_RUNTIME_DIR: undefined };
    expect(await files({ ...fleet.host, env })).toMatchObject({
      status: "pass",
      message: expect.stringMatching(/^\d+ files$/),
    });
  });

  red(
    "layout.files",
    "a missing script where no user manager is reached, which comes first",
    {
      status: "fail",
      message: /agent-pane\.sh: it is missing/,
      fix: /^mosaic-fleet doctor --only systemd\.user-manager {3}# .*; then:$/,
    },
    async () => {
      rmSync(tools("agent-pane.sh"));
      const nowhere = { XDG_RUNTIME_DIR: undefined, DBUS_SESSION_BUS_ADDRESS: undefined };
      const host: Host = {
        ...fleet.host,
        env: { ...fleet.host.env, ...nowhere },
        exec: (argv, options) => fleet.host.exec(argv, { ...options, env: { ...options?.env, ...nowhere } }),
      };
      const { planned } = await runDoctor(host, checks, { only: ["layout"], version: "0.0.0-test" });
      expect(planned).toEqual([]);
      const report = await files(host);
      expect(report.subjects.flatMap(({ fix }) => fix.commands).at(-1)).toBe("mosaic-fleet install --restore");
      return report;
    },
  );

  red(
    "layout.files",
    "that nothing is installed",
    { status: "fail", message: /^nothing is installed here yet$/, fix: /^mosaic-fleet install$/ },
    async () => {
      rmSync(join(fleet.host.user.home, ".config"), { recursive: true });
      rmSync(fleet.paths.receipt);
      const report = await files();
      expect(report.subjects).toEqual([]);
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  red(
    "layout.files",
    "a missing script",
    { status: "fail", message: /agent-pane\.sh: it is missing/, fix: /^mosaic-fleet install --restore$/ },
    async () => {
      rmSync(tools("agent-pane.sh"));
      const report = await files();
      expect(report.subjects.filter(({ status }) => status !== "pass")).toHaveLength(1);
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  red(
    "layout.files",
    "an edited file, with whose edit wins",
    {
      status: "warn",
      message: /tmux\.conf: it was edited .* your edit is used/,
      fix: /^mosaic-fleet install --take ~.*tmux\.conf$/,
    },
    async () => {
      appendFileSync(tools("tmux.conf"), "# mine\n");
      const report = await files();
      expect(report.subjects.find(({ status }) => status === "warn")?.fix.commands.at(-1)).toBe(
        "# your change belongs into ~/.config/mosaic/fleet/tmux.local.conf",
      );
      expect(report.message).not.toContain("this version's changes");
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  test("an edit of what an older version wrote says so; one of a unit is kept as a drop-in", async () => {
    appendFileSync(join(fleet.paths.units, HOLDER), "# mine\n");
    receipt(({ files: [...all] }) => {
      const file = all.find(({ path }) => path.endsWith(HOLDER));
      if (file) file.sha256 = "of-an-older-version";
    });
    const report = await files();
    expect(report).toMatchObject({
      status: "warn",
      message: expect.stringContaining("and this version's changes are not in it"),
    });
    expect(report.subjects.find(({ status }) => status === "warn")?.fix.commands.at(-1)).toStartWith(
      `systemctl --user edit ${HOLDER} `,
    );
  });

  red(
    "layout.files",
    "a file of another version",
    { status: "fail", message: /fleet-functions\.sh: it is of version 0\.0\.0-test/, fix: /^mosaic-fleet install$/ },
    async () => {
      appendFileSync(tools("fleet-functions.sh"), "# as it was\n");
      const sha256 = new Bun.CryptoHasher("sha256").update(readFileSync(tools("fleet-functions.sh"))).digest("hex");
      receipt(({ files: all }) => {
        const file = all.find(({ path }) => path.endsWith("fleet-functions.sh"));
        if (file) file.sha256 = sha256;
      });
      const report = await files();
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  /** Lays out this version with other scripts, as another. */
  const another = (version: string) =>
    installFiles(fleet.host, { version }, (major) =>
      ownedFiles(fleet.paths, major).flatMap((file) =>
        file.path === tools("agent-pane.sh")
          ? [{ ...file, path: tools("other.sh") }]
          : [file.path === tools("fleet-functions.sh") ? { ...file, text: `${file.text}# another\n` } : file],
      ),
    );
  for (const [what, layOut] of [
    [
      "that this version was rolled back",
      async () => {
        await another("9.9.9");
        await install(fleet.host, { version: "0.0.0-test" });
        await rollback(fleet.host, {});
      },
    ],
    ["that this program is the older one", () => another("9.9.9")],
    [
      "that this program is older by two versions, of which the receipt knows one",
      async () => {
        await another("8.8.8");
        await another("9.9.9");
      },
    ],
  ] as const)
    red(
      "layout.files",
      `${what}, and leaves it at that`,
      {
        status: "warn",
        message: /version 9\.9\.9 is laid out, in the place of this one/,
        fix: /^mosaic-fleet install {3}# lays out this version again$/,
      },
      async () => {
        await layOut();
        const { report, planned } = await runDoctor(fleet.host, checks, { only: ["layout"], version: "0.0.0-test" });
        expect(planned).toEqual([]);
        expect(report.checks.find(({ id }) => id === "layout.receipt")).toMatchObject({ status: "pass" });
        const found = await files();
        expect((await mended(found)).status).toBe("pass");
        return found;
      },
    );

  red(
    "layout.files",
    "a file with another mode",
    { status: "warn", message: /agent-pane\.sh: its mode is 0600, not 0755/, fix: /^mosaic-fleet install$/ },
    async () => {
      chmodSync(tools("agent-pane.sh"), 0o600);
      const report = await files();
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  red(
    "layout.files",
    "a file that is not ours",
    { status: "fail", message: /tmux\.conf: it was not written by mosaic-fleet/, fix: /^mv .*tmux\.conf\.yours$/ },
    async () => {
      writeFileSync(tools("tmux.conf"), "set -g mouse on\n");
      receipt((written) => {
        written.files = written.files.filter(({ path }) => !path.endsWith("tmux.conf"));
      });
      const report = await files();
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  red(
    "layout.files",
    "a folder and a link in the places of files",
    {
      status: "fail",
      message:
        /2 of \d+ files and folders: they are not as this version has them\na folder is in its place.*\na link is in its place/,
      fix: /^mv .*agent-pane\.sh\.yours$/,
    },
    async () => {
      rmSync(tools("agent-pane.sh"));
      mkdirSync(tools("agent-pane.sh"));
      renameSync(tools("tmux.conf"), join(fleet.host.user.home, "my.conf"));
      symlinkSync(join(fleet.host.user.home, "my.conf"), tools("tmux.conf"));
      appendFileSync(tools("tmux.conf"), "# mine\n");
      const report = await files();
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  test("with a receipt that cannot be read nobody can tell whose a file is", async () => {
    appendFileSync(tools("tmux.conf"), "# mine?\n");
    writeFileSync(fleet.paths.receipt, "{");
    expect(await files()).toMatchObject({
      status: "fail",
      message: expect.stringContaining("whose it is only the receipt knows"),
    });
  });
});

/** A shell that has another XDG_CONFIG_HOME than the user manager. */
const lost = () => {
  const env = { ...fleet.host.env, XDG_CONFIG_HOME: join(fleet.root, "lost") };
  return { ...fleet.host, env };
};

describe("what is not as it was installed, and holds", () => {
  green("layout.files", "where a unit is a link to the same", () => {
    const unit = join(fleet.paths.units, HOLDER);
    renameSync(unit, join(fleet.host.user.home, HOLDER));
    symlinkSync(join(fleet.host.user.home, HOLDER), unit);
    return examine(fleet.host, "layout.files");
  });

  test("a link to somebody else's file, or to a folder, does not hold", async () => {
    const unit = join(fleet.paths.units, HOLDER);
    const target = join(fleet.host.user.home, HOLDER);
    renameSync(unit, target);
    symlinkSync(target, unit);
    chownSync(target, 4242, 4242);
    const found = { status: "fail", message: expect.stringContaining("a link is in its place") };
    expect(await examine(fleet.host, "layout.files")).toMatchObject(found);
    rmSync(target);
    mkdirSync(target);
    expect(await examine(fleet.host, "layout.files")).toMatchObject(found);
  });

  red(
    "layout.files",
    "that only the canary's drop-in is missing",
    {
      status: "warn",
      message: /canary\.conf: it is missing: the agent canary/,
      fix: /^mosaic-fleet install --restore$/,
    },
    async () => {
      rmSync(join(fleet.paths.units, "mosaic-agent@canary.service.d"), { recursive: true });
      const report = await examine(fleet.host, "layout.files");
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  red(
    "layout.files",
    "a mask in the place of a unit",
    { status: "fail", message: /holder\.service: a link to \/dev\/null is in its place: it is masked/, fix: /^rm / },
    async () => {
      rmSync(join(fleet.paths.units, HOLDER));
      symlinkSync("/dev/null", join(fleet.paths.units, HOLDER));
      const report = await examine(fleet.host, "layout.files");
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  green("layout.writable", "where files are links to /dev/null", async () => {
    for (const path of [site("fleet.env"), site("tmux.local.conf")]) symlinkSync("/dev/null", path);
    rmSync(join(fleet.paths.units, HOLDER));
    symlinkSync("/dev/null", join(fleet.paths.units, HOLDER));
    for (const id of ["layout.settings", "agents.env-file"] as const)
      expect((await examine(fleet.host, id)).status).not.toBe("fail");
    return examine(fleet.host, "layout.writable");
  });

  red(
    "layout.writable",
    "a place outside the home folder, of which no right is changed",
    { status: "fail", message: /open\/fleet\.env: everybody may write to it/, fix: /^ls -ld / },
    async () => {
      const open = join(fleet.root, "open");
      mkdirSync(open);
      writeFileSync(join(open, "fleet.env"), "");
      chmodSync(join(open, "fleet.env"), 0o666);
      symlinkSync(join(open, "fleet.env"), site("fleet.env"));
      const report = await examine(fleet.host, "layout.writable");
      rmSync(open, { recursive: true });
      expect(JSON.stringify(report)).not.toContain("chmod");
      return report;
    },
  );

  red(
    "layout.files",
    "that this shell has another folder of settings than the manager",
    {
      status: "fail",
      message: /^this shell's settings are in \S+\/lost, the user manager's in ~\/\.config \(XDG_CONFIG_HOME/,
      fix: /^(unset|export) XDG_CONFIG_HOME/,
    },
    async () => {
      const { report } = await runDoctor(lost(), checks, { only: ["layout", "units"], version: "0.0.0-test" });
      expect(JSON.stringify(report)).not.toMatch(/"mv /);
      const report2 = report.checks.find(({ id }) => id === "layout.receipt");
      expect(report2).toMatchObject({ status: "skip", message: expect.stringContaining("folder of settings") });
      return examine(lost(), "layout.files");
    },
  );

  red(
    "layout.receipt",
    "without a manager, that it is of files elsewhere",
    {
      status: "warn",
      message: /receipt is of files in ~\/\.config.*nothing is installed/,
      fix: /^unset XDG_CONFIG_HOME$/,
    },
    () => {
      const host = lost();
      return examine({ ...host, env: { ...host.env, XDG_RUNTIME_DIR: undefined } }, "layout.receipt");
    },
  );
});

describe("layout.writable", () => {
  const writable = (host: Host = fleet.host) => examine(host, "layout.writable");

  green("layout.writable", "after install", writable);

  red(
    "layout.writable",
    "a folder of scripts that everybody may write to",
    {
      status: "fail",
      message: /tools\/fleet: everybody may write to it/,
      fix: /^chmod go-w ~\/\.config\/mosaic\/tools\/fleet$/,
    },
    async () => {
      chmodSync(fleet.paths.tools, 0o777);
      const report = await writable();
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  red(
    "layout.writable",
    "a file and a folder above it that belong to somebody else",
    {
      status: "fail",
      message: /^2 of \d+ files and folders: others can change what runs as you\nit belongs to daemon, who can/,
      fix: /^sudo chown \S+ ~\/\.config$/,
    },
    async () => {
      writeFileSync(site("fleet.env"), "");
      chownSync(site("fleet.env"), 1, 1);
      chownSync(fleet.paths.config, 1, 1);
      const report = await writable();
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  red(
    "layout.writable",
    "a unit that a group with others in it may write to",
    {
      status: "warn",
      message: /mosaic-tmux-holder\.service: group daemon \(daemon\) may write to it/,
      fix: /^chmod go-w /,
    },
    async () => {
      chownSync(join(fleet.paths.units, HOLDER), 0, 1);
      chmodSync(join(fleet.paths.units, HOLDER), 0o664);
      const report = await writable();
      expect((await mended(report)).status).toBe("pass");
      return report;
    },
  );

  green("layout.writable", "where the group is the user's alone", () => {
    for (const path of [fleet.paths.units, fleet.paths.tools, fleet.paths.agents]) chmodSync(path, 0o775); // group root
    return writable();
  });

  test("of a group that is not in /etc/group it cannot be told", async () => {
    chownSync(fleet.paths.tools, 0, 54_321);
    chmodSync(fleet.paths.tools, 0o775);
    expect(await writable()).toMatchObject({ status: "unknown", message: expect.stringContaining("group 54321") });
  });

  test("a sticky folder above ours is harmless; one of ours is not", async () => {
    chmodSync(fleet.host.user.home, 0o1777);
    expect((await writable()).status).toBe("pass");
    chmodSync(fleet.paths.units, 0o1777);
    expect(await writable()).toMatchObject({
      status: "fail",
      message: expect.stringContaining("systemd/user: everybody"),
    });
  });

  test("behind a link it is the place itself that counts", async () => {
    const real = join(fleet.host.user.home, "dotfiles");
    renameSync(fleet.paths.config, real);
    symlinkSync(real, fleet.paths.config);
    expect((await writable()).status).toBe("pass");
    chmodSync(real, 0o777);
    expect(await writable()).toMatchObject({
      status: "fail",
      message: expect.stringMatching(/^~\/dotfiles: everybody/),
    });
  });
});

describe("layout.receipt", () => {
  const look = (host: Host = fleet.host) => examine(host, "layout.receipt");

  green("layout.receipt", "after install", look);

  red(
    "layout.receipt",
    "one in a folder that cannot be entered (fake)",
    {
      status: "fail",
      message: /^the receipt cannot be read/,
      fix: /^chmod u\+rwx ~\/\.local\/state\/mosaic\/fleet$/,
    },
    () => look(closedTo(fleet.paths.state)),
  );

  red(
    "layout.receipt",
    "one that cannot be read",
    {
      status: "fail",
      message: /^the receipt cannot be read by this version/,
      fix: /^mv .*receipt\.json .*receipt\.json\.unreadable$/,
    },
    async () => {
      writeFileSync(fleet.paths.receipt, `{"schemaVersion": 2}`);
      const { report } = await runDoctor(fleet.host, checks, { only: ["layout.receipt"], version: "0.0.0-test" });
      expect(report).toMatchObject({ verdict: "unreadable", ok: false });
      const found = await look();
      expect((await mended(found)).status).toBe("pass");
      return found;
    },
  );

  red(
    "layout.receipt",
    "a folder in its place",
    { status: "fail", message: /\(a folder is in its place\)$/, fix: /^mv / },
    async () => {
      rmSync(fleet.paths.receipt);
      mkdirSync(fleet.paths.receipt);
      const found = await look();
      expect((await mended(found)).status).toBe("pass");
      return found;
    },
  );

  red(
    "layout.receipt",
    "an install that was killed",
    {
      status: "fail",
      message: /^install of 0\.0\.0-test was cut off; files of two versions may stand side by side$/,
      fix: /^mosaic-fleet install$/,
    },
    async () => {
      receipt((written) => {
        written.phase = "applying";
      });
      symlinkSync("1 1", join(fleet.paths.state, "install.lock")); // of a process that is gone
      const found = await look();
      expect((await mended(found)).status).toBe("pass");
      return found;
    },
  );

  test("an install that runs now is waited for", async () => {
    receipt((written) => {
      written.phase = "applying";
    });
    const me = `${process.pid} ${await procfsOf(fleet.host).startTime(process.pid)}`;
    symlinkSync(me, join(fleet.paths.state, "install.lock"));
    expect(await look()).toMatchObject({
      status: "warn",
      message: expect.stringContaining(`is running (pid ${process.pid})`),
    });
  });

  red(
    "layout.receipt",
    "a layout without one",
    { status: "warn", message: /but no receipt/, fix: /^mosaic-fleet install$/ },
    async () => {
      rmSync(fleet.paths.receipt);
      const found = await look();
      expect((await mended(found)).status).toBe("pass");
      return found;
    },
  );

  red(
    "layout.receipt",
    "a file that another version left",
    {
      status: "warn",
      message: /^version 9\.9\.9 has left a file that this version does not have/,
      fix: /^mv .*20-later\.conf .*20-later\.conf\.old$/,
    },
    async () => {
      const path = join(fleet.paths.units, `${HOLDER}.d/20-later.conf`);
      receipt((written) => {
        written.version = "9.9.9";
        written.files.push(
          { path: `${path}.gone`, sha256: "", mode: 0 } as never,
          { path, sha256: "", mode: 0 } as never,
        );
      });
      mkdirSync(join(path, ".."));
      writeFileSync(path, "[Service]\n");
      const found = await look();
      expect((await mended(found)).status).toBe("pass");
      return found;
    },
  );

  test("where nothing is installed it is skipped", async () => {
    rmSync(join(fleet.host.user.home, ".config"), { recursive: true });
    rmSync(fleet.paths.receipt);
    expect(await look()).toMatchObject({ status: "skip", message: "nothing is installed here yet" });
  });
});

describe("layout.settings", () => {
  const settings = (host: Host = fleet.host) => examine(host, "layout.settings");

  green("layout.settings", "with all of them", async () => {
    writeFileSync(site("fleet.env"), "A=1\n");
    writeFileSync(site("tmux.local.conf"), "set -g mouse on\n");
    return settings();
  });

  green("layout.settings", "with none of them", () => settings());

  red(
    "layout.settings",
    "a folder in the place of fleet.env",
    {
      status: "fail",
      message:
        /^~\/\.config\/mosaic\/fleet\/fleet\.env cannot be read \(a folder is in its place\): no agent gets its settings$/,
      fix: /^mv .*fleet\.env .*fleet\.env\.yours$/,
    },
    async () => {
      mkdirSync(site("fleet.env"));
      const { report } = await runDoctor(fleet.host, checks, { only: ["layout"], version: "0.0.0-test" });
      expect(report.verdict).toBe("unreadable");
      const found = await settings();
      expect((await mended(found)).status).toBe("pass");
      return found;
    },
  );

  red(
    "layout.settings",
    "a fleet.env that links to nothing",
    {
      status: "fail",
      message: /it is a link to \S*elsewhere, which is not there/,
      fix: /^rm ~\/\.config\/mosaic\/fleet\/fleet\.env$/,
    },
    async () => {
      symlinkSync(join(fleet.host.user.home, "elsewhere"), site("fleet.env"));
      const found = await settings();
      expect((await mended(found)).status).toBe("pass");
      return found;
    },
  );

  red(
    "layout.settings",
    "a fleet.env that links to a pipe, which is not read",
    {
      status: "fail",
      message: /fleet\.env cannot be read \(a pipe or a device is in its place\): systemd opens it .* waits for ever/,
      fix: /^timeout 1 tee .* mv .*fleet\.env .*fleet\.env\.yours /,
    },
    async () => {
      const pipe = join(fleet.host.user.home, "pipe");
      await fleet.host.exec(["mkfifo", pipe]);
      symlinkSync(pipe, site("fleet.env"));
      const found = await settings();
      expect((await mended(found)).status).toBe("pass");
      rmSync(pipe);
      return found;
    },
  );

  red(
    "layout.settings",
    "a file in the place of the agents' folder",
    {
      status: "fail",
      message: /agents cannot be read \(a file is in its place\)/,
      fix: /^mkdir ~\/\.config\/mosaic\/fleet\/agents$/,
    },
    async () => {
      rmSync(fleet.paths.agents, { recursive: true });
      writeFileSync(fleet.paths.agents, "");
      const found = await settings();
      expect((await mended(found)).status).toBe("pass");
      return found;
    },
  );

  red(
    "layout.settings",
    "a folder above them that cannot be entered (fake)",
    { status: "fail", message: /fleet\.env cannot be read \(EACCES/, fix: /^chmod u\+rwx ~\/\.config$/ },
    async () => {
      const host = closedTo(fleet.paths.config);
      expect((await examine(host, "layout.files")).fix.commands).toEqual(["chmod u+rwx ~/.config"]);
      return settings(host);
    },
  );

  red(
    "layout.settings",
    "a tmux.local.conf that this user may not read (fake)",
    {
      status: "fail",
      message: /tmux\.local\.conf cannot be read \(EACCES/,
      fix: /^chmod u\+r ~\/\.config\/mosaic\/fleet\/tmux\.local\.conf$/,
    },
    () => {
      writeFileSync(site("tmux.local.conf"), "");
      const readBytes = async (path: string) => {
        if (path.endsWith("tmux.local.conf"))
          throw Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
        return fleet.host.files.readBytes(path);
      };
      return settings({ ...fleet.host, files: { ...fleet.host.files, readBytes } });
    },
  );
});

describe("layout.pending", () => {
  const pending = () => examine(fleet.host, "layout.pending");

  green("layout.pending", "after install", pending);

  red(
    "layout.pending",
    "a new version beside an edited file",
    {
      status: "warn",
      message: /tmux\.conf: a newer version of it waits beside it/,
      fix: /^diff ~\/\.config\/mosaic\/tools\/fleet\/tmux\.conf ~\/\.config\/mosaic\/tools\/fleet\/tmux\.conf\.mosaic-new$/,
    },
    async () => {
      copyFileSync(tools("tmux.conf"), tools("tmux.conf.mosaic-new"));
      appendFileSync(tools("tmux.conf"), "# mine\n");
      const report = await pending();
      const [diff = "", take = ""] = report.subjects[0]?.fix.commands ?? [];
      expect(await fleet.host.exec(["sh", "-c", diff])).toMatchObject({
        code: 1,
        stdout: expect.stringContaining("< # mine"),
      });
      expect(await fleet.host.exec(["sh", "-c", take])).toMatchObject({ code: 0, stderr: "" });
      expect((await pending()).status).toBe("pass");
      expect((await examine(fleet.host, "layout.files")).status).toBe("pass");
      return report;
    },
  );
});

describe("layout.binary", () => {
  /** A host on which the program at that path runs; of the others it is only there. */
  function running(executable: string, path: readonly string[], ...others: string[]): Host {
    for (const program of [executable, ...others]) {
      mkdirSync(join(program, ".."), { recursive: true });
      if (!existsSync(program)) writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
    }
    return { ...fleet.host, executable, env: { ...fleet.host.env, PATH: [...path, fleet.host.env.PATH].join(":") } };
  }
  const bin = (name: string) => join(fleet.root, "bin", name);

  green("layout.binary", "where PATH leads to it, through a link", () => {
    const host = running(bin("real/mosaic-fleet"), ["relative", bin("a")], bin("a/other"));
    symlinkSync(bin("real/mosaic-fleet"), bin("a/mosaic-fleet"));
    writeFileSync(bin("real/none"), "");
    return examine(host, "layout.binary");
  });

  red(
    "layout.binary",
    "one in a build folder, and the line to type",
    {
      status: "warn",
      message: /^mosaic-fleet is not on PATH: this one runs from .*build\/dist\/mosaic-fleet$/,
      fix: /^install -D -m 755 \S*build\/dist\/mosaic-fleet ~\/\.local\/bin\/mosaic-fleet$/,
    },
    async () => {
      const host = running(bin("build/dist/mosaic-fleet"), []);
      const report = await examine(host, "layout.binary");
      await mended(report, host);
      const installed = join(fleet.host.user.home, ".local/bin");
      expect(await examine(running(join(installed, "mosaic-fleet"), [installed]), "layout.binary")).toMatchObject({
        status: "pass",
        message: "~/.local/bin/mosaic-fleet",
      });
      return report;
    },
  );

  red(
    "layout.binary",
    "one that is where it belongs, which is not on PATH",
    { status: "warn", message: /^mosaic-fleet is not on PATH/, fix: /^export PATH=~\/\.local\/bin:"\$PATH"/ },
    () => examine(running(join(fleet.host.user.home, ".local/bin/mosaic-fleet"), []), "layout.binary"),
  );

  red(
    "layout.binary",
    "another one before it on PATH",
    {
      status: "warn",
      message: /a\/mosaic-fleet comes before \S*b\/mosaic-fleet on PATH/,
      fix: /^export PATH=\S*\/b:"\$PATH" /,
    },
    () => examine(running(bin("b/mosaic-fleet"), [bin("a"), bin("b")], bin("a/mosaic-fleet")), "layout.binary"),
  );

  red(
    "layout.binary",
    "a package's, which a copy of one's own hides",
    {
      status: "warn",
      message: /own\/mosaic-fleet comes before \S*usr\/mosaic-fleet on PATH, which is another mosaic-fleet/,
      fix: /^\S*usr\/mosaic-fleet --version {3}# if that is the one to have: rm \S*own\/mosaic-fleet$/,
    },
    async () => {
      const path = [bin("own"), bin("usr")];
      const host = running(bin("own/mosaic-fleet"), path, bin("usr/mosaic-fleet"));
      expect(await examine(host, "layout.binary")).toMatchObject({ status: "pass" });
      writeFileSync(bin("usr/mosaic-fleet"), "#!/bin/sh\n# newer\n");
      return examine(host, "layout.binary");
    },
  );

  red(
    "layout.binary",
    "another one on PATH, where this one is not",
    {
      status: "warn",
      message: /a\/mosaic-fleet is on PATH, and is another than the one that runs now/,
      fix: /^install -D -m 755 \S*c\/mosaic-fleet \S*a\/mosaic-fleet$/,
    },
    async () => {
      const host = running(bin("c/mosaic-fleet"), [bin("a")], bin("a/mosaic-fleet"));
      const report = await examine(host, "layout.binary");
      await mended(report, host);
      expect((await examine(running(bin("a/mosaic-fleet"), [bin("a")]), "layout.binary")).status).toBe("pass");
      return report;
    },
  );

  test("what is there under its name and is no program is not it", async () => {
    const host = running(bin("b/mosaic-fleet"), [bin("a"), bin("d"), bin("b")]);
    mkdirSync(bin("a/mosaic-fleet"), { recursive: true });
    mkdirSync(bin("d"));
    writeFileSync(bin("d/mosaic-fleet"), "", { mode: 0o644 });
    expect((await examine(host, "layout.binary")).status).toBe("pass");
  });

  test("a program that was removed while it runs cannot be told", async () => {
    expect(await examine({ ...fleet.host, executable: "/no/such/mosaic-fleet" }, "layout.binary")).toMatchObject({
      status: "unknown",
      message: "could not tell: the program that runs, /no/such/mosaic-fleet, is not there any more",
    });
  });
});
