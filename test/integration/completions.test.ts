import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { behindMounts, binary, run, temporaryFolder, writeFiles } from "../support/build.ts";

// The real completion of each shell, driven in a terminal of a private tmux server.

const folder = temporaryFolder();
const home = folder.path;
const env = { PATH: `${dirname(binary)}:${process.env.PATH}`, HOME: home, LC_ALL: "C.UTF-8", TERM: "xterm-256color" };

beforeAll(() => {
  writeFiles(join(home, ".config/mosaic/fleet/agents"), {
    "coder.env": "",
    "reviewer.env": "",
    "$(touch pwned).env": "",
    "`touch pwned`.env": "",
    "mosaic-canary-1-1.env": "",
    "dir.env/file": "",
  });
  writeFiles(join(home, "somewhere"), { file: "" });
});
afterAll(() => folder[Symbol.dispose]());

/** What the program answers to a shell. */
function asked(...words: string[]): string[] {
  const { code, stdout, stderr } = run([binary, "__complete", ...words], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t")[0] ?? "");
}

describe("what a shell is told", () => {
  for (const [words, has, hasNot] of [
    [[""], ["words", "doctor", "install", "completions", "help"], ["__complete"]],
    [["help", ""], ["words", "doctor"], ["help"]],
    [["-"], ["words", "--help", "--version"], ["doctor"]],
    [["frobnicate", ""], ["words"], ["doctor"]],
    [["doctor", "-"], ["--only", "--output", "--help"], []],
    [["doctor", "--pre", "-"], ["--only"], ["--pre"]],
    [["doctor", "--only", "tmux", "-"], ["--only"], []],
    [["doctor", "--only", ""], ["layout", "layout.files"], ["--pre"]],
    [["doctor", "--only=tmux,l"], ["--only=tmux,layout.files"], ["--only=tmux,tmux"]],
    [["doctor", "--fix", "layout.files", ""], ["layout"], ["layout.files"]],
    [["doctor", "-o", ""], ["json", "human"], ["layout"]],
    [["doctor", "--output=j"], ["--output=json"], []],
    [["doctor", "--", "-"], ["layout.files"], ["--only"]],
    [["install", ""], ["--dry-run"], []],
    [["install", "--take", ""], ["file"], []],
    [
      ["status", ""],
      ["coder", "reviewer"],
      ["$(touch pwned)", "`touch pwned`", "mosaic-canary-1-1", "dir"],
    ],
    [["agent", ""], ["start", "stop"], ["coder"]],
    [["agent", "start", "coder", ""], ["reviewer"], ["coder"]],
    [["completions", ""], ["bash", "zsh", "fish"], ["--help"]],
  ] as const) {
    test(words.join(" ") || "nothing", () => {
      const said = asked(...words);
      for (const word of has) expect(said).toContain(word);
      for (const word of hasNot) expect(said).not.toContain(word);
    });
  }

  test("without a home to look into: nothing, and no error", () => {
    const { code, stderr } = run([binary, "__complete", "doctor", ""], { env: { HOME: "/nonexistent" } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  const fuseIsHere = process.getuid?.() === 0 && existsSync("/dev/fuse");
  test.skipIf(!fuseIsHere)("of a folder that never answers: nothing, and not for ever (as root, with fuse)", () => {
    const agents = join(home, ".config/mosaic/fleet/agents");
    // A file system whose server has opened it and is never heard of again.
    const mount = `exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none '${agents}'`;
    const argv = [...behindMounts(mount), binary, "__complete", "agent", "start", ""];
    const begun = performance.now();
    expect(run(argv, { env, timeoutMs: 20_000 })).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(performance.now() - begun).toBeWithin(1900, 10_000);
  });

  test("costs no child process", () => {
    const log = join(home, "trace");
    run(["strace", "-f", "-e", "trace=execve", "-o", log, binary, "__complete", "doctor", "--only", ""], { env });
    expect(run(["grep", "-c", "execve(", log]).stdout.trim()).toBe("1");
  });
});

const SHELLS = {
  bash: { start: ["bash", "--norc", "--noprofile"], setUp: "PS1='> '; source <(mosaic-fleet completions bash)" },
  zsh: {
    start: ["zsh", "-f"],
    setUp: "PS1='> '; autoload -Uz compinit; compinit -D; source <(mosaic-fleet completions zsh)",
  },
  fish: { start: ["fish", "--no-config"], setUp: "mosaic-fleet completions fish | source" },
};

for (const [shell, { start, setUp }] of Object.entries(SHELLS)) {
  const there = run(["sh", "-c", `command -v ${shell}`]).code === 0;
  if (!there) console.log(`skipped: the completion of ${shell}, which is not installed`);
  describe.skipIf(!there)(`the completion of ${shell}`, () => {
    const socket = join(home, `${shell}.socket`);
    const tmux = (...words: string[]) => run(["tmux", "-S", socket, "-f", "/dev/null", ...words], { env });
    const screen = () => tmux("capture-pane", "-p").stdout;
    /** Waits until the screen shows it. */
    async function shows(wanted: RegExp): Promise<string> {
      for (const until = Date.now() + 10_000; Date.now() < until; await Bun.sleep(30))
        if (wanted.test(screen())) return screen();
      throw new Error(`no ${wanted} in:\n${screen()}`);
    }

    beforeAll(async () => {
      expect(tmux("new-session", "-d", "-x", "120", "-y", "40", "-c", home, ...start).code).toBe(0);
      tmux("send-keys", "-l", `${setUp}; echo set"-up"`);
      tmux("send-keys", "Enter");
      await shows(/^set-up$/m);
    });
    afterAll(() => void tmux("kill-server"));

    for (const [typed, becomes] of [
      ["mosaic-fleet can", "mosaic-fleet canary "],
      ["mosaic-fleet doctor --expl", "mosaic-fleet doctor --explain "],
      ["mosaic-fleet doctor --only layout.f", "mosaic-fleet doctor --only layout.files"],
      ["mosaic-fleet doctor --only tmux,layout.f", "mosaic-fleet doctor --only tmux,layout.files"],
      ["mosaic-fleet doctor --output=js", "mosaic-fleet doctor --output=json"],
      ["mosaic-fleet doctor -o gi", "mosaic-fleet doctor -o github"],
      ["mosaic-fleet agent start co", "mosaic-fleet agent start coder"],
      ["mosaic-fleet completions z", "mosaic-fleet completions zsh"],
      ["mosaic-fleet install --take some", "mosaic-fleet install --take somewhere/"],
      ["mosaic-fleet install --take=some", "mosaic-fleet install --take=somewhere/"],
    ] as const) {
      test(`${typed}<Tab>`, async () => {
        tmux("send-keys", "C-e", "C-u", "C-l"); // an empty line on an empty screen
        tmux("send-keys", "-l", typed);
        tmux("send-keys", "Tab");
        await shows(new RegExp(`${becomes.trim()}( |$)`, "m"));
        expect(existsSync(join(home, "pwned"))).toBe(false);
      });
    }

    test("a program that is gone is no error in the prompt", async () => {
      tmux("send-keys", "C-e", "C-u");
      tmux("send-keys", "-l", `${shell === "fish" ? "set PATH /usr/bin /bin" : "PATH=/usr/bin:/bin"}; clear`);
      tmux("send-keys", "Enter");
      await shows(/^[^\n]*[>#] *\n*$/);
      tmux("send-keys", "-l", "mosaic-fleet agent st");
      tmux("send-keys", "Tab");
      tmux("send-keys", "-l", "x");
      const line = /^[^\n]*[>#] mosaic-fleet agent stx *\n*$/;
      expect(await shows(/ st ?x/)).toMatch(line);
    });
  });
}
