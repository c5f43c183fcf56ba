import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { version } from "../../package.json";
import { localHost } from "../../src/adapters/local-host.ts";
import { openSandbox, type Sandbox } from "../../src/canary/sandbox.ts";
import { HOLDER_UNIT } from "../../src/core/names.ts";
import { type Paths, pathsOf } from "../../src/core/paths.ts";
import { until } from "../../src/core/until.ts";
import { ownedFiles } from "../../src/install/assets.ts";
import { installFiles } from "../../src/install/install.ts";
import { binary, type Run, run, writeFiles } from "../support/build.ts";
import { contentsOf, patchedBy } from "../support/patch.ts";
import { treeOf } from "../support/tree.ts";

// Upgrade, rollback and uninstall as they are typed. What was done is read from the disk and from the manager.

let sandbox: Sandbox;
let home: string;
let paths: Paths;
beforeEach(async () => {
  sandbox = await openSandbox(localHost());
  home = sandbox.host.user.home;
  paths = pathsOf(sandbox.host);
});
afterEach(async () => {
  expect(await sandbox.close()).toEqual([]);
});

const inside = (argv: readonly string[], timeoutMs = 60_000): Run =>
  run(argv, { cwd: home, env: sandbox.host.env, timeoutMs });
const fleet = (...words: string[]) => inside([binary, ...words], 120_000);
const systemctl = (...words: string[]) => inside(["systemctl", "--user", ...words]);
const shown = (unit: string, property: string) => systemctl("show", "-p", property, "--value", unit).stdout.trim();
const script = (name: string) => join(paths.tools, name);
const read = (path: string) => readFileSync(path, "utf8");
const word = (action: string, path: string) => `${action.padEnd(9)} ${path.replace(home, "~")}\n`;

/** At a terminal: what is typed, a line each; what is shown comes back in stdout. */
function atTerminal(argv: readonly string[], ...lines: string[]): Run {
  const typed = lines.map((line) => `sleep 0.7; echo ${line}; `).join("");
  return inside(["sh", "-c", `{ ${typed}sleep 0.7; } | script -qec '${argv.join(" ")}' /dev/null`]);
}

const ours = (name: string) => {
  const file = ownedFiles(paths, 252).find(({ path }) => basename(path) === name);
  if (file === undefined) throw new Error(`no ${name} in the layout`);
  return file.text;
};
/** What patch makes of the diffs on a screen. */
const patched = (shown: string) => patchedBy(shown, home, join(sandbox.root, "patched"));
const EARLIER = "# of the version before\n";

/** Lays out a version before, of which two files are otherwise; the scripts in it work. */
async function earlierVersion(...names: string[]): Promise<void> {
  const changed = names.length > 0 ? names : ["tmux.conf", "agent-pane.sh"];
  await installFiles(sandbox.host, { version: "0.0.1-test" }, (major) =>
    ownedFiles(paths, major).map((file) =>
      changed.includes(basename(file.path)) ? { ...file, text: `${file.text}${EARLIER}` } : file,
    ),
  );
}

describe("an upgrade", () => {
  test("--dry-run shows a diff for each file, in JSON too, and changes nothing", async () => {
    await earlierVersion();
    const before = treeOf(home);
    const { code, stdout } = fleet("install", "--dry-run");
    expect(code).toBe(0);
    for (const name of ["tmux.conf", "agent-pane.sh"]) {
      expect(stdout).toContain(`--- ${script(name)}\n+++ ${script(name)}\n@@ `);
      expect(stdout).toContain(word("update", `${script(name)}  -1`));
    }
    expect(stdout.match(/^-# of the version before$/gm)).toHaveLength(2);
    expect(stdout.match(/^@@ /gm)).toHaveLength(2);
    const { steps } = JSON.parse(fleet("install", "--dry-run", "-o", "json").stdout);
    const diffs = steps.flatMap(({ diff = "" }) => diff.match(/^-# of the version before$/gm) ?? []);
    expect(diffs).toHaveLength(2);
    expect(treeOf(home)).toEqual(before);
    const expected = patched(stdout);
    expect(fleet("install").code).toBe(0);
    expect(contentsOf(home)).toEqual(expected);
  });

  test("leaves what only the user changed, and says how to have ours; --take keeps every byte of theirs", async () => {
    await earlierVersion();
    const path = script("start-agent-session.sh");
    const mine = Buffer.from("mine \xff\xfe\n", "latin1");
    writeFileSync(path, mine);
    const { code, stdout } = fleet("install");
    expect(code).toBe(0);
    expect(stdout).toContain(`${word("keep", path)}          Why:  you have changed it: yours stays\n`);
    expect(stdout).toContain(`Next: mosaic-fleet install --take ${path}\n`);
    expect(readFileSync(path).equals(mine)).toBe(true);
    expect(read(script("tmux.conf"))).toBe(ours("tmux.conf"));

    expect(fleet("install", "--take", path).code).toBe(0);
    expect(read(path)).toBe(ours("start-agent-session.sh"));
    const kept = readdirSync(paths.tools).filter((name) => name.includes(".mosaic-"));
    expect(kept).toEqual([expect.stringMatching(/^start-agent-session\.sh\.mosaic-old-[0-9a-f]{8}$/)]);
    expect(readFileSync(script(kept[0] ?? "")).equals(mine)).toBe(true);
  });

  test("leads who has changed a unit to a drop-in, which outlasts upgrade, rollback and uninstall", async () => {
    await earlierVersion();
    const unit = "mosaic-agent@.service";
    const dropIn = join(paths.units, `${unit}.d/override.conf`);
    writeFileSync(join(paths.units, unit), "# mine\n", { flag: "a" });
    const said = fleet("install").stdout;
    expect(said).toContain(`a drop-in outlasts every version: systemctl --user edit ${unit}\n`);
    writeFiles(dirname(dropIn), { [basename(dropIn)]: "[Service]\nMemoryMax=1G\n" });
    const mine = () => Object.entries(treeOf(dirname(dropIn))).find(([path]) => path === basename(dropIn));
    const before = mine();
    for (const words of [["rollback"], ["install", "--take", join(paths.units, unit)], ["uninstall", "--yes"]])
      expect([words, fleet(...words).code, mine()]).toEqual([words, 0, before]);
  });

  test("--take of what is no file of ours is no use: 64, nothing written", () => {
    expect(fleet("install", "--take", join(home, "mine"))).toMatchObject({ code: 64 });
    expect(treeOf(home)).toEqual({});
  });

  describe("of a file that the user changed, too", () => {
    const mine = "set -g status off # mine\n";
    const path = () => script("tmux.conf");
    const beside = () => `${path()}.mosaic-new`;
    beforeEach(async () => {
      await earlierVersion();
      writeFileSync(path(), mine);
    });

    test("a dry run shows what both have changed, and no key that the user wrote into it", () => {
      writeFileSync(path(), `${mine}set-environment -g MY_API_KEY tmux-key-4\n`);
      for (const words of [[], ["-o", "json"]]) {
        const { code, stdout } = fleet("install", "--dry-run", ...words);
        expect(code).toBe(1);
        expect(stdout).toContain("-set -g status off # mine");
        expect(stdout).toContain("-set-environment -g MY_API_KEY [redacted]");
        expect(stdout).not.toContain("tmux-key-4");
      }
    });

    test("without a terminal: 1, theirs stays, ours lies beside it until it is decided", () => {
      const { code, stdout } = fleet("install");
      expect(code).toBe(1);
      expect(stdout).toContain(word("keep", path()));
      expect(stdout).toContain("1 to decide.");
      expect([read(path()), read(beside())]).toEqual([mine, ours("tmux.conf")]);
      expect(read(script("agent-pane.sh"))).toBe(ours("agent-pane.sh"));
      const again = fleet("install", "-o", "json");
      expect(again.code).toBe(1);
      expect(JSON.parse(again.stdout).applied).toBe(false);
      rmSync(beside());
      expect(fleet("install").code).toBe(0);
      expect([read(path()), existsSync(beside())]).toEqual([mine, false]);
    });

    test("at a terminal: the diff as often as it is asked for, then theirs is kept", () => {
      const { code, stdout } = atTerminal([binary, "install"], "d", "keep");
      expect(stdout).toContain(`-${mine.trimEnd()}`);
      expect(stdout.match(/\[keep\/take\/diff\]/g)).toHaveLength(2);
      expect(code).toBe(0);
      expect([read(path()), existsSync(beside())]).toEqual([mine, false]);
    });

    test("at a terminal: ours is taken, theirs is kept beside it", () => {
      expect(atTerminal([binary, "install"], "take").code).toBe(0);
      expect([read(path()), existsSync(beside())]).toEqual([ours("tmux.conf"), false]);
      const [copy] = readdirSync(paths.tools).filter((name) => name.startsWith("tmux.conf.mosaic-old-"));
      expect(read(script(copy ?? ""))).toBe(mine);
    });

    test("at a terminal with --yes nothing is asked: it stays undecided", () => {
      const { code, stdout } = atTerminal([binary, "install", "--yes"]);
      expect(stdout).not.toContain("[keep/take/diff]");
      expect(code).toBe(1);
      expect(read(beside())).toBe(ours("tmux.conf"));
    });
  });
});

describe("rollback", () => {
  test("lays out the version before, and once more the one after; what the user changed stays", async () => {
    await earlierVersion();
    const before = read(script("tmux.conf"));
    expect(fleet("install").code).toBe(0);
    writeFileSync(script("start-tmux-holder.sh"), "# mine\n", { flag: "a" });
    const dry = treeOf(home);
    const { stdout } = fleet("rollback", "--dry-run");
    expect(stdout).toContain("+# of the version before");
    expect(treeOf(home)).toEqual(dry);

    expect(stdout).toContain("This would lay out version 0.0.1-test.\n");
    const expected = patched(stdout);

    expect(fleet("rollback")).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining("Rolled back to version 0.0.1-test. Back again: mosaic-fleet install\n"),
    });
    expect(contentsOf(home)).toEqual(expected);
    expect(read(script("tmux.conf"))).toBe(before);
    expect(read(script("start-tmux-holder.sh"))).toEndWith("# mine\n");
    expect(shown(HOLDER_UNIT, "NeedDaemonReload")).toBe("no");
    const again = fleet("rollback", "-o", "json");
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout).version).toBe(version);
    expect(read(script("tmux.conf"))).toBe(ours("tmux.conf"));
  });

  describe("of a file that the user changed, too", () => {
    let before: string;
    beforeEach(async () => {
      await earlierVersion();
      before = read(script("tmux.conf"));
      expect(fleet("install").code).toBe(0);
      writeFileSync(script("tmux.conf"), "# mine\n");
    });

    test("without a terminal: 1, theirs stays, that of the version before lies beside it", () => {
      const dry = JSON.parse(fleet("rollback", "--dry-run", "-o", "json").stdout);
      const undecided = dry.steps.filter(({ change }: { change: string }) => change === "keep");
      expect(undecided).toMatchObject([{ kept: "undecided", diff: expect.stringContaining("\n-# mine\n") }]);
      expect(fleet("rollback", "--yes")).toMatchObject({ code: 1, stdout: expect.stringContaining("1 to decide.") });
      expect([read(script("tmux.conf")), read(script("tmux.conf.mosaic-new"))]).toEqual(["# mine\n", before]);
    });

    test("at a terminal: it is asked, and theirs is kept beside that of the version before", () => {
      expect(atTerminal([binary, "rollback"], "take").code).toBe(0);
      expect(read(script("tmux.conf"))).toBe(before);
      const [copy] = readdirSync(paths.tools).filter((name) => name.startsWith("tmux.conf.mosaic-old-"));
      expect(read(script(copy ?? ""))).toBe("# mine\n");
    });
  });

  test("without a version before: 69, nothing changed", () => {
    for (const prepare of [() => {}, () => fleet("install")]) {
      prepare();
      const before = treeOf(home);
      expect(fleet("rollback")).toMatchObject({
        code: 69,
        stderr: expect.stringContaining("no earlier version of the layout is recorded"),
      });
      expect(treeOf(home)).toEqual(before);
    }
  });
});

describe("uninstall", () => {
  test("leaves nothing of ours, and nothing at all where nothing was before", () => {
    expect(fleet("install", "--enable").code).toBe(0);
    const folders = Object.entries(treeOf(home)).flatMap(([path, is]) =>
      is.startsWith("folder") && !path.endsWith(".wants") ? [join(home, path)] : [],
    );
    const { stdout } = fleet("uninstall", "--dry-run");
    const lines = read(script("tmux.conf")).trimEnd().split("\n");
    expect(stdout).toContain(word("remove", `${script("tmux.conf")}  -${lines.length}`));
    expect(stdout).toContain(
      `--- ${script("tmux.conf")}\n+++ /dev/null\n@@ -1,${lines.length} +0,0 @@\n-${lines.join("\n-")}\n`,
    );
    const documented = JSON.parse(fleet("uninstall", "--dry-run", "-o", "json").stdout).steps;
    const diffs = documented.map(({ diff = "" }) => diff).join("");
    expect(stdout).toStartWith(`${diffs}\n`);
    expect(patched(stdout)).toEqual({});
    for (const folder of folders) expect(stdout).toContain(word("remove", `${folder}/`));
    expect(fleet("uninstall")).toMatchObject({ code: 0, stderr: "" });
    expect(treeOf(home)).toEqual({});
    expect(shown(HOLDER_UNIT, "LoadState")).toBe("not-found");
    // Nor is what an install has left that was killed when it had the folder for its lock.
    mkdirSync(paths.state, { recursive: true });
    expect(fleet("uninstall")).toMatchObject({ code: 0, stdout: "Nothing is installed.\n" });
    expect(existsSync(dirname(paths.state))).toBe(false);
  });

  test("leaves what is the user's: settings, drop-ins, edits, what the user has enabled; and says so", () => {
    expect(fleet("install").code).toBe(0);
    expect(systemctl("enable", HOLDER_UNIT, "mosaic-agent@coder").code).toBe(0);
    expect(fleet("install", "--enable").code).toBe(0); // so it is already, and not by install
    writeFileSync(script("tmux.conf"), "mine\n");
    writeFiles(paths.config, {
      "mosaic/fleet/agents/coder.env": "A=1\n",
      "systemd/user/mosaic-agent@.service.d/mine.conf": "[Service]\nMemoryMax=1G\n",
    });
    const dry = fleet("uninstall", "--dry-run").stdout;
    const { code, stdout } = fleet("uninstall");
    expect(code).toBe(0);
    // What it says of each folder, before and after, is so.
    for (const said of [dry, stdout]) {
      const folders = [...said.matchAll(/^(remove|as it is) +~(\S*)\/$/gm)];
      expect(folders.length).toBeGreaterThan(5);
      for (const [, what, path] of folders)
        expect([path, existsSync(`${home}${path}`)]).toEqual([path, what !== "remove"]);
    }
    expect(stdout).toContain(`${word("keep", script("tmux.conf"))}          Why:  you have changed it: it stays\n`);
    expect(stdout).toContain("Your settings stay: 1 file in ~/.config/mosaic/fleet\n");
    const left = Object.entries(treeOf(home)).flatMap(([path, is]) => (is.startsWith("folder") ? [] : [path]));
    expect(left).toEqual([
      ".config/mosaic/fleet/agents/coder.env",
      ".config/mosaic/tools/fleet/tmux.conf",
      ".config/systemd/user/default.target.wants/mosaic-agent@coder.service",
      `.config/systemd/user/default.target.wants/${HOLDER_UNIT}`,
      ".config/systemd/user/mosaic-agent@.service.d/mine.conf",
    ]);
    const next = /To undo it: (systemctl .*)/.exec(stdout)?.[1] ?? "";
    expect(next).toContain("mosaic-agent@coder.service");
    expect(inside(["sh", "-c", next]).code).toBe(0);
    expect(existsSync(join(paths.units, "default.target.wants/mosaic-agent@coder.service"))).toBe(false);
  });

  describe("of a fleet that runs", () => {
    const agent = "mosaic-agent@coder.service";
    beforeEach(() => {
      writeFiles(paths.agents, { "coder.env": "MOSAIC_AGENT_COMMAND=sleep infinity\n" });
      expect(fleet("install", "--now").code).toBe(0);
      expect(systemctl("start", agent).code).toBe(0);
    });
    const states = () => [shown(agent, "ActiveState"), shown(HOLDER_UNIT, "ActiveState")];

    test("needs a yes: without a terminal 69, and the fleet runs on", () => {
      const before = treeOf(home);
      for (const words of [[], ["-o", "json"]]) {
        const { code, stderr } = fleet("uninstall", ...words);
        expect(code).toBe(69);
        expect(stderr).toContain(`these run: ${agent}, ${HOLDER_UNIT}`);
        expect(stderr).toContain("Next: mosaic-fleet uninstall --yes");
      }
      expect(treeOf(home)).toEqual(before);
      expect(states()).toEqual(["active", "active"]);
    });

    test("asks at a terminal: no is 1, and the fleet runs on; yes stops it", () => {
      const no = atTerminal([binary, "uninstall"], "n");
      expect(no.code).toBe(1);
      expect(no.stdout).toContain(agent);
      expect(states()).toEqual(["active", "active"]);
      expect(atTerminal([binary, "uninstall"], "y").code).toBe(0);
      expect(states()).toEqual(["inactive", "inactive"]);
    });

    test("--yes stops agents, then the holder, and removes the layout", () => {
      const { code, stdout } = fleet("uninstall", "--yes");
      expect(code).toBe(0);
      const stops = stdout.match(/systemctl --user stop .*/g);
      expect(stops).toEqual([`systemctl --user stop ${agent}`, `systemctl --user stop ${HOLDER_UNIT}`]);
      expect(states()).toEqual(["inactive", "inactive"]);
      expect(inside(["tmux", "-N", "-L", "mosaic-factory", "ls"]).code).toBe(1);
      expect(existsSync(paths.tools)).toBe(false);
    });
  });

  describe("--purge", () => {
    const settings = { "agents/coder.env": "KEY=secret\n", "fleet.env": "A=1\n", "deep/er/note": "x" };
    const limits = "systemd/user/mosaic-agent@limited.service.d/10-mosaic-limits.conf";
    beforeEach(() => {
      expect(fleet("install").code).toBe(0);
      writeFiles(paths.site, settings);
      writeFiles(paths.config, { [limits]: "[Service]\nMemoryMax=64M\n" });
      expect(systemctl("daemon-reload").code).toBe(0);
      expect(shown("mosaic-agent@limited.service", "MemoryMax")).toBe(String(64 * 1024 * 1024));
    });

    test("is what takes an agent's limits: without it they stay, with the other settings", () => {
      const { code, stdout } = fleet("uninstall");
      expect(code).toBe(0);
      expect(stdout).toContain("3 files in ~/.config/mosaic/fleet, the limits of 1 agent in ~/.config/systemd/user\n");
      expect(read(join(paths.config, limits))).toContain("MemoryMax=64M");
    });

    test("takes the limits alone, where nothing else is left, and leaves a drop-in beside them", () => {
      expect(fleet("uninstall").code).toBe(0);
      rmSync(paths.site, { recursive: true });
      const mine = join(dirname(join(paths.config, limits)), "override.conf");
      writeFileSync(mine, "[Service]\nCPUWeight=50\n");
      expect(fleet("uninstall", "--purge", "--yes").code).toBe(0);
      expect(existsSync(join(paths.config, limits))).toBe(false);
      expect(read(mine)).toContain("CPUWeight=50");
    });

    test("needs a yes, and says which files", () => {
      const before = treeOf(home);
      expect(fleet("uninstall", "--purge")).toMatchObject({
        code: 69,
        stderr: expect.stringContaining("mosaic-fleet uninstall --purge --yes"),
      });
      const { stdout } = fleet("uninstall", "--purge", "--dry-run");
      for (const path of Object.keys(settings)) {
        expect(stdout).toContain(`  ~/.config/mosaic/fleet/${path}\n`);
        expect(stdout).toContain(`--- ${join(paths.site, path)}\n+++ /dev/null\n`);
      }
      expect(stdout).toContain("-A=1\n");
      expect(stdout).toContain("-MemoryMax=64M\n");
      expect(fleet("uninstall", "--dry-run").stdout).not.toContain("coder.env");
      expect(atTerminal([binary, "uninstall", "--purge"], "n")).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/~\/\.config\/mosaic\/fleet\/agents\/coder\.env[\s\S]*10-mosaic-limits\.conf/),
      });
      expect(treeOf(home)).toEqual(before);
    });

    test("--dry-run shows what goes, and no key, however it is written", () => {
      const serviceKey = `sk-proj-${"abcdefgh".repeat(3)}1`; // put together, so that no scanner takes it for one
      const keys = ["abcdefg1", "second-line-2", serviceKey, "quoted3-and-more", "tmux-key-4", "secret"];
      writeFiles(paths.site, {
        "agents/coder.env": 'PORT=8080\nAPI_KEY=abcdefg1\\\nsecond-line-2\nMY_TOKEN="quoted3-and-more"\nKEY=secret\n',
        "agents/other.env": `MOSAIC_AGENT_COMMAND=run --with quoted3-and-more\n# ${serviceKey}\n`,
        "tmux.local.conf":
          "set -g mouse on\nset-environment -g MY_API_KEY 'tmux-key-4'\nsetenv -g MY_API_KEY tmux-key-4\n",
      });
      writeFiles(dirname(script("tmux.conf")), { "tmux.conf": "set-environment -g MY_API_KEY tmux-key-4\n" });
      const before = treeOf(home);
      const human = fleet("uninstall", "--purge", "--dry-run");
      const json = fleet("uninstall", "--purge", "--dry-run", "-o", "json");
      expect([human.code, json.code]).toEqual([0, 0]);
      const { siteDiffs } = JSON.parse(json.stdout);
      expect(siteDiffs.map(({ path }: { path: string }) => path).sort()).toEqual(JSON.parse(json.stdout).site.sort());
      const shown = siteDiffs.map(({ diff }: { diff: string }) => diff).join("");
      for (const text of [human.stdout, shown]) {
        for (const line of ["PORT=8080", "API_KEY=[redacted]", "MY_TOKEN=[redacted]", "set -g mouse on"])
          expect(text).toContain(`\n-${line}\n`);
        expect(text).toContain("\n-MOSAIC_AGENT_COMMAND=run --with [redacted]\n");
      }
      for (const key of keys) expect([key, (human.stdout + json.stdout).includes(key)]).toEqual([key, false]);
      expect(treeOf(home)).toEqual(before);
    });

    test("takes the settings, too, and keeps an archive of them, for their user alone", () => {
      const { code, stdout } = fleet("uninstall", "--purge", "--yes", "-o", "json");
      expect(code).toBe(0);
      const { archive } = JSON.parse(stdout);
      expect(Object.keys(treeOf(home))).toEqual([basename(archive)]);
      expect(lstatSync(archive).mode & 0o777).toBe(0o600);
      mkdirSync(paths.config);
      expect(inside(["tar", "-xf", archive, "-C", paths.config]).code).toBe(0);
      for (const [path, text] of Object.entries(settings)) expect(read(join(paths.site, path))).toBe(text);
      expect(read(join(paths.config, limits))).toContain("MemoryMax=64M");
      expect(shown("mosaic-agent@limited.service", "LoadState")).toBe("not-found");
    });

    test("keeps whatever is there, however it is called and however much it is", async () => {
      const long = join("repo", ...Array.from({ length: 12 }, () => "d".repeat(240)));
      const odd = ["we\\tird.env", "-rf", "new\nline *", " lead", ".git/HEAD", "x.env~"];
      const many = Array.from({ length: 800 }, (_, index) => join(long, String(index)));
      writeFiles(paths.site, Object.fromEntries([...odd, ...many].map((path) => [path, path])));
      const socket = Bun.listen({ unix: join(paths.site, "socket"), socket: { data() {} } });
      const env = {
        ...sandbox.host.env,
        HOME: `${home}/`,
        XDG_CONFIG_HOME: `${paths.config}/`,
        TAR_OPTIONS: "--exclude-vcs --exclude=*~",
      };
      const { code, stdout, stderr } = run([binary, "uninstall", "--purge", "--yes"], { cwd: home, env });
      socket.stop();
      expect({ code, stderr, stdout }).toMatchObject({
        code: 0,
        stderr: "",
        stdout: expect.stringContaining(" in ~/"),
      });
      const [archive = ""] = Object.keys(treeOf(home));
      mkdirSync(paths.config);
      expect(inside(["tar", "-xf", join(home, archive), "-C", paths.config]).code).toBe(0);
      for (const path of [...odd, ...many]) expect(read(join(paths.site, path))).toBe(path);
    });

    test("says which file's name is not UTF-8, and how it is typed: it can be neither kept nor removed (73)", () => {
      const odd = Buffer.from(`${paths.site}/deep/caf\xe9.env`, "latin1");
      writeFiles(paths.site, { "\u{FFFD}": "a name like any other" });
      writeFileSync(odd, "A=1\n");
      for (const words of [["--dry-run"], ["--yes"]]) {
        const { code, stderr } = fleet("uninstall", "--purge", ...words);
        expect([code, stderr.includes("not UTF-8, in ~/.config/mosaic/fleet/deep/caf\u{FFFD}.env")]).toEqual([
          73,
          true,
        ]);
        expect(stderr).toContain("Next: ls --quoting-style=shell-escape ~/.config/mosaic/fleet/deep\n");
      }
      const shown = run(["ls", "--quoting-style=shell-escape", join(paths.site, "deep")]).stdout.split("\n");
      expect(shown).toContain("'caf'$'\\351''.env'");
      rmSync(odd);
      writeFileSync(Buffer.from(`${paths.site}/\xe9`, "latin1"), "");
      expect(fleet("uninstall", "--purge", "--yes").stderr).toContain("not UTF-8");
      rmSync(Buffer.from(`${paths.site}/\xe9`, "latin1"));
      expect(fleet("uninstall", "--purge", "--yes").code).toBe(0);
    });

    test("takes nothing when they cannot be kept: 73", () => {
      writeFiles(join(sandbox.root, "bin"), { tar: "#!/bin/sh\nexit 2\n" });
      inside(["chmod", "+x", join(sandbox.root, "bin/tar")]);
      const before = treeOf(home);
      const env = { ...sandbox.host.env, PATH: `${join(sandbox.root, "bin")}:${sandbox.host.env.PATH}` };
      const { code, stderr } = run([binary, "uninstall", "--purge", "--yes"], { cwd: home, env });
      expect({ code, stderr }).toMatchObject({ code: 73, stderr: expect.stringContaining("could not be kept") });
      expect(treeOf(home)).toEqual(before);
    });
  });
});

describe("a fleet that runs", () => {
  const agents = ["mosaic-agent@a.service", "mosaic-agent@b.service"];
  const invocations = () => [HOLDER_UNIT, ...agents].map((unit) => shown(unit, "InvocationID"));
  const start = (...units: string[]) => {
    writeFiles(paths.agents, {
      "a.env": "MOSAIC_AGENT_COMMAND=sleep infinity\n",
      "b.env": "MOSAIC_AGENT_COMMAND=sleep infinity\n",
    });
    expect(systemctl("start", ...units).code).toBe(0);
  };

  const ofCanary = () =>
    [paths.runtime ?? "", join(paths.runtime ?? "", "systemd/user")].flatMap((folder) =>
      readdirSync(folder).filter((name) => name.includes("mosaic-canary-")),
    );
  const killedInItsCanary = async (...words: string[]) => {
    const { host } = sandbox;
    const env = host.env as Record<string, string>;
    const child = host.spawn([binary, ...words], { log: join(sandbox.root, "killed.log"), env });
    const isUp = async () =>
      inside(["systemctl", "--user", "is-active", "mosaic-agent@mosaic-canary-*"]).stdout.includes("active") ||
      undefined;
    expect(await until(host, 30_000, isUp)).toBe(true);
    host.kill(child.pid, "SIGKILL");
    await child.ended;
    expect(ofCanary()).not.toEqual([]);
  };

  test("is never restarted by an upgrade, which says what runs on as before, as often as it is asked", async () => {
    await earlierVersion("agent-pane.sh");
    start(...agents);
    const before = invocations();
    for (const text of [fleet("install").stdout, fleet("install").stdout])
      expect(text).toContain(
        `Still running as before: ${agents.join(", ")}\n  Nothing is restarted unless you say so: mosaic-fleet install --restart\n`,
      );
    expect(JSON.parse(fleet("install", "--dry-run", "-o", "json").stdout)).toMatchObject({ outdated: agents });
    expect(invocations()).toEqual(before);
    expect(systemctl("restart", ...agents).code).toBe(0);
    expect(fleet("install").stdout).not.toContain("Still running");
  });

  test("--restart restarts what is behind and no more, has every agent back, and runs the canary", async () => {
    await earlierVersion("agent-pane.sh");
    start(...agents);
    const before = invocations();
    const { code, stdout } = fleet("install", "--restart");
    expect(stdout).toContain(`Restarted: ${agents.join(", ")}\n`);
    expect(stdout).toContain("holds: every promise that was tried is kept");
    expect(code).toBe(0);
    const after = invocations();
    expect(after[0]).toBe(before[0] ?? "");
    expect(after.slice(1)).not.toContainAnyValues(before);
    for (const agent of agents) expect(shown(agent, "ActiveState")).toBe("active");
    expect(fleet("install", "--restart").stdout).not.toContain("Restarted");
  });

  test("--restart that is killed in its canary is ended by the next: nothing is left, and what was not proved is", async () => {
    await earlierVersion("agent-pane.sh");
    start(...agents);
    await killedInItsCanary("install", "--restart");
    // A throwaway agent of a promise that was broken on purpose does not come back: it is none of the fleet.
    await earlierVersion("start-agent-session.sh");
    const { code, stdout, stderr } = fleet("install", "--restart");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Restarted: ${agents.join(", ")}\n`);
    expect(stdout).toContain("holds: every promise that was tried is kept");
    expect(ofCanary()).toEqual([]);

    await killedInItsCanary("canary");
    const again = fleet("install", "--restart");
    expect(again.code).toBe(0);
    expect(again.stdout).not.toContain("Restarted");
    expect(again.stdout).toContain("holds: every promise that was tried is kept");

    await killedInItsCanary("canary");
    expect(fleet("uninstall", "--yes")).toMatchObject({ code: 0, stderr: "" });
    expect(ofCanary()).toEqual([]);
  }, 120_000);

  test("--restart of the holder has its agents back, those that ran and no other", async () => {
    await earlierVersion("tmux.conf");
    start("mosaic-agent@a.service");
    expect(fleet("install").code).toBe(0);
    // One more start, and systemd would give it up: a start that is wanted is none of a crash.
    for (let count = 0; count < 10; count++) expect(systemctl("restart", "mosaic-agent@a.service").code).toBe(0);
    const before = invocations();
    const { code, stdout } = fleet("install", "--restart", "-o", "json");
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({
      code: 0,
      restarted: ["mosaic-agent@a.service", HOLDER_UNIT],
      outdated: [],
      canary: { verdict: "pass" },
    });
    expect([HOLDER_UNIT, ...agents].map((unit) => shown(unit, "ActiveState"))).toEqual([
      "active",
      "active",
      "inactive",
    ]);
    expect(invocations()[0]).not.toBe(before[0] ?? "");
  });

  test("rollback --restart takes it back to the version before", async () => {
    await earlierVersion("agent-pane.sh");
    expect(fleet("install").code).toBe(0);
    start("mosaic-agent@a.service");
    const { code, stdout } = fleet("rollback", "--restart", "-o", "json");
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({
      code: 0,
      restarted: ["mosaic-agent@a.service"],
      outdated: [],
      canary: { verdict: "pass" },
    });
    expect(shown("mosaic-agent@a.service", "ActiveState")).toBe("active");
  });

  test("--restart says when an agent does not come back: 1", async () => {
    await earlierVersion("agent-pane.sh");
    start(...agents);
    writeFiles(paths.agents, { "b.env": "MOSAIC_AGENT_COMMAND=exit 3\n" });
    const { code, stdout, stderr } = fleet("install", "--restart", "-o", "json");
    expect(code).toBe(1);
    expect(stderr).toContain("not back: mosaic-agent@b.service");
    // The layout is another matter.
    const problem = { what: "The fleet was not restarted whole", why: "not back: mosaic-agent@b.service" };
    expect(JSON.parse(stdout)).toMatchObject({ applied: true, version, problem });
    const up = await until(
      sandbox.host,
      10_000,
      async () => shown("mosaic-agent@a.service", "ActiveState") === "active" || undefined,
    );
    expect(up).toBe(true);
  }, 120_000);
});

describe("where the programs of agents are", () => {
  const folder = "od\"d $folder/it's";
  const fleetEnv = () => join(paths.site, "fleet.env");
  beforeEach(() => {
    writeFiles(home, {
      [`${folder}/claude`]: "#!/bin/sh\nexec sleep infinity\n",
      ".profile": `PATH="$(pwd)/od\\"d \\$folder/it's:$PATH"\n`,
    });
    inside(["chmod", "+x", join(home, folder, "claude")]);
  });

  test("install finds out and writes down, as systemd reads it: the agent starts, and doctor has no complaint", () => {
    const dry = JSON.parse(fleet("install", "--dry-run", "-o", "json").stdout);
    expect(dry.steps.find(({ action }: { action: { kind: string } }) => action.kind === "seed-file")).toMatchObject({
      change: "create",
      notes: [expect.stringContaining("MOSAIC_PATH="), expect.stringContaining("the login shell, /")],
      diff: expect.stringContaining("+MOSAIC_PATH="),
    });
    expect(existsSync(fleetEnv())).toBe(false);
    const { code, stdout } = fleet("install", "--now");
    expect(code).toBe(0);
    expect(stdout).toContain(`${word("create", fleetEnv())}          MOSAIC_PATH=`);
    expect(fleet("agent", "add", "coder", "--start")).toMatchObject({ code: 0 });
    expect(shown("mosaic-agent@coder.service", "ActiveState")).toBe("active");
    const { checks } = JSON.parse(fleet("doctor", "--only", "agents,layout", "-o", "json").stdout);
    const failed = checks.filter(({ status }: { status: string }) => status === "fail");
    expect(failed).toEqual([]);
    expect(checks).toContainEqual(expect.objectContaining({ id: "agents.program", status: "pass" }));
    expect(fleet("uninstall", "--yes").stdout).toContain("Your settings stay: 2 files in ~/.config/mosaic/fleet\n");
    expect(existsSync(fleetEnv())).toBe(true);
  });

  test("is asked at a terminal, and written only after a yes; with --yes it is not asked", () => {
    const no = atTerminal([binary, "install"], "n");
    expect(no.code).toBe(0);
    expect(no.stdout).toContain("Agents do not find these yet:");
    expect(no.stdout).toContain("Why:  you did not want it; agents do not find claude (~/od");
    expect(existsSync(fleetEnv())).toBe(false);
    expect(atTerminal([binary, "install"], "y").code).toBe(0);
    expect(read(fleetEnv())).toContain("MOSAIC_PATH=");
    rmSync(fleetEnv());
    const yes = atTerminal([binary, "install", "--yes", "--restore"]);
    expect(yes.stdout).not.toContain("Agents do not find");
    expect(existsSync(fleetEnv())).toBe(true);
  });
});

/** systemctl that fails where this shell condition holds, and is the only way to the manager. */
function systemctlThatFails(condition: string): Record<string, string | undefined> {
  const folder = join(sandbox.root, "bin");
  const reach = `export XDG_RUNTIME_DIR=${sandbox.host.env.XDG_RUNTIME_DIR}`;
  const script = `#!/bin/sh\n${reach}\n${condition} && { echo no such luck >&2; exit 1; }\nexec /usr/bin/systemctl "$@"\n`;
  writeFiles(folder, { systemctl: script });
  inside(["chmod", "+x", join(folder, "systemctl")]);
  return { ...sandbox.host.env, PATH: `${folder}:${sandbox.host.env.PATH}`, XDG_RUNTIME_DIR: undefined };
}

describe("what fails when all is done is said, and that it is done", () => {
  test("install cannot tell what runs as before: 2", async () => {
    await earlierVersion();
    expect(systemctl("start", HOLDER_UNIT).code).toBe(0);
    const env = systemctlThatFails(`case "$*" in *list-units*) ;; *) false ;; esac`);
    const { code, stdout, stderr } = run([binary, "install", "-o", "json"], { cwd: home, env });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("It cannot be told what still runs") });
    expect(JSON.parse(stdout)).toMatchObject({ applied: true, version, problem: { next: ["mosaic-fleet doctor"] } });
    expect(read(script("tmux.conf"))).toBe(ours("tmux.conf"));
  });

  test("uninstall --purge cannot tell systemd that limits are gone: 71", () => {
    expect(fleet("install").code).toBe(0);
    const limits = join(paths.units, "mosaic-agent@a.service.d/10-mosaic-limits.conf");
    writeFiles(dirname(limits), { [basename(limits)]: "[Service]\nMemoryMax=64M\n" });
    const env = systemctlThatFails(`[ ! -e ${limits} ]`);
    const { code, stdout, stderr } = run([binary, "uninstall", "--purge", "--yes", "-o", "json"], { cwd: home, env });
    expect({ code, stderr }).toEqual({ code: 71, stderr: expect.stringContaining("systemd does not know it") });
    expect(JSON.parse(stdout)).toMatchObject({ applied: true, problem: { next: ["systemctl --user daemon-reload"] } });
    expect(existsSync(limits)).toBe(false);
  });
});

describe("with -o json there is one document, whatever keeps it from working", () => {
  const commands = ["install", "rollback", "uninstall"];
  const outside = (env: Record<string, string>, ...words: string[]) =>
    run([binary, ...words, "-o", "json"], { cwd: home, env: { ...sandbox.host.env, ...env } });
  const lock = () => join(paths.state, "install.lock");
  /** This process holds it. */
  const held = () => {
    const stat = read(`/proc/${process.pid}/stat`);
    symlinkSync(`${process.pid} ${stat.slice(stat.lastIndexOf(")")).split(" ")[20]}`, lock());
  };
  const folderInPlaceOf = (path: string) => {
    rmSync(path);
    mkdirSync(path);
  };
  for (const [what, code, prepare, env] of [
    ["there is no user manager", 69, () => {}, () => ({ XDG_RUNTIME_DIR: join(sandbox.root, "none") })],
    ["another run is not over", 69, held],
    ["the lock is a file of somebody's", 73, () => writeFileSync(lock(), "mine")],
    ["the receipt cannot be read", 78, () => writeFileSync(paths.receipt, "{")],
    ["a folder is in the receipt's place", 78, () => folderInPlaceOf(paths.receipt)],
  ] as [string, number, () => void, (() => Record<string, string>)?][]) {
    test(`${what}: ${code}`, async () => {
      await earlierVersion();
      expect(fleet("install").code).toBe(0);
      rmSync(script("tmux.conf"));
      writeFileSync(script("agent-pane.sh"), ours("agent-pane.sh").slice(0, -1), { mode: 0o700 });
      prepare();
      const before = treeOf(home);
      for (const command of commands) {
        const {
          code: is,
          stdout,
          stderr,
        } = outside(env?.() ?? {}, command, ...(command === "install" ? ["--restore"] : []));
        expect({ command, is, document: JSON.parse(stdout) }).toMatchObject({
          command,
          is: code,
          document: {
            schemaVersion: 1,
            applied: false,
            problem: { why: expect.stringMatching(/./), next: expect.arrayContaining([expect.stringMatching(/./)]) },
          },
        });
        expect(stderr).not.toBe("");
      }
      expect(treeOf(home)).toEqual(before);
    });
  }

  /** The command on a disk of its own, with what is in the home folder, after this was done to it. Prints what changed, too. */
  const onDisk = (prepare: string, through: string, ...words: string[]) => {
    const disk = join(sandbox.root, "disk");
    const look = `find ${home} ! -name '.mosaic-*' -printf '%y %m %P %l\\n' -type f ! -size +100k -exec sha256sum {} + | sort >${disk}.`;
    const script = `mkdir -p ${disk} && mount -t tmpfs -o size=2m none ${disk} && cp -a ${home}/. ${disk} && mount --bind ${disk} ${home} || exit 99
${prepare}
${look}before
${through} ${binary} ${words.join(" ")}
code=$?
${look}after
cmp -s ${disk}.before ${disk}.after || { echo differ; diff ${disk}.before ${disk}.after; } >&2
exit $code`;
    return inside(["unshare", "--mount", "--propagation", "private", "sh", "-c", script]);
  };
  // Root, and yet held to the modes of files.
  const likeAUser = "setpriv --bounding-set=-dac_override,-dac_read_search";
  for (const [what, code, prepare, through, look] of [
    ["the disk is full", 73, "cat /dev/zero >$HOME/filler 2>/dev/null", "", "df -h "],
    ["the disk is read-only", 73, "mount -o remount,bind,ro $HOME", "", "findmnt --target "],
    [
      "a folder of it is on a read-only disk",
      73,
      "cd $HOME/.config/mosaic/tools && mount --bind fleet fleet && mount -o remount,bind,ro fleet; cd /",
      "",
      "findmnt --target .*/mosaic/tools/fleet ",
    ],
    ["folders may not be written", 73, "find $HOME -type d -exec chmod a-w {} +", likeAUser, "namei -l "],
    ["the receipt may not be read", 78, `chmod 0 $HOME/.local/state/mosaic/fleet/receipt.json`, likeAUser, "namei -l "],
  ] as const)
    test.skipIf(process.getuid?.() !== 0)(
      `${what}: ${code}, all is as it was; what, why and what next are told`,
      async () => {
        await earlierVersion();
        expect(fleet("install").code).toBe(0);
        rmSync(script("tmux.conf"));
        writeFiles(paths.site, { "fleet.env": "A=b\n" });
        for (const words of [
          ["install", "--restore"],
          ["rollback"],
          ["uninstall"],
          ["uninstall", "--purge", "--yes"],
        ]) {
          const { code: is, stdout, stderr } = onDisk(prepare, through, ...words, "-o", "json");
          const again = ["mosaic-fleet", ...words.filter((word) => word !== "--yes")].join(" "); // as it was asked for
          const next = [expect.stringMatching(new RegExp(look)), again];
          expect({ words, is, document: JSON.parse(stdout), stderr }).toEqual({
            words,
            is: code,
            document: {
              schemaVersion: 1,
              applied: false,
              problem: {
                what: expect.stringMatching(/^(Nothing was|The layout was not) /),
                why: expect.stringMatching(/ENOSPC|EROFS|EACCES|No space left/),
                next,
              },
            },
            stderr: expect.not.stringContaining("differ"), // in what is on the disk
          });
        }
      },
    );

  test.skipIf(process.getuid?.() !== 0)(
    "settings that cannot be removed: 73, and the layout is; they are kept, in their place and in the archive",
    () => {
      expect(fleet("install").code).toBe(0);
      writeFiles(paths.site, { "notes/mine": "A=b\n" });
      const closed =
        "cd $HOME/.config/mosaic/fleet && mount --bind notes notes && mount -o remount,bind,ro notes; cd /";
      const kept = "find $HOME/.config -name mine >&2";
      const { code, stdout, stderr } = onDisk(closed, "", "uninstall", "--purge", "--yes", "-o", "json;", kept);
      expect({ code, ...JSON.parse(stdout) }).toMatchObject({
        code: 0, // of find
        problem: {
          what: "Not all of your settings were removed",
          why: expect.stringMatching(/^EROFS: .*mine'; all of them are kept in .*\.tar$/),
          next: [expect.stringMatching(/^findmnt --target .*\/notes /), "mosaic-fleet uninstall --purge"],
        },
      });
      expect(stderr).toContain(`\n${join(paths.site, "notes/mine")}\n`);
    },
  );

  test("wrong usage: 64", () => {
    for (const command of commands)
      for (const words of [["--no-such"], ["too-many"], ["--yes=1"]]) {
        const { code, stdout, stderr } = outside({}, command, ...words);
        expect([code, JSON.parse(stdout).problem.what, stderr]).toEqual([
          64,
          "Wrong usage",
          expect.stringContaining("Usage: "),
        ]);
      }
    const { code, stdout } = outside({}, "install", "--take", "/etc/passwd");
    expect([code, JSON.parse(stdout).problem.why]).toEqual([64, "/etc/passwd is no file of the layout"]);
    expect(treeOf(home)).toEqual({});
  });
});

test("without a user manager rollback and uninstall change nothing: 69", async () => {
  await earlierVersion();
  expect(fleet("install").code).toBe(0);
  const before = treeOf(home);
  for (const command of ["rollback", "uninstall"]) {
    const env = { ...sandbox.host.env, XDG_RUNTIME_DIR: join(sandbox.root, "none") };
    const { code, stderr } = run([binary, command], { cwd: home, env });
    expect({ command, code }).toEqual({ command, code: 69 });
    expect(stderr).toContain("the user manager cannot be reached");
  }
  expect(treeOf(home)).toEqual(before);
});
