import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { chmod, chown, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createExec } from "../../../src/adapters/process.ts";
import type { Host } from "../../../src/core/host.ts";
import type { CheckReport } from "../../../src/doctor/report.ts";
import { bun } from "../../support/build.ts";
import { examine, green, red } from "../../support/doctor.ts";
import { HOLDER_UNIT, openFleet, type TestFleet } from "../../support/fleet.ts";

let fleet: TestFleet;
let server: number;
let socket: string;
let bin: string;
beforeAll(async () => {
  fleet = await openFleet();
  await fleet.agent("coder", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  expect(await fleet.systemctl("start", "mosaic-agent@coder")).toMatchObject({ code: 0 });
  ({ pid: server, socketPath: socket } = await found());
  bin = join(fleet.root, "bin");
  await mkdir(bin);
});
afterAll(() => fleet.close());

async function found() {
  const now = await fleet.tmux.server();
  if (now === undefined) throw new Error("no server");
  return now;
}

/** The same machine, as a shell with other variables sees it. */
function shell(env: Record<string, string | undefined>): Host {
  const merged = { ...fleet.host.env, ...env };
  return { ...fleet.host, env: merged, exec: createExec(merged) };
}

async function must(...argv: string[]): Promise<string> {
  const result = await fleet.host.exec(argv);
  expect({ ...result }).toMatchObject({ argv, kind: "exited", code: 0 });
  return result.stdout.trim();
}

/** Types what the report says. */
async function type({ fix }: CheckReport): Promise<void> {
  await must("sh", "-c", [...fix.commands, ...fix.root].join("\n"));
}

/** A shell whose tmux is this script. */
async function withTmux(script: string): Promise<Host> {
  const folder = join(fleet.root, `tmux-${crypto.randomUUID().slice(0, 8)}`);
  await mkdir(folder);
  writeFileSync(join(folder, "tmux"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return shell({ PATH: `${folder}:${fleet.host.env.PATH}` });
}

/** A tmux server of somebody's own, in a unit, so that it goes with the sandbox. */
async function ownServer(name: string, ...command: string[]): Promise<{ path: string; pid: number }> {
  const path = join(fleet.root, `${name}.sock`);
  const unit = ["systemd-run", "--user", "--quiet", "-p", "Type=forking", "-E", `PATH=${bin}:${fleet.host.env.PATH}`];
  await must(...unit, "tmux", "-f", "/dev/null", "-S", path, "new-session", "-d", "-s", name, ...command);
  return { path, pid: Number(await must("tmux", "-S", path, "display-message", "-p", "#{pid}")) };
}
const end = (path: string) => must("tmux", "-S", path, "kill-server");

describe("tmux.version", () => {
  green("tmux.version", "with the tmux of this machine", () => examine(fleet.host, "tmux.version"));
  red(
    "tmux.version",
    "that tmux is not on PATH",
    { status: "fail", message: /not on PATH/, fix: /install tmux$/ },
    () => examine(shell({ PATH: "/nonexistent" }), "tmux.version"),
  );
  for (const [said, status] of [
    ["tmux 3.1c", "fail"],
    ["tmux 3.2a", "warn"],
    ["tmux 3.3", "pass"],
    ["tmux next-3.6", "pass"],
    ["tmux 3.8b", "pass"],
    ["tmux 3.9", "warn"],
    ["tmux 4.0", "warn"],
    ["tmux master", "unknown"],
  ] as const)
    test(`"${said}" is ${status}`, async () => {
      expect(await examine(await withTmux(`echo ${said}`), "tmux.version")).toMatchObject({ status });
    });
});

/** A shell whose tmux is this machine's, changed in a few bytes. */
async function withChangedTmux(change: (program: Buffer) => void): Promise<Host> {
  const host = await withTmux("");
  const program = readFileSync(await must("sh", "-c", "readlink -f $(command -v tmux)"));
  change(program);
  writeFileSync(join((host.env.PATH ?? "").split(":")[0] ?? "", "tmux"), program);
  return host;
}
const doesNotStart = { status: "fail", fix: /^mv \S+\/tmux \S+\/tmux.off( |$)/ } as const;

red(
  "tmux.version",
  "a tmux of which a library is missing",
  {
    ...doesNotStart,
    message: /^tmux -V exited with 127: \S+: error while loading shared libraries: libc.so.x: .*: no session/,
  },
  async () =>
    examine(await withChangedTmux((program) => program.write("x", program.indexOf("libc.so.6") + 8)), "tmux.version"),
);
red(
  "tmux.version",
  "a tmux of another processor's",
  {
    ...doesNotStart,
    message: /^tmux cannot be started: \S+\/tmux is no program of this machine, .* processor \(s390x\): no session/,
  },
  async () => examine(await withChangedTmux((program) => program.writeUInt16LE(22, 18)), "tmux.version"),
);
red(
  "tmux.version",
  "a tmux that nobody may execute",
  { ...doesNotStart, fix: /^ldd/, message: /^tmux cannot be started: \S+\/tmux may not be executed: no session/ },
  async () => {
    const host = await withTmux("");
    const [folder = ""] = (host.env.PATH ?? "").split(":");
    await chmod(join(folder, "tmux"), 0o644);
    return examine(shell({ PATH: folder }), "tmux.version");
  },
);
for (const [said, message] of [
  ["tmux 3.2a", /^tmux 3.2a is older than any on which this mosaic-fleet was proved \(3.3a to 3.8\)$/],
  ["tmux 3.9", /^tmux 3.9 is newer than any/],
] as const)
  red(
    "tmux.version",
    `${said}, on which nothing was proved (fake)`,
    { status: "warn", message, fix: /^mosaic-fleet canary --sandbox/ },
    async () => examine(await withTmux(`echo ${said}`), "tmux.version"),
  );

describe("tmux.inside", () => {
  const stale = { status: "warn", fix: /^unset TMUX TMUX_PANE$/ } as const;

  green("tmux.inside", "outside of tmux", () => examine(shell({ TMUX: undefined }), "tmux.inside"));
  test("a shell in a tmux of one's own is everyday life, and so is one in the fleet's", async () => {
    const own = await ownServer("own");
    expect(await examine(shell({ TMUX: `${own.path},${own.pid},0` }), "tmux.inside")).toMatchObject({
      status: "pass",
      message: `inside ${own.path}`,
    });
    expect(await examine(shell({ TMUX: `${socket},${server},0` }), "tmux.inside")).toMatchObject({
      status: "pass",
      message: "inside the fleet's own server",
    });
    await end(own.path);
  });
  red("tmux.inside", "a server that has ended", { ...stale, message: /is gone \(pid \d+\)/ }, async () => {
    const own = await ownServer("ended");
    await end(own.path);
    await fleet.wait("its end", async () => (await fleet.procfs.startTime(own.pid)) === undefined);
    return examine(shell({ TMUX: `${own.path},${own.pid},0` }), "tmux.inside");
  });
  red("tmux.inside", "a pid that is another program's now", { ...stale, message: /is gone/ }, () =>
    examine(shell({ TMUX: `${socket},${fleet.host.pid},0` }), "tmux.inside"),
  );
  red("tmux.inside", "a value that tmux did not make", { ...stale, message: /is gone \(pid none\)/ }, () =>
    examine(shell({ TMUX: "yes" }), "tmux.inside"),
  );
  red("tmux.inside", "a socket that is gone", { ...stale, message: /no socket can be found/ }, () =>
    examine(shell({ TMUX: `${fleet.root}/elsewhere,${server},0` }), "tmux.inside"),
  );
  red("tmux.inside", "a server of another user", { ...stale, message: /another user \(uid 12345\)/ }, async () => {
    const own = await ownServer("foreign");
    await chown(own.path, 12345, 12345);
    const report = await examine(shell({ TMUX: `${own.path},${own.pid},0` }), "tmux.inside");
    await end(own.path);
    return report;
  });
});

describe("tmux.local-conf", () => {
  const id = "tmux.local-conf";
  /** With these lines of the user's own. */
  async function having(text: string): Promise<CheckReport> {
    const path = join(fleet.paths.site, "tmux.local.conf");
    writeFileSync(path, text);
    const report = await examine(fleet.host, id);
    rmSync(path);
    return report;
  }

  green("tmux.local-conf", "where there is none", () => examine(fleet.host, id));
  green("tmux.local-conf", "with what people have in it", () =>
    having(
      [
        "# kill-server",
        "bind-key K confirm-before kill-server",
        "bind R source-file ~/.tmux.conf \\; kill-server",
        "set -g mouse on",
        "set -s exit-empty off   # as it is",
        "set -t coder: destroy-unattached on",
        "set -gu exit-unattached",
        "run-shell 'true'",
        "set -g status-left 'two",
        "lines'",
        "",
      ].join("\n"),
    ),
  );
  const mended = (line: number) => new RegExp(`tmux\\.local\\.conf {3}# (take out|correct) line ${line}$`);
  for (const [what, text, status, line, message] of [
    [
      "kill-server",
      "set -g mouse on\n  kill-server\n",
      "fail",
      2,
      /from the holder's next start on its server does not come up/,
    ],
    ["the same behind another command", "set -g mouse on ; kill-server\n", "fail", 1, /its server does not come up/],
    ["exit-empty", 'set -s exit-empty "on"\n', "fail", 1, /its server does not come up/],
    ["exit-empty set back to what tmux has", "set -gu exit-empty\n", "fail", 1, /its server does not come up/],
    ["exit-empty turned over", "set -s exit-empty\n", "fail", 1, /its server does not come up/],
    ["exit-empty cut short", "set -s exit-e on\n", "fail", 1, /its server does not come up/],
    [
      "an option of sessions",
      "set-option -g destroy-unattached on\n",
      "fail",
      1,
      /an agent ends when its last viewer leaves/,
    ],
    ["variables of whoever attaches", "set -g update-environment DISPLAY\n", "warn", 1, /leaves variables of theirs/],
    ["a word that is no command", "set -g mouse on\nbogus x\n", "warn", 2, /line 2: unknown command: bogus$/],
    ["a block that is not closed", "if true {\nset -g mouse on\n", "warn", 3, /line 3: syntax error$/],
    [
      "a quote that is not closed",
      'set -g mouse on\nset -g status-left "x\nset -g base-index 1\n',
      "warn",
      2,
      /line 2: a quote is left open/,
    ],
  ] as const)
    red("tmux.local-conf", what, { status, message, fix: mended(line) }, () => having(text));
  test("what it runs is not run", async () => {
    const ran = join(fleet.root, "ran");
    await having(`run-shell 'touch ${ran}'\n%if "#(touch ${ran})"\nset -g base-index 7\n%endif\nMINE=x\n`);
    expect(await Bun.file(ran).exists()).toBe(false);
    expect((await fleet.tmuxCommand("show-environment", "-g", "MINE")).stderr).toContain("unknown variable");
  });
});

describe("tmux.socket-folder", () => {
  const id = "tmux.socket-folder";
  /** Another folder for sockets, and the shell that has it. */
  const elsewhere = async (name: string) => {
    const base = join(fleet.root, name);
    const folder = join(base, `tmux-${fleet.host.user.uid}`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return { base, folder, host: shell({ TMUX_TMPDIR: base }) };
  };
  const refuses = async (host: Host) =>
    expect((await host.exec(["tmux", "-N", "-L", "mosaic-factory", "ls"])).stderr).toMatch(/unsafe|not a directory/);

  green("tmux.socket-folder", "where shell and holder have the same", () => examine(fleet.host, id));
  test("a folder that is not there yet is made by tmux", async () => {
    const stopped = await elsewhere("fresh");
    await rm(stopped.folder, { recursive: true });
    expect(
      await examine({ ...stopped.host, env: { ...stopped.host.env, XDG_RUNTIME_DIR: fleet.root } }, id),
    ).toMatchObject({
      status: "pass",
    });
  });
  test("the same place by a link is the same", async () => {
    const link = join(fleet.root, "link");
    await must("ln", "-s", fleet.paths.runtime ?? "", link);
    expect(await examine(shell({ TMUX_TMPDIR: link }), id)).toMatchObject({ status: "pass" });
  });
  red(
    "tmux.socket-folder",
    "that others may enter it",
    { status: "fail", message: /open to other users \(mode 701\)/, fix: /^chmod 700 / },
    async () => {
      await chmod(dirname(socket), 0o701);
      const report = await examine(fleet.host, id);
      await refuses(fleet.host);
      await type(report);
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
      return report;
    },
  );
  red(
    "tmux.socket-folder",
    "the holder's folder open, which is not this shell's",
    { status: "fail", message: /run\/tmux-\d+ is open to other/, fix: /^chmod 700 / },
    async () => {
      await chmod(dirname(socket), 0o707);
      const report = await examine((await elsewhere("two")).host, id);
      await type(report);
      return report;
    },
  );
  red(
    "tmux.socket-folder",
    "another owner",
    { status: "fail", message: /belongs to uid 12345/, fix: /^sudo mv / },
    async () => {
      const { folder, host } = await elsewhere("owned");
      await chown(folder, 12345, 12345);
      const report = await examine(host, id);
      await refuses(host);
      await type(report);
      expect((await host.exec(["tmux", "-N", "-L", "mosaic-factory", "ls"])).stderr).not.toMatch(/unsafe/);
      return report;
    },
  );
  red(
    "tmux.socket-folder",
    "a file in its place",
    { status: "fail", message: /is no folder/, fix: /^mv / },
    async () => {
      const { folder, host } = await elsewhere("file");
      await rm(folder, { recursive: true });
      writeFileSync(folder, "");
      const report = await examine(host, id);
      await refuses(host);
      return report;
    },
  );
  red(
    "tmux.socket-folder",
    "that this shell looks elsewhere",
    { status: "warn", message: /sees no session of the fleet/, fix: /^export TMUX_TMPDIR=/ },
    async () => {
      const { host } = await elsewhere("blind");
      const report = await examine(host, id);
      const ls = "tmux -N -L mosaic-factory ls";
      expect((await host.exec(["sh", "-c", ls])).kind).toBe("exited");
      expect((await host.exec(["sh", "-c", ls])).stdout).toBe("");
      expect((await host.exec(["sh", "-c", `${report.fix.commands[0]}; ${ls}`])).stdout).toContain("coder");
      return report;
    },
  );
  red(
    "tmux.socket-folder",
    "a TMUX_TMPDIR that is not there",
    { status: "warn", message: /takes \/tmp without a word/, fix: /^unset TMUX_TMPDIR$/ },
    () =>
      // No holder runs for this runtime folder.
      examine(shell({ TMUX_TMPDIR: "/nonexistent", XDG_RUNTIME_DIR: fleet.root }), id),
  );
});

describe("tmux.socket", () => {
  const id = "tmux.socket";
  const back = () => fleet.wait("the socket is back", async () => (await fleet.tmux.server())?.pid === server);

  green("tmux.socket", "while the holder serves", () => examine(fleet.host, id));
  test("without a holder there is nothing to reach", async () => {
    expect(await examine(shell({ XDG_RUNTIME_DIR: fleet.root }), id)).toMatchObject({
      status: "pass",
      message: "no server to reach",
    });
  });
  red(
    "tmux.socket",
    "that it is gone; the signal brings it back",
    { status: "fail", message: /its socket is gone/, fix: /^kill -USR1 \d+ / },
    async () => {
      rmSync(socket);
      const report = await examine(fleet.host, id);
      expect(report.fix.automatic).toBe(true);
      expect(report.fix.commands).toEqual([expect.stringContaining(`USR1 ${server} `)]);
      expect((await examine(fleet.host, "holder.server")).fix.commands).toEqual(report.fix.commands);
      await type(report);
      await back();
      return report;
    },
  );
  red(
    "tmux.socket",
    "that its folder is gone, which comes first",
    { status: "fail", message: /its socket is gone/, fix: /^mkdir -m 700 / },
    async () => {
      rmSync(dirname(socket), { recursive: true });
      const report = await examine(fleet.host, id);
      expect(report.fix.commands).toEqual([expect.stringMatching(/^mkdir/), expect.stringMatching(/^kill -USR1/)]);
      await type(report);
      await back();
      return report;
    },
  );
  red(
    "tmux.socket",
    "a file in its place",
    { status: "fail", message: /something else is in the place/, fix: /^mv / },
    async () => {
      rmSync(socket);
      writeFileSync(socket, "");
      const report = await examine(fleet.host, id);
      await type(report);
      await back();
      return report;
    },
  );
});

describe("tmux.terminfo", () => {
  const id = "tmux.terminfo";
  green("tmux.terminfo", "with the terminal of tmux.conf", () => examine(fleet.host, id));
  red(
    "tmux.terminfo",
    "a terminal for panes that this machine does not know",
    {
      status: "warn",
      message: /panes get the terminal no-such-one/,
      fix: /^tmux -L mosaic-factory set -s default-terminal /,
    },
    async () => {
      await fleet.tmuxCommand("set-option", "-s", "default-terminal", "no-such-one");
      const report = await examine(fleet.host, id);
      expect(report.fix.root).toEqual(["apt-get install ncurses-term"]);
      await must("sh", "-c", report.fix.commands.join("\n"));
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass", message: "screen-256color" });
      await fleet.tmuxCommand("set-option", "-s", "default-terminal", "tmux-256color");
      return report;
    },
  );
  red(
    "tmux.terminfo",
    "that this shell's terminal is not known",
    { status: "warn", message: /xterm-odd is not described.*does not attach/, fix: /^export TERM=xterm-256color$/ },
    () => examine(shell({ TERM: "xterm-odd" }), id),
  );
  test("a terminal that no basic package has, and the line of tmux.local.conf that names it", async () => {
    const conf = join(fleet.paths.site, "tmux.local.conf");
    writeFileSync(conf, "# mine\nset -s default-terminal screen-nope\n");
    await fleet.tmuxCommand("source-file", conf);
    const { fix } = await examine(fleet.host, id);
    await rm(conf);
    await fleet.tmuxCommand("set-option", "-s", "default-terminal", "tmux-256color");
    expect(fix.root).toEqual(["apt-get install ncurses-term"]);
    expect(fix.commands.at(-1)).toMatch(/tmux\.local\.conf {3}# line 2 sets it/);
  });
  test("an entry in the user's own folder will do, by its letter or by the letter's code", async () => {
    for (const letter of ["x", "78"]) {
      const folder = join(fleet.host.user.home, ".terminfo", letter);
      await mkdir(folder, { recursive: true });
      writeFileSync(join(folder, "xterm-odd"), "");
      expect(await examine(shell({ TERM: "xterm-odd" }), id)).toMatchObject({ status: "pass" });
      await rm(join(fleet.host.user.home, ".terminfo"), { recursive: true });
    }
  });
});

describe("tmux.other-servers", () => {
  const id = "tmux.other-servers";
  const holds = (what: RegExp) =>
    ({
      status: "warn",
      message: new RegExp(`holds ${what.source} \\(pid \\d+\\): the fleet`),
      fix: /^tmux -S \S+ ls$/,
    }) as const;
  const during = async (name: string, ...command: string[]) => {
    const own = await ownServer(name, ...command);
    const report = await fleet.wait("its finding", async () => {
      const seen = await examine(fleet.host, id);
      return seen.subjects.length > 0 && seen;
    });
    expect(report.subjects.map(({ subject }) => subject)).toEqual([own.path]);
    expect(report.subjects[0]?.fix.commands).toEqual([`tmux -S ${own.path} ls`]);
    await end(own.path);
    return report;
  };

  green("tmux.other-servers", "beside a server that holds no agent", async () => {
    const own = await ownServer("editor", "sleep infinity");
    const report = await examine(fleet.host, id);
    await end(own.path);
    return report;
  });
  green("tmux.other-servers", "where an agent has a tmux of its own", async () => {
    const path = join(fleet.root, "tool.sock");
    await fleet.agent("tool", {
      MOSAIC_AGENT_COMMAND: `tmux -S ${path} -f /dev/null new-session -d 'exec sleep infinity'; exec sleep infinity`,
    });
    expect(await fleet.systemctl("start", "mosaic-agent@tool")).toMatchObject({ code: 0 });
    await fleet.wait("its server", async () => (await fleet.host.exec(["tmux", "-N", "-S", path, "ls"])).stdout !== "");
    const report = await examine(fleet.host, id);
    await fleet.systemctl("stop", "mosaic-agent@tool");
    return report;
  });
  red("tmux.other-servers", "an agent by its variable", holds(/coder/), () =>
    during("variable", "-e", "MOSAIC_AGENT_NAME=coder", "exec sleep infinity"),
  );
  red("tmux.other-servers", "an agent by its program, below a shell", holds(/claude/), () => {
    copyFileSync(Bun.which("sleep") ?? "", join(bin, "claude"));
    return during("program", "claude infinity; true");
  });
  red("tmux.other-servers", "an agent by the script that it runs", holds(/gemini/), () => {
    writeFileSync(join(bin, "gemini.js"), "setInterval(() => {}, 1e6)");
    return during("script", `exec ${bun} ${join(bin, "gemini.js")}`);
  });
});

// Last: it has another tmux as its server.
describe("tmux.server-version", () => {
  const id = "tmux.server-version";
  const real = Bun.which("tmux") ?? "";
  const says = (version: string) => `[ "$1" = -V ] && { echo tmux ${version}; exit; }\nexec ${real} "$@"`;

  green("tmux.server-version", "with one tmux for both", () => examine(fleet.host, id));
  red(
    "tmux.server-version",
    "that this shell has another tmux",
    {
      status: "warn",
      message: /this shell has tmux 9\.9, the fleet's server is/,
      fix: /^\/\S*tmux -L mosaic-factory attach$/,
    },
    async () => examine(await withTmux(says("9.9")), id),
  );
  red(
    "tmux.server-version",
    "that the server refuses the client (fake)",
    { status: "fail", message: /neither reached nor brought back/, fix: /^systemctl --user restart / },
    async () =>
      examine(
        await withTmux(
          `${says("9.9").split("\n")[0]}\necho 'protocol version mismatch (client 9, server 8)' >&2; exit 1`,
        ),
        id,
      ),
  );
  red(
    "tmux.server-version",
    "that tmux was replaced under the server; a restart mends it",
    {
      status: "warn",
      message: /was replaced on disk since the server .* all works/,
      fix: /^systemctl --user restart /,
    },
    async () => {
      const own = join(bin, "tmux");
      copyFileSync(real, own);
      writeFileSync(join(fleet.paths.site, "fleet.env"), `MOSAIC_PATH=${bin}\n`);
      expect(await fleet.systemctl("restart", HOLDER_UNIT)).toMatchObject({ code: 0 });
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
      copyFileSync(real, `${own}.new`);
      renameSync(`${own}.new`, own);
      const report = await examine(fleet.host, id);
      expect(await examine(await withTmux(says("9.9")), id)).toMatchObject({
        status: "warn",
        message: expect.stringMatching(/the server \(pid \d+\) is still .*, new clients are 9\.9/),
      });
      await type(report);
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
      return report;
    },
  );
  test("without a holder there is nothing to compare", async () => {
    await fleet.systemctl("stop", HOLDER_UNIT);
    expect(await examine(fleet.host, id)).toMatchObject({ status: "skip" });
  });
});
