import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../package.json";
import { canaryReportSchema } from "../../src/canary/schema.ts";
import { steps } from "../../src/canary/steps/index.ts";
import { until } from "../../src/core/until.ts";
import { asIfBooted, behindMounts, binary, type Run, run, temporaryFolder, writeFiles } from "../support/build.ts";
import { openTerminals, type Terminals } from "../support/terminal.ts";

const isRoot = process.getuid?.() === 0;
const booted = existsSync("/run/systemd/system");
const { PATH, HOME } = process.env;
const plain = { PATH, HOME, TERM: "xterm-256color" };
const ESCAPE = "\x1b[";

function cli(...words: string[]): Run {
  return run([binary, ...words], { env: plain, timeoutMs: 60_000 });
}

/** The only JSON document in a text: anything before, after or between makes this throw. */
function onlyDocument(text: string): Record<string, unknown> {
  expect(text).toStartWith("{");
  expect(text).toEndWith("}\n");
  return JSON.parse(text);
}

interface Started {
  readonly pid: number;
  /** Resolves as soon as stdout holds this text; rejects when the program ends before that. */
  printed(text: string): Promise<void>;
  readonly ended: Promise<Run & { readonly signal: unknown }>;
}

/** Starts a program and listens to it; the test ends it, or waits for its end. */
function start(argv: readonly string[], env: Record<string, string | undefined> = plain): Started {
  const child = Bun.spawn([...argv], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  let stdout = "";
  const listeners = new Set<() => void>();
  const listening = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      stdout += decoder.decode(chunk, { stream: true });
      for (const listener of listeners) listener();
    }
  })();
  const stderr = new Response(child.stderr).text();
  const ended = (async () => {
    await Promise.all([child.exited, listening]);
    return { code: child.exitCode, signal: child.signalCode, stdout, stderr: await stderr };
  })();
  return {
    pid: child.pid,
    ended,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = () => stdout.includes(text) && resolve();
        listeners.add(look);
        look();
        ended.then(() => reject(new Error(`ended without "${text}":\n${stdout}`)));
      }),
  };
}

const PREFIX = "mosaic-sandbox-";
const bases = ["/dev/shm", "/run", "/tmp"];

/** The folders of sandboxes, of whomever. */
function sandboxFolders(): string[] {
  return bases.flatMap((base) =>
    readdirSync(base)
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => join(base, name)),
  );
}

function ownedBy(pid: number): string[] {
  return sandboxFolders().filter((folder) => {
    try {
      return JSON.parse(readFileSync(join(folder, "owner.json"), "utf8")).pid === pid;
    } catch {
      return false; // not ours, and just being made or removed
    }
  });
}

/** The folder of the sandbox that this process opened. */
function sandboxOf(pid: number): string {
  const owned = ownedBy(pid);
  expect(owned).toHaveLength(1);
  return owned[0] ?? "";
}

/** Waits until there is something to see. */
async function eventually<T>(look: () => T | undefined): Promise<T> {
  const clock = { now: () => performance.now(), pause: (milliseconds: number) => Bun.sleep(milliseconds) };
  const seen = await until(clock, 30_000, async () => look());
  if (seen === undefined) throw new Error("waited in vain");
  return seen;
}

function groups(name = `${PREFIX}*`): string[] {
  return run(["find", "/sys/fs/cgroup", "-type", "d", "-name", name]).stdout.split("\n").filter(Boolean);
}

/** What a run that was killed had left on this machine before. */
const orphansBefore = orphanGroups();

/** What is there of a sandbox: its folder, its cgroups, and processes that have it in an argument or in the environment. */
function remains(folder: string): string[] {
  const id = folder.slice(folder.indexOf(PREFIX));
  const processes = readdirSync("/proc").filter((entry) => {
    try {
      return (
        /^\d+$/.test(entry) &&
        ["environ", "cmdline"].some((file) => readFileSync(`/proc/${entry}/${file}`).includes(id))
      );
    } catch {
      return false; // it has ended
    }
  });
  return [...sandboxFolders().filter((each) => each === folder), ...groups(id), ...processes];
}

/** Cgroups of sandboxes that have no folder any more: nobody will ever clear them. */
function orphanGroups(): string[] {
  return groups().filter((group) => {
    const id = group.slice(group.indexOf(PREFIX));
    // Seen first, then looked for again: a run elsewhere on this machine may have ended meanwhile.
    return !sandboxFolders().some((folder) => folder.endsWith(id)) && existsSync(group);
  });
}

describe("--version", () => {
  for (const word of ["--version", "-V"]) {
    test(`${word} prints the version of package.json and nothing else`, () => {
      expect(cli(word)).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    });
  }
});

const commands = ["doctor", "install", "canary"];

describe("--help", () => {
  for (const words of [["--help"], ["-h"], ["help"]]) {
    test(`${words.join(" ")} names every command`, () => {
      const { code, stdout, stderr } = cli(...words);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} +[a-z]`, "m"));
    });
  }

  for (const command of commands) {
    test(`${command} --help has a sentence, its options, two examples and its exit codes`, () => {
      const { code, stdout, stderr } = cli(command, "--help");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(/^[A-Z][^\n]{20,}/);
      expect(stdout.split("\n\n")[0]).toEndWith(".");
      expect(stdout).toContain(`\nUsage: mosaic-fleet ${command} `);
      const sections: Record<string, string[]> = {};
      for (const section of stdout.split("\n\n").slice(2)) {
        const [title = "", ...lines] = section.trimEnd().split("\n");
        sections[title] = lines;
      }
      expect(sections["Options:"]?.join("\n")).toMatch(
        /-o, --output human\|json(\|\S+\n)? +what to print\n(.*\n)* +-h, --help/,
      );
      const examples = sections["Examples:"] ?? [];
      expect(examples.filter((line) => line.startsWith(`  mosaic-fleet ${command}`)).length).toBeGreaterThanOrEqual(2);
      const codes = (sections["Exit codes:"] ?? []).map((line) => Number(line.slice(0, 5))).filter((code) => code > 0);
      expect(codes).toContain(64);
    });

    test(`${command} -h says the same, also after other words`, () => {
      const { stdout } = cli(command, "--help");
      expect(cli(command, "-h").stdout).toBe(stdout);
      expect(cli(command, "-o", "json", "--help").stdout).toBe(stdout);
    });
  }

  test("help COMMAND is that command's help; of a group its commands; of what there is none: 64", () => {
    for (const words of [["doctor"], ["agent"], ["agent", "add"]])
      expect(cli("help", ...words)).toEqual(cli(...words, "--help"));
    expect(cli("help", "agent", "add").stdout).toContain("\nUsage: mosaic-fleet agent add ");
    expect(cli("help", "doktor")).toMatchObject({
      code: 64,
      stdout: "",
      stderr: expect.stringContaining("unknown command doktor (did you mean doctor?)"),
    });
  });

  test("is one screen", () => {
    expect(cli("--help").stdout.split("\n").length).toBeLessThanOrEqual(24);
  });

  test("keeps to 80 columns", () => {
    for (const words of [["--help"], ...commands.map((command) => [command, "--help"])]) {
      const wide = cli(...words)
        .stdout.split("\n")
        .filter((line) => line.length > 80);
      expect({ words, wide }).toEqual({ words, wide: [] });
    }
  });
});

test("what goes to the end of a file stands behind what is there, and nothing between", () => {
  using folder = temporaryFolder();
  const log = join(folder.path, "log");
  for (const [typed, first] of [
    ["doctor --list -o json >>", "{"],
    ["nonsense 2>>", "mosaic-fleet: unknown command nonsense\n"],
  ] as const) {
    writeFiles(folder.path, { log: "before\n" });
    run(["sh", "-c", `"$0" ${typed}"$1"`, binary, log], { env: plain });
    const text = readFileSync(log, "utf8");
    expect(text).toStartWith(`before\n${first}`);
    expect(text.length).toBeGreaterThan(1_000);
    expect(text).not.toContain("\0");
  }
});

describe("stdout that cannot be written", () => {
  for (const command of ["--version", "--help", "install --help", "doctor", "doctor -o json", "install --dry-run"]) {
    const into = (target: string, before = ":") => {
      // Where there is no user manager a dry run has nothing to print on stdout, only with JSON.
      const words = command === "install --dry-run" ? `${command} -o json` : command;
      return run(["bash", "-c", `${before}; "$0" ${words} >${target}`, binary], { env: plain, timeoutMs: 60_000 });
    };

    test(`${command}: 74, and a line that says so`, () => {
      const { code, stderr } = into("/dev/full");
      expect(code).toBe(74);
      expect(stderr).toContain("mosaic-fleet: stdout cannot be written: ENOSPC");
      expect(stderr).not.toContain("    at ");
    });

    test(`${command}: a reader that went away is no error`, () => {
      const { code, stderr } = into("&3", "exec 3> >(exec true); wait $!");
      expect(code).not.toBe(74);
      expect(stderr).not.toContain("stdout cannot be written");
    });
  }
});

describe("what is not understood is refused: 64, on stderr, with the usage", () => {
  for (const [words, said, usage] of [
    [[], "", "Usage: mosaic-fleet COMMAND"],
    [["doctr"], "mosaic-fleet: unknown command doctr (did you mean doctor?)", "Usage: mosaic-fleet COMMAND"],
    [["frobnicate"], "mosaic-fleet: unknown command frobnicate\n", "Usage: mosaic-fleet COMMAND"],
    [["constructor"], "mosaic-fleet: unknown command constructor", "Usage: mosaic-fleet COMMAND"],
    [["--versio"], "mosaic-fleet: unknown option --versio (did you mean --version?)", "Usage: mosaic-fleet COMMAND"],
    [["-o", "json"], "mosaic-fleet: unknown option -o", "Usage: mosaic-fleet COMMAND"],
    [
      ["canary", "--sandbx"],
      "mosaic-fleet canary: unknown option --sandbx (did you mean --sandbox?)",
      "Usage: mosaic-fleet canary ",
    ],
    [["\x1b[2J"], "mosaic-fleet: unknown command \\x1b[2J\n", "Usage: mosaic-fleet COMMAND"],
    [
      ["doctor", "--only", "\x1b]0;x"],
      "mosaic-fleet doctor: no check or area \\x1b]0;x;",
      "Usage: mosaic-fleet doctor ",
    ],
    [["doctor", "-o", "jsn"], "mosaic-fleet doctor: -o is one of human, json", "Usage: mosaic-fleet doctor "],
    [["doctor", "-o"], "mosaic-fleet doctor: -o needs a value", "Usage: mosaic-fleet doctor "],
    [["install", "now"], "mosaic-fleet install: takes no arguments", "Usage: mosaic-fleet install "],
    [
      ["canary", "--timeout", "soon"],
      "mosaic-fleet canary: --timeout is a number of seconds",
      "Usage: mosaic-fleet canary ",
    ],
    [
      ["canary", "--timeout", "0"],
      "mosaic-fleet canary: --timeout is a number of seconds",
      "Usage: mosaic-fleet canary ",
    ],
    [["canary", "--keep"], "mosaic-fleet canary: --keep keeps a sandbox", "Usage: mosaic-fleet canary "],
  ] as const) {
    test(words.join(" ") || "no command", () => {
      const { code, stdout, stderr } = cli(...words);
      expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
      expect(stderr).toContain(said);
      expect(stderr).toContain(usage);
      expect(stderr).not.toContain("    at "); // a stack trace
    });
  }

  test("also when JSON was asked for: stdout stays empty", () => {
    expect(cli("canary", "-o", "json", "--sandbx")).toMatchObject({ code: 64, stdout: "" });
  });
});

describe("colours", () => {
  const doctor = (env: Record<string, string>) => run([binary, "doctor"], { env: { ...plain, ...env } }).stdout;

  test("are not written to a pipe", () => {
    expect(doctor({})).not.toContain("\x1b");
    expect(doctor({ CI: "true" })).not.toContain("\x1b");
  });

  test("are, where FORCE_COLOR says so", () => {
    expect(doctor({ FORCE_COLOR: "1" })).toContain(ESCAPE);
  });

  test("are not, where NO_COLOR says so, whatever FORCE_COLOR says", () => {
    expect(doctor({ FORCE_COLOR: "1", NO_COLOR: "1" })).not.toContain("\x1b");
  });

  test("change no word", () => {
    // What the machine has left is another number a moment later.
    const words = (text: string) => text.replace(/\d+/g, "0").split(/\s+/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what colours are made of
    const bare = doctor({ FORCE_COLOR: "1" }).replace(/\x1b\[\d+m/g, "");
    expect(words(bare)).toEqual(words(doctor({})));
  });

  test("of errors follow the same rules", () => {
    const unavailable = (env: Record<string, string>) =>
      run([binary, "install"], { env: { PATH, HOME: "/nonexistent", ...env } }).stderr;
    expect(unavailable({})).not.toContain("\x1b");
    expect(unavailable({ FORCE_COLOR: "1" })).toContain(ESCAPE);
  });

  test("are never in a JSON document", () => {
    const { stdout } = run([binary, "doctor", "-o", "json"], { env: { ...plain, FORCE_COLOR: "1" } });
    expect(stdout).not.toContain("\x1b");
    onlyDocument(stdout);
  });
});

describe("on a real terminal", () => {
  let terminals: Terminals;
  beforeAll(() => {
    terminals = openTerminals({ PATH, HOME });
  });
  afterAll(() => terminals.close());
  const typed = (command: string) => terminals.typed(command);

  test("colours appear", () => {
    const screen = typed(`${binary} doctor --explain tmux.version`).done();
    expect(screen).toContain("tmux.version");
    expect(screen).toContain(`${ESCAPE}1m`);
  });

  for (const setting of ["TERM=dumb", "NO_COLOR=1"]) {
    test(`with ${setting} none`, () => {
      const screen = typed(`${setting} ${binary} doctor --explain tmux.version`).done();
      expect(screen).toContain("tmux.version");
      expect(screen).not.toContain("\x1b");
    });
  }

  test.skipIf(!isRoot)(
    "Ctrl-C, which reaches every program there, ends a canary soon, cleaned up and with exit 2",
    async () => {
      const terminal = typed(`${binary} canary --sandbox & echo "pid $!"; fg >/dev/null`.replace(/^/, "set -m; "));
      const screen = await eventually(() => {
        const text = terminal.screen();
        return text.includes("layout") ? text : undefined;
      });
      const folder = sandboxOf(Number(/pid (\d+)/.exec(screen)?.[1]));
      terminal.press("C-c");
      const said = terminal.done();
      expect(said).toContain("The canary was interrupted.");
      expect(said).toContain("exit 2");
      expect(remains(folder)).toEqual([]);
    },
  );
});

describe("a reader that goes away", () => {
  const bash = (script: string) => run(["bash", "-c", script], { env: plain, timeoutMs: 60_000 });

  for (const words of ["--help", "doctor", "doctor -o json", "canary --help"]) {
    test(`${words} | head -1: no word of a broken pipe, no stack trace`, () => {
      const whole = bash(`${binary} ${words}; exit 0`).stdout;
      expect(bash(`${binary} ${words} | head -1`)).toEqual({
        code: 0,
        stdout: whole.slice(0, whole.indexOf("\n") + 1),
        stderr: "",
      });
    });
  }

  test.skipIf(!isRoot)("does not keep a canary from its end, its clean-up and its exit code", () => {
    const { stdout, stderr } = bash(
      `{ ${binary} canary --sandbox & echo $! >&2; wait $!; echo "exit $?" >&2; } | head -1`,
    );
    expect(stdout).toBe(`mosaic-fleet ${version} canary, in a sandbox\n`);
    expect(stderr).toMatch(/^\d+\nexit 0\n$/);
    expect(orphanGroups()).toEqual(orphansBefore);
  });
});

describe("with -o json stdout is one document and nothing else", () => {
  for (const words of [["doctor"], ["install"], ["install", "--dry-run"], ["canary"]]) {
    test(`${words.join(" ")}, where no user manager runs`, () => {
      const { code, stdout } = run([binary, ...words, "-o", "json"], { env: { PATH, HOME: "/nonexistent" } });
      expect([1, 69]).toContain(code as number);
      expect(onlyDocument(stdout).schemaVersion).toBe(1);
    });
  }
});

describe("a canary that has no user manager is unavailable: 69", () => {
  const env = { PATH, HOME: "/nonexistent" };

  test.skipIf(!isRoot)("with the remedy, where there can be one", () => {
    const { code, stdout } = run(asIfBooted([binary, "canary"]), { env });
    expect(code).toBe(69);
    expect(stdout).toContain("The user manager cannot be reached.");
    expect(stdout).toContain(`export XDG_RUNTIME_DIR=/run/user/${process.getuid?.()}`);
  });

  test.skipIf(booted)("with the sandbox, where there can be none", () => {
    const { code, stdout } = run([binary, "canary"], { env });
    expect(code).toBe(69);
    expect(stdout).toContain("not booted with systemd");
    expect(stdout).toContain("mosaic-fleet canary --sandbox");
  });
});

describe.skipIf(!isRoot)("where a sandbox is impossible it says exactly what is missing, and never passes", () => {
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const noShm =
    "for folder in /dev/shm /run /tmp; do while umount -l $folder 2>/dev/null; do :; done; done; ! grep -qE ' (/dev/shm|/run|/tmp) tmpfs rw' /proc/self/mounts";

  const PIDS = "/sys/fs/cgroup/pids";
  /** Runs its arguments in a cgroup of its own, below this one, with room for 40 processes and threads. */
  const IN_SMALL_GROUP = `
    group=${PIDS}$(sed -n 's/^[0-9]*:pids://p' /proc/self/cgroup)/mosaic-test-$$
    mkdir "$group" && echo 40 >"$group/pids.max" || exit 99
    sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$group" "$@"
    code=$?
    rmdir "$group"
    exit $code`;
  const cases: [string, string[], Record<string, string | undefined>, RegExp][] = [
    [
      "an ordinary user without a user manager",
      nobody,
      { PATH, HOME: "/nonexistent" },
      booted ? /user manager.*cannot be reached/ : /not booted with systemd, and only root can make it look so/,
    ],
    ["no tmux", [], { PATH: "/nonexistent", HOME }, /tmux is not installed/],
    ["no systemd", behindMounts("mount -t tmpfs none /usr/lib/systemd"), plain, /systemd is not installed/],
    ["too few open files", ["sh", "-c", 'ulimit -n 32; exec "$@"', "sh"], plain, /only 32 files may be open at once/],
  ];
  if (existsSync(PIDS))
    cases.push([
      "too few processes in a cgroup",
      ["sh", "-c", IN_SMALL_GROUP, "sh"],
      plain,
      /the cgroup \S+\/mosaic-test-\d+ has room for \d+ processes and threads \(pids\.max\): it takes 100/,
    ]);
  if (!booted)
    cases.push(
      [
        "no private mount namespace",
        ["setpriv", "--bounding-set=-sys_admin"],
        plain,
        /private mount namespace is not allowed/,
      ],
      ["no memory file system", behindMounts(noShm), plain, /no writable memory file system/],
      [
        "a memory file system that cannot be written, above one that could",
        behindMounts(`${noShm} && mount -t tmpfs none /dev/shm && mount -t tmpfs -o ro none /dev/shm`),
        plain,
        /no writable memory file system/,
      ],
      [
        "a memory file system with no room",
        behindMounts(`${noShm} && mount -t tmpfs -o size=300k none /dev/shm`),
        plain,
        /too little room is left in \/dev\/shm: a sandbox needs 4 MiB/,
      ],
      [
        "a cgroup tree that cannot be written",
        behindMounts("mount -o bind,remount,ro \"$(awk '/ cgroup2? /{last=$2} END{print last}' /proc/self/mounts)\""),
        plain,
        /the cgroup tree cannot be written .*read-only/,
      ],
    );

  for (const [what, prefix, env, why] of cases) {
    test(what, () => {
      const { code, stdout, stderr } = run([...prefix, binary, "canary", "--sandbox", "-o", "json"], { env });
      expect({ code, stderr }).toEqual({ code: 69, stderr: "" });
      const report = canaryReportSchema.parse(onlyDocument(stdout));
      expect(report).toMatchObject({ verdict: "unavailable", sandbox: true, steps: [] });
      expect(report.problem?.why).toMatch(why);
      expect(orphanGroups()).toEqual(orphansBefore);
    });
  }
});

describe.skipIf(!isRoot)("canary --sandbox", () => {
  const argv = [binary, "canary", "--sandbox"];

  /** The folder of a sandbox that is no more, out of the evidence of its first step. */
  function folderIn(report: ReturnType<typeof canaryReportSchema.parse>): string {
    const unit = [report.steps[0]?.evidence.units].flat()[0];
    const folder = /^(.*\/mosaic-sandbox-[^/]+)\//.exec(String(unit))?.[1];
    expect(folder).toBeDefined();
    return folder ?? "";
  }

  async function passes(started: Started): Promise<string> {
    const { code, stdout, stderr } = await started.ended;
    const report = canaryReportSchema.parse(onlyDocument(stdout));
    // Whether a memory limit can be tried is the machine's.
    const tried = report.steps.filter(({ id, status }) => id !== "memory" || status !== "skip");
    expect(report.steps.map(({ id }) => id)).toEqual(steps.map(({ id }) => id));
    expect(tried.map(({ id, status, message }) => [id, status, message])).toEqual(
      tried.map(({ id }) => [id, "pass", undefined]),
    );
    expect({ code, stderr, verdict: report.verdict }).toEqual({ code: 0, stderr: "", verdict: "pass" });
    return folderIn(report);
  }

  test("passes, with every step told, and leaves nothing", async () => {
    expect(remains(await passes(start([...argv, "-o", "json"])))).toEqual([]);
  });

  test("tells a person the same", () => {
    const { code, stdout, stderr } = cli("canary", "--sandbox");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/^(ok|skip) /gm)).toHaveLength(steps.length);
    expect(stdout).toMatch(
      /^holds: every promise that was tried is kept\n1[67] kept(, 1 skipped)? in \d+\.\d s; systemd \d/m,
    );
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`${signal} in the middle: says so, exit 2, and leaves nothing`, async () => {
      const canary = start(argv);
      await canary.printed("the layout is in place");
      const folder = sandboxOf(canary.pid);
      expect(remains(folder).length).toBeGreaterThan(3);
      process.kill(canary.pid, signal);
      const { code, stdout } = await canary.ended;
      expect(code).toBe(2);
      expect(stdout).toContain("The canary was interrupted.");
      expect(stdout).not.toContain("FAIL");
      expect(remains(folder)).toEqual([]);
    });
  }

  test("SIGINT with -o json: one document, verdict unknown", async () => {
    const canary = start([...argv, "-o", "json"]);
    const folder = await eventually(() => ownedBy(canary.pid)[0]); // it is still booting
    process.kill(canary.pid, "SIGINT");
    const { code, stdout } = await canary.ended;
    const report = canaryReportSchema.parse(onlyDocument(stdout));
    expect(report).toMatchObject({ verdict: "unknown", problem: { what: "The canary was interrupted" } });
    expect(code).toBe(2);
    expect(remains(folder)).toEqual([]);
  });

  test.skipIf(booted)("SIGINT while its manager is on the way into its cgroups: that one ends too", async () => {
    using folder = temporaryFolder();
    const [bin, reached] = [join(folder.path, "bin"), join(folder.path, "reached")];
    // The second unshare is the one that becomes the manager: here it never gets any further.
    const script = `[ "$2" = --propagation ] || exec /usr/bin/unshare "$@"\n>${reached}\nexec sleep 60`;
    writeFiles(bin, { unshare: `#!/bin/sh\n${script}\n` });
    chmodSync(join(bin, "unshare"), 0o755);
    const canary = start(argv, { ...plain, PATH: `${bin}:${PATH}` });
    await eventually(() => existsSync(reached) || undefined);
    const left = sandboxOf(canary.pid);
    process.kill(canary.pid, "SIGINT");
    expect((await canary.ended).code).toBe(2);
    expect(remains(left)).toEqual([]);
  });

  test("a time-out of the whole run: could not tell, exit 2, and leaves nothing", async () => {
    const { code, stdout } = await start([...argv, "--timeout", "0.001", "-o", "json"]).ended;
    const report = canaryReportSchema.parse(onlyDocument(stdout));
    expect(code).toBe(2);
    expect(report.verdict).toBe("unknown");
    expect(report.steps[0]).toMatchObject({ status: "unknown", message: "the time-out of the whole run came first" });
    expect(report.steps.filter(({ status }) => status === "pass")).toEqual([]);
    expect(orphanGroups()).toEqual(orphansBefore);
  });

  test("two at once do not disturb each other, and clear what a killed one left", async () => {
    const killed = start(argv);
    await killed.printed("the layout is in place");
    const left = sandboxOf(killed.pid);
    process.kill(killed.pid, "SIGKILL");
    expect((await killed.ended).signal).toBe("SIGKILL");
    expect(remains(left).length).toBeGreaterThan(3);

    const folders = await Promise.all([start([...argv, "-o", "json"]), start([...argv, "-o", "json"])].map(passes));
    expect(new Set(folders).size).toBe(2);
    for (const folder of [left, ...folders]) expect(remains(folder)).toEqual([]);
  });

  test("--keep leaves it there, says where and how to look; the next clears it", async () => {
    const { code, stderr } = await start([...argv, "--keep", "-o", "json"]).ended;
    expect(code).toBe(0);
    const folder = /^The sandbox is kept in (\S+)\. To look inside/.exec(stderr)?.[1] ?? "";
    expect(remains(folder).length).toBeGreaterThan(3);
    const exports = [...stderr.matchAll(/^ {2}export (\w+)='?([^'\n]*)'?$/gm)].map(([, key, value]) => [key, value]);
    const inside = run(["systemctl", "--user", "show", "-p", "LoadState", "mosaic-tmux-holder.service"], {
      env: Object.fromEntries(exports),
    });
    expect(inside).toEqual({ code: 0, stdout: "LoadState=loaded\n", stderr: "" });
    await start([...argv, "--timeout", "0.001"]).ended;
    expect(remains(folder)).toEqual([]);
  });
});
