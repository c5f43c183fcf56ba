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

/** Started as a CI starts it, in `cwd`, to be cancelled: what it says goes to `log`. */
function begin(argv: readonly string[], cwd: string, env: Env, log: string) {
  const { PATH = "", HOME = "/root" } = process.env;
  return Bun.spawn([...argv], {
    cwd,
    env: { PATH, HOME, ...env },
    stdin: "ignore",
    stdout: Bun.file(log),
    stderr: Bun.file(`${log}.errors`),
  });
}

/** The seconds until it has ended, at most as many as GitHub waits before it sends a harder signal. */
async function endedWithin(child: Bun.Subprocess): Promise<number> {
  const begun = performance.now();
  await Promise.race([child.exited, Bun.sleep(7500)]);
  return (performance.now() - begun) / 1000;
}

/** Waits until it is so. */
async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; !what(); tries++) {
    if (tries > 1000) throw new Error(`not within 10 s: ${what}`);
    await Bun.sleep(10);
  }
}

/** The folder of this user in a test, who has no entry anywhere and no manager. */
const nobody = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"];

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

const SCRIPT = /^(?:exec )?sh (?:"\$GITHUB_ACTION_PATH\/(scripts\/ci\/[a-z]+\.sh)"|(scripts\/ci\/[a-z]+\.sh))$/;

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
    expect(validateAction(read("action.yml").replace("shell: sh", "shel: sh")).errors).not.toEqual([]);
    expect(validateWorkflow(read("docs/ci/github.yml").replace("runs-on", "run-on")).errors).not.toEqual([]);
  });

  test("has the inputs and outputs that it says, each used; none comes into a shell's text", () => {
    expect(Object.keys(action.inputs)).toEqual(["version", "base-url", "args"]);
    expect(Object.keys(action.outputs)).toEqual(["verdict", "report"]);
    for (const step of action.runs.steps) {
      // A container may have no bash; and who cancels a job tells the step's first process alone.
      expect([step.shell, step.run.slice(0, 8)]).toEqual(["sh", "exec sh "]);
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
   * As the runner does it: step after step until one fails, each a file that sh is given. `last`: only the last one, on
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
      const argv = ["sh", "-e", script];
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

  test.skipIf(!isRoot)(
    "a job that is cancelled ends at once, with all that the canary has started, and says what it came to",
    async () => {
      const folder = join(work.path, "the half");
      const output = join(folder, "cancelled");
      const step = join(folder, "cancelled.sh");
      writeFileSync(step, action.runs.steps.at(-1)?.run ?? "");
      writeFileSync(output, "");
      const env = {
        GITHUB_ACTIONS: "true",
        GITHUB_ACTION_PATH: tree,
        GITHUB_OUTPUT: output,
        MOSAIC_DIR: join(folder, "temp/mosaic-fleet"),
        MOSAIC_ARGS: "--sandbox --chaos --for 60s",
      };
      const child = begin(["sh", "-e", step], folder, env, join(folder, "cancelled.log"));
      const sandbox = () => {
        const [canary] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
        return readdirSync("/dev/shm").find((name) => name.startsWith(`mosaic-sandbox-${canary}-`));
      };
      await until(() => existsSync(`/dev/shm/${sandbox()}/run/systemd/private`));
      const left = sandbox();
      child.kill("SIGINT"); // of GitHub, to the step's first process alone
      expect(await endedWithin(child)).toBeLessThan(5);
      expect(child.exitCode).toBe(2);
      expect(readFileSync(output, "utf8")).toStartWith("verdict=unknown\nreport=");
      expect(readdirSync("/dev/shm")).not.toContain(left);
    },
    30_000,
  );

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

  test("a version is one: neither a word, nor a way to another folder; and no message begins a line of its own", async () => {
    const command = "::set-output name=verdict::pass";
    for (const bad of ["latest", "..", "../x", "-x", "vv1.2.3", "1.2", " ", `1.2.3\n${command}`, `1.2.3\r${command}`]) {
      const { code, log } = await runAction("bad version", { "base-url": quick, version: bad });
      expect([bad, code]).toEqual([bad, 64]);
      expect(log).toContain("MOSAIC_VERSION is no version, such as 1.2.3: '");
      expect(log).not.toMatch(/[\r\n]::/);
    }
    for (const good of [`v${version}`, version]) {
      const { code } = await runAction("good version", { "base-url": quick, version: good, args: "--help" });
      expect([good, code]).toEqual([good, 64]); // of the canary that is not tried
    }
    const env = { MOSAIC_BASE_URL: `/nowhere\n${command}`, MOSAIC_DIR: join(work.path, "bad base") };
    const { code, stderr } = await start(["sh", join(tree, "scripts/ci/download.sh")], work.path, env);
    expect([code, stderr]).toEqual([64, expect.not.stringContaining("::")]);
  });

  test("a folder whose name would be a line of its own in what GitHub reads is refused", async () => {
    const folder = join(work.path, "a line's\nverdict=pass");
    mkdirSync(folder);
    writeFileSync(join(folder, "mosaic-fleet"), "#!/bin/sh\n", { mode: 0o755 });
    const [output, path] = [join(work.path, "no output"), join(work.path, "no path")];
    const env = { MOSAIC_DIR: folder, MOSAIC_BASE_URL: quick, MOSAIC_VERSION: version };
    for (const script of ["download.sh", "canary.sh"]) {
      const argv = ["sh", join(tree, "scripts/ci", script)];
      const { code } = await start(argv, work.path, { ...env, GITHUB_OUTPUT: output, GITHUB_PATH: path });
      expect([script, code]).toEqual([script, 64]);
    }
    expect([existsSync(output), existsSync(path)]).toEqual([false, false]);
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

describe("canary.sh", () => {
  /** A folder with a stand-in for mosaic-fleet that tells of a canary its words and where the manager is. */
  function standIn(name: string): string {
    const dir = join(work.path, name);
    const told = `[ "$1" != canary ] || printf "%s " "\${XDG_RUNTIME_DIR:-nowhere}" "$@" >'${work.path}/told'`;
    mkdirSync(dir);
    writeFileSync(join(dir, "mosaic-fleet"), `#!/bin/sh\n${told}\n`, { mode: 0o755 });
    return dir;
  }

  test.skipIf(!isRoot)("what cannot be written is no broken promise: 73", async () => {
    const dir = standIn("of another");
    chmodSync(work.path, 0o755);
    const canary = () => start([...nobody, "sh", join(tree, "scripts/ci/canary.sh")], "/", { MOSAIC_DIR: dir });
    const there = await canary();
    expect([there.code, there.stderr]).toEqual([73, expect.stringContaining("canary.sh: cannot write in ")]);
    mkdirSync(join(dir, "report/evidence"), { recursive: true });
    const before = await canary();
    expect([before.code, before.stderr]).toEqual([73, expect.stringContaining("it is another user's")]);
    const env = { MOSAIC_DIR: dir, MOSAIC_BASE_URL: join(work.path, "small"), MOSAIC_VERSION: version };
    const download = await start([...nobody, "sh", join(tree, "scripts/ci/download.sh")], "/", env);
    expect([download.code, download.stderr]).toEqual([73, expect.stringContaining("download.sh: cannot write in ")]);
  });

  test.skipIf(!isRoot)("where there is room for a few processes alone nothing hangs: 69", async () => {
    chmodSync(work.path, 0o755);
    const argv = ["prlimit", "--nproc=5", "sh", join(tree, "scripts/ci/canary.sh")];
    const { code, stderr } = await start([...nobody, ...argv], "/", { MOSAIC_DIR: standIn("few processes") });
    expect([code, stderr]).toEqual([69, expect.stringContaining("no room for eight processes")]);
  });

  test.skipIf(!isRoot)(
    "in a container whose root is read-only, /tmp too, it cannot be tried: 69, and what is missing",
    async () => {
      const dir = join(work.path, "read-only");
      mkdirSync(dir);
      copyFileSync(join(work.path, "small", `mosaic-fleet-${version}-${native}`), join(dir, "mosaic-fleet"));
      chmodSync(join(dir, "mosaic-fleet"), 0o755);
      // What the test has there stays where it is, under another name.
      const script = `mount --make-rprivate / && mkdir /dev/shm/ci-$$ && mount --bind "$1" /dev/shm/ci-$$ &&
      mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp && cd /dev/shm/ci-$$ && code=0 && { MOSAIC_DIR=$PWD sh "$0" || code=$?; } &&
      cat report/canary.json; cd /; umount /dev/shm/ci-$$; rmdir /dev/shm/ci-$$; exit $code`;
      const argv = ["unshare", "--mount", "sh", "-c", script, join(tree, "scripts/ci/canary.sh"), dir];
      const { code, stdout } = await start(argv, "/", {});
      expect([code, stdout]).toEqual([69, expect.stringContaining("/tmp cannot be written")]);
    },
  );

  test("a runner that is not told where its user's manager is: there, where it answers; else root's, by sudo (stand-ins)", async () => {
    const dir = standIn("managers");
    for (const [name, systemctl, told] of [
      ["answers", '[ "$XDG_RUNTIME_DIR" = /run/user/1000 ]', "/run/user/1000 canary --sandbox "],
      ["is not there", "exit 1", "as root: nowhere canary --sandbox "],
    ] as const) {
      const path = join(work.path, `manager ${name}`);
      const sudo = `[ "$2" = true ] || { shift; "$@"; sed -i "s/^/as root: /" '${work.path}/told'; }`;
      writeFiles(path, {
        systemctl: `#!/bin/sh\n${systemctl}\n`,
        sudo: `#!/bin/sh\n${sudo}\n`,
        id: "#!/bin/sh\necho 1000\n",
      });
      for (const tool of readdirSync(path)) chmodSync(join(path, tool), 0o755);
      await start(["sh", join(tree, "scripts/ci/canary.sh")], work.path, {
        PATH: `${path}:${process.env.PATH}`,
        MOSAIC_DIR: dir,
      });
      expect(readFileSync(join(work.path, "told"), "utf8")).toStartWith(told);
    }
  });

  test("doctor's page is left out of a summary that has no room for it: of more than 1 MiB GitHub shows none", async () => {
    const dir = standIn("a full page");
    const page = join(work.path, "page");
    writeFileSync(join(dir, "mosaic-fleet"), "#!/bin/sh\necho '# doctor'\n", { mode: 0o755 });
    for (const [bytes, after] of [
      [2 ** 20 - 9, 2 ** 20],
      [2 ** 20 - 8, 2 ** 20 - 8],
    ] as const) {
      writeFileSync(page, "x".repeat(bytes));
      await start(["sh", join(tree, "scripts/ci/canary.sh")], work.path, {
        MOSAIC_DIR: dir,
        GITHUB_STEP_SUMMARY: page,
      });
      expect(readFileSync(page, "utf8")).toHaveLength(after);
    }
  });
});

describe("all.sh", () => {
  test.skipIf(!isRoot)("as the first process of a container it ends when it is told", async () => {
    const folder = join(work.path, "first process");
    const reached = join(folder, "reached");
    writeFiles(folder, {
      "all.sh": readFileSync(join(tree, "scripts/ci/all.sh"), "utf8"),
      "prepare.sh": `touch '${reached}'; sleep 1\n`,
      "download.sh": `echo further >'${reached}'\n`,
    });
    const argv = ["unshare", "--pid", "--fork", "sh", join(folder, "all.sh")];
    const child = begin(argv, folder, {}, join(folder, "log"));
    await until(() => existsSync(reached));
    process.kill(Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")), "SIGTERM");
    await child.exited;
    expect([child.exitCode, readFileSync(reached, "utf8")]).toEqual([143, ""]);
  });
});

describe("download.sh", () => {
  test("ends when it is told, whatever hangs, and leaves nothing", async () => {
    for (const shell of [["dash"], ["busybox", "sh"], ["bash", "--posix"]])
      for (const hangs of ["install.sh", ".xz"]) {
        server.manner = [[hangs, "stalled"]];
        const dir = join(work.path, `hangs ${shell[0]} ${hangs}`);
        const env = { MOSAIC_DIR: dir, MOSAIC_BASE_URL: address, MOSAIC_VERSION: version };
        const child = begin([...shell, join(tree, "scripts/ci/download.sh")], work.path, env, `${dir}.log`);
        const begun = (name: string) => /^\.(download|mosaic-fleet-install)\./.test(name);
        const there = () => (existsSync(dir) ? readdirSync(dir) : []);
        await until(() => there().filter(begun).length === (hangs === ".xz" ? 2 : 1));
        child.kill("SIGTERM");
        expect(await endedWithin(child)).toBeLessThan(5);
        expect([shell[0], hangs, child.exitCode, there()]).toEqual([shell[0], hangs, 143, []]);
      }
    server.manner = [];
  });
});

describe("download.sh and an address with a password", () => {
  test("takes it, and no program that is started has it in its words, nor do its messages", async () => {
    const [log, path] = [join(work.path, "words"), join(work.path, "watched")];
    mkdirSync(log);
    // Each to a file of its own: how large one may grow is limited for curl.
    const watched = (tool: string) => `#!/bin/sh\nprintf '%s\\n' "$0 $*" >${log}/$$\nexec ${Bun.which(tool)} "$@"\n`;
    writeFiles(path, Object.fromEntries(["curl", "sh", "sed"].map((tool) => [tool, watched(tool)])));
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

/** In a container, as a user who may become root: a canary that is told to end as soon as it has a sandbox. */
const CANCELLED = `set -eu
sudo mkdir -p -m 700 .mosaic-fleet/report/evidence
sh scripts/ci/canary.sh & canary=$!
until sudo find /dev/shm -name owner.json | grep -q .; do sleep 0.05; done
kill "$canary"
code=0
wait "$canary" || code=$?
printf '\\nended with %s\\nleft:\\n' "$code"
ls /dev/shm
`;

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
      // Of one that was killed root's report may be there; and one that is cancelled ends with what root does for it.
      const cancelled = container.run(
        ["sh", "-c", CANCELLED],
        ...["--user=ada", "--chdir=/home/ada", "--setenv=MOSAIC_ARGS=--sandbox --chaos --for 60s"],
      );
      expect([cancelled.code, cancelled.stdout]).toEqual([0, expect.stringMatching(/\nended with 2\nleft:\n$/)]);
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
    const refused = await prepare(
      pathWith("refused", { "apt-get": "exit 100", id: "echo 0" }, "curl", "flock", "systemctl"),
    );
    expect([refused.code, refused.stderr]).toEqual([69, expect.stringContaining("still missing: tmux")]);
    const none = await prepare(pathWith("none", { id: "echo 0" }));
    expect(none.stderr).toContain("Found none of apt-get");
    expect(none.code).toBe(69);
  });

  test.skipIf(existsSync("/usr/lib/libstdc++.so.6"))(
    "on Alpine it installs what the binary is linked with, too (apk is a stand-in)",
    async () => {
      const log = join(work.path, "apk.log");
      await prepare(pathWith("alpine", { apk: 'echo "$@" >>"$LOG"', id: "echo 0" }, "curl", "flock", "tmux"), log);
      expect(readFileSync(log, "utf8")).toBe("add libstdc++\n");
    },
  );
});
