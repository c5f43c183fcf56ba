import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { localHost } from "../../../src/adapters/local-host.ts";
import { createExec } from "../../../src/adapters/process.ts";
import type { Host } from "../../../src/core/host.ts";
import { examine, green, red } from "../../support/doctor.ts";
import { openFleet, type TestFleet } from "../../support/fleet.ts";
import { pretend } from "../../support/pretend.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
});
afterAll(() => fleet.close());

/** Types what a check says, as the user. */
async function type(host: Host, commands: readonly string[]): Promise<void> {
  const env = { HOME: host.user.home };
  for (const command of commands)
    expect(await host.exec(["sh", "-c", command], { env })).toMatchObject({ kind: "exited", code: 0, stderr: "" });
}

function withHome(home: string): Host {
  return { ...fleet.host, user: { ...fleet.host.user, home }, env: { ...fleet.host.env, HOME: home } };
}

function withEnv(env: Record<string, string | undefined>): Host {
  return { ...fleet.host, env: { ...fleet.host.env, ...env } };
}

/** Without a user manager. */
function alone(host: Host): Host {
  const env = { ...host.env, XDG_RUNTIME_DIR: undefined, DBUS_SESSION_BUS_ADDRESS: undefined };
  return { ...host, env, exec: createExec(env) };
}

describe("machine.linux", () => {
  green("machine.linux", "here", () => examine(fleet.host, "machine.linux"));

  test("it says the kernel and the hardware", async () => {
    const { message } = await examine(fleet.host, "machine.linux");
    const uname = await fleet.host.exec(["uname", "-srm"]);
    const [, version, machine] = /^Linux (\d+\.\d+)\S* (\S+)/.exec(uname.stdout) ?? [];
    expect(message).toBe(`Linux ${version} ${machine}`);
  });

  red(
    "machine.linux",
    "a processor that nothing was tried on (fake)",
    { status: "fail", message: /for riscv64: a fleet was only tried on x86_64 and aarch64/, fix: null },
    () => examine({ ...fleet.host, machine: "riscv64" }, "machine.linux"),
  );

  test("another system fails (fake)", async () => {
    const host = pretend(fleet.host, { "/proc/sys/kernel/ostype": undefined });
    expect(await examine(host, "machine.linux")).toMatchObject({
      status: "fail",
      message: expect.stringContaining("no Linux"),
    });
  });
});

describe("machine.virtualization", () => {
  const none = {
    "/.dockerenv": undefined,
    "/run/.containerenv": undefined,
    "/proc/sys/kernel/osrelease": "6.1.0-31-amd64\n",
    "/run/systemd/container": undefined,
    "/run/host/container-manager": undefined,
    "/proc/1/environ": "PATH=/bin\0",
    "/proc/1/cgroup": "0::/init.scope\n",
    "/sys/hypervisor/type": undefined,
    "/run/systemd/system": "",
    ...Object.fromEntries(
      ["sys_vendor", "product_name", "board_vendor", "bios_vendor"].map((name) => [
        `/sys/class/dmi/id/${name}`,
        "ACME",
      ]),
    ),
  };
  const look = (texts: Record<string, string | undefined>, host = alone(fleet.host)) =>
    examine(pretend(host, { ...none, ...texts }), "machine.virtualization");

  green("machine.virtualization", "on a machine of metal (fake)", () => look({}));

  for (const [what, texts, detail] of [
    ["nothing", {}, "no container or VM"],
    ["firmware of KVM", { "/sys/class/dmi/id/product_name": "Google Compute Engine\n" }, "VM (kvm)"],
    ["a Xen hypervisor", { "/sys/hypervisor/type": "xen\n" }, "VM (xen)"],
    ["nspawn with systemd", { "/run/systemd/container": "systemd-nspawn" }, "container (systemd-nspawn) with systemd"],
    [
      "docker without systemd, which systemd.booted finds",
      { "/.dockerenv": "", "/run/systemd/system": undefined },
      "container (docker) without systemd",
    ],
    ["podman with systemd", { "/run/.containerenv": "" }, "container (podman) with systemd"],
  ] as const)
    test(`it says ${what} (fake)`, async () => {
      expect(await look(texts)).toMatchObject({ status: "pass", message: detail });
    });

  test("where files say nothing, the user manager does", async () => {
    const manager = await fleet.host.exec([
      "busctl",
      "--user",
      "get-property",
      "org.freedesktop.systemd1",
      "/org/freedesktop/systemd1",
      "org.freedesktop.systemd1.Manager",
      "Virtualization",
    ]);
    const name = /^s "(.*)"/.exec(manager.stdout)?.[1] ?? "no answer";
    expect(await look({}, fleet.host)).toMatchObject({
      status: "pass",
      message: name === "" ? "no container or VM" : expect.stringContaining(`(${name})`),
      evidence: { "seen in": "the user manager" },
    });
  });

  const wsl2 = { "/proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2\n" };
  for (const [what, texts, message, fix] of [
    ["WSL 2, which ends with its last window", wsl2, /some seconds after its last window/, /^wsl.exe --exec /],
    ["WSL 2 without systemd", { ...wsl2, "/run/systemd/system": undefined }, /WSL 2 without systemd/, /wsl\.conf/],
    ["WSL 1", { "/proc/sys/kernel/osrelease": "4.4.0-19041-Microsoft\n" }, /WSL 1, which has no/, /--set-version/],
  ] as const)
    red("machine.virtualization", `${what} (fake)`, { status: "warn", message, fix }, () => look(texts));

  test("a container in WSL is a container (fake)", async () => {
    expect(await look({ ...wsl2, "/.dockerenv": "" })).toMatchObject({
      status: "pass",
      message: "container (docker) with systemd",
    });
  });

  test("an ordinary user cannot read the first process's environment: it is not tried", async () => {
    const host = pretend(alone(fleet.host), none);
    const read = async (path: string) => {
      if (path === "/proc/1/environ") throw new Error("EACCES");
      return host.files.read(path);
    };
    const user = { ...host, user: { ...host.user, uid: 1000 }, files: { ...host.files, read } };
    expect(await examine(user, "machine.virtualization")).toMatchObject({ status: "pass" });
  });
});

describe("machine.home", () => {
  green("machine.home", "where it is the user manager's", () => examine(fleet.host, "machine.home"));

  red(
    "machine.home",
    "another user's HOME (sudo -E)",
    {
      status: "fail",
      message: /HOME is not \S*\/home, which the user manager has for .*sudo -E/,
      fix: /^export HOME=/,
    },
    () => examine(withHome(join(fleet.root, "log")), "machine.home"),
  );

  test("the remedy of a wrong HOME is the right one", async () => {
    const { fix } = await examine(withHome("/nonexistent"), "machine.home");
    expect(fix.commands).toEqual([`export HOME=${fleet.host.user.home}`]);
  });

  test("a home of /etc/passwd that is not there is no remedy (fake passwd)", async () => {
    const { uid, name } = fleet.host.user;
    const host = pretend(alone(fleet.host), { "/etc/passwd": `${name}:x:${uid}:${uid}::/nonexistent:/bin/sh\n` });
    expect(await examine(host, "machine.home")).toMatchObject({
      status: "fail",
      message: expect.stringContaining("/nonexistent as the home of"),
      fix: { commands: [], root: [expect.stringMatching(/^usermod -d /)] },
    });
  });

  test("without a manager, /etc/passwd tells", async () => {
    const host = localHost();
    const own = (await host.exec(["getent", "passwd", String(host.user.uid)])).stdout.split(":")[5] ?? "";
    const at = (home: string) => alone({ ...host, user: { ...host.user, home }, env: { HOME: home } });
    expect(await examine(at(own), "machine.home")).toMatchObject({ status: "pass" });
    expect(await examine(at(fleet.root), "machine.home")).toMatchObject({
      status: "fail",
      message: expect.stringContaining(`HOME is not ${own}, which /etc/passwd has`),
    });
  });

  test("a home that is not there fails (fake passwd)", async () => {
    const gone = join(fleet.root, "gone");
    const { uid } = fleet.host.user;
    const host = pretend(alone(withHome(gone)), { "/etc/passwd": `somebody:x:${uid}:${uid}::${gone}:/bin/sh\n` });
    expect(await examine(host, "machine.home")).toMatchObject({
      status: "fail",
      message: expect.stringContaining("there is no such folder"),
      fix: { root: [`install -d -m 700 -o ${uid} ~`] },
    });
  });

  test("another user's folder is a warning, and the remedy ends it", async () => {
    const { home, uid } = fleet.host.user;
    await type(fleet.host, [`chown 4242 ${home}`]);
    const report = await examine(fleet.host, "machine.home");
    expect(report).toMatchObject({ status: "warn", message: expect.stringContaining("belongs to user 4242") });
    await type(fleet.host, report.fix.root);
    expect((await fleet.host.files.status(home))?.uid).toBe(uid);
  });

  test("a link to the home folder is that folder", async () => {
    const link = join(fleet.root, "link");
    await type(fleet.host, [`ln -s ${fleet.host.user.home} ${link}`]);
    expect(await examine(withHome(link), "machine.home")).toMatchObject({ status: "pass" });
  });

  test("a user whom /etc/passwd does not know, without a manager: it is said (fake)", async () => {
    const host = pretend(alone(fleet.host), { "/etc/passwd": "root:x:4242:0:::\n" });
    expect(await examine(host, "machine.home")).toMatchObject({
      status: "skip",
      message: expect.stringContaining("does not know user"),
    });
  });
});

describe("machine.storage", () => {
  let mounts = 0;
  /** A memory file system with these options, for as long as `body` takes; gives its folder. Takes root. */
  async function mounted<T>(options: string, body: (folder: string) => Promise<T>): Promise<T> {
    const folder = join(fleet.root, `mount-${++mounts}`);
    await fleet.host.files.makeFolder(folder);
    await type(fleet.host, [`mount -t tmpfs -o ${options} mosaic-test ${folder}`]);
    try {
      return await body(folder);
    } finally {
      await type(fleet.host, [`umount -l ${folder}`]);
    }
  }
  const ofHome = (options: string, prepare = "true") =>
    mounted(options, async (folder) => {
      await type(fleet.host, [`cd ${folder} && ${prepare}`]);
      return examine(withHome(folder), "machine.storage");
    });

  green("machine.storage", "in the sandbox", () => examine(fleet.host, "machine.storage"));

  test("a healthy line says what is left", async () => {
    expect((await examine(fleet.host, "machine.storage")).message).toMatch(/^[\d.]+ [GT]iB left$/);
  });

  red(
    "machine.storage",
    "a home folder without room",
    { status: "fail", message: /^home folder: 40 MiB are left on /m, fix: /^du -xh / },
    () => ofHome("size=40m"),
  );

  test("a home folder with little room is a warning; its settings and state are not told again", async () => {
    const report = await ofHome("size=400m");
    expect(report.status).toBe("warn");
    expect(report.subjects.map(({ subject, status }) => `${subject} ${status}`)).toEqual([
      "home folder warn",
      "settings pass",
      "state pass",
      "temporary folder pass",
      "runtime folder pass",
    ]);
  });

  for (const [what, options, prepare, status, message, fix] of [
    ["few inodes", "size=2g,nr_inodes=4000", "seq 3850 | xargs touch", "warn", /inodes are left/, /^du -x --inodes/],
    ["no inodes", "size=2g,nr_inodes=50", "true", "fail", /of 50 inodes are left/, /^du -x --inodes/],
    ["read-only", "size=2g,ro", "true", "fail", /is mounted read-only/, /^mount -o remount,rw /],
    ["noexec", "size=2g,noexec", "true", "warn", /mounted noexec.*~\/\.local\/bin/, /^mount -o remount,exec /],
  ] as const)
    test(`a home folder with ${what}`, async () => {
      const report = await ofHome(options, prepare);
      const [home] = report.subjects;
      expect(home).toMatchObject({ subject: "home folder", status, message: expect.stringMatching(message) });
      expect([...(home?.fix.commands ?? []), ...(home?.fix.root ?? [])]).toEqual([expect.stringMatching(fix)]);
    });

  test("the remedy of a read-only home mends it", () =>
    mounted("size=2g,ro", async (folder) => {
      const [home] = (await examine(withHome(folder), "machine.storage")).subjects;
      await type(withHome(folder), home?.fix.root ?? []);
      expect(await examine(withHome(folder), "machine.storage")).toMatchObject({ status: "pass" });
    }));

  test("the panes' temporary folder is noexec: the remedy gives them another", () =>
    mounted("size=1g,noexec", async (folder) => {
      const settings = join(fleet.paths.site, "fleet.env");
      await fleet.host.files.writeAtomic(settings, `TMPDIR=${folder}\n`, 0o600);
      const report = await examine(fleet.host, "machine.storage");
      expect(report.message).toMatch(/^temporary folder: .* is mounted noexec: .* unpack/);
      const temporary = report.subjects.find(({ subject }) => subject === "temporary folder");
      await type(fleet.host, temporary?.fix.commands ?? []);
      expect(await examine(fleet.host, "machine.storage")).toMatchObject({ status: "pass" });
      // systemd expands no ~, as which a report shows the home folder.
      expect(await fleet.host.files.read(settings)).toBe(`TMPDIR=${fleet.host.user.home}/.cache/agents-tmp\n`);
      await fleet.host.files.removeFile(settings);
    }));

  for (const folder of ["/nonexistent/tmp", "tmp"])
    test(`the panes' temporary folder is not there (${folder}): the remedy gives them another`, async () => {
      const settings = join(fleet.paths.site, "fleet.env");
      await fleet.host.files.writeAtomic(settings, `TMPDIR=${folder}\n`, 0o600);
      const report = await examine(fleet.host, "machine.storage");
      expect(report).toMatchObject({ status: "fail" });
      expect(report.message).toBe(
        `temporary folder: there is no folder ${folder}: programs that make temporary files end with an error`,
      );
      const temporary = report.subjects.find(({ subject }) => subject === "temporary folder");
      await type(fleet.host, temporary?.fix.commands ?? []);
      expect(await examine(fleet.host, "machine.storage")).toMatchObject({ status: "pass" });
      await fleet.host.files.removeFile(settings);
    });

  test("a home folder over a network is a warning (fake)", async () => {
    const { home, uid } = fleet.host.user;
    const mountinfo = (await fleet.host.files.read("/proc/self/mountinfo")) ?? "";
    const host = pretend(fleet.host, {
      "/proc/self/mountinfo": `${mountinfo}99 1 0:99 / ${home} rw,relatime - nfs4 server:/home rw\n`,
    });
    const [found] = (await examine(host, "machine.storage")).subjects;
    expect(found).toMatchObject({ status: "warn", message: expect.stringMatching(/is on nfs4: at boot/) });
    const [make = "", write = "", reload] = found?.fix.root ?? [];
    expect(reload).toBe("systemctl daemon-reload");
    const dropIn = `/etc/systemd/system/user@${uid}.service.d/60-mosaic-home.conf`;
    const script = ["mount -t tmpfs none /etc/systemd/system", make, write, `cat ${dropIn}`].join("\n");
    const done = await fleet.host.exec(["unshare", "--mount", "sh", "-ec", script]);
    expect(done).toMatchObject({ code: 0, stdout: `[Unit]\nRequiresMountsFor="${home}"\n` });
  });

  test("the settings folder is root's (fake): the remedy is root's", async () => {
    const { files } = fleet.host;
    const allows: typeof files.allows = async (path, what) => path !== fleet.paths.config && files.allows(path, what);
    const status: typeof files.status = async (path) => {
      const found = await files.status(path);
      return found !== undefined && path === fleet.paths.config ? { ...found, uid: 4242 } : found;
    };
    const report = await examine({ ...fleet.host, files: { ...files, allows, status } }, "machine.storage");
    expect(report).toMatchObject({
      status: "fail",
      message: expect.stringMatching(/^settings: .* cannot be written by/),
    });
    expect(report.subjects[1]?.fix.root).toEqual([`chown ${fleet.host.user.uid} ~/.config`]);
  });
});

describe("machine.clock", () => {
  const at = (date: Date): Host => ({ ...fleet.host, date: () => date });
  const timesync = { "/run/systemd/timesync": "", "/proc/uptime": "1000.00 900.00\n" };
  const synchronized = "/run/systemd/timesync/synchronized";

  green("machine.clock", "here", () => examine(fleet.host, "machine.clock"));

  red(
    "machine.clock",
    "a clock that is behind what was written already",
    { status: "fail", message: /but it was .* already \(~.*tmux\.conf\)/, fix: /^sudo timedatectl set-ntp true$/ },
    async () => {
      const file = join(fleet.paths.tools, "tmux.conf");
      await type(fleet.host, [`touch -d '+3 days' ${file}`]);
      const report = await examine(fleet.host, "machine.clock");
      await type(fleet.host, [`touch ${file}`]);
      return report;
    },
  );

  for (const [what, date, message] of [
    ["in 1970 (fake)", new Date(0), /^the clock says 1970-01-01, but it was/],
    ["decades ahead (fake)", new Date("2061-01-01"), /^the clock says 2061-01-01, more than ten years/],
  ] as const)
    test(`a clock ${what} fails`, async () => {
      expect(await examine(at(date), "machine.clock")).toMatchObject({
        status: "fail",
        message: expect.stringMatching(message),
      });
    });

  test("timesyncd has not reached a time server (fake)", async () => {
    const host = pretend(fleet.host, { ...timesync, [synchronized]: undefined });
    expect(await examine(host, "machine.clock")).toMatchObject({
      status: "warn",
      message: expect.stringContaining("has not reached a time server"),
    });
  });

  for (const [what, texts, detail] of [
    ["timesyncd has reached one", { [synchronized]: "" }, "synchronised"],
    ["the machine has just booted", { [synchronized]: undefined, "/proc/uptime": "20.00 9.00\n" }, null],
    ["there is no timesyncd", { "/run/systemd/timesync": undefined, [synchronized]: undefined }, null],
  ] as const)
    test(`no warning where ${what} (fake)`, async () => {
      const host = pretend(fleet.host, { ...timesync, ...texts });
      expect(await examine(host, "machine.clock")).toMatchObject({ status: "pass", message: detail });
    });
});

describe("machine.locale", () => {
  const settings = () => join(fleet.paths.site, "fleet.env");

  green("machine.locale", "with C.UTF-8", () => examine(fleet.host, "machine.locale"));

  red(
    "machine.locale",
    "a shell without UTF-8",
    { status: "warn", message: /^this shell: LANG=en_US is not UTF-8/m, fix: /^export LANG=C\.UTF-8$/ },
    () => examine(withEnv({ LANG: "en_US" }), "machine.locale"),
  );

  for (const [env, message] of [
    [{ LANG: undefined }, "no locale is set"],
    [{ LANG: "C.UTF-8", LC_ALL: "C" }, "LC_ALL=C is not UTF-8"],
    [{ LANG: "C.UTF-8", LC_CTYPE: "UTF-8" }, "LC_CTYPE=UTF-8 is not UTF-8"], // what ssh brings from macOS
    [{ LANG: "xx_YY.UTF-8" }, "LANG=xx_YY.UTF-8, but this machine does not have that locale"],
  ] as const)
    test(`${JSON.stringify(env)}: ${message}; the remedy ends it`, async () => {
      const report = await examine(withEnv(env), "machine.locale");
      expect(report).toMatchObject({ status: "warn", message: expect.stringContaining(message) });
      const [, variable = "", value] = /^export (\w+)=(.+)$/.exec(report.subjects[0]?.fix.commands[0] ?? "") ?? [];
      expect(await examine(withEnv({ ...env, [variable]: value }), "machine.locale")).toMatchObject({ status: "pass" });
    });

  for (const env of [{ LANG: "C.utf8" }, { LANG: "en_US", LC_CTYPE: "C.UTF8" }, { LC_ALL: "", LANG: "C.UTF-8" }])
    test(`${JSON.stringify(env)} is well`, async () => {
      expect(await examine(withEnv(env), "machine.locale")).toMatchObject({ status: "pass" });
    });

  test("fleet.env gives the panes another; the remedy ends it", async () => {
    await fleet.host.files.writeAtomic(settings(), "LC_ALL=POSIX\n", 0o600);
    const report = await examine(fleet.host, "machine.locale");
    expect(report).toMatchObject({
      status: "warn",
      message: expect.stringMatching(/^panes: LC_ALL=POSIX is not UTF-8/),
    });
    await type(fleet.host, report.subjects[1]?.fix.commands ?? []);
    expect(await examine(fleet.host, "machine.locale")).toMatchObject({ status: "pass" });
    await fleet.host.files.removeFile(settings());
  });

  test("one agent has another: it is named, and the remedy ends it", async () => {
    const path = join(fleet.paths.agents, `${await fleet.agent("coder", { LANG: "de_DE" })}.env`);
    const report = await examine(fleet.host, "machine.locale");
    expect(report).toMatchObject({ status: "warn", message: expect.stringMatching(/^coder: LANG=de_DE is not UTF-8/) });
    await type(fleet.host, report.subjects[2]?.fix.commands ?? []);
    expect(await examine(fleet.host, "machine.locale")).toMatchObject({ status: "pass" });
    await fleet.host.files.removeFile(path);
  });

  test("what panes get is what the check takes it for: the server's where the unit says none", async () => {
    await fleet.agent("coder", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
    await fleet.systemctl("start", "mosaic-agent@coder.service");
    const { pid } = await fleet.up("coder");
    const environment = await fleet.wait("the pane has become the agent", async () => {
      const seen = await fleet.procfs.environment(pid);
      return (await fleet.procfs.commandLine(pid))?.[0] === "sleep" ? seen : undefined;
    });
    expect(environment.LANG).toBe("C.UTF-8");
    await fleet.systemctl("stop", "mosaic-agent@coder.service");
  });
});
