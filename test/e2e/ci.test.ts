import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { validateAction, validateWorkflow } from "@action-validator/core";
import { version } from "../../package.json";
import { canaryReportSchema } from "../../src/canary/schema.ts";
import { binary, bun, type Run, run, temporaryFolder, tree, writeFiles } from "../support/build.ts";
import { openContainer } from "../support/container.ts";
import { rootOf, whyNot } from "../support/machine-root.ts";
import { listSums, native } from "../support/release.ts";
import { type ReleaseServer, releaseServer } from "../support/release-server.ts";

// action.yml and the snippets of docs/ci as a CI runs them, with the real binary out of a release on a loopback server.

const isRoot = process.getuid?.() === 0;
let work: ReturnType<typeof temporaryFolder>;
let server: ReleaseServer;
/** Of a release with the binary itself. */
let address: string;
let small: ReleaseServer;
/** Of one whose binary is a stand-in of a few bytes that starts it: quick to be had. */
let quick: string;

/** A release for this machine, as scripts/release makes it, whose binary is what is written there. */
function makeRelease(folder: string, write: (path: string) => void): ReleaseServer {
  mkdirSync(folder);
  const name = `mosaic-fleet-${version}-${native}`;
  write(join(folder, name));
  run(["xz", "-0", "--keep", name], { cwd: folder });
  writeFileSync(join(folder, "install.sh"), run([bun, "scripts/release-installer.ts", folder, version]).stdout);
  listSums({ folder });
  return releaseServer(folder);
}

beforeAll(() => {
  work = temporaryFolder();
  server = makeRelease(join(work.path, "release"), (path) => copyFileSync(binary, path));
  // In the container the binary is in the folder that it shares.
  const either = `[ -e '${binary}' ] && exec '${binary}' "$@"; exec /release/binary "$@"`;
  small = makeRelease(join(work.path, "small"), (path) => writeFileSync(path, `#!/bin/sh\n${either}\n`));
  [address, quick] = [server, small].map(({ port }) => `http://127.0.0.1:${port}/vVERSION`) as [string, string];
});
afterAll(() => {
  server[Symbol.dispose]();
  small[Symbol.dispose]();
  work[Symbol.dispose]();
});

type Env = Readonly<Record<string, string>>;

/** As a CI starts it: nothing of this machine's own but PATH, HOME and the user's name. */
async function start(argv: readonly string[], cwd: string, env: Env): Promise<Run> {
  const { PATH = "", HOME = "/root", USER = "root" } = process.env;
  const child = Bun.spawn([...argv], {
    cwd,
    env: { PATH, HOME, USER, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

/** A folder with a copy of scripts/ci, as a repository that uses it has it. */
function repository(name: string): string {
  const folder = join(work.path, name);
  cpSync(join(tree, "scripts/ci"), join(folder, "scripts/ci"), { recursive: true });
  return folder;
}

function yaml<T>(path: string): T {
  return Bun.YAML.parse(readFileSync(join(tree, path), "utf8")) as T;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: {
    readonly steps: readonly {
      readonly name: string;
      readonly run: string;
      readonly shell: string;
      readonly env?: Env;
    }[];
  };
}
interface Gitlab {
  readonly "mosaic-fleet": {
    readonly script: string[];
    readonly variables: Env;
    readonly artifacts: { readonly paths: string[]; readonly reports: { readonly junit: string } };
  };
}
interface Woodpecker {
  readonly steps: readonly { readonly commands: string[]; readonly environment: Env }[];
}
interface Workflow {
  readonly jobs: { readonly fleet: { readonly steps: readonly { readonly with: Env }[] } };
}

/** Every value of these keys, wherever in a document. */
function valuesOf(document: unknown, ...keys: string[]): unknown[] {
  if (typeof document !== "object" || document === null) return [];
  return Object.entries(document).flatMap(([key, value]) => [
    ...(keys.includes(key) ? [value].flat() : []),
    ...valuesOf(value, ...keys),
  ]);
}

const SCRIPT = /^sh (?:"\$GITHUB_ACTION_PATH\/(scripts\/ci\/[a-z]+\.sh)"|(scripts\/ci\/[a-z]+\.sh))$/;

describe("every shell step", () => {
  const shell: [where: string, commands: unknown[]][] = [
    ["action.yml", valuesOf(yaml("action.yml"), "run")],
    ["docs/ci/github.yml", valuesOf(yaml("docs/ci/github.yml"), "run")],
    ["docs/ci/gitlab.yml", valuesOf(yaml("docs/ci/gitlab.yml"), "script", "before_script", "after_script")],
    ["docs/ci/woodpecker.yml", valuesOf(yaml("docs/ci/woodpecker.yml"), "commands", "entrypoint")],
    ["docs/ci/container.md", containerWords().command],
  ];

  test("is a script in the tree, and nothing else", () => {
    for (const [where, commands] of shell) {
      for (const command of commands) {
        const [, ours, theirs] = SCRIPT.exec(String(command)) ?? [];
        expect([where, command, existsSync(join(tree, ours ?? theirs ?? "nothing"))]).toEqual([where, command, true]);
      }
    }
    expect(shell.map(([where, commands]) => `${where} ${commands.length}`)).toEqual([
      ...["action.yml 3", "docs/ci/github.yml 0", "docs/ci/gitlab.yml 3", "docs/ci/woodpecker.yml 3"],
      "docs/ci/container.md 1",
    ]);
  });

  test("and no file of docs/ci is left out of this", () => {
    const known = ["README.md", ...shell.map(([where]) => where.replace("docs/ci/", ""))];
    expect(readdirSync(join(tree, "docs/ci")).filter((name) => !known.includes(name))).toEqual([]);
  });
});

/** The words of `docker run` in docs/ci/container.md: what comes after the image is the command. */
function containerWords(): { command: string[]; variables: string[] } {
  const text = readFileSync(join(tree, "docs/ci/container.md"), "utf8");
  const [block = "", ...more] = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
  if (more.length > 0) throw new Error("docs/ci/container.md has more than one command");
  const words = block.replaceAll("\\\n", " ").trim().split(/\s+/);
  const image = words.indexOf("debian:bookworm");
  const variables = words.filter((_, index) => words[index - 1] === "-e").map((word) => word.split("=")[0] ?? "");
  return { command: image > 0 ? [words.slice(image + 1).join(" ")] : [], variables };
}

describe("action.yml", () => {
  const action = yaml<Action>("action.yml");

  test("is an action, and the snippet a workflow, by GitHub's own schemas", () => {
    const read = (path: string) => readFileSync(join(tree, path), "utf8");
    expect(validateAction(read("action.yml")).errors).toEqual([]);
    expect(validateWorkflow(read("docs/ci/github.yml")).errors).toEqual([]);
    // They tell what is none.
    expect(validateAction(read("action.yml").replace("shell: bash", "shel: bash")).errors).not.toEqual([]);
    expect(validateWorkflow(read("docs/ci/github.yml").replace("runs-on", "run-on")).errors).not.toEqual([]);
  });

  test("has the inputs and outputs that it says, each used; none comes into a shell's text", () => {
    expect(Object.keys(action.inputs)).toEqual(["version", "base-url", "args"]);
    expect(Object.keys(action.outputs)).toEqual(["verdict", "report"]);
    for (const step of action.runs.steps) {
      expect(step.shell).toBe("bash");
      expect(step.run).not.toContain("${{");
    }
    const used = new Set([...JSON.stringify(action.runs).matchAll(/\$\{\{ ([^}]*) \}\}/g)].map(([, what]) => what));
    expect([...used].sort()).toEqual(["inputs.args", "inputs.base-url", "inputs.version", "runner.temp"]);
    for (const [name, { value }] of Object.entries(action.outputs))
      expect(value).toBe(`\${{ steps.canary.outputs.${name} }}`);
    expect(Object.keys(yaml<Workflow>("docs/ci/github.yml").jobs.fleet.steps[0]?.with ?? {}).sort()).toEqual(
      Object.keys(action.inputs).sort(),
    );
  });

  interface Ran {
    readonly code: number;
    readonly log: string;
    readonly outputs: Record<string, string>;
    readonly summary: string;
  }

  /**
   * As the runner does it: step after step until one fails, each a file that bash is given. `last`: only the last one, on
   * what an earlier run of that name has downloaded.
   */
  async function runAction(name: string, inputs: Env, last = false): Promise<Ran> {
    const folder = join(work.path, name);
    const temp = join(folder, "temp");
    mkdirSync(temp, { recursive: true });
    const files = Object.fromEntries(
      ["OUTPUT", "STEP_SUMMARY", "PATH"].map((each) => [`GITHUB_${each}`, join(folder, each)]),
    );
    for (const path of Object.values(files)) writeFileSync(path, "");
    const defaults = Object.fromEntries(
      Object.entries(action.inputs).map(([key, input]) => [key, input.default ?? ""]),
    );
    const filled = (text: string) =>
      text
        .replace(/\$\{\{ runner\.temp \}\}/g, () => temp)
        .replace(/\$\{\{ inputs\.([a-z-]+) \}\}/g, (_, key) => ({ ...defaults, ...inputs })[key] ?? "");
    let log = "";
    let code: number | null = 0;
    for (const step of action.runs.steps.slice(last ? -1 : 0)) {
      const script = join(temp, `${Bun.hash(step.name)}.sh`);
      writeFileSync(script, step.run);
      const env = Object.fromEntries(Object.entries(step.env ?? {}).map(([key, value]) => [key, filled(value)]));
      const argv = ["bash", "--noprofile", "--norc", "-eo", "pipefail", script];
      const ran = await start(argv, folder, { ...files, ...env, GITHUB_ACTIONS: "true", GITHUB_ACTION_PATH: tree });
      log += ran.stdout + ran.stderr;
      code = ran.code;
      if (code !== 0) break;
    }
    const lines = readFileSync(files.GITHUB_OUTPUT ?? "", "utf8")
      .split("\n")
      .filter(Boolean);
    const outputs = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
    return { code: code ?? -1, log, outputs, summary: readFileSync(files.GITHUB_STEP_SUMMARY ?? "", "utf8") };
  }

  test.skipIf(!isRoot)(
    "downloads, verifies, looks at the machine, proves the fleet, and says so on the run's page",
    async () => {
      const { code, log, outputs, summary } = await runAction("a pass", {
        "base-url": address,
        version,
        args: "--sandbox --only agent",
      });
      expect(log).toContain("SHA-256 good");
      expect(log).toMatch(/^::notice title=mosaic-fleet canary::holds/m);
      expect(outputs.verdict).toBe("pass");
      const report = outputs.report ?? "";
      expect(readdirSync(report).sort()).toEqual(["canary.json", "canary.xml", "doctor.md"]);
      expect(canaryReportSchema.parse(JSON.parse(readFileSync(join(report, "canary.json"), "utf8"))).verdict).toBe(
        "pass",
      );
      expect(readFileSync(join(report, "canary.xml"), "utf8")).toContain('failures="0"');
      expect(summary).toContain("# mosaic-fleet canary: holds");
      expect(summary).toContain("# mosaic-fleet doctor");
      expect(code).toBe(0);
    },
    60_000,
  );

  test("the half is no pass", async () => {
    const { code, outputs, summary } = await runAction("the half", {
      "base-url": quick,
      version,
      args: "--level tmux",
    });
    expect(outputs.verdict).toBe("tmux-only");
    expect(summary).toContain("no pass of the whole");
    expect(code).toBe(0);
  });

  test("what does not end well fails the step, with its verdict, and leaves the evidence", async () => {
    const { code, log, outputs } = await runAction("the half", { args: "--level tmux --timeout 0.001" }, true);
    expect(log).toContain("::error title=");
    expect(outputs.verdict).toBe("unknown");
    expect(readdirSync(join(outputs.report ?? "", "evidence"))).toContain("report.json");
    expect(code).toBe(2);
  });

  test("words with which nothing is tried are no pass, and a page that cannot be written takes nothing from the verdict", async () => {
    const help = await runAction("the half", { args: "--help" }, true);
    expect(help.log).toContain("canary.sh: with these MOSAIC_ARGS nothing is tried: --help\n");
    expect({ code: help.code, outputs: help.outputs.verdict }).toEqual({ code: 64, outputs: "none" });

    const nowhere = join(work.path, "nowhere/page");
    const env = {
      MOSAIC_DIR: join(work.path, "the half/temp/mosaic-fleet"),
      MOSAIC_ARGS: "--level tmux --only server",
      GITHUB_OUTPUT: nowhere,
      GITHUB_STEP_SUMMARY: nowhere,
    };
    const { code, stderr } = await start(["sh", join(tree, "scripts/ci/canary.sh")], work.path, env);
    expect(stderr.split(nowhere)).toHaveLength(3); // of each of both
    expect(code).toBe(0);
  });

  test("of no words, or nothing but blanks, the canary comes in a sandbox; lines may end as on Windows (a stand-in tells its words)", async () => {
    const dir = join(work.path, "words it is told");
    writeFiles(dir, { "mosaic-fleet": `#!/bin/sh\n[ "$1" != canary ] || printf '<%s>' "$@" >"\${0%/*}/told"\n` });
    chmodSync(join(dir, "mosaic-fleet"), 0o755);
    for (const [args, words] of [
      [undefined, ["--sandbox"]],
      ["", ["--sandbox"]],
      [" \t\r\n ", ["--sandbox"]],
      ["--level\r\n  tmux\r\n", ["--level", "tmux"]],
      ["'a b' * \\", ["'a", "b'", "*", "\\"]],
    ] as const)
      for (const shell of [["dash"], ["busybox", "sh"], ["bash"]]) {
        const env = { MOSAIC_DIR: dir, ...(args === undefined ? {} : { MOSAIC_ARGS: args }) };
        await start([...shell, join(tree, "scripts/ci/canary.sh")], work.path, env);
        const told = readFileSync(join(dir, "told"), "utf8");
        const wanted = ["canary", ...words, "-o", "json", "--report", join(dir, "report/evidence")];
        expect([args, told]).toEqual([args, wanted.map((word) => `<${word}>`).join("")]);
      }
  });

  test("what a workflow gives is words: no part of it is run, and no pattern is filled in", async () => {
    const evil = '"; touch evil; echo "$(touch evil)`touch evil` * $IFS';
    for (const inputs of [
      { args: evil },
      { args: "--level tmux --only *" },
      { "base-url": `${address}/${evil}`, version },
      { "base-url": address, version: evil },
    ]) {
      const { code, log, outputs } = await runAction("the half", inputs, "args" in inputs);
      expect(existsSync(join(work.path, "the half/evil"))).toBe(false);
      expect(code).toBeGreaterThan(0);
      expect(outputs.verdict ?? "none").toBe("none");
      if (inputs.args?.endsWith("*")) expect(log).toContain("no step *");
    }
  });

  test("nothing is run of what is not whole, not the release's, or not from where it should be", async () => {
    const bad: [what: string, manner: ReleaseServer["manner"], baseUrl: string, code: number, said: RegExp][] = [
      [
        "half an install.sh",
        [["install.sh", "short"]],
        address,
        69,
        /is no install\.sh of a release, or not all of it/,
      ],
      ["no release", [["install.sh", "gone"]], address, 69, /cannot download/],
      ["another binary", [[".xz", "wrong"]], address, 65, /is not what the release has/],
      ["a way that proves nothing", [], "http://mirror.example/vVERSION", 64, /http:\/\/ does not/],
      [
        "a host behind the machine's own name",
        [],
        "http://127.0.0.1:80@mirror.example",
        64,
        /from http:\/\/mirror\.example: /,
      ],
      ["a host before the machine's own name", [], "http://mirror.example?@127.0.0.1", 64, /has a blank, \?, # or \\/],
      ["a word", [], "mirror.example", 64, /neither https:\/\/… nor the whole path/],
    ];
    for (const [what, manner, baseUrl, wanted, said] of bad) {
      server.manner = manner;
      const { code, log, outputs } = await runAction(`bad ${what}`, { "base-url": baseUrl, version });
      expect([what, code]).toEqual([what, wanted]);
      expect(log).toMatch(said);
      expect(outputs).toEqual({});
    }
    server.manner = [];
    const { code, log } = await runAction("bad no version", { "base-url": address });
    expect(log).toContain("MOSAIC_VERSION is not set");
    expect(code).toBe(64);
  });
});

describe("download.sh and an address with a password", () => {
  test("takes it, and no program that is started has it in its words, nor do its messages", async () => {
    const [log, path] = [join(work.path, "words"), join(work.path, "watched")];
    mkdirSync(log);
    // Each to a file of its own: how large one may grow is limited for curl.
    const watched = (tool: string) => `#!/bin/sh\nprintf '%s\\n' "$0 $*" >${log}/$$\nexec ${Bun.which(tool)} "$@"\n`;
    writeFiles(path, Object.fromEntries(["curl", "sh", "sed", "mktemp"].map((tool) => [tool, watched(tool)])));
    for (const tool of readdirSync(path)) chmodSync(join(path, tool), 0o755);
    for (const shell of [["dash"], ["busybox", "sh"], ["bash", "--posix"]])
      for (const [manner, wanted] of [
        ["guarded", 0],
        ["gone", 69],
      ] as const) {
        small.manner = [["", manner]];
        small.authorized.length = 0;
        const env = {
          PATH: `${path}:${process.env.PATH}`,
          MOSAIC_DIR: join(work.path, `password-${shell[0]}-${manner}`),
          MOSAIC_BASE_URL: `http://ada:se%40cret@127.0.0.1:${small.port}/vVERSION`,
          MOSAIC_VERSION: version,
        };
        const argv = [Bun.which(shell[0] ?? "") ?? "", ...shell.slice(1), join(tree, "scripts/ci/download.sh")];
        const { code, stdout, stderr } = await start(argv, work.path, env);
        expect([code, code === wanted ? "" : stdout + stderr]).toEqual([wanted, ""]);
        expect(stdout + stderr).toContain(`http://127.0.0.1:${small.port}/v${version}/`);
        const words = readdirSync(log).map((each) => readFileSync(join(log, each), "utf8"));
        expect(words.join("")).toContain("/curl ");
        expect(stdout + stderr + words.join("")).not.toContain("cret");
        if (manner === "guarded") expect(small.authorized.at(-1)).toBe(`Basic ${btoa("ada:se@cret")}`);
      }
    small.manner = [];
  });

  test("one that is refused is not shown either", async () => {
    for (const address of [
      "http://ada:secret@mirror.example",
      "https://ada:se/cret@mirror.example",
      "https://ada:se cret@mirror.example",
      "https://ada:se?cret@mirror.example",
      "HTTPS://ada:secret@mirror.example",
      "ftp://ada:secret@mirror.example",
      "https:/ada:secret@mirror.example/x",
      "ada:secret@mirror.example",
    ]) {
      const env = { MOSAIC_BASE_URL: address, MOSAIC_DIR: join(work.path, "password-refused") };
      const { code, stdout, stderr } = await start(["sh", join(tree, "scripts/ci/download.sh")], work.path, env);
      expect([address, code]).toEqual([address, 64]);
      expect(stdout + stderr).not.toContain("cret");
      expect(existsSync(env.MOSAIC_DIR)).toBe(false);
    }
  });
});

describe.skipIf(!isRoot)("the snippets", () => {
  const gitlab = yaml<Gitlab>("docs/ci/gitlab.yml")["mosaic-fleet"];
  const [woodpecker] = yaml<Woodpecker>("docs/ci/woodpecker.yml").steps;
  const snippets: [name: string, commands: string[], variables: Env][] = [
    ["gitlab", gitlab.script, gitlab.variables],
    ["woodpecker", woodpecker?.commands ?? [], woodpecker?.environment ?? {}],
  ];
  for (const [name, commands, variables] of snippets) {
    test(`${name}: what stands there passes, and leaves what is to be kept`, async () => {
      const folder = repository(name);
      const env = {
        ...variables,
        MOSAIC_BASE_URL: quick,
        MOSAIC_VERSION: version,
        MOSAIC_ARGS: `${variables.MOSAIC_ARGS} --only agent`,
      };
      for (const command of commands) {
        const { code, stdout, stderr } = await start(["sh", "-ec", command], folder, env);
        expect([command, code, code === 0 ? "" : stdout + stderr]).toEqual([command, 0, ""]);
      }
      expect(Object.keys(variables)).toEqual(["MOSAIC_BASE_URL", "MOSAIC_VERSION", "MOSAIC_ARGS"]);
      const { artifacts } = gitlab;
      for (const path of [...artifacts.paths, artifacts.reports.junit])
        expect(existsSync(join(folder, path))).toBe(true);
    }, 60_000);
  }

  const reason = whyNot();
  test.skipIf(reason !== undefined)(
    "a plain container: the whole with privileges; without, 69, and the tmux half",
    () => {
      const folder = repository("container");
      cpSync(join(work.path, "small"), join(folder, "files"), { recursive: true });
      copyFileSync(binary, join(folder, "binary"));
      using container = openContainer(rootOf("bookworm"), folder);
      const { command, variables } = containerWords();
      expect(variables).toEqual(["MOSAIC_BASE_URL", "MOSAIC_VERSION"]);
      const inside = (args: string, ...options: string[]) =>
        container.run(
          ["sh", "-ec", `cp -r /release/scripts . && ${command[0]}`],
          ...["--chdir=/srv", "--setenv=MOSAIC_BASE_URL=/release/files", `--setenv=MOSAIC_VERSION=${version}`],
          ...[`--setenv=MOSAIC_ARGS=${args}`, ...options],
        );
      const whole = inside("--sandbox --only agent");
      expect([whole.code, whole.stdout]).toEqual([
        0,
        expect.stringContaining("holds: every promise that was tried is kept"),
      ]);
      // As on a hosted runner: a user without a manager, who may become root.
      const user = inside("--sandbox --only agent", "--user=ada", "--chdir=/home/ada");
      expect([user.code, user.stdout]).toEqual([
        0,
        expect.stringContaining("holds: every promise that was tried is kept"),
      ]);
      const bare = inside("--sandbox", "--drop-capability=all");
      expect([bare.code, bare.stdout]).toEqual([69, expect.stringContaining("mosaic-fleet canary --level tmux")]);
      const half = inside("--level tmux", "--drop-capability=all");
      expect([half.code, half.stdout]).toEqual([0, expect.stringContaining("the tmux half holds")]);
    },
    60_000,
  );
});

describe("prepare.sh", () => {
  /** A PATH with stand-ins, and of this machine no more than is named. */
  function pathWith(name: string, standIns: Env, ...real: string[]): string {
    const folder = join(work.path, name);
    writeFiles(
      folder,
      Object.fromEntries(Object.entries(standIns).map(([tool, text]) => [tool, `#!/bin/sh\n${text}\n`])),
    );
    for (const tool of Object.keys(standIns)) chmodSync(join(folder, tool), 0o755);
    for (const tool of ["sh", "tr", "env", ...real])
      run(["ln", "-s", Bun.which(tool) ?? "/nonexistent", join(folder, tool)]);
    return folder;
  }
  const prepare = (PATH: string, log = "/dev/null") =>
    start(["sh", join(tree, "scripts/ci/prepare.sh")], tree, { PATH, LOG: log });

  test("does nothing where all is there", async () => {
    const { code, stdout } = await start(["sh", "scripts/ci/prepare.sh"], tree, {});
    expect([code, stdout]).toEqual([0, "prepare.sh: all is there\n"]);
  });

  test("as root it installs what is missing, and looks again (apt-get is a stand-in)", async () => {
    const log = join(work.path, "apt.log");
    const apt = 'echo "$@" >>"$LOG"\ncase $1 in install) ln -s "$(command -v env)" "$(dirname "$0")/tmux" ;; esac';
    const path = pathWith("root", { "apt-get": apt, id: "echo 0" }, "curl", "flock", "systemctl", "ln", "dirname");
    const { code } = await prepare(path, log);
    expect(readFileSync(log, "utf8")).toBe("update --quiet\ninstall --yes --no-install-recommends tmux\n");
    expect(code).toBe(0);
  });

  test("where nothing came of it, and where it may not install, it says what is missing: 69", async () => {
    const idle = await prepare(pathWith("idle", { "apt-get": "exit 0", id: "echo 0" }, "curl", "flock", "systemctl"));
    expect([idle.code, idle.stderr]).toEqual([69, expect.stringContaining("still missing: tmux")]);
    const user = await prepare(
      pathWith("user", { "apt-get": "exit 0", id: "echo 1000", sudo: "exit 1" }, "curl", "flock", "systemctl"),
    );
    expect(user.stderr).toContain("sudo apt-get install --yes --no-install-recommends tmux");
    expect(user.code).toBe(69);
    const none = await prepare(pathWith("none", { id: "echo 0" }));
    expect(none.stderr).toContain("Found none of apt-get");
    expect(none.code).toBe(69);
  });
});
