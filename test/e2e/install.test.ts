import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { version } from "../../package.json";
import { localHost } from "../../src/adapters/local-host.ts";
import { procfsOf } from "../../src/adapters/procfs.ts";
import { systemdMajor } from "../../src/adapters/systemd.ts";
import { openSandbox, type Sandbox } from "../../src/canary/sandbox.ts";
import { receiptSchema } from "../../src/install/receipt-schema.ts";
import { asIfBooted, binary, bun, type Run, run, tree, writeFiles } from "../support/build.ts";
import { treeOf } from "../support/tree.ts";

const HOLDER = "mosaic-tmux-holder.service";

/** Every file of the layout below the config folder: its mode, and the asset that it is. */
const layout: Record<string, [number, string]> = {
  [`systemd/user/${HOLDER}`]: [0o644, HOLDER],
  "systemd/user/mosaic-agent@.service": [0o644, "mosaic-agent@.service"],
  "systemd/user/mosaic-agent@canary.service.d/10-mosaic-canary.conf": [0o644, "dropins/mosaic-agent-canary.conf"],
  "mosaic/tools/fleet/start-tmux-holder.sh": [0o755, "start-tmux-holder.sh"],
  "mosaic/tools/fleet/tmux-holder-ended.sh": [0o755, "tmux-holder-ended.sh"],
  "mosaic/tools/fleet/start-agent-session.sh": [0o755, "start-agent-session.sh"],
  "mosaic/tools/fleet/agent-pane.sh": [0o755, "agent-pane.sh"],
  "mosaic/tools/fleet/agent-pane-closed.sh": [0o755, "agent-pane-closed.sh"],
  "mosaic/tools/fleet/agent-pane-died.sh": [0o755, "agent-pane-died.sh"],
  "mosaic/tools/fleet/stop-agent-session.sh": [0o755, "stop-agent-session.sh"],
  "mosaic/tools/fleet/agent-session-ended.sh": [0o755, "agent-session-ended.sh"],
  "mosaic/tools/fleet/fleet-functions.sh": [0o644, "fleet-functions.sh"],
  "mosaic/tools/fleet/tmux.conf": [0o644, "tmux.conf"],
};
if ((systemdMajor(run(["systemctl", "--version"]).stdout) ?? 0) >= 254)
  layout["systemd/user/mosaic-agent@.service.d/10-mosaic-delay.conf"] = [0o644, "dropins/mosaic-agent-delay.conf"];

const host = localHost();
let sandbox: Sandbox;
let home: string;
let config: string;
let receipt: string;
beforeEach(async () => {
  sandbox = await openSandbox(host);
  home = sandbox.host.user.home;
  config = join(home, ".config");
  receipt = join(home, ".local/state/mosaic/fleet/receipt.json");
});
afterEach(async () => {
  expect(await sandbox.close()).toEqual([]);
});

type Environment = Record<string, string | undefined>;

function inside(argv: readonly string[], env: Environment = {}): Run {
  return run(argv, { cwd: home, env: { ...sandbox.host.env, ...env }, timeoutMs: 60_000 });
}
const install = (...words: string[]) => inside([binary, "install", ...words]);
const systemctl = (...words: string[]) => inside(["systemctl", "--user", ...words]);
/** What is typed into a shell. */
const typed = (script: string, env: Environment = {}) => inside(["sh", "-c", script], env);

function installed(): void {
  expect(install()).toMatchObject({ code: 0, stderr: "" });
}

/** The state of one unit, as the manager sees it. */
function shown(unit: string, property: string): string {
  return systemctl("show", "-p", property, "--value", unit).stdout.trim();
}

/** Puts a program of this name first on PATH. */
function pathWith(name: string, script: string): Environment {
  const folder = join(sandbox.root, "bin");
  writeFiles(folder, { [name]: `#!/bin/sh\n${script}\n` });
  chmodSync(join(folder, name), 0o755);
  return { PATH: `${folder}:${process.env.PATH}` };
}

/** Where only systemctl knows the way to the manager, it is asked; and this one begins with what `script` says. */
function onlySystemctl(script: string): Environment {
  const runtime = sandbox.host.env.XDG_RUNTIME_DIR;
  const env = pathWith("systemctl", `export XDG_RUNTIME_DIR=${runtime}\n${script}\nexec /usr/bin/systemctl "$@"`);
  return { ...env, XDG_RUNTIME_DIR: undefined };
}

/** Whatever this does to the home folder, afterwards it is as it was, times included. */
function changesNothing(action: () => void): void {
  const before = treeOf(home);
  action();
  expect(treeOf(home)).toEqual(before);
}

describe("install", () => {
  test("lays out every file, as it is in the source tree, with its mode, and nothing else", () => {
    const result = install();
    expect(result).toMatchObject({ code: 0, stderr: "" });
    for (const [path, [mode, asset]] of Object.entries(layout)) {
      expect(result.stdout).toContain(`create    ~/.config/${path}\n`);
      const stat = lstatSync(join(config, path));
      expect([path, stat.isFile(), (stat.mode & 0o7777).toString(8)]).toEqual([path, true, mode.toString(8)]);
      expect(readFileSync(join(config, path), "utf8")).toBe(readFileSync(join(tree, "assets", asset), "utf8"));
    }
    const files = Object.entries(treeOf(home)).flatMap(([path, what]) => (what.startsWith("folder") ? [] : [path]));
    expect(files.sort()).toEqual(
      [...Object.keys(layout).map((path) => `.config/${path}`), ".local/state/mosaic/fleet/receipt.json"].sort(),
    );
    expect(existsSync(join(config, "mosaic/fleet/agents"))).toBe(true);
    expect(result.stdout).toContain("Installed. Try it: mosaic-fleet canary");
  });

  test("gives files their modes whatever the umask is; a folder is its user's, and nobody else's where the umask says so", () => {
    for (const [umask, folders] of [
      ["000", 0o755],
      ["077", 0o700],
      ["277", 0o700],
      ["777", 0o700],
    ] as const) {
      expect(typed(`umask ${umask}; exec ${binary} install`).code).toBe(0);
      for (const [path, [mode]] of Object.entries(layout)) {
        const modes = [path, dirname(path)].map((each) => lstatSync(join(config, each)).mode & 0o7777);
        expect([umask, path, ...modes]).toEqual([umask, path, mode, folders]);
      }
      expect([umask, lstatSync(dirname(receipt)).mode & 0o7777]).toEqual([umask, 0o700]);
      expect(typed(`umask ${umask}; exec ${binary} uninstall --yes`).code).toBe(0);
      expect(treeOf(home)).toEqual({});
    }
  });

  test("has the manager read them; starts and enables nothing", () => {
    installed();
    expect(shown(HOLDER, "LoadState")).toBe("loaded");
    expect(shown(HOLDER, "NeedDaemonReload")).toBe("no");
    expect(shown(HOLDER, "FragmentPath")).toBe(join(config, "systemd/user", HOLDER));
    expect(shown("mosaic-agent@canary.service", "DropInPaths")).toContain("10-mosaic-canary.conf");
    expect(shown(HOLDER, "ActiveState")).toBe("inactive");
    expect(systemctl("is-enabled", HOLDER).stdout).toBe("disabled\n");
  });

  test("a second time finds nothing to do, and writes nothing", () => {
    installed();
    changesNothing(() => {
      const { code, stdout } = install();
      expect(code).toBe(0);
      expect(stdout).toContain("Installed already, nothing to do.");
      expect(stdout).not.toMatch(/^(create|update|run|conflict)/m);
    });
  });

  test("puts a mode right, and nothing else; what was removed stays removed, is said, and comes back with --restore", () => {
    installed();
    const [script, unit] = ["mosaic/tools/fleet/start-agent-session.sh", "systemd/user/mosaic-agent@.service"];
    chmodSync(join(config, script), 0o644);
    renameSync(join(config, unit), join(home, "gone"));
    const changes = (text: string) => text.match(/^(create|update|remove|run|keep) .*/gm);
    const { code, stdout } = install();
    expect(code).toBe(0);
    expect(changes(stdout)).toEqual([
      `keep      ~/.config/${unit}`,
      `update    ~/.config/${script}`,
      "run       systemctl --user daemon-reload",
    ]);
    expect(stdout).toContain("you have removed it: it stays removed\n          Next: mosaic-fleet install --restore\n");
    expect(lstatSync(join(config, script)).mode & 0o777).toBe(0o755);
    expect(existsSync(join(config, unit))).toBe(false);
    expect(changes(install("--restore").stdout)).toEqual([
      `create    ~/.config/${unit}`,
      "run       systemctl --user daemon-reload",
    ]);
    expect(readFileSync(join(config, unit), "utf8")).toBe(readFileSync(join(home, "gone"), "utf8"));
  });

  test("says nothing of where the manager looks when the user has removed the holder's unit", () => {
    installed();
    renameSync(join(config, "systemd/user", HOLDER), join(home, "gone"));
    expect(install()).toMatchObject({ code: 0, stderr: "" });
    systemctl("daemon-reload");
    expect(install()).toMatchObject({ code: 0, stderr: "" });
  });

  test("brings a file of an earlier version up to date", () => {
    installed();
    const path = join(config, "mosaic/tools/fleet/tmux.conf");
    const text = "# of an earlier version\n";
    const hash = (of: string) => new Bun.CryptoHasher("sha256").update(of).digest("hex");
    const recorded = readFileSync(receipt, "utf8").replace(hash(readFileSync(path, "utf8")), hash(text));
    writeFileSync(path, text);
    writeFileSync(receipt, recorded);
    expect(install().stdout).toContain("update    ~/.config/mosaic/tools/fleet/tmux.conf");
    expect(readFileSync(path, "utf8")).toBe(readFileSync(join(tree, "assets/tmux.conf"), "utf8"));
  });

  test("never touches what is the user's", () => {
    writeFiles(config, {
      "mosaic/fleet/fleet.env": "A=1\n",
      "mosaic/fleet/agents/coder.env": "MOSAIC_AGENT_RUNTIME=claude\n",
      "mosaic/fleet/tmux.local.conf": "set -g mouse on\n",
      "systemd/user/mosaic-agent@.service.d/mine.conf": "[Service]\nMemoryMax=1G\n",
    });
    const mine = () =>
      Object.fromEntries(
        Object.entries(treeOf(home)).filter(
          ([path]) => /\.env$|\.conf$/.test(path) && !/canary|delay|tools/.test(path),
        ),
      );
    const before = mine();
    expect(Object.keys(before)).toHaveLength(4);
    installed();
    expect(mine()).toEqual(before);
    expect(shown("mosaic-agent@coder.service", "MemoryMax")).toBe(String(1024 ** 3));
  });

  test("works where the config folder is a link", () => {
    mkdirSync(join(home, "dotfiles"));
    symlinkSync("dotfiles", config);
    installed();
    expect(existsSync(join(home, "dotfiles/systemd/user", HOLDER))).toBe(true);
    expect(shown(HOLDER, "LoadState")).toBe("loaded");
  });
});

describe("the receipt", () => {
  const read = () => receiptSchema.parse(JSON.parse(readFileSync(receipt, "utf8")));

  test("says what was written, when and by which version, to its user alone", () => {
    const before = Date.now();
    installed();
    const recorded = read();
    expect(recorded).toMatchObject({ schemaVersion: 2, version, phase: "applied", enabled: [], previous: null });
    expect(Date.parse(recorded.writtenAt)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(recorded.writtenAt)).toBeLessThanOrEqual(Date.now());
    expect(recorded.files.map(({ path, mode }) => [path, mode]).sort()).toEqual(
      Object.entries(layout)
        .map(([path, [mode]]): [string, number] => [join(config, path), mode])
        .sort(),
    );
    for (const { path, sha256 } of recorded.files)
      expect(new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex")).toBe(sha256);
    expect(lstatSync(receipt).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(receipt, "..")).mode & 0o777).toBe(0o700);
  });

  test("names the folders that were not there before, outermost first, also after a second run", () => {
    mkdirSync(join(config, "systemd"), { recursive: true });
    installed();
    const made = [
      "mosaic",
      "mosaic/fleet",
      "mosaic/fleet/agents",
      "mosaic/tools",
      "mosaic/tools/fleet",
      "systemd/user",
      "systemd/user/mosaic-agent@.service.d",
      "systemd/user/mosaic-agent@canary.service.d",
    ].filter((path) => !path.includes("@.service.d") || Object.keys(layout).some((file) => file.startsWith(path)));
    const state = [".local", ".local/state", ".local/state/mosaic", ".local/state/mosaic/fleet"];
    const folders = [...state.map((path) => join(home, path)), ...made.map((path) => join(config, path))];
    expect(read().folders).toEqual(folders);
    expect(install("--enable").code).toBe(0);
    expect(read().folders).toEqual(folders);
  });

  test("of a run that was killed in the middle lets the next one finish it", () => {
    const env = onlySystemctl(`case "$*" in *" enable "*) kill -9 $PPID; exit ;; esac`);
    expect(inside([binary, "install", "--enable"], env).code).toBeNull();
    const { phase, run } = read();
    expect(phase).toBe("applying");
    expect(run?.progress).toMatch(/^d{15,}b$/);
    const steps = run?.actions.length ?? 0;
    // Until then everybody is told how far it had got, and nothing is changed by looking.
    const said = `install of ${version} was cut off at step ${steps} of ${steps}: systemctl --user enable ${HOLDER}`;
    changesNothing(() => {
      const looked = inside([binary, "doctor", "--only", "layout.receipt"]);
      expect(looked.code).toBe(1);
      expect(looked.stdout.replace(/\s+/g, " ")).toContain(`${said}; files of two versions may stand side by side`);
      for (const command of ["install", "uninstall"]) {
        expect(inside([binary, command, "--dry-run"]).stdout.replace(/\s+/g, " ")).toContain(`note ${said} `);
        expect(JSON.parse(inside([binary, command, "--dry-run", "-o", "json"]).stdout).cutOff).toEqual({
          command: "install",
          version,
          step: steps,
          of: steps,
          action: { kind: "enable", units: [HOLDER] },
          done: false,
        });
      }
    });
    expect(install()).toMatchObject({ code: 0, stdout: expect.stringContaining("note      install of ") });
    expect(read().phase).toBe("applied");
    expect(install().stdout).not.toContain("cut off");
  });

  test("of an uninstall that was killed says so, and doctor leads to its end", () => {
    expect(install("--enable").code).toBe(0);
    const env = onlySystemctl(`case "$*" in *" disable "*) kill -9 $PPID; exit ;; esac`);
    expect(inside([binary, "uninstall"], env).code).toBeNull();
    const steps = read().run?.actions.length;
    const looked = inside([binary, "doctor", "--only", "layout.receipt"]).stdout;
    expect(looked.replace(/\s+/g, " ")).toContain(
      `uninstall of ${version} was cut off at step 1 of ${steps}: systemctl --user disable ${HOLDER}; a part of the layout may be gone`,
    );
    const [, next = ""] = /\$ mosaic-fleet (.*)/.exec(looked) ?? [];
    expect(typed(`${binary} ${next}`).code).toBe(0);
    expect(treeOf(home)).toEqual({});
  });

  /** Makes an installed file one of an earlier version: what is there, and what the receipt knows. */
  function earlier(path: string, text: string): void {
    const hash = (of: string) => new Bun.CryptoHasher("sha256").update(of).digest("hex");
    const old = readFileSync(path, "utf8");
    writeFileSync(receipt, readFileSync(receipt, "utf8").replace(hash(old), hash(text)));
    writeFileSync(path, text);
  }

  /** Runs an install that is killed when it has written so many files (the receipt is one) and is about to rename the next. */
  function killedAfter(count: number): Run {
    const source = (path: string) => JSON.stringify(join(tree, "src", path));
    return inside([
      bun,
      "-e",
      `import { writeFileSync } from "node:fs";
       import { basename, dirname, join } from "node:path";
       import { localHost } from ${source("adapters/local-host.ts")};
       import { install } from ${source("install/install.ts")};
       const host = localHost();
       let left = ${count};
       const counted = (path, text, write) => {
         if (left-- > 0) return write();
         writeFileSync(join(dirname(path), ".mosaic-0123abcd.tmp"), text);
         process.kill(process.pid, "SIGKILL");
       };
       const files = {
         ...host.files,
         writeAtomic: (path, text, mode) => counted(path, text, () => host.files.writeAtomic(path, text, mode)),
         prepare(path, text, mode) {
           const prepared = host.files.prepare(path, text, mode);
           return { ...prepared, place: () => counted(path, text, prepared.place) };
         },
       };
       await install({ ...host, files }, { version: "0.0.0-test" });`,
    ]);
  }

  test("of an upgrade that was killed before it had written lets the next one finish it, and the one after", () => {
    installed();
    const tools = join(config, "mosaic/tools/fleet");
    const names = ["start-tmux-holder.sh", "tmux.conf", "agent-pane.sh"];
    for (const name of names) earlier(join(tools, name), `# ${name} of an earlier version\n`);
    for (const written of [1, 2, 3]) {
      expect(killedAfter(written).code).toBeNull();
      expect(read().phase).toBe("applying");
    }
    // What only looks like ours stays.
    writeFiles(tools, { ".mosaic-0123ABCD.tmp": "", ".mosaic-0123abcd.tmp~": "" });
    symlinkSync("tmux.conf", join(tools, ".mosaic-11111111.tmp"));
    writeFiles(tools, { ".mosaic-22222222.tmp": "" });
    chownSync(join(tools, ".mosaic-22222222.tmp"), 12345, 12345);
    installed();
    for (const name of names)
      expect(readFileSync(join(tools, name), "utf8")).toBe(readFileSync(join(tree, "assets", name), "utf8"));
    expect(read().phase).toBe("applied");
    for (const file of read().files) expect(file.pending).toBeUndefined();
    expect(shown(HOLDER, "NeedDaemonReload")).toBe("no");
    expect(
      readdirSync(tools)
        .filter((name) => name.startsWith(".mosaic"))
        .sort(),
    ).toEqual([".mosaic-0123ABCD.tmp", ".mosaic-0123abcd.tmp~", ".mosaic-11111111.tmp", ".mosaic-22222222.tmp"]);
    expect(readdirSync(join(receipt, ".."))).toEqual(["receipt.json"]);
  });

  test("that cannot be read stops the run: 78, nothing written, and what it says to do works", () => {
    installed();
    writeFileSync(receipt, "{");
    let next = "";
    changesNothing(() => {
      const { code, stdout, stderr } = install("--enable");
      expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
      next = nextOf(stderr);
    });
    expect(next).toContain("receipt.json");
    expect(typed(next)).toMatchObject({ code: 0 });
    expect(read().phase).toBe("applied");
  });

  test("that is a link, be it to one, or a pipe is not read: 78 at once, nothing written", () => {
    installed();
    renameSync(receipt, join(home, "elsewhere.json"));
    for (const [put, said] of [
      [() => symlinkSync(join(home, "elsewhere.json"), receipt), "a link is in its place"],
      [() => run(["mkfifo", receipt]), "no file is in its place"],
    ] as const) {
      put();
      for (const command of ["install", "uninstall", "rollback"])
        changesNothing(() => {
          const { code, stderr } = inside([binary, command]);
          expect({ code, stderr }).toEqual({ code: 78, stderr: expect.stringContaining(said) });
        });
      rmSync(receipt);
    }
  });

  test("that names what install never writes is not followed", () => {
    installed();
    const written = readFileSync(receipt, "utf8");
    const victim = join(home, "victim");
    writeFileSync(victim, "precious");
    const sha256 = run(["sha256sum", victim]).stdout.slice(0, 64);
    for (const path of [victim, `${config}/mosaic/../../victim`, "victim"]) {
      const { files, ...rest } = JSON.parse(written);
      writeFileSync(receipt, JSON.stringify({ ...rest, files: [...files, { path, sha256, mode: 0o644 }] }));
      for (const command of ["install", "uninstall", "rollback"])
        changesNothing(() => {
          const { code, stderr } = inside([binary, command]);
          expect({ code, stderr }).toEqual({ code: 78, stderr: expect.stringContaining("cannot be read") });
        });
    }
    // The layout before may have been in another config folder.
    const { files, ...rest } = JSON.parse(written);
    const previous = {
      version: "0.0.1",
      files: JSON.parse(JSON.stringify(files).replaceAll(config, join(home, "old"))),
    };
    writeFileSync(receipt, JSON.stringify({ ...rest, files, previous }));
    changesNothing(() => expect(install()).toMatchObject({ code: 0, stderr: "" }));
  });

  test("that is not there, where the layout is: uninstall does not say that nothing is installed, and what it says works", () => {
    expect(inside([binary, "install"], { XDG_STATE_HOME: join(home, "state") }).code).toBe(0);
    let next = "";
    changesNothing(() => {
      const { code, stderr } = inside([binary, "uninstall"]);
      expect({ code, stderr }).toEqual({ code: 78, stderr: expect.stringContaining("no receipt says so") });
      next = nextOf(stderr);
    });
    expect(typed(next)).toMatchObject({ code: 0 });
    const left = Object.entries(treeOf(home)).filter(([, what]) => !what.startsWith("folder"));
    expect(left.map(([path]) => path)).toEqual(["state/mosaic/fleet/receipt.json"]);
    // What is left of the user's is none of ours: the second time there is nothing to say.
    installed();
    writeFileSync(join(config, "mosaic/tools/fleet/tmux.conf"), "mine");
    for (const says of ["Removed.", "Nothing is installed."])
      expect(inside([binary, "uninstall"])).toMatchObject({ code: 0, stdout: expect.stringContaining(says) });
  });

  test("that a later version wrote is not moved aside: its binary is what is missing", () => {
    installed();
    writeFileSync(receipt, JSON.stringify({ schemaVersion: 3, version: "9.8.7", more: {} }));
    for (const command of ["install", "rollback", "uninstall"])
      changesNothing(() => {
        const { code, stderr } = inside([binary, command]);
        expect({ code, stderr }).toEqual({ code: 78, stderr: expect.stringContaining("version 9.8.7 laid it out") });
        expect(stderr).toContain("mosaic-fleet self-update\n");
        expect(stderr).not.toContain("mv ");
      });
    const looked = inside([binary, "doctor", "--only", "layout.receipt"]).stdout;
    expect(looked).toMatch(/version 9\.8\.7 laid it out[\s\S]*mosaic-fleet self-update/);
    expect(looked).not.toContain("mv ");
  });
});

/** What it says to type next, with this binary for the one on PATH. */
function nextOf(text: string): string {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => /^ +Next: /.test(line));
  expect(first).toBeGreaterThanOrEqual(0);
  const commands = [(lines[first] ?? "").replace(/^ +Next: +/, "")];
  for (const line of lines.slice(first + 1)) {
    if (!/^ {8}\S/.test(line)) break;
    commands.push(line.trim());
  }
  return commands.map((command) => command.replace(/^mosaic-fleet/, binary)).join(" && ");
}

describe("--dry-run", () => {
  test("shows every file and writes nothing", () => {
    changesNothing(() => {
      const { code, stdout, stderr } = install("--dry-run", "--enable", "--now");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      for (const path of Object.keys(layout)) {
        const whole = readFileSync(join(tree, "assets", layout[path]?.[1] ?? ""), "utf8")
          .trimEnd()
          .split("\n");
        expect(stdout).toContain(`create    ~/.config/${path}  +${whole.length}\n`);
        expect(stdout).toContain(`--- /dev/null\n+++ ${join(config, path)}\n`);
      }
      for (const verb of ["daemon-reload", `enable ${HOLDER}`, `start ${HOLDER}`])
        expect(stdout).toContain(`run       systemctl --user ${verb}\n`);
      expect(stdout).toEndWith("Dry run: nothing was written.\n");
    });
    expect(treeOf(home)).toEqual({});
    expect(shown(HOLDER, "LoadState")).toBe("not-found");
  });
});

describe("something in the way is a conflict: 73, nothing written, and it says which and what to do", () => {
  const unit = `systemd/user/${HOLDER}`;
  const script = "mosaic/tools/fleet/start-agent-session.sh";

  for (const [what, prepare, names] of [
    ["a file that is not ours", () => writeFiles(config, { [unit]: "[Service]\nExecStart=/bin/true\n" }), [unit]],
    ["a link, even to the right content", () => linked(unit), [unit]],
    ["a link to nowhere", () => linked(unit, "/nowhere"), [unit]],
    ["a folder", () => mkdirSync(join(config, script), { recursive: true }), [script]],
    ["a pipe, which is not read", () => made(script, "mkfifo"), [script]],
    ["a device, where one can be made", () => made(script, "mknod", "c", "1", "3"), [script]],
    ["a file in the place of a folder", () => writeFiles(config, { "mosaic/tools/fleet": "" }), ["mosaic/tools/fleet"]],
    ["a file in the place of the config folder", () => writeFileSync(config, "mine"), ["systemd/user"]],
    ["several at once", () => writeFiles(config, { [unit]: "mine", [script]: "mine too" }), [unit, script]],
    [
      "a link out of home in the place of a folder",
      () => linked("mosaic/tools/fleet", sandbox.root),
      ["mosaic/tools/fleet"],
    ],
    ["a link to nowhere in the place of a folder", () => linked("mosaic/tools", "/nowhere"), ["mosaic/tools/fleet"]],
    [
      "a file in the place of a drop-in's folder",
      () => writeFiles(config, { "systemd/user/mosaic-agent@canary.service.d": "" }),
      ["systemd/user/mosaic-agent@canary.service.d"],
    ],
    ["a folder that everybody may write to", () => opened(".config/systemd/user"), ["systemd/user"]],
    ["one that is sticky besides", () => opened(".config/mosaic/tools/fleet", 0o1777), ["mosaic/tools/fleet"]],
    ["one that such a folder is in", () => opened(".config/mosaic"), ["mosaic"]],
    ["one that the receipt is in", () => opened(".local/state"), [".local/state"]],
    ...(process.getuid?.() === 0 ? [["another user's folder", () => given("systemd"), ["systemd"]]] : []),
  ] as [string, () => void, string[]][]) {
    test(what, () => {
      prepare();
      let said = "";
      changesNothing(() => {
        const { code, stdout, stderr } = install("--enable", "--now");
        expect({ code, stderr }).toEqual({ code: 73, stderr: "" });
        said = stdout;
      });
      const conflicts = [...said.matchAll(/^conflict {2}~\/(?:\.config\/)?(.*?)\/?$/gm)].map(([, path]) => path);
      expect(conflicts).toEqual(names);
      expect(said).toContain("Nothing was written.");
      expect(shown(HOLDER, "ActiveState")).toBe("inactive");
      // What it says to do is what helps.
      for (const line of said.match(/(?<=^ +Next: ).*/gm) ?? []) expect(typed(line).code).toBe(0);
      installed();
    });
  }

  function opened(path: string, mode = 0o777): void {
    mkdirSync(join(home, path), { recursive: true });
    chmodSync(join(home, path), mode);
  }

  function given(path: string): void {
    mkdirSync(join(config, path), { recursive: true });
    chownSync(join(config, path), 12345, 12345);
  }

  test("but not a sticky folder above, nor where only a group of others may write, which is said", () => {
    opened(".config", 0o1777);
    opened(".config/systemd", 0o775);
    run(["chgrp", "daemon", join(config, "systemd")]);
    const { code, stdout } = install();
    expect(code).toBe(0);
    if (process.getuid?.() !== 0) return;
    const note = stdout.slice(stdout.indexOf("note ")).replace(/\s+/g, " ");
    expect(note).toStartWith(
      "note group daemon (daemon) may write to ~/.config/systemd, and so make programs run as you: chmod go-w ~/.config/systemd",
    );
  });

  test("a config folder whose name is more than a name to systemd", () => {
    const { code, stdout } = inside([binary, "install", "--dry-run"], { XDG_CONFIG_HOME: join(home, "c[1]") });
    expect(code).toBe(73);
    expect(stdout).toContain("conflict  ~/c[1]/mosaic/fleet/agents/\n          Why:  systemd takes the name");
  });

  function made(path: string, program: string, ...words: string[]): void {
    mkdirSync(join(config, path, ".."), { recursive: true });
    if (run([program, join(config, path), ...words]).code !== 0) run(["mkfifo", join(config, path)]);
  }

  function linked(path: string, target = join(tree, "assets", layout[path]?.[1] ?? "")): void {
    mkdirSync(join(config, path, ".."), { recursive: true });
    symlinkSync(target, join(config, path));
  }

  test("with -o json, one document that names it", () => {
    writeFiles(config, { [unit]: "mine" });
    const { code, stdout, stderr } = install("-o", "json");
    expect({ code, stderr }).toEqual({ code: 73, stderr: "" });
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ schemaVersion: 1, applied: false });
    expect(document.steps.filter((step: { change: string }) => step.change === "conflict")).toEqual([
      {
        change: "conflict",
        why: "this file is there and was not written by mosaic-fleet",
        next: `mv ${join(config, unit)} ${join(config, unit)}.yours`,
        action: expect.objectContaining({ kind: "write-file", path: join(config, unit) }),
      },
    ]);
  });
});

describe("without a user manager: 69, nothing written, and a remedy", () => {
  const emptyRuntime = () => {
    mkdirSync(join(sandbox.root, "empty"), { mode: 0o700 });
    return { XDG_RUNTIME_DIR: join(sandbox.root, "empty") };
  };

  for (const [what, env, remedy] of [
    ["XDG_RUNTIME_DIR is not set", () => ({ XDG_RUNTIME_DIR: undefined }), "export XDG_RUNTIME_DIR=/run/user/"],
    ["no manager runs in the runtime folder", emptyRuntime, "sudo loginctl enable-linger"],
    ["no systemctl is there", () => ({ PATH: "/nonexistent" }), "mosaic-fleet canary --sandbox"],
  ] as [string, () => Environment, string][]) {
    for (const words of [[], ["-o", "json"], ["--dry-run"]]) {
      test(`${what} (${words.join(" ") || "human"})`, () => {
        const settings = Object.entries(env()).flatMap(([key, value]) =>
          value === undefined ? ["-u", key] : [`${key}=${value}`],
        );
        const { code, stdout, stderr } = inside(asIfBooted(["env", ...settings, binary, "install", ...words]));
        expect(code).toBe(69);
        expect(stderr).toContain("Nothing was installed: the user manager cannot be reached.\n  Why:  ");
        expect(stderr).toContain(remedy);
        if (words[1] === "json") expect(JSON.parse(stdout).problem.next.join()).toContain(remedy);
        else expect(stdout).toBe("");
        expect(treeOf(home)).toEqual({});
      });
    }
  }

  test.skipIf(existsSync("/run/systemd/system"))(
    "this machine was not booted with systemd: only a sandbox helps",
    () => {
      const { code, stderr } = inside([binary, "install"], { XDG_RUNTIME_DIR: undefined });
      expect(code).toBe(69);
      expect(stderr).toContain("not booted with systemd");
      expect(stderr).toContain("mosaic-fleet canary --sandbox");
      expect(treeOf(home)).toEqual({});
    },
  );
});

describe("as root with what is another user's (sudo -E): 69, nothing written, and it says what to do", () => {
  for (const [what, folder] of [
    ["XDG_RUNTIME_DIR", () => sandbox.host.env.XDG_RUNTIME_DIR ?? ""],
    ["HOME", () => home],
    ["HOME, by a link of root's", () => home],
  ] as [string, () => string][]) {
    test.skipIf(process.getuid?.() !== 0)(what, () => {
      symlinkSync("home", join(sandbox.root, "linked"));
      const env = what.includes("link") ? { HOME: join(sandbox.root, "linked") } : {};
      chownSync(folder(), 12345, 12345);
      changesNothing(() => {
        for (const words of [[], ["--enable", "--now"], ["--dry-run"]]) {
          const { code, stdout, stderr } = inside([binary, "install", ...words], env);
          expect({ words, code, stdout }).toEqual({ words, code: 69, stdout: "" });
          expect(stderr).toContain("belongs to uid 12345, and this runs as uid 0; run it as that user, without sudo");
        }
      });
      chownSync(folder(), 0, 0);
      installed();
    });
  }
});

describe("what cannot be finished is taken back", () => {
  const failing = (verb: string) =>
    onlySystemctl(`case "$*" in *" ${verb} "*|*" ${verb}") echo no such luck >&2; exit 1 ;; esac`);

  test("daemon-reload fails: 69, nothing is left", () => {
    const { code, stdout, stderr } = inside([binary, "install"], failing("daemon-reload"));
    expect({ code, stdout }).toEqual({ code: 69, stdout: "" });
    expect(stderr).toContain("systemd did not take the units.");
    expect(stderr).toContain("no such luck");
    expect(stderr).toContain("What had been done was taken back");
    expect(treeOf(home)).toEqual({});
  });

  test("enable fails: 69, nothing is left, and the manager has forgotten the units", () => {
    const { code, stderr } = inside([binary, "install", "--enable"], failing("enable"));
    expect(code).toBe(69);
    expect(stderr).toContain(`${HOLDER} was not enabled.`);
    expect(treeOf(home)).toEqual({});
    expect(shown(HOLDER, "LoadState")).toBe("not-found");
  });

  test("it is said that it is done, and it is not: 69, and all is as it was", () => {
    const lying = (verb: string) => onlySystemctl(`case "$*" in *" ${verb} "*) exit 0 ;; esac`);
    const says = (verb: string, ...words: string[]) => {
      const { code, stderr } = inside([binary, ...words], lying(verb));
      return { code, why: /Why: {2}(.*)\. What/s.exec(stderr.replace(/\s+/g, " ").replace("Why: ", "Why:  "))?.[1] };
    };
    const but = (what: string) => ({ code: 69, why: `systemd says that it is done, but ${HOLDER} ${what}` });
    expect(says("enable", "install", "--enable")).toEqual(but("is disabled"));
    expect(says("start", "install", "--now")).toEqual(but("is inactive"));
    expect(treeOf(home)).toEqual({});
    expect(install("--enable", "--now").code).toBe(0);
    changesNothingButTimes(() => {
      expect(says("stop", "uninstall", "--yes")).toEqual(but("runs"));
      expect(says("disable", "uninstall", "--yes")).toEqual(but("is enabled"));
    });
    expect(shown(HOLDER, "ActiveState")).toBe("active");
    expect(shown(HOLDER, "UnitFileState")).toBe("enabled");
  });

  test("what is not undone, whatever is said of it, is the next run's to undo, and is told", () => {
    expect(install().code).toBe(0);
    const env = onlySystemctl(`case "$*" in *" start "*) exit 1 ;; *" disable "*) exit 0 ;; esac`);
    const { code, stderr } = inside([binary, "install", "--enable", "--now"], env);
    expect(code).toBe(69);
    expect(stderr.replace(/\s+/g, " ")).toContain(`could not all be taken back (${HOLDER} is enabled,`);
    expect(inside([binary, "uninstall"])).toMatchObject({ code: 0, stderr: "" });
    expect(treeOf(home)).toEqual({});
  });

  test("an uninstall that is taken back enables nothing that the user has disabled", () => {
    expect(install("--enable").code).toBe(0);
    systemctl("disable", HOLDER);
    systemctl("daemon-reload");
    const env = onlySystemctl(`case "$*" in *" daemon-reload") [ -e ${config}/mosaic/tools ] || exit 1 ;; esac`);
    changesNothingButTimes(() => expect(inside([binary, "uninstall"], env).code).toBe(69));
    expect(shown(HOLDER, "UnitFileState")).toBe("disabled");
  });

  test("the holder does not start: 69, nothing is left, and nothing goes on trying", () => {
    writeFiles(config, { "mosaic/fleet/fleet.env": "MOSAIC_TMUX_SOCKET='not allowed'\n" });
    changesNothing(() => {
      const { code, stderr } = install("--enable", "--now");
      expect(code).toBe(69);
      expect(stderr).toContain(`${HOLDER} did not start.`);
      expect(stderr).toContain(`journalctl --user-unit ${HOLDER}`);
    });
    expect(systemctl("list-units", "--all", "--plain", "--no-legend", "mosaic-*").stdout).toBe("");
  });

  test("a file cannot be written: 73, and an earlier layout is as it was", () => {
    installed();
    const paths = ["start-tmux-holder.sh", "start-agent-session.sh"].map((name) =>
      join(config, "mosaic/tools/fleet", name),
    );
    for (const path of paths) chmodSync(path, 0o600);
    // Small files can be written, large ones cannot; the signal that comes with it is left out.
    changesNothingButTimes(() => {
      const { code, stderr } = typed(`trap '' XFSZ; ulimit -f 8; exec ${binary} install`);
      expect(code).toBe(73);
      expect(stderr).toContain("EFBIG");
    });
  });

  /** A file that is taken back is written anew. */
  function changesNothingButTimes(action: () => void): void {
    const look = () =>
      Object.fromEntries(Object.entries(treeOf(home)).map(([path, what]) => [path, what.replace(/ written .*/, "")]));
    const before = look();
    action();
    expect(look()).toEqual(before);
  }
});

/** Runs a script that mounts something on the home folder where the user manager sees it, too; it goes with the script. Takes root. */
function onADisk(script: string): Run {
  const group = `${basename(sandbox.root)}/init.scope`;
  const manager = run(["sh", "-c", `grep -l ${group} /proc/[0-9]*/cgroup`]).stdout.split("/")[2];
  const disk = join(sandbox.root, "disk");
  const gone = `for each in ${home} ${disk}; do ! mountpoint -q $each || umount $each; done`;
  const there = ["nsenter", `--mount=/proc/${manager}/ns/mnt`, "--wd=/"];
  return inside([...there, "sh", "-c", `trap '${gone}' EXIT; mkdir -p ${disk}; ${script}`]);
}

test.skipIf(process.getuid?.() !== 0)("on a disk of whatever size: all of it, or nothing is left", () => {
  const sizes = Array.from({ length: 18 }, (_, index) => 16 + 12 * index);
  const seen = sizes.map((size) => {
    const look = `${binary} install >/dev/null 2>&1; echo $?; find ${home} | wc -l`;
    const { stdout } = onADisk(`mount -t tmpfs -o size=${size}k none ${home} && { ${look}; }`);
    const [code = "", left = ""] = stdout.split("\n");
    return [size, Number(code), Number(left) > 1];
  });
  expect(seen).toEqual(sizes.map((size, index) => [size, ...(seen[index]?.[2] ? [0, true] : [73, false])]));
  expect([...new Set(seen.map(([, code]) => code))]).toEqual([73, 0]);
});

const hasQuotas = run(["sh", "-c", "command -v mkfs.btrfs && grep -w btrfs /proc/filesystems"]).code === 0;

test.skipIf(process.getuid?.() !== 0 || !hasQuotas)(
  "on a disk of whatever quota: all of it, or no file; it is told by that name",
  () => {
    const [image, disk, said] = ["image", "disk", "said"].map((name) => join(sandbox.root, name));
    const made = `truncate -s 200M ${image} && mkfs.btrfs -q ${image} >/dev/null && mount -o loop ${image} ${disk} &&
btrfs quota enable ${disk} && btrfs -q subvolume create ${disk}/home && mount --bind ${disk}/home ${home} || exit 99
quota() { btrfs qgroup limit $1 0/$(btrfs inspect-internal rootid ${disk}/home) ${disk}; }
`;
    const tries = ["120k", "180k", "240k", "330k", "none"].map((limit) => {
      const look = `echo $?; find ${home} -type f | wc -l; cat ${said}; echo ==`;
      const clear = `${binary} uninstall --yes >/dev/null 2>&1; rm -rf ${home}/.local; sync -f ${home}`;
      return `quota ${limit}; ${binary} install >/dev/null 2>${said}; ${look}; quota none; ${clear}\n`;
    });
    const { stdout, stderr } = onADisk(made + tries.join(""));
    const seen = stdout.split("==\n").map((each) => each.split("\n"));
    expect({ stderr, seen: seen.map(([code, files]) => `${code}, ${Number(files) > 0 ? "files" : "none"}`) }).toEqual({
      stderr: "",
      seen: ["73, none", "73, none", "73, none", "73, none", "0, files", ", none"],
    });
    for (const [, , ...told] of seen.slice(0, 4)) {
      expect(told.join("\n")).toContain("EDQUOT: disk quota exceeded");
      expect(told.join("\n")).toContain("Next: du -xh -d 2 ~ 2>/dev/null | sort -h | tail -n 20\n");
    }
  },
);

test.skipIf(process.getuid?.() !== 0)(
  "where the user manager sees other files than this shell: 69, and nothing is left",
  () => {
    const there = `mount -t tmpfs none ${home} && ${binary} install; code=$?; find ${home} -mindepth 1; exit $code`;
    const { code, stdout, stderr } = inside(["unshare", "--mount", "--propagation", "private", "sh", "-c", there]);
    expect({ code, stdout }).toEqual({ code: 69, stdout: "" });
    expect(stderr).toContain("systemd did not take the units.");
    expect(stderr.replace(/\s+/g, " ")).toContain(
      `at ${config}/systemd/user/${HOLDER} it sees other files than this shell`,
    );
    expect(stderr).toContain("taken back");
    expect(stderr).toContain(`Next: findmnt --target ${config}/systemd/user\n`);
  },
);

test("of two at once the second one does nothing: 69, and it says which command runs, since when", async () => {
  const [reached, go] = ["reached", "go"].map((name) => join(sandbox.root, name)) as [string, string];
  run(["mkfifo", reached, go]);
  const env = onlySystemctl(`case "$*" in *" enable "*) echo >${reached}; read -r _ <${go} ;; esac`);
  const first = Bun.spawn([binary, "install", "--enable"], {
    cwd: home,
    env: { ...sandbox.host.env, ...env },
    stdout: "ignore",
  });
  run(["cat", reached], { timeoutMs: 30_000 });
  try {
    changesNothing(() => {
      const { code, stdout, stderr } = install("--enable");
      expect({ code, stdout }).toEqual({ code: 69, stdout: "" });
      expect(stderr).toMatch(
        new RegExp(
          `mosaic-fleet install --enable runs \\(pid ${first.pid}, for \\d+ s\\), and one goes at a\\s+time\\n`,
        ),
      );
      expect(stderr).toContain("Next: mosaic-fleet install --enable\n          # when that has ended");
      expect(install("--dry-run").code).toBe(0);
    });
  } finally {
    writeFileSync(go, "\n");
  }
  expect(await first.exited).toBe(0);
  expect(install("--enable").code).toBe(0);
  expect(receiptSchema.parse(JSON.parse(readFileSync(receipt, "utf8"))).enabled).toEqual([HOLDER]);
});

describe("XDG_CONFIG_HOME", () => {
  test("that the manager has too is where everything goes, blanks and all, and a fleet runs from there", () => {
    const runtime = join(sandbox.host.env.XDG_RUNTIME_DIR ?? "", "inner");
    const elsewhere = join(home, "a config");
    mkdirSync(runtime, { mode: 0o700 });
    const env = { XDG_RUNTIME_DIR: runtime, TMUX_TMPDIR: runtime, XDG_CONFIG_HOME: elsewhere };
    // A manager of its own, in the sandbox's: it reads the variable when it starts.
    const settings = Object.entries(env).flatMap(([key, value]) => ["-E", `${key}=${value}`]);
    const manager = [
      "-p",
      "Delegate=yes",
      "-p",
      "Type=notify",
      "--unit=inner",
      ...settings,
      "/lib/systemd/systemd",
      "--user",
    ];
    expect(inside(["systemd-run", "--user", ...manager]).code).toBe(0);

    expect(inside([binary, "install", "--now"], env)).toMatchObject({ code: 0, stderr: "" });
    for (const path of Object.keys(layout)) expect(existsSync(join(elsewhere, path))).toBe(true);
    expect(existsSync(config)).toBe(false);
    expect(typed("systemctl --user start mosaic-agent@canary && tmux -L mosaic-factory ls", env).stdout).toStartWith(
      "canary: ",
    );
  });

  test("that the manager does not have is told, and nothing is left", () => {
    const { code, stderr } = inside([binary, "install"], { XDG_CONFIG_HOME: join(home, "elsewhere") });
    expect(code).toBe(69);
    expect(stderr).toContain("systemd does not take the units from where they were written.");
    expect(treeOf(home)).toEqual({});
    const next = nextOf(stderr);
    expect(next).toStartWith("unset XDG_CONFIG_HOME");
    expect(typed(next, { XDG_CONFIG_HOME: join(home, "elsewhere") }).code).toBe(0);
    expect(shown(HOLDER, "LoadState")).toBe("loaded");
  });

  test("that the manager does not have, where it reads the same layout from ~/.config: told, nothing is written", () => {
    installed();
    const env = { XDG_CONFIG_HOME: join(home, "elsewhere"), XDG_STATE_HOME: join(home, "another") };
    const refused = () =>
      changesNothing(() => {
        const { code, stdout, stderr } = inside([binary, "install", "--enable"], env);
        expect({ code, stdout }).toEqual({ code: 69, stdout: "" });
        expect(stderr).toContain(`takes ${HOLDER} from ${join(config, "systemd/user", HOLDER)}`);
        expect(stderr).toContain("systemctl --user show-environment");
      });
    refused();
    // Also where it lies there already, be it by hard links.
    expect(typed("cp -al .config elsewhere && cp -a .local/state another").code).toBe(0);
    const recorded = join(home, "another/mosaic/fleet/receipt.json");
    writeFileSync(recorded, readFileSync(recorded, "utf8").replaceAll(config, env.XDG_CONFIG_HOME));
    refused();
    expect(systemctl("is-enabled", HOLDER).stdout).toBe("disabled\n");
  });

  test("that is another name of the same folder is fine", () => {
    mkdirSync(config);
    symlinkSync(".config", join(home, "linked"));
    const env = { XDG_CONFIG_HOME: join(home, "linked") };
    expect(inside([binary, "install"], env)).toMatchObject({ code: 0, stderr: "" });
    expect(inside([binary, "install"], env).stdout).toContain("nothing to do");
    const before = treeOf(config);
    expect(install()).toMatchObject({ code: 0, stdout: expect.not.stringContaining("remove ") });
    expect(treeOf(config)).toEqual(before);
    expect(inside([binary, "uninstall"], env).code).toBe(0);
    expect(Object.keys(treeOf(home))).toEqual([".config", "linked"]);
  });

  test("that is not absolute does not count", () => {
    expect(inside([binary, "install"], { XDG_CONFIG_HOME: "relative" }).code).toBe(0);
    expect(existsSync(join(config, "systemd/user", HOLDER))).toBe(true);
  });
});

describe("a home", () => {
  test("that has another name, by a link, has the same layout under either", () => {
    installed();
    const before = treeOf(config);
    const HOME = join(sandbox.root, "linked");
    symlinkSync(home, HOME);
    expect(inside([binary, "install"], { HOME }).stdout).not.toContain("remove ");
    expect(treeOf(config)).toEqual(before);
    expect(inside([binary, "doctor", "--only", "layout.receipt"], { HOME }).code).toBe(0);
    expect(inside([binary, "uninstall"], { HOME }).code).toBe(0);
    expect(treeOf(home)).toEqual({});
  });

  test("that was copied has a layout of its own: what is done with one leaves the other", () => {
    installed();
    const before = treeOf(home);
    const HOME = join(sandbox.root, "copied");
    run(["cp", "-a", home, HOME]);
    const planned = inside([binary, "install", "--dry-run"], { HOME });
    expect(planned).toMatchObject({ code: 0, stdout: expect.not.stringContaining("remove ") });
    expect(inside([binary, "uninstall"], { HOME }).code).toBe(0);
    expect(treeOf(HOME)).toEqual({});
    expect(treeOf(home)).toEqual(before);
  });

  test("that was moved is brought up to date: what is ours in it is still known to be ours", () => {
    installed();
    const text = readFileSync(receipt, "utf8").replaceAll(home, "/elsewhere/ada");
    const conf = join(config, "mosaic/tools/fleet/tmux.conf");
    const sum = (path: string) => run(["sha256sum", path]).stdout.slice(0, 64);
    const [ours, now] = [sum(conf), readFileSync(conf, "utf8")];
    writeFileSync(conf, `${now}# of the version before\n`);
    writeFileSync(receipt, text.replaceAll(ours, sum(conf)));
    installed();
    expect(readFileSync(conf, "utf8")).toBe(now);
    expect(readFileSync(receipt, "utf8")).not.toContain("/elsewhere");
  });
});

describe("--enable and --now", () => {
  test("--enable starts the holder with the manager, and not now", () => {
    expect(install("--enable").code).toBe(0);
    expect(systemctl("is-enabled", HOLDER).stdout).toBe("enabled\n");
    expect(shown(HOLDER, "ActiveState")).toBe("inactive");
    expect(receiptSchema.parse(JSON.parse(readFileSync(receipt, "utf8"))).enabled).toEqual([HOLDER]);
    // systemctl enable would not have told it, on a machine that was not booted with systemd.
    expect(systemctl("list-dependencies", "--plain", "default.target").stdout).toContain(HOLDER);
  });

  test("--enable is undone by uninstall, whatever the manager has read since", () => {
    expect(install("--enable").code).toBe(0);
    systemctl("daemon-reload");
    expect(shown(HOLDER, "UnitFileState")).toBe("enabled");
    expect(inside([binary, "uninstall", "--yes"])).toMatchObject({ code: 0, stderr: "" });
    expect(treeOf(home)).toEqual({});
  });

  test("--enable is undone by uninstall, though it was killed while it did it, and the next run was right behind it", async () => {
    const env = { ...sandbox.host.env } as Record<string, string>;
    for (const [index, words] of [[], ["--now"], undefined, [], ["--now"], undefined].entries()) {
      const run = Bun.spawn([binary, "install", "--enable"], { env, stdout: "ignore", stderr: "ignore" });
      expect(await begun("enable")).toBe(true);
      await Bun.sleep(index % 3);
      run.kill("SIGKILL");
      await run.exited;
      if (words !== undefined) expect(install(...words)).toMatchObject({ code: 0, stderr: "" });
      expect(inside([binary, "uninstall", "--yes"])).toMatchObject({ code: 0, stderr: "" });
      expect(treeOf(home)).toEqual({});
    }
  });

  test("--enable goes by the link that is there, whatever the manager has read of it", () => {
    const link = join(config, "systemd/user/default.target.wants", HOLDER);
    const enabled = () => receiptSchema.parse(JSON.parse(readFileSync(receipt, "utf8"))).enabled;
    expect(install("--enable", "--now").code).toBe(0);
    rmSync(link);
    expect(install("--enable").code).toBe(0);
    expect([existsSync(link), enabled()]).toEqual([true, [HOLDER]]);
    rmSync(link);
    expect(install("--restore").code).toBe(0);
    symlinkSync(join(config, "systemd/user", HOLDER), link);
    expect(install("--enable").stdout).toContain(`as it is  systemctl --user enable ${HOLDER}`);
  });

  test("--enable where the folder of the boot link is a link itself is refused before anything is written, and leaves nothing behind it", () => {
    const wants = join(config, "systemd/user/default.target.wants");
    mkdirSync(join(home, "wants"));
    mkdirSync(dirname(wants), { recursive: true });
    symlinkSync(join(home, "wants"), wants);
    let refused: Run | undefined;
    changesNothing(() => {
      refused = install("--enable");
    });
    expect(refused).toMatchObject({ code: 73 });
    const next = (refused?.stdout ?? "").split("\n").find((line) => line.includes("cp -a")) ?? "";
    expect(typed(next.replace(/^ *Next: /, "")).code).toBe(0);
    expect(install("--enable")).toMatchObject({ code: 0, stderr: "" });
    expect(lstatSync(wants).isDirectory()).toBe(true);
    expect(readdirSync(join(home, "wants"))).toEqual([]);
  });

  for (const [option, verb] of [
    ["--enable", "enable"],
    ["--now", "start"],
  ] as const)
    test(`${option}: a systemctl that outlives the run which was killed does nothing behind the next one's back`, async () => {
      const [reached, go] = ["reached", "go"].map((name) => join(sandbox.root, name)) as [string, string];
      run(["mkfifo", reached, go]);
      const env = onlySystemctl(`case "$*" in *" ${verb} "*) echo $$ >${reached}; read -r _ <${go} ;; esac`);
      for (const next of [[], ["install"]]) {
        const run = Bun.spawn([binary, "install", option], { cwd: home, env: { ...sandbox.host.env, ...env } });
        const child = (await Bun.file(reached).text()).trim();
        run.kill("SIGKILL");
        await run.exited;
        if (next.length > 0) expect(install()).toMatchObject({ code: 0, stderr: "" });
        expect(inside([binary, "uninstall", "--yes"])).toMatchObject({ code: 0, stderr: "" });
        expect([child, await procfsOf(host).startTime(Number(child))]).toEqual([child, undefined]);
        expect(treeOf(home)).toEqual({});
        expect(shown(HOLDER, "ActiveState")).toBe("inactive");
      }
    });

  test("--enable is undone by uninstall, though it was killed when it had made the link and the manager did not know", () => {
    expect(install("--now").code).toBe(0);
    const env = onlySystemctl(`case "$*" in *" enable "*) /usr/bin/systemctl "$@"; kill -9 $PPID; exit ;; esac`);
    expect(inside([binary, "install", "--enable"], env).code).toBeNull();
    expect(existsSync(join(config, "systemd/user/default.target.wants", HOLDER))).toBe(true);
    expect(install()).toMatchObject({ code: 0, stderr: "" });
    expect(inside([binary, "uninstall", "--yes"])).toMatchObject({ code: 0, stderr: "" });
    expect(treeOf(home)).toEqual({});
  });

  test("--enable that the user has undone, and done again by hand, is the user's: uninstall leaves the link", () => {
    const link = join(config, "systemd/user/default.target.wants", HOLDER);
    expect(install("--enable").code).toBe(0);
    for (const verb of ["disable", "enable"]) expect(systemctl(verb, HOLDER).code).toBe(0);
    const { code, stdout, stderr } = inside([binary, "uninstall", "--yes"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    // It starts at boot again once it is there again.
    expect(install()).toMatchObject({ code: 0, stdout: expect.not.stringContaining("--enable") });
    expect(inside([binary, "uninstall", "--yes"]).code).toBe(0);
    const undo = `systemctl --user disable ${HOLDER}`;
    expect(stdout).toContain(`\nWhat you have enabled stays so. To undo it: ${undo}\n`);
    expect(typed(undo).code).toBe(0);
    expect(existsSync(link)).toBe(false);
  });

  test("--enable is undone by uninstall alone: another start of the holder, which the user has added, stays", () => {
    const folder = join(config, "systemd/user");
    expect(install("--enable").code).toBe(0);
    expect(systemctl("add-wants", "graphical-session.target", HOLDER).code).toBe(0);
    const { code, stdout, stderr } = inside([binary, "uninstall", "--yes"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    // What a disable would do is not what is done.
    expect(stdout).toStartWith(`run       rm ~/.config/systemd/user/default.target.wants/${HOLDER}\n`);
    expect(stdout).toContain(`\nWhat you have enabled stays so. To undo it: systemctl --user disable ${HOLDER}\n`);
    expect(readdirSync(folder)).toEqual(["graphical-session.target.wants"]);
    expect(readdirSync(join(folder, "graphical-session.target.wants"))).toEqual([HOLDER]);
    rmSync(folder, { recursive: true });
  });

  test("--enable makes the boot link, though the holder has another start already, and takes that one alone back", () => {
    const wants = (target: string) => join(config, "systemd/user", `${target}.wants`);
    installed();
    expect(systemctl("add-wants", "graphical-session.target", HOLDER).code).toBe(0);
    const failing = onlySystemctl('case "$*" in *" start "*) exit 1 ;; esac');
    expect(inside([binary, "install", "--enable", "--now"], failing).code).toBe(69);
    expect([existsSync(wants("default.target")), readdirSync(wants("graphical-session.target"))]).toEqual([
      false,
      [HOLDER],
    ]);
    expect(install("--enable")).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(wants("default.target"))).toEqual([HOLDER]);
    expect(inside([binary, "uninstall", "--yes"])).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(join(config, "systemd/user"))).toEqual(["graphical-session.target.wants"]);
    rmSync(join(config, "systemd"), { recursive: true });
  });

  test("--enable in a home that was copied without its times, the receipt first, is install's: uninstall takes the link", () => {
    expect(install("--enable").code).toBe(0);
    typed("mv .local .config .. && cp -r ../.local . && sleep 0.02 && cp -r ../.config .");
    expect(inside([binary, "uninstall", "--yes"])).toMatchObject({ code: 0, stderr: "" });
    expect(treeOf(home)).toEqual({});
  });

  /** Waits until the receipt says that this has begun, and no longer; false when it says first that the run has ended. */
  async function begun(kind: string): Promise<boolean> {
    for (const end = Date.now() + 10_000; Date.now() < end; await Bun.sleep(0)) {
      const text = existsSync(receipt) ? readFileSync(receipt, "utf8") : "";
      if (text === "") continue;
      const { phase, run } = receiptSchema.parse(JSON.parse(text));
      if (phase === "applied") return false;
      if (run?.progress[run.actions.findIndex((action) => action.kind === kind)] === "b") return true;
    }
    return false;
  }

  test("--enable is recommended only where the holder does not start at boot yet", () => {
    const hint = "To start it at boot:  mosaic-fleet install --enable\n";
    expect(install().stdout).toContain(hint);
    expect(install("--enable").stdout).not.toContain(hint);
    chmodSync(join(config, "mosaic/tools/fleet/tmux.conf"), 0o600); // something to do
    const { code, stdout } = install();
    expect(code).toBe(0);
    expect(stdout).toContain("Installed.");
    expect(stdout).not.toContain(hint);
  });

  test("--now starts it: the server answers", () => {
    const { code, stdout } = install("--now");
    expect(code).toBe(0);
    expect(stdout).toContain(`run       systemctl --user start ${HOLDER}`);
    expect(shown(HOLDER, "ActiveState")).toBe("active");
    const server = inside(["tmux", "-N", "-L", "mosaic-factory", "display-message", "-p", "#{pid}"]).stdout.trim();
    expect(server).toBe(shown(HOLDER, "MainPID"));
  });

  test("find nothing to do a second time", () => {
    expect(install("--enable", "--now").code).toBe(0);
    const before = shown(HOLDER, "MainPID");
    changesNothing(() => expect(install("--enable", "--now").stdout).toContain("nothing to do"));
    expect(shown(HOLDER, "MainPID")).toBe(before);
  });
});

describe("-o json", () => {
  for (const [words, applied, change] of [
    [["--dry-run"], false, "create"],
    [[], true, "create"],
    [["--enable"], true, "create"],
  ] as const) {
    test(`${words.join(" ") || "alone"}: one document with every step`, () => {
      const { code, stdout, stderr } = install(...words, "-o", "json");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const document = JSON.parse(stdout);
      expect(document).toMatchObject({ schemaVersion: 1, applied });
      const files = document.steps.filter((step: { action: { kind: string } }) => step.action.kind === "write-file");
      expect(files.map((step: { action: { path: string } }) => step.action.path).sort()).toEqual(
        Object.keys(layout)
          .map((path) => join(config, path))
          .sort(),
      );
      for (const step of files) {
        expect(step.change).toBe(change);
        expect(step.action.text).toBeUndefined();
      }
    });
  }
});

test("the manual canary sequence works by hand, word for word", () => {
  expect(typed("mkdir -p ~/.config/systemd/user ~/.config/mosaic/tools/fleet ~/.config/mosaic/fleet/agents").code).toBe(
    0,
  );
  installed();
  const sequence = [
    "systemctl --user daemon-reload",
    "systemctl --user start mosaic-tmux-holder.service",
    "systemctl --user start mosaic-agent@canary.service",
    "tmux -L mosaic-factory ls",
  ];
  const { code, stdout, stderr } = typed(sequence.join(" && "));
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^canary: 1 windows \(created .*\)\n$/);
});
