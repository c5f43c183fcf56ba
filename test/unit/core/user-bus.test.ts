import { describe, expect, test } from "bun:test";
import type { FileStatus } from "../../../src/core/host.ts";
import { bootRemedy, busProblem, type Circumstances, notBooted, typed } from "../../../src/core/user-bus.ts";

const user = { uid: 1000, name: "somebody" };
const folder: FileStatus = { kind: "folder", mode: 0o700, uid: 1000, gid: 1000, size: 0, modified: 0, changed: 0 };
const socket: FileStatus = { ...folder, kind: "socket" };

/** A login by console, in whose runtime folder everything is as it should be. */
const well: Circumstances = {
  env: { XDG_RUNTIME_DIR: "/run/user/1000" },
  user,
  booted: true,
  machine: "machine",
  first: "systemd",
  cgroup: "/user.slice/user-1000.slice/session-3.scope",
  runtime: folder,
  socket,
  usual: true,
};
const unset = { env: {}, runtime: undefined, socket: undefined };
const gone = { runtime: undefined, socket: undefined, usual: false };
const EXPORT = "export XDG_RUNTIME_DIR=/run/user/1000";
const HANGS = [
  "ps -o pid,stat,args -u 1000 | grep '[s]ystemd --user'   # STAT T: it is stopped, and kill -CONT PID has it go on",
  "mosaic-fleet doctor --only agents.env-file   # it waits for ever at a pipe in the place of a settings file",
];
const LINGER = "loginctl enable-linger somebody";
const RESTART = "systemctl restart user@1000.service";

interface Case {
  readonly code: string;
  readonly at: Partial<Circumstances>;
  readonly cause: RegExp;
  readonly commands?: readonly string[];
  readonly root?: readonly (string | RegExp)[];
}

const CASES: Readonly<Record<string, Case>> = {
  "no systemctl": {
    code: "no-systemctl",
    at: {},
    cause: /^systemctl is not installed/,
    root: ["mosaic-fleet canary --sandbox"],
  },
  "a container": {
    code: "ENOMEDIUM",
    at: { ...unset, booted: false, machine: "container", first: "tini" },
    cause: /^this container was not booted with systemd \(its first process is tini\): only the sandbox/,
    root: ["mosaic-fleet canary --sandbox"],
  },
  "a container, as root": {
    code: "ENOENT",
    at: { ...gone, booted: false, machine: "container", user: { uid: 0, name: "root" } },
    cause: /^this container/,
    commands: ["mosaic-fleet canary --sandbox"],
  },
  "WSL without systemd": {
    code: "ENOENT",
    at: { ...gone, booted: false, machine: "wsl", first: "init" },
    cause: /^this WSL distribution was not booted with systemd/,
    commands: ["wsl.exe --shutdown   # then open the distribution again"],
    root: [/\/etc\/wsl\.conf/],
  },
  "no XDG_RUNTIME_DIR": { code: "ENOMEDIUM", at: unset, cause: /^XDG_RUNTIME_DIR is not set$/, commands: [EXPORT] },
  "no XDG_RUNTIME_DIR, and no manager runs": {
    code: "ENOMEDIUM",
    at: { ...unset, usual: false },
    cause: /^XDG_RUNTIME_DIR is not set$/,
    commands: [EXPORT],
    root: [LINGER],
  },
  "sudo -u": {
    code: "ENOMEDIUM",
    at: { ...unset, env: { SUDO_UID: "1001", SUDO_USER: "admin" } },
    cause: /^XDG_RUNTIME_DIR is not set \(this shell comes from sudo -u, which opens no session\)$/,
    commands: [EXPORT],
  },
  "sudo to root": {
    code: "ENOMEDIUM",
    at: { ...unset, user: { uid: 0, name: "root" }, env: { SUDO_UID: "1000", SUDO_USER: "somebody" } },
    cause: /from sudo: it is root's, and the fleet is somebody's\)$/,
    commands: ["exit   # then the same without sudo"],
  },
  "sudo -E to root": {
    code: "EPERM",
    at: {
      user: { uid: 0, name: "root" },
      env: { XDG_RUNTIME_DIR: "/run/user/1000", SUDO_UID: "1000", SUDO_USER: "somebody" },
    },
    cause: /^\/run\/user\/1000 belongs to another user \(uid 1000, this is 0\) \(this shell comes from sudo/,
    commands: ["exit   # then the same without sudo"],
  },
  su: {
    code: "ENOMEDIUM",
    at: { ...unset, cgroup: "/user.slice/user-1001.slice/session-3.scope", usual: false },
    cause: /from su: its session is user 1001's\)$/,
    commands: [EXPORT],
    root: [LINGER],
  },
  cron: {
    code: "ENOMEDIUM",
    at: { ...unset, cgroup: "/system.slice/cron.service" },
    cause: /from cron, which opens no session\)$/,
    commands: [EXPORT],
  },
  "ssh without PAM": {
    code: "ENOMEDIUM",
    at: { ...unset, env: { SSH_CONNECTION: "…" }, cgroup: "/system.slice/ssh.service", usual: false },
    cause: /from ssh without a session: sshd uses no PAM/,
    commands: [EXPORT],
    root: [LINGER, /UsePAM yes/, /^systemctl reload ssh\.service/],
  },
  "ssh without PAM, a unit for each connection": {
    code: "ENOMEDIUM",
    at: { ...unset, cgroup: "/system.slice/system-sshd.slice/sshd@4-10.0.0.1.service" },
    cause: /from ssh without a session/,
    commands: [EXPORT],
    root: [/UsePAM yes/, /^systemctl reload sshd\.service/],
  },
  "a service of the system's": {
    code: "ENOMEDIUM",
    at: { ...unset, cgroup: "/system.slice/runner.service" },
    cause: /from the system's service runner, which opens no session\)$/,
    commands: [EXPORT],
  },
  "not a whole path": {
    code: "ENOMEDIUM",
    at: { ...unset, env: { XDG_RUNTIME_DIR: "run" } },
    cause: /^XDG_RUNTIME_DIR is run, which is no whole path/,
    commands: [EXPORT],
  },
  "another user's folder": {
    code: "EACCES",
    at: { env: { XDG_RUNTIME_DIR: "/run/user/7" }, runtime: { ...folder, uid: 7 }, socket: undefined },
    cause: /^\/run\/user\/7 belongs to another user \(uid 7, this is 1000\)$/,
    commands: [EXPORT],
  },
  "another user's socket": {
    code: "EPERM",
    at: {},
    cause: /^the socket in \/run\/user\/1000 belongs to another/,
    root: [LINGER, RESTART],
  },
  "a folder that is not there": {
    code: "ENOENT",
    at: { ...gone, env: { XDG_RUNTIME_DIR: "/nonexistent" } },
    cause: /^no user manager runs for somebody at XDG_RUNTIME_DIR: there is no folder \/nonexistent$/,
    commands: [EXPORT],
    root: [LINGER],
  },
  "the wrong folder": {
    code: "ENOENT",
    at: { env: { XDG_RUNTIME_DIR: "/tmp/x" }, socket: undefined },
    cause: /^no user manager runs for somebody: there is no socket in \/tmp\/x$/,
    commands: [EXPORT],
  },
  "no manager, no linger": { code: "ENOENT", at: gone, cause: /^no user manager runs for somebody/, root: [LINGER] },
  "logind's folder, without a manager in it (WSLg mounts over it)": {
    code: "ENOENT",
    at: { socket: undefined },
    cause: /^no user manager runs for somebody: there is no socket in \/run\/user\/1000$/,
    root: [LINGER, RESTART],
  },
  "a stale socket": {
    code: "ECONNREFUSED",
    at: {},
    cause: /^the socket in \/run\/user\/1000 is stale/,
    root: [/^systemctl restart user@1000/],
  },
  "a stale socket elsewhere, while logind's folder is there": {
    code: "ECONNREFUSED",
    at: { env: { XDG_RUNTIME_DIR: "/tmp/x" } },
    cause: /^the socket in \/tmp\/x is stale/,
    commands: [EXPORT],
  },
  "a file in the socket's place": {
    code: "ECONNREFUSED",
    at: { socket: { ...socket, kind: "file" } },
    cause: /\/systemd\/private is no socket/,
    root: [/^systemctl restart user@1000/],
  },
  "a manager that hangs": {
    code: "ETIMEDOUT",
    at: {},
    cause: /did not answer in time/,
    commands: HANGS,
    root: [/^systemctl restart user@1000/],
  },
  "a manager that hangs elsewhere, on a machine that was not booted with systemd": {
    code: "ETIMEDOUT",
    at: { booted: false, env: { XDG_RUNTIME_DIR: "/tmp/x" } },
    cause: /did not answer in time/,
    commands: [...HANGS, `${EXPORT}   # where another one is`],
  },
  "something else that answers": {
    code: "EPROTO",
    at: {},
    cause: /is no manager of systemd's$/,
    root: [/^systemctl restart user@1000/],
  },
  "what nobody has seen yet": { code: "", at: {}, cause: /^Something new$/, commands: ["systemctl --user status"] },
};

describe("why the user manager cannot be reached, and what to type", () => {
  for (const [what, { code, at, cause, commands = [], root = [] }] of Object.entries(CASES)) {
    test(what, () => {
      const problem = busProblem({ code, said: "Something new\nand more\n" }, { ...well, ...at });
      expect(problem.cause).toMatch(cause);
      expect(problem.remedy.commands).toEqual([...commands]);
      expect(problem.remedy.root).toEqual(
        root.map((line) => (typeof line === "string" ? line : expect.stringMatching(line))),
      );
    });
  }

  test("a failure without a word", () => {
    expect(busProblem({ code: "", said: "" }, well).cause).toBe("systemctl --user failed without a word");
  });

  test("every line of root's is one command, so that sudo before it does all of it", () => {
    for (const { code, at } of Object.values(CASES))
      for (const line of busProblem({ code, said: "" }, { ...well, ...at }).remedy.root)
        expect(line.replace(/'[^']*'/g, "").replace(/#.*/, "")).not.toMatch(/[;&|<>]/);
  });
});

test("a remedy as a user types it: root's part first", () => {
  expect(typed({ commands: ["a"], root: ["b"] })).toEqual(["sudo b", "a"]);
});

test("a machine that was not booted with systemd, by its kind", () => {
  expect(notBooted({ machine: "machine", first: undefined })).toBe(
    "this machine was not booted with systemd: only the sandbox works here",
  );
  expect(bootRemedy({ machine: "machine", user: { uid: 0, name: "root" } }).commands).toEqual([
    "mosaic-fleet canary --sandbox",
  ]);
});

describe("the remedy for WSL leaves a wsl.conf that has what it had, and systemd", () => {
  for (const [before, after] of [
    [undefined, "[boot]\nsystemd=true\n"],
    ["[user]\ndefault=me\n", "[user]\ndefault=me\n[boot]\nsystemd=true\n"],
    ["[boot]\ncommand=x\nsystemd=false\n[user]\n", "[boot]\nsystemd=true\ncommand=x\n[user]\n"],
  ] as const) {
    test(JSON.stringify(before), async () => {
      const [line = ""] = bootRemedy({ machine: "wsl", user }).root;
      const folder = `${process.env.TMPDIR ?? "/tmp"}/mosaic-wsl-${crypto.randomUUID().slice(0, 8)}`;
      const file = `${folder}/wsl.conf`;
      const script = `mkdir ${folder}; ${before === undefined ? "" : `printf '${before.replaceAll("\n", "\\n")}' >${file}; `}${line.replaceAll("/etc/wsl.conf", file)}; cat ${file}; rm -r ${folder}`;
      expect(Bun.spawnSync(["sh", "-c", script]).stdout.toString()).toBe(after);
    });
  }
});
