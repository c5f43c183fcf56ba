import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createExec } from "../../../src/adapters/process.ts";
import type { FileStatus, Host } from "../../../src/core/host.ts";
import { asIfBooted, behindMounts, bun, run, tree } from "../../support/build.ts";
import { examine, green, red, typed } from "../../support/doctor.ts";
import { type FakePeer, openFakeBus } from "../../support/fake-bus.ts";
import { HOLDER_UNIT, openFleet, type TestFleet } from "../../support/fleet.ts";

let fleet: TestFleet;
let runtime: string;
beforeAll(async () => {
  fleet = await openFleet();
  runtime = fleet.paths.runtime ?? "";
});
afterAll(() => fleet.close());

const uid = process.getuid?.() ?? 0;
const folder: FileStatus = { kind: "folder", mode: 0o755, uid: 0, gid: 0, size: 0, modified: 0, changed: 0 };

/** The sandbox on a machine with these files (undefined: not there), faked; `env`: variables of its shell. */
function faked(
  paths: Readonly<Record<string, FileStatus | string | undefined>>,
  env: Record<string, string | undefined> = {},
  from: Host = fleet.host,
): Host {
  const { files } = from;
  const known = (path: string) => path in paths;
  const shell = { ...from.env, ...env };
  return {
    ...from,
    env: shell,
    exec: createExec(shell),
    files: {
      ...files,
      status: async (path) => {
        const value = paths[path];
        if (!known(path)) return files.status(path);
        return typeof value === "string" ? { ...folder, kind: "file" } : value;
      },
      read: async (path) => {
        const value = paths[path];
        return known(path) ? (typeof value === "string" ? value : undefined) : files.read(path);
      },
    },
  };
}

const BOOTED = { "/run/systemd/system": folder, "/proc/1/comm": "systemd\n" };
const UNBOOTED = { "/run/systemd/system": undefined };
const NO_MARKS = { "/.dockerenv": undefined, "/run/.containerenv": undefined, "/run/systemd/container": undefined };
const nowhere = { XDG_RUNTIME_DIR: undefined, DBUS_SESSION_BUS_ADDRESS: undefined };

/** The sandbox in a shell whose first systemctl is one that says this of its version. */
function saying(stdout: string): Host {
  const bin = join(fleet.root, "bin");
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh\n[ "$*" != --version ] || { printf '${stdout}'; exit; }\nexec /usr/bin/systemctl "$@"\n`;
  writeFileSync(join(bin, "systemctl"), script, { mode: 0o755 });
  return faked({}, { PATH: `${bin}:${fleet.host.env.PATH}` });
}

describe("systemd.version", () => {
  green("systemd.version", "in the sandbox", () => examine(fleet.host, "systemd.version"));

  /** The sandbox, with the manager's program where `program` says, and what is run noted. */
  function replaced(program: (path: string) => string): { host: Host; run: string[] } {
    const run: string[] = [];
    const { files, exec } = fleet.host;
    const readLink = async (path: string) => {
      const target = await files.readLink(path);
      return target?.endsWith("/systemd") ? program(target) : target;
    };
    const noting: Host["exec"] = async (argv, options) => {
      run.push(argv.join(" "));
      return exec(argv, options);
    };
    return { host: { ...fleet.host, files: { ...files, readLink }, exec: noting }, run };
  }

  test("asks no systemctl where the manager is the program on disk, and one where it was replaced (fake)", async () => {
    const ofThisPackage = existsSync("/usr/lib/systemd/systemd") && existsSync("/usr/bin/systemctl");
    const same = replaced((path) => path);
    const asked = await examine(same.host, "systemd.version");
    expect(same.run.includes("systemctl --version")).toBe(!ofThisPackage);
    const old = replaced((path) => `${path} (deleted)`);
    expect(await examine(old.host, "systemd.version")).toMatchObject({ status: "pass", message: asked.message });
    expect(old.run).toContain("systemctl --version");
  });

  red(
    "systemd.version",
    "that the running manager is not the installed program (fake --version)",
    {
      status: "warn",
      message: /^the user manager still runs systemd .*, while 299\.1-1 is installed$/,
      fix: /^systemctl --user daemon-reexec$/,
    },
    async () => {
      const report = await examine(saying("systemd 299 (299.1-1)\n+PAM\n"), "systemd.version");
      // The remedy is one that a manager takes.
      expect(await fleet.systemctl("daemon-reexec")).toMatchObject({ kind: "exited", code: 0 });
      return report;
    },
  );
  red(
    "systemd.version",
    "a systemd on which nothing was proved (fake --version)",
    { status: "fail", message: /^systemd 247 is older than any/, fix: /^sudo apt-get full-upgrade/ },
    () => examine(saying("systemd 247 (247.3-7)\n"), "systemd.version"),
  );
  red(
    "systemd.version",
    "one that is newer than any on which it was proved (fake --version)",
    {
      status: "warn",
      message: /^systemd 263 is newer than any .* was proved \(262\)$/,
      fix: /^mosaic-fleet canary --sandbox/,
    },
    () => examine(saying("systemd 263\n"), "systemd.version"),
  );
  red(
    "systemd.version",
    "that systemctl is not there",
    { status: "fail", message: /^systemctl is not installed/, fix: /^sudo apt-get install systemd/ },
    () => examine(faked({}, { PATH: "/nonexistent" }), "systemd.version"),
  );
  red(
    "systemd.version",
    "a systemctl that does not start",
    {
      status: "fail",
      message:
        /^systemctl cannot be started: what runs \S+\/systemctl is not there: \/no\/such\/loader: no unit can be/,
      fix: /^mv \S+\/systemctl \S+\/systemctl\.off /,
    },
    () => {
      const bin = join(fleet.root, "broken");
      mkdirSync(bin, { recursive: true });
      writeFileSync(join(bin, "systemctl"), "#!/no/such/loader\n", { mode: 0o755 });
      return examine(faked({}, { PATH: `${bin}:${fleet.host.env.PATH}` }), "systemd.version");
    },
  );
  test("is unknown where systemctl does not say its version (fake)", async () => {
    expect(await examine(saying("systemd of some kind\n"), "systemd.version")).toMatchObject({ status: "unknown" });
  });
});

describe("systemd.booted", () => {
  green("systemd.booted", "where systemd is the first process (fake)", () => examine(faked(BOOTED), "systemd.booted"));
  green("systemd.booted", "where the first process is hidden (fake)", () =>
    examine(faked({ ...BOOTED, "/proc/1/comm": undefined }), "systemd.booted"),
  );
  red(
    "systemd.booted",
    "a user manager that stands on no booted systemd: a sandbox",
    {
      status: "warn",
      message: /^a user manager is there, but the first process is .*, not systemd/,
      fix: /canary --sandbox$/,
    },
    () => examine(faked({ ...UNBOOTED, ...NO_MARKS, "/proc/1/comm": "init\n" }), "systemd.booted"),
  );
  for (const [what, marks, message, fix] of [
    ["a container", { "/.dockerenv": "" }, /^this container was not booted with systemd .*tini/, /canary --sandbox$/],
    [
      "WSL",
      { "/proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2\n" },
      /^this WSL distribution was not booted with systemd/,
      /^sudo sh -c .*\/etc\/wsl\.conf'$/,
    ],
    ["another init", {}, /^this machine was not booted with systemd/, /canary --sandbox$/],
  ] as const)
    red(
      "systemd.booted",
      `${what} without systemd and without a user manager (fake files)`,
      { status: "fail", message, fix },
      () =>
        examine(
          faked({ ...UNBOOTED, ...NO_MARKS, "/proc/1/comm": "tini\n", "/proc/1/environ": "", ...marks }, nowhere),
          "systemd.booted",
        ),
    );
});

describe("systemd.runtime-folder", () => {
  green("systemd.runtime-folder", "in the sandbox", () => examine(faked(UNBOOTED), "systemd.runtime-folder"));
  for (const [what, value, message] of [
    ["is not set", undefined, /^XDG_RUNTIME_DIR is not set/],
    ["is no whole path", "run", /^XDG_RUNTIME_DIR is run, which is no whole path$/],
    ["leads nowhere", "/nonexistent", /^XDG_RUNTIME_DIR is \/nonexistent, and that is not a folder$/],
  ] as const)
    red(
      "systemd.runtime-folder",
      `that XDG_RUNTIME_DIR ${what} (fake: booted)`,
      { status: "fail", message, fix: /^export XDG_RUNTIME_DIR=\/run\/user\/\d+$/ },
      () => examine(faked(BOOTED, { XDG_RUNTIME_DIR: value }), "systemd.runtime-folder"),
    );
  red(
    "systemd.runtime-folder",
    "one that others may look into",
    { status: "warn", message: /^other users can look into/, fix: /^chmod 700 / },
    async () => {
      chmodSync(runtime, 0o755);
      const report = await examine(faked(UNBOOTED), "systemd.runtime-folder");
      expect(await fleet.host.exec(["sh", "-c", report.fix.commands[0] ?? ""])).toMatchObject({ code: 0 });
      expect(await examine(faked(UNBOOTED), "systemd.runtime-folder")).toMatchObject({ status: "pass" });
      return report;
    },
  );
  red(
    "systemd.runtime-folder",
    "one that is not logind's, on a booted machine (fake: booted)",
    {
      status: "warn",
      message: /while logind's folder, in which the manager listens, is \/run\/user\//,
      fix: /^export /,
    },
    () => examine(faked(BOOTED), "systemd.runtime-folder"),
  );
  red(
    "systemd.runtime-folder",
    "one on disk (fake mounts)",
    { status: "warn", message: /lies on disk \(ext4\)/, fix: /^sudo mount -t tmpfs / },
    async () => {
      const mounts = (await fleet.host.files.read("/proc/self/mountinfo")) ?? "";
      return examine(
        faked({ ...UNBOOTED, "/proc/self/mountinfo": mounts.replaceAll(/ - tmpfs /g, " - ext4 ") }),
        "systemd.runtime-folder",
      );
    },
  );
  test.skipIf(uid !== 0)("finds that it is another user's", async () => {
    const path = join(fleet.root, "theirs");
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, 12345, 12345);
    expect(await examine(faked(BOOTED, { XDG_RUNTIME_DIR: path }), "systemd.runtime-folder")).toMatchObject({
      status: "fail",
      message: `${path} belongs to user 12345, not to ${uid}`,
    });
  });
});

/** A runtime folder of its own, and what a person who has it is told (fake: booted, unless told). */
async function managerAt(
  name: string,
  prepare: (folder: string) => unknown,
  marks: Parameters<typeof faked>[0] = BOOTED,
) {
  const path = join(fleet.root, name);
  mkdirSync(join(path, "systemd"), { recursive: true, mode: 0o700 });
  await prepare(path);
  const host = faked(marks, { XDG_RUNTIME_DIR: path, DBUS_SESSION_BUS_ADDRESS: undefined });
  return examine(host, "systemd.user-manager");
}

/** A socket on which nobody listens any more. */
async function stale(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.new`, resolve));
  renameSync(`${path}.new`, path); // closing removes the name that it was made by
  await new Promise((resolve) => server.close(resolve));
}

describe("systemd.user-manager", () => {
  green("systemd.user-manager", "in the sandbox", () => examine(fleet.host, "systemd.user-manager"));
  green("systemd.user-manager", "where the message bus is gone and its own socket is there", async () => {
    renameSync(join(runtime, "bus"), join(runtime, "bus.aside"));
    const report = await examine(fleet.host, "systemd.user-manager");
    renameSync(join(runtime, "bus.aside"), join(runtime, "bus"));
    return report;
  });
  red(
    "systemd.user-manager",
    "that XDG_RUNTIME_DIR is not set (fake: booted)",
    { status: "fail", message: /^XDG_RUNTIME_DIR is not set/, fix: /^export XDG_RUNTIME_DIR=/ },
    () => examine(faked(BOOTED, nowhere), "systemd.user-manager"),
  );
  red(
    "systemd.user-manager",
    "a folder that is not there (fake: booted)",
    {
      status: "fail",
      message: /^no user manager runs for .* there is no folder \/nonexistent/,
      fix: /^sudo loginctl enable-linger /,
    },
    () =>
      examine(
        faked({ ...BOOTED, [`/run/user/${uid}`]: undefined }, { ...nowhere, XDG_RUNTIME_DIR: "/nonexistent" }),
        "systemd.user-manager",
      ),
  );
  red(
    "systemd.user-manager",
    "a folder without a socket",
    { status: "fail", message: /^no user manager runs for .*: there is no socket in/, fix: /^export XDG_RUNTIME_DIR=/ },
    () => managerAt("empty", () => undefined),
  );
  red(
    "systemd.user-manager",
    "a stale socket, of which systemctl says only that there is none on the bus",
    { status: "fail", message: /^the socket in .* is stale/, fix: /^export XDG_RUNTIME_DIR=\/run\/user\// },
    async () => {
      const report = await managerAt("stale", (path) => stale(join(path, "systemd/private")));
      expect(report.evidence.said).toContain("No such file or directory");
      return report;
    },
  );
  red(
    "systemd.user-manager",
    "a file in the socket's place",
    { status: "fail", message: /\/systemd\/private is no socket/, fix: /^export XDG_RUNTIME_DIR=\/run\/user\// },
    () => managerAt("file", (path) => writeFileSync(join(path, "systemd/private"), "")),
  );
  red(
    "systemd.user-manager",
    "a socket that takes connections and never answers, whatever the machine was booted with (fake: no systemd)",
    { status: "fail", message: /did not answer in time: it hangs, or is stopped$/, fix: /^ps -o pid,stat,args -u / },
    async () => {
      const clients = new Set<Socket>();
      const server = createServer((client) => void clients.add(client));
      const report = await managerAt(
        "hangs",
        (path) => new Promise<void>((resolve) => server.listen(join(path, "systemd/private"), resolve)),
        { ...UNBOOTED, ...NO_MARKS },
      );
      for (const client of clients) client.destroy();
      await new Promise((resolve) => server.close(resolve));
      expect(report.evidence.said).toMatch(/did not answer within 5 s$/);
      return report;
    },
  );
  for (const [what, body] of [
    ["another user's folder", (path: string) => chownSync(path, 12345, 12345)],
    [
      "another user's socket",
      async (path: string) => {
        await stale(join(path, "systemd/private"));
        chownSync(join(path, "systemd/private"), 12345, 12345);
      },
    ],
  ] as const)
    test.skipIf(uid !== 0)(`finds ${what}`, async () => {
      const report = await managerAt(what.replaceAll(/\W/g, "-"), body);
      expect(report).toMatchObject({ status: "fail", message: expect.stringContaining("belongs to another user") });
      expect(report.fix.commands).toEqual([`export XDG_RUNTIME_DIR=/run/user/${uid}`]);
    });
});

describe.skipIf(uid !== 0)("what a shell says, in a mount namespace of its own", () => {
  const found = (argv: readonly string[], env: Record<string, string | undefined>, id = "systemd.user-manager") => {
    const doctor = [bun, join(tree, "src/main.ts"), "doctor", "-o", "json", "--only", id];
    const { stdout, stderr } = run([...argv, ...doctor], {
      env: { PATH: process.env.PATH, HOME: fleet.host.user.home, BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0", ...env },
    });
    expect(stderr).toBe("");
    return JSON.parse(stdout).checks[0];
  };

  test("nobody, in a folder that is root's", () => {
    const path = join(fleet.root, "roots");
    mkdirSync(join(path, "systemd"), { recursive: true, mode: 0o700 });
    chmodSync(fleet.root, 0o755);
    const nobody = asIfBooted(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    expect(found(nobody, { XDG_RUNTIME_DIR: path })).toMatchObject({
      status: "fail",
      message: expect.stringContaining(`${path} belongs to another user (uid 0, this is 65534)`),
      evidence: { said: "Failed to connect to bus: Permission denied" },
      fix: { commands: ["export XDG_RUNTIME_DIR=/run/user/65534"], root: [expect.stringContaining("enable-linger")] },
    });
  });

  test.skipIf(existsSync("/run/systemd/system"))("anybody, on a WSL that was not booted with systemd", () => {
    const release = join(fleet.root, "osrelease");
    writeFileSync(release, "5.15.90.1-microsoft-standard-WSL2\n");
    const wsl = behindMounts(`mount --bind ${release} /proc/sys/kernel/osrelease`);
    expect(found(wsl, {}, "systemd.booted")).toMatchObject({
      status: "fail",
      message: expect.stringMatching(/^this WSL distribution was not booted with systemd/),
      fix: {
        commands: ["wsl.exe --shutdown   # then open the distribution again"],
        root: [expect.stringContaining("wsl.conf")],
      },
    });
  });
});

describe("systemd.bus", () => {
  green("systemd.bus", "in the sandbox", () => examine(faked(UNBOOTED), "systemd.bus"));
  red(
    "systemd.bus",
    "that the socket is gone",
    { status: "warn", message: /^there is no message bus at /, fix: /^systemctl --user restart dbus\.socket$/ },
    async () => {
      rmSync(join(runtime, "bus"));
      const report = await examine(faked(UNBOOTED), "systemd.bus");
      for (const command of report.fix.commands) expect(await typed(fleet.host, command)).toMatchObject({ code: 0 });
      expect(await examine(faked(UNBOOTED), "systemd.bus")).toMatchObject({ status: "pass" });
      return report;
    },
  );
});

describe("systemd.state", () => {
  green("systemd.state", "in the sandbox", () => examine(fleet.host, "systemd.state"));
  green("systemd.state", "where a unit of somebody else's has failed, and counts it", async () => {
    await fleet.host.exec(["systemd-run", "--user", "--unit=theirs", "false"]);
    await fleet.wait(
      "it is degraded",
      async () => (await fleet.systemctl("show", "-p", "SystemState", "--value")).stdout.trim() === "degraded",
    );
    const report = await examine(fleet.host, "systemd.state");
    expect(report.message).toBe("1 failed of others");
    await fleet.systemctl("reset-failed");
    return report;
  });
  red(
    "systemd.state",
    "an agent's unit that has failed",
    {
      status: "warn",
      message: /^1 of the fleet's units has failed/,
      fix: /^systemctl --user reset-failed mosaic-agent@bad\.service$/,
    },
    async () => {
      await fleet.dropIn("mosaic-agent@bad.service", "[Service]\nRestart=no\nExecStart=\nExecStart=false\n");
      await fleet.systemctl("start", "mosaic-agent@bad");
      const report = await examine(fleet.host, "systemd.state");
      expect(report.evidence.failed).toEqual(["mosaic-agent@bad.service"]);
      expect(await fleet.host.exec(["sh", "-c", report.fix.commands[0] ?? ""])).toMatchObject({ code: 0 });
      expect(await examine(fleet.host, "systemd.state")).toMatchObject({ status: "pass" });
      await fleet.systemctl("stop", HOLDER_UNIT);
      return report;
    },
  );
  red(
    "systemd.state",
    "a manager that is stopping and waits for somebody who does not end",
    {
      status: "fail",
      message: /^the user manager is stopping, and takes every agent with it$/,
      fix: /^loginctl enable-linger$/,
    },
    async () => {
      const ending = await openFleet();
      try {
        const stubborn = "trap '' TERM; echo ready; while :; do sleep 1; done";
        await ending.host.exec([
          "systemd-run",
          "--user",
          "--unit=stubborn",
          "-p",
          "SyslogIdentifier=stubborn",
          "sh",
          "-c",
          stubborn,
        ]);
        await ending.wait("it ignores SIGTERM", async () => (await ending.journal("stubborn")).includes("ready"));
        await ending.systemctl("start", "--no-block", "--job-mode=replace-irreversibly", "exit.target");
        return await examine(ending.host, "systemd.state");
      } finally {
        await ending.close();
      }
    },
  );

  /** A fake user manager that is in this state. */
  const inState = async (SystemState: string) => {
    const name = "org.freedesktop.systemd1";
    const properties = {
      SystemState,
      Version: "252",
      Environment: [],
      UnitPath: [],
      ControlGroup: "/",
      Virtualization: "",
    };
    const bus = await openFakeBus({ [name]: { "/org/freedesktop/systemd1": { [`${name}.Manager`]: properties } } });
    const env = { XDG_RUNTIME_DIR: fleet.root, DBUS_SESSION_BUS_ADDRESS: bus.address };
    const report = await examine(faked({}, env), "systemd.state");
    await bus.close();
    return report;
  };
  red(
    "systemd.state",
    "a manager that has not come up yet (fake manager)",
    { status: "warn", message: /^the user manager is still starting: /, fix: /^systemctl --user list-jobs/ },
    () => inState("starting"),
  );
  test("is unknown in a state that nobody has heard of (fake manager)", async () => {
    expect(await inState("dreaming")).toMatchObject({
      status: "unknown",
      message: "could not tell: the user manager calls its state dreaming",
    });
  });
});

const UNIFIED = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const LEGACY = "31 24 0:27 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n";

describe("systemd.cgroups", () => {
  const mounted = (text: string, kind: Record<string, string | undefined> = {}) =>
    examine(faked({ ...NO_MARKS, "/proc/1/environ": "", "/proc/self/mountinfo": text, ...kind }), "systemd.cgroups");
  green("systemd.cgroups", "where only the unified hierarchy is mounted (fake mounts)", () => mounted(UNIFIED));
  red(
    "systemd.cgroups",
    "a hybrid of both (fake mounts)",
    { status: "warn", message: /^cgroups are hybrid: /, fix: /^sudo sed -i .*\/etc\/default\/grub$/ },
    () => mounted(UNIFIED + LEGACY),
  );
  red(
    "systemd.cgroups",
    "a hybrid of both in a container, where the host decides (fake)",
    { status: "warn", message: /^cgroups are hybrid: .*the container's host decides that$/, fix: null },
    () => mounted(UNIFIED + LEGACY, { "/.dockerenv": "" }),
  );
  red(
    "systemd.cgroups",
    "the old hierarchies alone (fake mounts)",
    { status: "warn", message: /^cgroups are legacy: /, fix: /unified_cgroup_hierarchy=1/ },
    () => mounted(LEGACY),
  );
  red(
    "systemd.cgroups",
    "that none is mounted (fake mounts)",
    { status: "fail", message: /^no cgroup hierarchy is mounted/, fix: /^sudo mount -t cgroup2 / },
    () => mounted(""),
  );
  test("the remedy puts its argument into GRUB's line", async () => {
    const { fix } = await mounted(UNIFIED + LEGACY);
    const file = join(fleet.root, "grub");
    writeFileSync(file, 'A=1\nGRUB_CMDLINE_LINUX="quiet"\n');
    await fleet.host.exec(["sh", "-c", (fix.root[0] ?? "").replace("/etc/default/grub", file)]);
    expect(await fleet.host.files.read(file)).toBe(
      'A=1\nGRUB_CMDLINE_LINUX="systemd.unified_cgroup_hierarchy=1 quiet"\n',
    );
  });
});

describe("systemd.controllers", () => {
  const handed = async (controllers: string) => {
    const group = (await fleet.systemctl("show", "-p", "ControlGroup", "--value")).stdout.trim();
    const at = (file: string) => join("/sys/fs/cgroup", group, file);
    return examine(
      faked({
        "/proc/self/mountinfo": UNIFIED,
        [at("cgroup.controllers")]: `${controllers}\n`,
        [at("cgroup.subtree_control")]: "\n",
      }),
      "systemd.controllers",
    );
  };
  green("systemd.controllers", "where the manager's own cgroup has them (fake kernel)", () =>
    handed("cpuset cpu io memory pids"),
  );
  red(
    "systemd.controllers",
    "that one does not arrive (fake kernel)",
    {
      status: "warn",
      message: /^cpu does not reach the user manager: CPUWeight= of an agent does nothing$/,
      fix: /Delegate=cpu cpuset io memory pids/,
    },
    () => handed("memory pids"),
  );
  red(
    "systemd.controllers",
    "that none arrives (fake kernel), with a drop-in that can be pasted",
    {
      status: "warn",
      message: /^memory, pids, cpu do not reach the user manager/,
      fix: /^sudo systemctl daemon-reload/,
    },
    async () => {
      const report = await handed("");
      const root = join(fleet.root, "etc");
      await fleet.host.exec(["sh", "-c", (report.fix.root[0] ?? "").replaceAll("/etc/", `${root}/`)]);
      expect(await fleet.host.files.read(join(root, "systemd/system/user@.service.d/delegate.conf"))).toBe(
        "[Service]\nDelegate=cpu cpuset io memory pids\n",
      );
      return report;
    },
  );
  test("is skipped where cgroups are not unified, which hand nothing down (fake mounts)", async () => {
    expect(await examine(faked({ "/proc/self/mountinfo": UNIFIED + LEGACY }), "systemd.controllers")).toMatchObject({
      status: "skip",
      message: "cgroups are hybrid: no controller is handed down",
    });
  });
  test("is unknown where the manager's cgroup cannot be seen (fake mounts)", async () => {
    expect(
      await examine(
        faked({ "/proc/self/mountinfo": UNIFIED.replace("/sys/fs/cgroup", "/nonexistent") }),
        "systemd.controllers",
      ),
    ).toMatchObject({ status: "unknown" });
  });
});

describe("systemd.oomd", () => {
  const UNIT = "org.freedesktop.systemd1.Unit";
  const unitAt = (name: string) =>
    `/org/freedesktop/systemd1/unit/${name.replace(/[^A-Za-z0-9]/g, (c) => `_${c.charCodeAt(0).toString(16)}`)}`;

  /** A fake system manager with an oomd in this state, and these settings of its units. */
  async function withOomd(
    state: string,
    killing: Readonly<Record<string, string>>,
  ): Promise<Awaited<ReturnType<typeof examine>>> {
    const peer: Record<string, FakePeer[string]> = {
      [unitAt("systemd-oomd.service")]: { [UNIT]: { ActiveState: state } },
    };
    for (const unit of [`user@${uid}.service`, `user-${uid}.slice`, "user.slice", "-.slice"]) {
      const settings = {
        ManagedOOMMemoryPressure: "auto",
        ManagedOOMSwap: "auto",
        ...(killing[unit] === undefined ? {} : { [killing[unit]]: "kill" }),
      };
      peer[unitAt(unit)] = { [`org.freedesktop.systemd1.${unit.endsWith("slice") ? "Slice" : "Service"}`]: settings };
    }
    const bus = await openFakeBus({ "org.freedesktop.systemd1": peer });
    try {
      return await examine(faked(BOOTED, { DBUS_SYSTEM_BUS_ADDRESS: bus.address }), "systemd.oomd");
    } finally {
      expect(bus.calls.every(({ noAutoStart }) => noAutoStart)).toBe(true);
      await bus.close();
    }
  }

  green("systemd.oomd", "where oomd does not run (fake system manager)", () => withOomd("inactive", {}));
  green("systemd.oomd", "where oomd watches nothing of ours (fake system manager)", () => withOomd("active", {}));
  red(
    "systemd.oomd",
    "that oomd watches user@UID.service, until the remedy spares the holder (fake system manager, real user manager)",
    {
      status: "warn",
      message: /may end the holder/,
      fix: /^systemctl --user set-property mosaic-tmux-holder\.service ManagedOOMPreference=omit$/,
    },
    async () => {
      const watched = { [`user@${uid}.service`]: "ManagedOOMMemoryPressure" };
      const report = await withOomd("active", watched);
      expect(report.fix.root).toEqual([]);
      await fleet.systemctl("start", HOLDER_UNIT);
      expect(await fleet.host.exec(["sh", "-c", report.fix.commands[0] ?? ""])).toMatchObject({
        kind: "exited",
        code: 0,
      });
      expect(await withOomd("active", watched)).toMatchObject({
        status: "pass",
        message: "the holder is spared (omit)",
      });
      // Of a watch on swap, or from above, a user's units may not take themselves out.
      const above = await withOomd("active", { "-.slice": "ManagedOOMSwap" });
      expect(above).toMatchObject({
        status: "warn",
        fix: { commands: [], root: ["systemctl set-property -- -.slice ManagedOOMSwap=auto"] },
      });
      return report;
    },
  );
  red(
    "systemd.oomd",
    "that oomd watches a slice of the user's own for swap (fake system manager, real user manager)",
    {
      status: "warn",
      message: /may end the holder/,
      fix: /^systemctl --user set-property app\.slice ManagedOOMSwap=auto$/,
    },
    async () => {
      await fleet.dropIn("app.slice", "[Slice]\nManagedOOMSwap=kill\n");
      const report = await withOomd("active", {});
      expect(report.evidence.watched).toEqual(["app.slice: ManagedOOMSwap=kill"]);
      expect(await fleet.host.exec(["sh", "-c", report.fix.commands[0] ?? ""])).toMatchObject({
        kind: "exited",
        code: 0,
      });
      expect(await withOomd("active", {})).toMatchObject({ status: "pass" });
      return report;
    },
  );
  test("is skipped without a system bus, and unknown where there should be one (fake: booted)", async () => {
    const none = { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent/bus" };
    expect(await examine(faked(UNBOOTED, none), "systemd.oomd")).toMatchObject({ status: "skip" });
    expect(await examine(faked(BOOTED, none), "systemd.oomd")).toMatchObject({ status: "unknown" });
  });
});
