import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { localHost } from "../../../src/adapters/local-host.ts";
import { agentProgram, commandArguments, hasOpenQuote } from "../../../src/core/agent-program.ts";
import { agentUnit } from "../../../src/core/names.ts";
import { pathsOf } from "../../../src/core/paths.ts";
import type { Agent } from "../../../src/doctor/agents.ts";
import { agentsProgram } from "../../../src/doctor/checks/agents-program.ts";
import type { Tools } from "../../../src/doctor/tools.ts";
import { temporaryFolder, tree, writeFiles } from "../../support/build.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const home = join(folder.path, "home");
const script = "#!/bin/sh\n";
writeFiles(home, {
  "bin/tool": script,
  "bin/plain": script,
  "bin/under_score": script,
  "launchers/mosaic": script,
  "launchers/claude": script,
  ".local/bin/claude": script,
  "work/run.sh": script,
  "work/tools/local": script,
  "work/notes": "text\n",
  "with space/bin/spaced": script,
});
for (const name of [
  "bin/tool",
  "bin/under_score",
  "launchers/mosaic",
  "launchers/claude",
  ".local/bin/claude",
  "work/run.sh",
  "work/tools/local",
  "with space/bin/spaced",
])
  chmodSync(join(home, name), 0o755);
mkdirSync(join(home, "bin/a-folder"));
symlinkSync("tool", join(home, "bin/linked"));
symlinkSync("nowhere", join(home, "bin/dangling"));

type Environment = Record<string, string>;
const base: Environment = { HOME: home, PATH: `${home}/bin:/usr/bin:/bin` };
const command = (text: string, more: Environment = {}): Environment => ({ MOSAIC_AGENT_COMMAND: text, ...more });
const work = { MOSAIC_AGENT_WORKDIR: "~/work" };

/** What the settings of an agent say, and whether start-agent-session.sh refuses it for its program (exit 69). */
const cases: readonly (readonly [settings: Environment, refused: boolean])[] = [
  [{}, true], // claude, which is not on PATH
  [{ MOSAIC_PATH: "~/.local/bin" }, false],
  [{ MOSAIC_PATH: `${home}/.local/bin` }, false],
  [{ MOSAIC_PATH: "$HOME/.local/bin" }, true],
  [{ MOSAIC_PATH: "/nonexistent:~/.local/bin" }, false],
  [{ MOSAIC_PATH: ":~/.local/bin:" }, false],
  [{ MOSAIC_PATH: "~/.local" }, true],
  [{ MOSAIC_PATH: "~root/.local/bin" }, true],
  [{ MOSAIC_PATH: "~/launchers" }, false], // through the launcher
  [{ MOSAIC_PATH: "~/launchers", MOSAIC_AGENT_RUNTIME: "codex" }, false], // the launcher's to judge
  [{ MOSAIC_AGENT_RUNTIME: "tool" }, false],
  [{ MOSAIC_AGENT_RUNTIME: "" }, true],
  [{ MOSAIC_AGENT_RUNTIME: "./run.sh", ...work }, false],
  [{ MOSAIC_AGENT_RUNTIME: "./run.sh" }, true],
  [{ MOSAIC_RUNTIME_BIN: "~/.local/bin/claude" }, false],
  [{ MOSAIC_RUNTIME_BIN: "~/.local/bin/codex" }, true],
  [{ MOSAIC_RUNTIME_BIN: "tool" }, false],
  [{ MOSAIC_RUNTIME_BIN: "~/work/notes" }, true],
  [{ MOSAIC_RUNTIME_BIN: "~/with space/bin/spaced" }, false],
  [{ MOSAIC_RUNTIME_BIN: "tool --flag" }, true],
  [{ PATH: "", MOSAIC_AGENT_RUNTIME: "tool" }, true],
  [{ PATH: "tools", MOSAIC_AGENT_RUNTIME: "local", ...work }, false],
  [{ PATH: "tools:/usr/bin", MOSAIC_AGENT_RUNTIME: "local" }, true],
  [{ HOME: `${home}/with space`, MOSAIC_PATH: "~/bin", MOSAIC_AGENT_RUNTIME: "spaced" }, false],
  [command("tool"), false],
  [command("tool --continue 'a b'"), false],
  [command("  tool"), false],
  [command("\ttool\t--x"), false],
  [command("no-such-tool"), true],
  [command("no-such-tool || tool"), true],
  [command("exec tool"), false],
  [command("exec no-such-tool"), true],
  [command("A=1 B=2 exec tool"), false],
  [command("A=1 no-such-tool"), true],
  [command("A= tool"), false], // the word before a blank ends in =, which is more than a plain word
  [command("A=$HOME tool"), false],
  [command("A='x y' no-such-tool"), false], // the quoted word is the shell's
  [command("A=x"), false],
  [command("exec"), false],
  [command("1A=x"), false], // no assignment, and no plain word
  [command("~/.local/bin/claude"), false],
  [command("~/.local/bin/codex"), true],
  [command("./run.sh", work), false],
  [command("./run.sh"), true],
  [command("tools/local", work), false],
  [command("under_score"), false],
  [command('"no-such-tool"'), false],
  [command("$TOOL"), false],
  [command("(no-such-tool)"), false],
  [command("no-such-tool;"), false],
  [command("cd /tmp && no-such-tool"), false],
  [command("while true; do tool; done"), false],
  [command("if true; then no-such-tool; fi"), false],
  [command(". ./run.sh"), false],
  [command("export A=1"), false],
  [command("source x"), true], // dash has no such word
  [command("plain"), true],
  [command("a-folder"), true],
  [command("linked"), false],
  [command("dangling"), true],
  [command(" "), false],
  [command("tool\nno-such-tool"), false],
  [command("\u00a0tool"), false], // a no-break space is part of the word
  [command("no-such-tool\u00a0x"), false],
];

/** The script's own lines, from the working folder up to where it would speak to tmux. */
async function scriptsOwn(): Promise<string> {
  const text = await Bun.file(join(tree, "assets/start-agent-session.sh")).text();
  const from = text.indexOf(`expand_home "\${MOSAIC_AGENT_WORKDIR:-$HOME}"`);
  const to = text.indexOf("# setting NAME VALUE");
  expect(from).toBeGreaterThan(0);
  expect(to).toBeGreaterThan(from);
  return `set -u\nname=coder env_file=e fleet_env=f\nrefuse() { exit "$1"; }\n. '${tree}/assets/fleet-functions.sh'\nadd_to_path\n${text.slice(from, to)}`;
}

/** Tools that know nothing but these agents: no user manager answers, which another check tells. */
function toolsFor(environments: readonly Environment[]): Tools {
  const host = { ...localHost(), user: { uid: 0, name: "somebody", home }, env: { PATH: "/usr/bin" } };
  const agents = environments.map((environment, index): Agent => {
    const name = `agent-${index}`;
    return {
      name,
      unit: agentUnit(name),
      file: undefined,
      loaded: undefined,
      enabled: true,
      mask: undefined,
      pane: undefined,
      environment,
      program: agentProgram(environment, home),
    };
  });
  const managerState = () => Promise.reject(new Error("no user manager"));
  const tools = {
    host,
    paths: pathsOf(host),
    managerState,
    agents: async () => agents,
    settings: async () => undefined,
  };
  return tools as unknown as Tools;
}

describe("an agent's program is looked for as start-agent-session.sh does it", () => {
  test("exit 69 exactly where the check says that it is not found", async () => {
    const own = await scriptsOwn();
    const environments = cases.map(([settings]) => ({ ...base, ...settings }));
    const result = await agentsProgram.run(toolsFor(environments));
    if (result.status === "skip") throw new Error("nothing was looked at");
    const seen = cases.map(([settings, refused], index) => {
      const { PATH, ...env } = environments[index] as Environment & { PATH: string };
      // /bin/sh is given its PATH inside, so that a strange one does not keep it from starting.
      const child = Bun.spawnSync(["/bin/sh", "-c", own], { cwd: home, env: { ...env, PATH }, stderr: "pipe" });
      const subject = result.subjects?.find((each) => each.subject === `agent-${index}`);
      return {
        settings,
        wanted: refused,
        script: child.exitCode === 69 ? true : child.exitCode === 0 ? false : `exit ${child.exitCode}: ${child.stderr}`,
        check: subject?.status === "fail",
      };
    });
    expect(seen.filter(({ wanted, script, check }) => script !== wanted || check !== wanted)).toEqual([]);
  });

  test("a file that is no program by its whole path: dash's command -v takes it, the pane then fails", async () => {
    const result = await agentsProgram.run(toolsFor([{ ...base, ...command("~/work/notes") }]));
    expect(result).toMatchObject({
      status: "fail",
      message: expect.stringContaining("~/work/notes is not executable"),
    });
  });
});

test("the folders of the PATH are those of MOSAIC_PATH, then PATH", () => {
  const { path } = agentProgram({ HOME: "/h", MOSAIC_PATH: "~/a:/b", PATH: "/usr/bin:/bin" }, "/other");
  expect(path).toEqual(["/h/a", "/b", "/usr/bin", "/bin"]);
});

test("the home folder is the one that the unit's environment names", () => {
  expect(agentProgram({ HOME: "/h" }, "/other").workdir).toBe("/h");
  expect(agentProgram({}, "/other").workdir).toBe("/other");
  expect(agentProgram({ HOME: "/h", MOSAIC_AGENT_WORKDIR: "~/w" }, "/other").workdir).toBe("/h/w");
});

test("assignments before a command are no arguments", () => {
  expect(commandArguments(" A=b exec tool --x y")).toBe("tool --x y");
  expect(commandArguments("A=b")).toBe("A=b");
});

test("a quote that is never closed is found where a shell finds one", () => {
  for (const command of [
    "sleep 5",
    "sleep '5",
    'sleep "5',
    'sleep 5"',
    "echo don't",
    "echo don\\'t",
    'echo "don\'t"',
    "echo 'a\"b'",
    'echo "a\\"b"',
    'echo "a\\"',
    "sleep 5 # don't",
    "sleep 5# don't",
    "sleep 5;# don't",
    "echo ''#'",
  ]) {
    const { exitCode } = Bun.spawnSync(["sh", "-n", "-c", command], { stderr: "ignore" });
    expect({ command, open: hasOpenQuote(command) }).toEqual({ command, open: exitCode !== 0 });
  }
});
