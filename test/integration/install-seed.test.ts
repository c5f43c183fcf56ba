import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { files } from "../../src/adapters/files.ts";
import { localHost } from "../../src/adapters/local-host.ts";
import { sha256 } from "../../src/adapters/sum.ts";
import { assignedValue, parseEnvFile } from "../../src/core/env-file.ts";
import type { Host } from "../../src/core/host.ts";
import { LAUNCHER, RUNTIMES } from "../../src/core/runtimes.ts";
import { type InstallOptions, install } from "../../src/install/install.ts";
import { readReceipt } from "../../src/install/receipt.ts";
import { uninstall } from "../../src/install/uninstall.ts";
import { temporaryFolder, writeFiles } from "../support/build.ts";
import { fakeManager } from "../support/fake-manager.ts";

// Where install looks for agent programs, on real files and with a real login shell; the manager is a fake.

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());

let base: Host;
beforeAll(() => {
  base = localHost();
});

let home: string;
let host: Host;
beforeEach(() => {
  home = mkdtempSync(join(temporary.path, "home-"));
  const env = { PATH: "/usr/bin:/bin" };
  const user = { ...base.user, home };
  // What this machine has is none of the test's.
  const status: Host["files"]["status"] = async (path) => {
    const elsewhere = !path.startsWith(temporary.path);
    return elsewhere && [...RUNTIMES, LAUNCHER].includes(basename(path)) ? undefined : files.status(path);
  };
  host = { ...base, env, user, files: { ...files, status }, exec: fakeManager({ env, user, exec: base.exec }).exec };
});

/** Programs, as a script each, below the home folder. */
function programs(...paths: string[]): void {
  for (const path of paths) {
    writeFiles(home, { [path]: "#!/bin/sh\n" });
    chmodSync(join(home, path), 0o755);
  }
}

/** /etc/passwd says that this is the user's shell. */
function withShell(shell: string): void {
  const { read } = host.files;
  const passwd = `x:x:${host.user.uid}:0::/:${shell}\n`;
  host = { ...host, files: { ...host.files, read: async (path) => (path === "/etc/passwd" ? passwd : read(path)) } };
}

/** Dead, whether or not the machine's first process has taken notice of it. */
function isDead(pid: string): boolean {
  const stat = existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : ") Z ";
  return stat.includes(") Z ");
}

const fleetEnv = () => join(home, ".config/mosaic/fleet/fleet.env");
const lay = (more: Partial<InstallOptions> = {}) => install(host, { version: "1", seed: {}, ...more });
const written = () => (existsSync(fleetEnv()) ? readFileSync(fleetEnv(), "utf8") : undefined);
const value = () => assignedValue(parseEnvFile(written() ?? ""), "MOSAIC_PATH");
const stepOf = ({ plan }: Awaited<ReturnType<typeof lay>>) =>
  plan.steps.find(({ action }) => action.kind === "seed-file");

describe("a program is found", () => {
  for (const [where, folder, from, more] of [
    ["~/.local/bin", ".local/bin", "the usual folder", {}],
    ["mise's shims", ".local/share/mise/shims", "mise", {}],
    ["the prefix that npm has in ~/.npmrc", "npm/bin", "npm prefix (~/.npmrc)", { ".npmrc": `prefix=\${HOME}/npm\n` }],
    ["npm's usual prefix", ".npm-global/bin", "npm prefix", {}],
    [
      "what .bashrc adds to PATH, which is read",
      "tools",
      "~/.bashrc (interactive shell)",
      { ".bashrc": "PATH=~/tools:$PATH\n" },
    ],
    [
      "what .profile makes of PATH, which is asked of the login shell",
      "made/up",
      "the login shell, /bin/sh",
      { ".profile": 'echo noise; read -r key; PATH="$(printf %s "$HOME/made/")up:$PATH"; export PATH\n' },
    ],
  ] as [string, string, string, Record<string, string>][]) {
    test(`in ${where}`, async () => {
      programs(`${folder}/claude`);
      writeFiles(home, more);
      withShell("/bin/sh");
      const { plan, applied, notes } = await lay();
      expect({ applied, notes, value: value() }).toEqual({ applied: true, notes: [], value: `~/${folder}` });
      const [line, ...found] = stepOf({ plan } as Awaited<ReturnType<typeof lay>>)?.notes ?? [];
      expect([line, ...found]).toEqual([`MOSAIC_PATH=~/${folder}`, `claude: ~/${folder} (${from})`]);
      expect(lstatSync(fleetEnv()).mode & 0o777).toBe(0o600);
      expect(written()).toContain(`claude: ~/${folder}`);
    });
  }

  for (const [name, file, text] of [
    ["bash", ".bash_profile", 'PATH="$(echo ~/made)/up:$PATH"\n'],
    ["dash", ".profile", 'PATH="$(echo ~/made)/up:$PATH"\n'],
    ["zsh", ".zprofile", "path+=($(echo ~/made)/up)\n"],
    ["fish", ".config/fish/config.fish", "echo hello\nset -gx PATH (echo ~/made)/up $PATH\n"],
  ] as const) {
    const shell = Bun.which(name);
    test.skipIf(shell === null)(`as ${name} has it when it is the login shell`, async () => {
      programs("made/up/claude");
      writeFiles(home, { [file]: text });
      withShell(shell ?? "");
      expect(stepOf(await lay())?.notes?.[1]).toBe(`claude: ~/made/up (the login shell, ${shell})`);
    });
  }

  test("in nvm's folder of one version, which is said; its own interpreter with it", async () => {
    const bin = ".nvm/versions/node/v22.3.1/bin";
    writeFiles(home, { ".nvm/alias/default": "22\n", [`${bin}/codex`]: "#!/usr/bin/env nvm-node\n" });
    chmodSync(join(home, bin, "codex"), 0o755);
    programs(".local/share/mise/shims/nvm-node");
    const installed = await lay();
    expect(value()).toBe(`~/${bin}:~/.local/share/mise/shims`);
    expect(stepOf(installed)?.notes).toEqual([
      `MOSAIC_PATH=~/${bin}:~/.local/share/mise/shims`,
      `codex: ~/${bin} (nvm, default v22.3.1), until its version changes`,
      "nvm-node: ~/.local/share/mise/shims (mise)",
    ]);
  });

  test("in a folder that outlasts versions, where there is one, whatever the shell has first", async () => {
    const bin = ".nvm/versions/node/v22.3.1/bin";
    programs(`${bin}/codex`, ".local/share/mise/installs/node/22.1.0/bin/claude", ".local/share/mise/shims/claude");
    symlinkSync("versions/node/v22.3.1", join(home, ".nvm/current"));
    host = { ...host, env: { PATH: `${home}/${bin}:${home}/.local/share/mise/installs/node/22.1.0/bin:/usr/bin` } };
    await lay();
    expect(value()).toBe("~/.local/share/mise/shims:~/.nvm/current/bin");
  });

  test("nowhere: that is said, and nothing is written", async () => {
    const { notes } = await lay();
    expect(notes).toEqual([expect.stringContaining("No agent program was found (claude, codex, opencode, gemini …)")]);
    expect(written()).toBeUndefined();
  });

  test("where the manager's PATH has it: nothing is to be said or written", async () => {
    programs(".local/bin/claude");
    const { exec } = host;
    const withIt = `PATH=${home}/.local/bin:/usr/bin`;
    host = {
      ...host,
      exec: async (argv, options) => {
        const result = await exec(argv, options);
        return { ...result, stdout: result.stdout.replace("PATH=/usr/bin", withIt) };
      },
    };
    expect((await lay()).notes).toEqual([]);
    expect(written()).toBeUndefined();
  });
});

describe("what no PATH should have is left out, and said", () => {
  test.skipIf(process.getuid?.() !== 0)(
    "a folder that everybody may write to, or one above it, or another's",
    async () => {
      programs("open/bin/claude", "above/it/bin/codex", "theirs/bin/amp", "sticky/mine/bin/crush", ".local/bin/goose");
      const folders = ["open/bin", "above/it/bin", "theirs/bin", "sticky/mine/bin"].map((folder) => join(home, folder));
      host = { ...host, env: { PATH: ["/usr/bin", ...folders].join(":") } };
      chmodSync(join(home, "open/bin"), 0o777);
      chmodSync(join(home, "above"), 0o777);
      chownSync(join(home, "theirs/bin"), 12345, 12345);
      chmodSync(join(home, "sticky"), 0o1777);
      const { notes } = await lay();
      expect(notes).toEqual([
        "Left out: ~/open/bin, where claude is: everybody may write to it (chmod go-w ~/open/bin)",
        "Left out: ~/above/it/bin, where codex is: everybody may write to ~/above (chmod go-w ~/above)",
        "Left out: ~/theirs/bin, where amp is: it belongs to uid 12345",
      ]);
      expect(value()).toBe("~/.local/bin:~/sticky/mine/bin");
    },
  );

  test("a relative folder, one of this login only, one with a colon or what cannot be seen in its name", async () => {
    programs("project/node_modules/.bin/claude", "a:b/bin/codex", "c\n/bin/goose");
    writeFiles(home, { ".npmrc": `prefix=${home}/a:b\n` });
    host = { ...host, env: { PATH: `bin:${home}/project/node_modules/.bin:${home}/c\n/bin:/usr/bin` } };
    const { notes } = await lay();
    expect(notes).toHaveLength(2);
    expect(notes.join("\n")).toContain("no list of folders can hold a colon");
    expect(notes.join("\n")).toContain("its name has in it what cannot be seen");
    expect(written()).toBeUndefined();
  });

  test("a login shell that does not come to an end: it is killed with all that it has started", async () => {
    programs(".local/bin/claude");
    const marker = join(home, "pid");
    writeFiles(home, {
      ".profile": `sleep 1000 & echo $! >${marker}; read -r key </dev/tty; yes\n`, // gigabytes of it
      ".bash_profile": ". ~/.profile\n",
    });
    const started = performance.now();
    const { notes } = await lay();
    expect(performance.now() - started).toBeLessThan(8_000);
    expect(notes).toEqual([
      expect.stringMatching(/^Left out: the PATH of your login shell, \S+, which did not say it within 3 s$/),
    ]);
    expect(value()).toBe("~/.local/bin");
    expect(isDead(readFileSync(marker, "utf8").trim())).toBe(true);
  }, 20_000);
});

describe("whatever the login shell does besides, its PATH is heard", () => {
  const add = 'PATH="$(echo ~/made)/up:$PATH"';
  for (const [what, script] of [
    ["it prints, without an end of line, and what a terminal obeys", `${add}; printf 'motd\\n\\033]0;x\\007\\033[31m'`],
    ["it closes its output", `${add}; exec >&- 2>&-`],
    ["it ends with an error", `${add}; trap 'exit 3' EXIT`],
    ["it reads what is typed", `${add}; read -r key; cat`],
    ["it starts a multiplexer, where there is none", `${add}; [ -n "$TMUX" ] || exec tmux new-session -A -s main`],
    ["empty and relative folders, blanks and a line break are in PATH", `PATH=":.:rel:/a b:/c\nd:$(echo ~/made)/up::"`],
    [
      "it makes something else of printf, echo and command",
      `${add}; printf() { :; }; echo() { :; }; command() { :; }; alias printf=false; enable -n printf`,
    ],
    ["PATH is 100 kB", 'PATH="$(seq -f /opt/none/%010g 5000 | tr "\\n" :)$(echo ~/made)/up"'],
  ] as const)
    test(what, async () => {
      programs("made/up/claude");
      writeFiles(home, { ".bash_profile": `${script}\n` });
      withShell("/bin/bash");
      expect(await lay()).toMatchObject({ notes: [] });
      expect(value()).toBe("~/made/up");
    });

  test("what it leaves running ends with it", async () => {
    programs("made/up/claude");
    writeFiles(home, { ".bash_profile": `${add}\nyes & echo $! >~/pid\n` });
    withShell("/bin/bash");
    await lay();
    expect(value()).toBe("~/made/up");
    expect(isDead(readFileSync(join(home, "pid"), "utf8").trim())).toBe(true);
  });

  test("but where it ends before it can say it, that is said", async () => {
    programs(".local/bin/claude");
    writeFiles(home, { ".bash_profile": "exit 4\n" });
    withShell("/bin/bash");
    const note = "Left out: the PATH of your login shell, /bin/bash, which ended with exit code 4 before it said it";
    expect(await lay()).toMatchObject({ notes: [note] });
    expect(value()).toBe("~/.local/bin");
  });

  test("and one that is none is not asked", async () => {
    programs(".local/bin/claude");
    writeFiles(home, { ".profile": "exit 4\n" });
    for (const shell of ["/usr/sbin/nologin", "/bin/false", "/bin/tcsh", ""]) {
      withShell(shell);
      expect(await lay()).toMatchObject({ notes: [] });
      await uninstall(host, { purge: true, confirm: async () => true });
    }
  });
});

describe("fleet.env", () => {
  beforeEach(() => programs(".local/bin/claude"));

  test("that is there is never written, be it a link to nowhere; the line to add is said", async () => {
    writeFiles(home, { ".config/mosaic/fleet/fleet.env": "A=1\nMOSAIC_PATH=/opt/x:~/y\n" });
    const installed = await lay();
    expect(written()).toBe("A=1\nMOSAIC_PATH=/opt/x:~/y\n");
    expect(stepOf(installed)).toMatchObject({
      change: "keep",
      why: "it is yours; agents do not find claude (~/.local/bin)",
      next: expect.stringContaining("~/.config/mosaic/fleet/fleet.env   # MOSAIC_PATH=/opt/x:~/y:~/.local/bin"),
    });
    expect((await lay()).applied).toBe(false);
    writeFiles(home, { ".config/mosaic/fleet/fleet.env": "MOSAIC_PATH=~/.local/bin\n" });
    expect(stepOf(await lay())).toBeUndefined();
    rmSync(fleetEnv());
    symlinkSync("nowhere", fleetEnv());
    expect(stepOf(await lay())).toBeUndefined();
    expect(existsSync(join(dirname(fleetEnv()), "nowhere"))).toBe(false);
  });

  test("that is a pipe is not waited for, nor is a start file that is one", async () => {
    mkdirSync(dirname(fleetEnv()), { recursive: true });
    for (const path of [fleetEnv(), join(home, ".npmrc"), join(home, ".bashrc")]) await base.exec(["mkfifo", path]);
    symlinkSync(".npmrc", join(home, ".zshrc"));
    const installed = await lay();
    expect(installed.applied).toBe(true);
    expect(stepOf(installed)).toBeUndefined();
  });

  test("is recorded as written by install, stays with uninstall, and comes back only with --restore", async () => {
    await lay();
    const recorded = await readReceipt(host, join(home, ".local/state/mosaic/fleet/receipt.json"));
    expect(recorded).toMatchObject({ seeded: { path: fleetEnv(), sha256: sha256(written() ?? "") } });
    rmSync(fleetEnv());
    expect(stepOf(await lay())).toMatchObject({ kept: "own", why: expect.stringContaining("you have removed it") });
    expect(written()).toBeUndefined();
    await lay({ restore: true });
    expect(value()).toBe("~/.local/bin");
    await uninstall(host, {});
    expect(value()).toBe("~/.local/bin");
  });

  test("is not written by a dry run, nor where the user says no, who has seen what would be in it", async () => {
    expect(stepOf(await lay({ dryRun: true }))?.change).toBe("create");
    expect(existsSync(join(home, ".config"))).toBe(false);
    const asked: unknown[] = [];
    const confirm = async (seed: unknown) => {
      asked.push(seed);
      return false;
    };
    expect(stepOf(await lay({ seed: { confirm } }))).toMatchObject({
      change: "keep",
      why: expect.stringContaining("did not want"),
    });
    expect(asked).toEqual([
      { path: fleetEnv(), notes: ["MOSAIC_PATH=~/.local/bin", "claude: ~/.local/bin (the usual folder)"] },
    ]);
    expect(written()).toBeUndefined();
    await lay({ seed: { confirm: async () => true } });
    expect(value()).toBe("~/.local/bin");
  });

  test("that comes while install runs is the user's: what was done is taken back", async () => {
    const prepare: Host["files"]["prepare"] = (...file) => {
      writeFiles(home, { ".config/mosaic/fleet/fleet.env": "mine\n" });
      return files.prepare(...file);
    };
    host = { ...host, files: { ...host.files, prepare } };
    await expect(lay()).rejects.toMatchObject({ exit: 73, why: expect.stringContaining("was changed while this ran") });
    expect(written()).toBe("mine\n");
  });

  test("that the user has changed since it was written stays, when what comes after it fails", async () => {
    const { exec } = host;
    host = {
      ...host,
      exec: async (argv, options) => {
        if (!argv.includes("daemon-reload")) return exec(argv, options);
        if (existsSync(fleetEnv())) writeFileSync(fleetEnv(), "mine\n");
        return { argv, stdout: "", stderr: "no", kind: "exited", code: 1 };
      },
    };
    mkdirSync(join(home, ".config"));
    await expect(lay()).rejects.toMatchObject({ exit: 69 });
    expect(written()).toBe("mine\n");
  });
});
