import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { openUserManager } from "../../../src/adapters/manager.ts";
import type { Host } from "../../../src/core/host.ts";
import { until } from "../../../src/core/until.ts";
import { agentsState } from "../../../src/doctor/checks/agents-state.ts";
import { checks } from "../../../src/doctor/registry.ts";
import type { CheckReport, SubjectReport } from "../../../src/doctor/report.ts";
import { runDoctor } from "../../../src/doctor/run.ts";
import { toolsOf } from "../../../src/doctor/tools.ts";
import { effectiveAgent } from "../../../src/fleet/effective.ts";
import { writeFiles } from "../../support/build.ts";
import { examine, green, red } from "../../support/doctor.ts";
import { HOLDER_UNIT, openFleet, type TestFleet } from "../../support/fleet.ts";

const CODER = "mosaic-agent@coder.service";

let fleet: TestFleet;
let host: Host;
let home: string;
let agents: string;
let fleetEnv: string;
/** "coder" runs all the time, has a file, and is left as it is; each test adds its own and takes it away. */
beforeAll(async () => {
  fleet = await openFleet();
  host = fleet.host;
  home = host.user.home;
  agents = fleet.paths.agents;
  fleetEnv = join(fleet.paths.site, "fleet.env");
  await fleet.agent("coder", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  expect(await fleet.systemctl("start", CODER)).toMatchObject({ code: 0 });
  await fleet.up("coder");
});
afterAll(() => fleet.close());

const added: string[] = [];
/** A file of an agent's, as it stands, until the test is over. */
async function file(name: string, text: string | Uint8Array, mode = "600"): Promise<string> {
  const path = name === "fleet" ? fleetEnv : join(agents, `${name}.env`);
  added.push(path);
  await Bun.write(path, text);
  await sh(`chmod ${mode} '${path}'`);
  return path;
}
afterEach(async () => {
  for (const path of added.splice(0)) await host.files.removeTree(path);
});

/** As typed in a shell of the sandbox's user. */
async function sh(command: string): Promise<string> {
  const result = await host.exec(["sh", "-c", command]);
  expect({ command, ...result }).toMatchObject({ command, kind: "exited", code: 0 });
  return result.stdout.trim();
}

function of(report: CheckReport, subject: string): SubjectReport {
  const found = report.subjects.find((each) => each.subject === subject);
  if (found === undefined) throw new Error(`nothing of ${subject}: ${JSON.stringify(report)}`);
  return found;
}

/** Types what is said about one subject, and looks again. */
async function mended(report: CheckReport, subject: string): Promise<CheckReport> {
  const { commands } = of(report, subject).fix;
  expect(commands).not.toEqual([]);
  for (const command of commands) await sh(command);
  return examine(host, report.id as `${string}.${string}`);
}

describe("a machine without an agent (fake: none of the files of this one)", () => {
  test("every check of agents has nothing to look at", async () => {
    // No units either, as no manager is asked.
    const env = {
      ...host.env,
      XDG_RUNTIME_DIR: join(fleet.root, "nowhere"),
      XDG_CONFIG_HOME: join(fleet.root, "none"),
    };
    const bare = { ...host, env: { ...env, TMUX_TMPDIR: "" }, files: { ...host.files, status: async () => undefined } };
    for (const id of ["agents.name", "agents.env-file", "agents.secrets"] as const)
      expect(await examine(bare, id)).toMatchObject({ status: "skip", message: "there is no agent" });
  });
});

test("a shell that has another folder of settings says nothing of settings that it does not see", async () => {
  const elsewhere = { ...host, env: { ...host.env, XDG_CONFIG_HOME: join(fleet.root, "elsewhere") } };
  await file("fleet", "MOSAIC_PATH=~/only-there\n");
  await file("there", "MOSAIC_AGENT_RUNTIME=there-alone\nMOSAIC_AGENT_WORKDIR=/nowhere\n");
  await sh("systemctl --user enable mosaic-agent@there.service");
  for (const id of ["agents.program", "agents.workdir", "agents.socket"] as const)
    expect(await examine(elsewhere, id)).toMatchObject({
      status: "skip",
      message: "this shell's folder of settings is not the user manager's",
    });
  await sh("systemctl --user disable mosaic-agent@there.service");
});

describe("agents.name", () => {
  green("agents.name", "where every name can start", () => examine(host, "agents.name"));

  red(
    "agents.name",
    "a file whose name can never start",
    { status: "fail", message: /^my agent.v2: has a file, but can never start/, fix: /^mv -n .*my-agent-v2\.env$/ },
    async () => {
      await file("my agent.v2", "A=b\n");
      added.push(join(agents, "my-agent-v2.env"));
      const report = await examine(host, "agents.name");
      expect(await mended(report, "my agent.v2")).toMatchObject({ status: "pass" });
      return report;
    },
  );

  test("an allowed name that is taken is not proposed; a file without a name has one proposed", async () => {
    await file("coder!", "");
    await file("", "");
    const report = await examine(host, "agents.name");
    expect(of(report, "coder!").evidence).toEqual({ allowed: "coder-2" });
    expect(of(report, ".env").evidence).toEqual({ allowed: "agent" });
    expect(report.message).toBe("2 of 3 agents: names that can never start");
  });

  test("a key that stands in a name is not in the one that is proposed", async () => {
    await file("api_key=swordfish-1", "");
    expect(JSON.stringify(await examine(host, "agents.name"))).not.toContain("swordfish");
  });

  test("a file whose name is not UTF-8, which nobody finds by that name", async () => {
    added.push(join(agents, "w-b-1.env"));
    await sh(`printf 'A=b\\n' >${agents}/"$(printf 'w\\377\\376b 1')".env`);
    const report = await examine(host, "agents.name");
    expect(of(report, "w\ufffd\ufffdb 1")).toMatchObject({
      status: "fail",
      message: "has a file, but can never start: its name is not UTF-8",
    });
    expect(report.subjects.find(({ subject }) => subject === "coder")?.status).toBe("pass");
    await mended(report, "w\ufffd\ufffdb 1");
    expect(await Bun.file(join(agents, "w-b-1.env")).text()).toBe("A=b\n");
  });

  test("a unit that was started under such a name is told how to be forgotten", async () => {
    await fleet.dropIn("mosaic-agent@a.b.service", "[Service]\nRestart=no\n");
    expect(await fleet.systemctl("start", "mosaic-agent@a.b.service")).toMatchObject({ code: 1 });
    const report = await examine(host, "agents.name");
    expect(of(report, "a.b")).toMatchObject({ status: "fail", message: expect.stringMatching(/^has a unit, but/) });
    expect(await mended(report, "a.b")).toMatchObject({ status: "pass" });
  });
});

describe("agents.env-file", () => {
  green("agents.env-file", "where systemd reads what was meant", async () => {
    await file("fleet", "# of all\nMOSAIC_PATH=~/.local/bin\n");
    const report = await examine(host, "agents.env-file");
    expect(report.subjects.map(({ subject, message }) => `${subject}: ${message}`)).toEqual([
      "fleet.env: MOSAIC_PATH",
      "coder: MOSAIC_AGENT_COMMAND",
    ]);
    return report;
  });

  red(
    "agents.env-file",
    "a line that starts with export",
    {
      status: "fail",
      message: /^shellish: line 2: MOSAIC_AGENT_MODEL is not set: systemd knows no export/,
      fix: /^sed -i .*shellish\.env$/,
    },
    async () => {
      await file("shellish", "MOSAIC_AGENT_COMMAND=sleep 9\nexport MOSAIC_AGENT_MODEL=x\n");
      const report = await examine(host, "agents.env-file");
      expect(await mended(report, "shellish")).toMatchObject({ status: "pass" });
      return report;
    },
  );

  red(
    "agents.env-file",
    "folders of a PATH that mean another one to each program",
    {
      status: "warn",
      message:
        /relative: MOSAIC_PATH has 'bin', which is no whole path: .*\nempty: MOSAIC_PATH has an empty folder: .*\nshort: PATH has '\.'/s,
      fix: /^\$\{EDITOR:-vi\} .*relative\.env$/,
    },
    async () => {
      await file("relative", "MOSAIC_PATH=~/x:bin\n");
      await file("empty", "MOSAIC_PATH=/usr/bin::/bin\n");
      await file("short", 'PATH="/usr/bin:."\n');
      await file("well", "MOSAIC_PATH=~:~/x:/bin\nPATH=/usr/bin\n");
      const report = await examine(host, "agents.env-file");
      expect(of(report, "well").status).toBe("pass");
      const order = ["relative", "empty", "short"].map((name) => of(report, name));
      return { ...report, subjects: order.map((one) => ({ ...one, message: `${one.subject}: ${one.message}` })) };
    },
  );

  for (const [what, text] of [
    ["Windows line ends in quotes", 'A="b\r\nc"\r\n'],
    ["a byte order mark", "\ufeffMOSAIC_AGENT_MODEL=x\n"],
  ] as const)
    test(`${what}: the remedy helps`, async () => {
      await file("windows", text);
      const report = await examine(host, "agents.env-file");
      expect(report.status).toBe("fail");
      expect((await mended(report, "windows")).status).toBe("pass");
    });

  const verdict = async () =>
    (await runDoctor(host, checks, { only: ["agents.env-file"], version: "0.0.0-test" })).report.verdict;

  test("values with which no agent starts are told, and taken out", async () => {
    await file("valued", "MOSAIC_AGENT_COMMAND=sleep infinity\nMOSAIC_AGENT_NAME=other\nXDG_RUNTIME_DIR=/nope\n");
    const report = await examine(host, "agents.env-file");
    expect(of(report, "valued")).toMatchObject({
      status: "fail",
      message: expect.stringMatching(/^MOSAIC_AGENT_NAME is another name than the agent's: .* \(and 1 more line\)$/),
    });
    expect(await mended(report, "valued")).toMatchObject({ status: "pass" });
    await file("long", `A_LONG_ONE=${"x".repeat(140_000)}\n`);
    expect(of(await examine(host, "agents.env-file"), "long").message).toContain("is longer than 128 KiB");
    await file("long", "MOSAIC_AGENT_STOP_SECONDS=99\n");
    expect(of(await examine(host, "agents.env-file"), "long").status).toBe("warn");
  });

  test("a large file takes no time", async () => {
    const lines = Array.from({ length: 40_000 }, (_, line) => `SETTING_${line}="some value ${line} $x"`);
    await file("large", `${lines.join("\n")}\n`);
    const before = process.cpuUsage();
    await examine(host, "agents.env-file");
    const { user, system } = process.cpuUsage(before); // and not by the clock: the machine may have other things to do
    expect((user + system) / 1000).toBeLessThan(4_000);
  });

  test("a misspelt key is named with the one that was meant; the verdict stays a pass", async () => {
    await file("typo", "MOSAIC_AGENT_MODLE=x\n");
    const report = await examine(host, "agents.env-file");
    expect(of(report, "typo")).toMatchObject({
      status: "warn",
      message: expect.stringContaining("MOSAIC_AGENT_MODEL was meant?"),
    });
    expect(await verdict()).toBe("pass");
  });

  test("systemd reads nothing of a file with a NUL or without UTF-8, and starts the agent all the same", async () => {
    for (const [name, bytes] of [
      ["nul", "MOSAIC_AGENT_COMMAND=sleep infinity\nA=b\0\n"],
      ["latin", new Uint8Array([...new TextEncoder().encode("MOSAIC_AGENT_COMMAND=sleep infinity\nA="), 0xff, 0x0a])],
    ] as const) {
      await file(name, bytes);
      await fleet.dropIn(`mosaic-agent@${name}.service`, "[Service]\nRestart=no\n");
      expect(await fleet.systemctl("start", `mosaic-agent@${name}.service`)).toMatchObject({ code: 1 });
      const said = (await fleet.journal()).findLast((line) => line.includes(`mosaic-agent ${name}:`));
      expect(said).toContain("program 'claude' is not on"); // none of its own settings was read
      const report = await examine(host, "agents.env-file");
      expect(of(report, name)).toMatchObject({
        status: "fail",
        message: expect.stringContaining("systemd reads nothing of"),
      });
      expect(await verdict()).toBe("unreadable");
      await fleet.systemctl("reset-failed", `mosaic-agent@${name}.service`);
    }
  });

  test("a link to nothing and a folder in the place of a file cannot be read: the verdict says so", async () => {
    added.push(join(agents, "linked.env"), join(agents, "folder.env"));
    await sh(`cd ${agents} && ln -s nowhere linked.env && mkdir folder.env`);
    const report = await examine(host, "agents.env-file");
    expect(of(report, "linked").message).toContain("cannot be read (it is a link to nothing)");
    expect(of(report, "folder").message).toContain("cannot be read (it is no file)");
    expect(await verdict()).toBe("unreadable");
  });

  test("a pipe in the place of a file has systemd itself wait: what is typed lets it go on", async () => {
    added.push(join(agents, "pipe.env"), join(agents, "pipe.env.aside"));
    await sh(`mkfifo ${join(agents, "pipe.env")}`);
    const start = fleet.systemctl("start", "mosaic-agent@pipe.service");
    const answers = async () => openUserManager(host, 300).then((manager) => manager.close());
    await fleet.wait("the manager hangs", () => answers().then(() => false, String));
    const report = await examine(host, "agents.env-file");
    expect(of(report, "pipe")).toMatchObject({
      status: "fail",
      message: expect.stringContaining("systemd itself opens it at the next start of pipe, waits for ever"),
    });
    await sh(of(report, "pipe").fix.commands.join("\n"));
    await start;
    await answers();
    await fleet.systemctl("stop", "mosaic-agent@pipe.service");
    await fleet.systemctl("reset-failed", "mosaic-agent@pipe.service");
  });

  test("a file that the user may not read (fake: root may read all)", async () => {
    const path = await file("closed", "A=b\n", "000");
    const readBytes = async (asked: string) => {
      if (asked === path) throw new Error("EACCES: permission denied");
      return host.files.readBytes(asked);
    };
    const readFiles = async (paths: readonly string[]) => paths.map(() => undefined);
    const report = await examine({ ...host, files: { ...host.files, readBytes, readFiles } }, "agents.env-file");
    expect(of(report, "closed")).toMatchObject({
      status: "fail",
      message: expect.stringContaining("cannot be read (EACCES: permission denied)"),
      fix: { commands: [`chmod 600 ~/.config/mosaic/fleet/agents/closed.env`], automatic: true },
    });
  });
});

describe("agents.secrets", () => {
  green("agents.secrets", "where a file with a key is its owner's alone", async () => {
    await file("keyed", "ANTHROPIC_API_KEY=abcdef-secret\n");
    const report = await examine(host, "agents.secrets");
    expect(report.message).toBe("1 file with keys");
    return report;
  });

  red(
    "agents.secrets",
    "a file with a key that is not its owner's alone",
    { status: "warn", message: /^keyed: ANTHROPIC_API_KEY looks like a key/, fix: /^chmod 600 ~\/.*keyed\.env$/ },
    async () => {
      await file("keyed", "ANTHROPIC_API_KEY=abcdef-secret\n", "644");
      const report = await examine(host, "agents.secrets");
      expect(JSON.stringify(report)).not.toContain("abcdef-secret");
      expect(of(report, "keyed").fix.automatic).toBe(true);
      expect(await mended(report, "keyed")).toMatchObject({ status: "pass" });
      return report;
    },
  );

  test("it is a failure where no folder above keeps others out, and where others can write", async () => {
    await file("fleet", "TOKEN=abcdef-secret\n", "644");
    await file("shared", "A=b\n", "622");
    const folders = `${fleet.root} ${home}`;
    expect((await examine(host, "agents.secrets")).status).toBe("warn");
    await sh(`chmod 755 ${folders}`);
    try {
      const report = await examine(host, "agents.secrets");
      expect(of(report, "fleet.env")).toMatchObject({
        status: "fail",
        message: "TOKEN looks like a key, and every user of this machine can read the file (mode 644)",
      });
      expect(of(report, "shared")).toMatchObject({
        status: "fail",
        message: "others can write it (mode 622), and so make the agent run anything",
      });
    } finally {
      await sh(`chmod 700 ${folders}`);
    }
  });

  test("a link is judged by the file that it leads to", async () => {
    const path = join(agents, "linked.env");
    added.push(path, join(home, "dotfiles.env"));
    await sh(
      `cd ~ && echo A_TOKEN=abcdef-secret >dotfiles.env && chmod 600 dotfiles.env && ln -s ~/dotfiles.env ${path}`,
    );
    expect(await examine(host, "agents.secrets")).toMatchObject({ status: "pass" });
    await sh("chmod 640 ~/dotfiles.env");
    const report = await examine(host, "agents.secrets");
    expect(of(report, "linked").fix.commands).toEqual(["chmod 600 ~/dotfiles.env"]);
    expect(await mended(report, "linked")).toMatchObject({ status: "pass" });
  });

  test("a key among the arguments of a command is one that everybody sees", async () => {
    await file("loud", "MOSAIC_AGENT_COMMAND=claude --api-key abcdef-123456\n");
    await file("quiet", "MOSAIC_AGENT_COMMAND=API_KEY=abcdef-123456 claude\n");
    const report = await examine(host, "agents.secrets");
    expect(of(report, "loud")).toMatchObject({
      status: "warn",
      message: expect.stringContaining("among its arguments"),
    });
    expect(of(report, "quiet").message).not.toContain("among its arguments");
    expect(JSON.stringify(report)).not.toContain("abcdef-123456");
  });
});

describe("agents.socket", () => {
  green("agents.socket", "where nobody names another", () => examine(host, "agents.socket"));

  red(
    "agents.socket",
    "an agent with a socket of its own",
    {
      status: "fail",
      message: /^odd: means socket 'mine', but the holder serves 'mosaic-factory'/,
      fix: /^sed -i .*odd\.env$/,
    },
    async () => {
      await file("odd", "MOSAIC_TMUX_SOCKET=mine\nMOSAIC_AGENT_COMMAND=sleep 9\n");
      const report = await examine(host, "agents.socket");
      expect(await mended(report, "odd")).toMatchObject({ status: "pass" });
      return report;
    },
  );

  test("fleet.env was changed while the holder runs: every agent is refused from now on", async () => {
    await file("fleet", "MOSAIC_TMUX_SOCKET=other\n");
    const report = await examine(host, "agents.socket");
    const { status, evidence, fix } = of(report, "coder");
    expect(status).toBe("fail");
    expect(evidence["set in"]).toBe("~/.config/mosaic/fleet/fleet.env");
    expect(fix.commands[0]).toContain(`restart ${HOLDER_UNIT}`);
    await sh(fix.commands[1] ?? "");
    expect(await examine(host, "agents.socket")).toMatchObject({ status: "pass" });
  });

  test("a name in fleet.env with which the holder does not start", async () => {
    for (const [name, said] of [
      ["", "is empty in fleet.env"],
      ["a b", "is 'a b', which is not allowed"],
    ] as const) {
      await file("fleet", `MOSAIC_TMUX_SOCKET=${name}\n`);
      const report = await examine(host, "agents.socket");
      expect(report).toMatchObject({ status: "fail", message: expect.stringContaining(said) });
      await sh(report.fix.commands[0] ?? "");
      expect(await examine(host, "agents.socket")).toMatchObject({ status: "pass" });
    }
  });
});

describe("agents.workdir", () => {
  green("agents.workdir", "where the folders are there", async () => {
    await sh("mkdir -p ~/'a b'");
    await file("there", "MOSAIC_AGENT_WORKDIR=~/a b\n");
    const report = await examine(host, "agents.workdir");
    expect(of(report, "there").message).toBe("~/'a b'");
    return report;
  });

  red(
    "agents.workdir",
    "a folder that is not there",
    { status: "fail", message: /^lost: there is no folder ~\/'not\/there yet'/, fix: /^mkdir -p ~\/'not\/there yet'$/ },
    async () => {
      await file("lost", "MOSAIC_AGENT_WORKDIR=~/not/there yet\n");
      const report = await examine(host, "agents.workdir");
      expect(await mended(report, "lost")).toMatchObject({ status: "pass" });
      return report;
    },
  );

  for (const [written, meant] of [
    ["$HOME/work-there", "~/work-there"],
    ["/tmp # for now", "/tmp"],
  ] as const)
    test(`${written}, written for a shell: one remedy, the same as that of agents.env-file`, async () => {
      await sh("mkdir -p ~/work-there");
      const path = await file("shellish", `MOSAIC_AGENT_WORKDIR=${written}\n`);
      const report = await examine(host, "agents.workdir");
      expect(of(report, "shellish").fix.commands).toEqual(
        of(await examine(host, "agents.env-file"), "shellish").fix.commands,
      );
      expect(of(await mended(report, "shellish"), "shellish").status).not.toBe("fail");
      expect(await Bun.file(path).text()).toBe(`MOSAIC_AGENT_WORKDIR=${meant}\n`);
    });

  test("a folder that nobody can tell is not made", async () => {
    await file("shellish", "MOSAIC_AGENT_WORKDIR=$WORK/x\n");
    const { commands } = of(await examine(host, "agents.workdir"), "shellish").fix;
    expect(commands).toEqual([expect.stringMatching(/^\$\{EDITOR:-vi\} .*shellish\.env$/)]);
  });

  test("nothing in a folder's name is a command of the remedy's", async () => {
    for (const value of ['"\\$HOME/x\ntouch pwned"', "'$HOME/x;$(touch pwned)'"]) {
      await file("shellish", `MOSAIC_AGENT_WORKDIR=${value}\n`);
      const report = await examine(host, "agents.workdir");
      expect(of(report, "shellish").fix.commands).toEqual([
        expect.stringMatching(/^\$\{EDITOR:-vi\} .*shellish\.env$/),
      ]);
    }
  });

  test("a relative one: the start script finds it, the pane does not", async () => {
    await sh("mkdir -p ~/relative");
    await file("moved", "MOSAIC_AGENT_COMMAND=sleep infinity\nMOSAIC_AGENT_WORKDIR=relative\n");
    await fleet.dropIn("mosaic-agent@moved.service", "[Service]\nRestart=no\n");
    await fleet.systemctl("start", "mosaic-agent@moved.service");
    await fleet.wait("moved has ended", async () => (await fleet.journal()).includes("moved: exited with status 66"));
    const report = await examine(host, "agents.workdir");
    expect(of(report, "moved")).toMatchObject({ status: "fail", message: expect.stringContaining("a relative path") });
    expect(await mended(report, "moved")).toMatchObject({ status: "pass" });
    await fleet.systemctl("reset-failed", "mosaic-agent@moved.service");
    expect(await fleet.systemctl("start", "mosaic-agent@moved.service")).toMatchObject({ code: 0 });
    await fleet.up("moved");
    await fleet.systemctl("stop", "mosaic-agent@moved.service");
  });

  for (const [what, make, said] of [
    ["a file", "touch ~/odd", "~/odd is no folder"],
    ["a link to nothing", "ln -s nowhere ~/odd", "~/odd is a link to nothing"],
    ["another user's", "mkdir ~/odd && chown 12345 ~/odd", "belongs to another user (12345)"],
  ] as const)
    test(`${what} in its place`, async () => {
      await sh(make);
      await file("odd", "MOSAIC_AGENT_WORKDIR=~/odd\n");
      const { message } = of(await examine(host, "agents.workdir"), "odd");
      await sh("rm -rf ~/odd");
      expect(message).toContain(said);
    });

  test("one that this user may not enter, or not write in (fake: root may)", async () => {
    await sh("mkdir -p ~/closed");
    await file("odd", "MOSAIC_AGENT_WORKDIR=~/closed\n");
    for (const [denied, status, said] of [
      ["execute", "fail", "cannot be entered"],
      ["write", "warn", "cannot write in"],
    ] as const) {
      const allows: Host["files"]["allows"] = async (path, what) =>
        path === join(home, "closed") ? what !== denied : host.files.allows(path, what);
      const report = await examine({ ...host, files: { ...host.files, allows } }, "agents.workdir");
      expect(of(report, "odd")).toMatchObject({ status, message: expect.stringContaining(said) });
    }
  });
});

describe("agents.program", () => {
  /** A program below home, until the tests are over. */
  async function program(path: string, text = "#!/bin/sh\nexec sleep infinity\n") {
    writeFiles(home, { [path]: text });
    await sh(`chmod 755 ~/${path}`);
  }

  green("agents.program", "where the pane finds it", async () => {
    const report = await examine(host, "agents.program");
    expect(of(report, "coder").message).toMatch(/^sleep, \/.*bin\/sleep$/);
    return report;
  });

  red(
    "agents.program",
    "a program that only the user's own shell knows, with the line to add, after which it starts",
    {
      status: "fail",
      message:
        /^claude-y: only-here is not on the PATH that its pane gets: .* \(exit 69\); it is in ~\/mine\/bin \(~\/\.bashrc \(interactive shell\)\)$/m,
      fix: /^\( umask 077; printf '%s\\n' 'MOSAIC_PATH=~\/mine\/bin' >>~\/\.config\/mosaic\/fleet\/fleet\.env \)$/,
    },
    async () => {
      await program("mine/bin/only-here");
      writeFiles(home, { ".bashrc": 'export MINE="$HOME/mine"\nexport PATH="$MINE/bin:$PATH"\ntouch ~/was-run\n' });
      await file("claude-y", "MOSAIC_AGENT_RUNTIME=only-here\n");
      added.push(fleetEnv);
      await fleet.dropIn("mosaic-agent@claude-y.service", "[Service]\nRestart=no\n");
      expect(await fleet.systemctl("start", "mosaic-agent@claude-y.service")).toMatchObject({ code: 1 });
      const report = await examine(host, "agents.program");
      expect(await host.files.status(join(home, "was-run"))).toBeUndefined();
      expect(await mended(report, "claude-y")).toMatchObject({ status: "pass" });
      await fleet.systemctl("reset-failed", "mosaic-agent@claude-y.service");
      expect(await fleet.systemctl("start", "mosaic-agent@claude-y.service")).toMatchObject({ code: 0 });
      await fleet.up("claude-y");
      await fleet.systemctl("stop", "mosaic-agent@claude-y.service");
      return report;
    },
  );

  test("of a command it says only what was looked at", async () => {
    for (const [command, said] of [
      ["sleep infinity", /^sleep, \/\S+\/sleep$/],
      ["cd ~/work && nosuch", /^a shell command, which was not looked into \(cd\)$/],
      ["(nosuch)", /^a shell command, which was not looked into$/],
      ["nosuch||x", /^a shell command, which was not looked into$/],
      ["'sleep' 5", /^a shell command, which was not looked into$/],
      ["env A=b nosuch", /^env, \/\S+\/env; what it starts was not looked for$/],
      ["bash -lc nosuch", /^bash, \/\S+\/bash; what it starts was not looked for$/],
      ["sleep 1 && nosuch", /^sleep, \/\S+\/sleep; the rest of the command was not looked into$/],
      ["sleep 1 # don't", /^sleep, \/\S+\/sleep$/],
    ] as const) {
      await file("worded", `MOSAIC_AGENT_COMMAND="${command}"\n`);
      const found = of(await examine(host, "agents.program"), "worded");
      expect({ command, ...found }).toMatchObject({ command, status: "pass", message: expect.stringMatching(said) });
    }
    expect((await examine(host, "agents.program")).message).toBe("sleep");
    await file("worded", 'MOSAIC_AGENT_COMMAND="cd ~ && nosuch"\n');
    expect((await examine(host, "agents.program")).message).toBe("sleep, 1 left to the shell");
  });

  test("a command with a quote that is never closed is refused by the shell", async () => {
    await file("open", `MOSAIC_AGENT_COMMAND=sleep '5\n`);
    expect(of(await examine(host, "agents.program"), "open")).toMatchObject({
      status: "fail",
      message: "its command has a quote that is never closed: the shell refuses it, and it ends at once",
    });
    await file("open", `MOSAIC_AGENT_COMMAND=sleep 5"\n`);
    expect(of(await examine(host, "agents.program"), "open").status).toBe("fail");
  });

  test("nothing in a program's name is a command of the remedy's: not in a line of its own, nor to a zsh that takes # for a word", async () => {
    for (const [value, said] of [
      ['"/x/a\ntouch pwned"', "$'a\\012touch pwned'"],
      ["'$(touch pwned)'", "'$(touch pwned)'"],
    ] as const) {
      await file("odd", `MOSAIC_RUNTIME_BIN=${value}\n`);
      const { commands } = of(await examine(host, "agents.program"), "odd").fix;
      expect(commands).toEqual([expect.stringMatching(/^\S+ \S+odd\.env {3}# name another program, or install /)]);
      expect(commands[0]).toEndWith(`install ${said}`);
    }
  });

  test("a MOSAIC_PATH that is there is kept, in the file that sets it", async () => {
    await program("mine/bin/only-here");
    await program(".local/bin/elsewhere");
    await file("fleet", "A=b\nMOSAIC_PATH=~/.local/bin:/x&y\nC=d");
    await file("one", "MOSAIC_AGENT_RUNTIME=only-here\n");
    const report = await examine(host, "agents.program");
    expect(of(report, "one").evidence["line to add"]).toContain(
      'MOSAIC_PATH="~/.local/bin:/x&y:~/mine/bin"   (in the place',
    );
    expect(await mended(report, "one")).toMatchObject({ status: "pass" });
    expect(await Bun.file(fleetEnv).text()).toBe('A=b\nMOSAIC_PATH="~/.local/bin:/x&y:~/mine/bin"\nC=d\n'.trimEnd());
    const path = await file("own", "MOSAIC_AGENT_RUNTIME=elsewhere\nMOSAIC_PATH=/nowhere");
    expect(await mended(await examine(host, "agents.program"), "own")).toMatchObject({ status: "pass" });
    expect(await Bun.file(path).text()).toContain("MOSAIC_PATH=/nowhere:~/.local/bin");
  });

  test("a file without a last line end is appended to in a line of its own", async () => {
    await program("mine/bin/only-here");
    await file("fleet", "A=b");
    await file("one", "MOSAIC_AGENT_RUNTIME=only-here\n");
    expect(await mended(await examine(host, "agents.program"), "one")).toMatchObject({ status: "pass" });
    expect(await Bun.file(fleetEnv).text()).toBe("A=b\nMOSAIC_PATH=~/mine/bin\n");
  });

  test("what runs it has to be found, too: the line to add has both folders", async () => {
    await program(".npm-global/bin/scripted", "#!/usr/bin/env odd-node\n");
    await program(".nvm/versions/node/v22.1.0/bin/odd-node");
    await file("one", "MOSAIC_AGENT_RUNTIME=scripted\n");
    await file("two", "MOSAIC_RUNTIME_BIN=~/.npm-global/bin/scripted\n");
    added.push(fleetEnv);
    const report = await examine(host, "agents.program");
    expect(of(report, "two").message).toBe(
      "~/.npm-global/bin/scripted is run by odd-node, which is not on the PATH that its pane gets, so it ends at once; it is in ~/.nvm/versions/node/v22.1.0/bin (nvm, v22.1.0)",
    );
    expect(of(report, "one").evidence["line to add"]).toBe(
      "MOSAIC_PATH=~/.npm-global/bin:~/.nvm/versions/node/v22.1.0/bin",
    );
    expect(await mended(report, "one")).toMatchObject({ status: "pass" });
  });

  test("the launcher is found, but not what it is to start", async () => {
    await program("launcher/bin/mosaic");
    await file("one", "MOSAIC_PATH=~/launcher/bin\nMOSAIC_AGENT_RUNTIME=no-such-runtime\n");
    expect(of(await examine(host, "agents.program"), "one")).toMatchObject({
      status: "warn",
      message: expect.stringContaining("the mosaic launcher is found, but no-such-runtime"),
    });
    await program("launcher/bin/no-such-runtime");
    expect(of(await examine(host, "agents.program"), "one").message).toBe(
      "mosaic no-such-runtime, ~/launcher/bin/mosaic",
    );
  });

  test("what is on its PATH and is no program is said as it is", async () => {
    await sh("mkdir -p ~/odd/folder && cd ~/odd && touch closed && ln -s /nowhere/x dangling");
    await program("odd/foreign");
    await Bun.write(
      join(home, "odd/foreign"),
      new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, ...Array(12).fill(0), 99, 0]),
    );
    await program("odd/windows", "#!/bin/sh\r\nexit\r\n");
    await program("odd/lost", "#!/opt/nowhere/bin/python\n");
    for (const name of ["folder", "closed", "dangling", "foreign", "windows", "lost"])
      await file(name, `MOSAIC_PATH=~/odd\nMOSAIC_AGENT_RUNTIME=${name}\n`);
    const report = await examine(host, "agents.program");
    const said = (name: string) => of(report, name).message;
    expect(said("folder")).toContain("~/odd/folder is a folder, no program");
    expect(said("closed")).toContain("~/odd/closed is not executable");
    expect(of(report, "closed").fix.commands).toEqual(["chmod +x ~/odd/closed"]);
    expect(said("dangling")).toContain("~/odd/dangling is a link to /nowhere/x, which is not there");
    expect(said("foreign")).toContain("is made for another machine (machine 99");
    expect(said("windows")).toContain("has Windows line ends");
    expect(said("lost")).toContain("is run by /opt/nowhere/bin/python, which is not there");
    expect(report.status).toBe("fail");
  });

  test("what a drop-in's own EnvironmentFile= says counts, and wins, for one agent and for all", async () => {
    await program("more/bin/only-more");
    await file("takes-more", "MOSAIC_AGENT_RUNTIME=only-more\nMOSAIC_PATH=/nowhere\n");
    const [of1, ofAll] = ["takes-more.more", "all.more"].map((name) => join(home, name));
    for (const [unit, path] of [
      ["mosaic-agent@takes-more.service", "%h/takes-more.more"],
      ["mosaic-agent@.service", "%h/%i.more"],
      ["mosaic-agent@.service", "%h/all.more"],
    ] as const) {
      for (const each of [of1, ofAll]) await Bun.write(each ?? "", `MOSAIC_PATH=${home}/more/bin\n`);
      await fleet.dropIn(unit, `[Service]\nEnvironmentFile=-${path}\n`);
      expect(of(await examine(host, "agents.program"), "takes-more")).toMatchObject({ status: "pass" });
      const shown = await effectiveAgent(host, "takes-more");
      expect(shown.program).toMatchObject({ status: "pass" });
      expect(shown.settings.find(({ key }) => key === "MOSAIC_PATH")).toMatchObject({
        from: join(home, path.replace("%h/", "").replace("%i", "takes-more")),
        over: [{ value: "/nowhere" }],
      });
      for (const each of [of1, ofAll]) await Bun.write(each ?? "", "MOSAIC_PATH=/elsewhere\n");
      expect(of(await examine(host, "agents.program"), "takes-more")).toMatchObject({ status: "fail" });
      await host.files.removeTree(join(fleet.paths.runtime ?? "", "systemd/user", `${unit}.d`));
    }
    for (const each of [of1, ofAll]) await host.files.removeTree(each ?? "");
    await fleet.systemd.daemonReload();
  });

  test("found nowhere: a name that is nearly it is asked about", async () => {
    await program("mine/bin/only-here");
    await file("typo", "MOSAIC_PATH=~/mine/bin\nMOSAIC_AGENT_RUNTIME=olny-here\n");
    await file("none", "MOSAIC_AGENT_RUNTIME=zzz-no-such-program-zzz\n");
    await sh("ln -s /nowhere/x ~/mine/bin/dangling");
    await file("gone", "MOSAIC_PATH=~/mine/bin\nMOSAIC_AGENT_RUNTIME=dangling\n");
    const report = await examine(host, "agents.program");
    expect(of(report, "gone").message).toMatch(/found nowhere else$/);
    expect(of(report, "typo").message).toContain("found nowhere else (was only-here meant?)");
    expect(of(report, "none").message).toMatch(/found nowhere else$/);
  });
});

describe("agents.state", () => {
  green("agents.state", "where unit, session and process agree", async () => {
    await file("waits", "");
    const report = await examine(host, "agents.state");
    expect(of(report, "coder").message).toMatch(/^up, pid \d+, \d+ s, 0 restarts$/);
    expect(of(report, "waits").message).toBe("stopped");
    expect(report.message).toBe("1 up, 1 stopped");
    return report;
  });

  /** Puts a process beside the server, in every hierarchy; another one keeps the agent's unit up. */
  const moveToHolder = (pid: number, unit: string) =>
    sh(`
      for procs in $(find /sys/fs/cgroup -path "*$(basename ${fleet.root})*/${unit}/cgroup.procs"); do
        other=$(find "\${procs%%/app.slice/*}" -path "*/${HOLDER_UNIT}/cgroup.procs" ! -path "*/.control/*")
        sleep infinity >/dev/null 2>&1 & echo $! >"$procs"
        echo ${pid} >"$other"
      done`);
  /** An agent of its own for a test that breaks it. */
  async function running<T>(name: string, body: (pid: number, unit: string) => Promise<T>): Promise<T> {
    const unit = `mosaic-agent@${name}.service`;
    await file(name, "MOSAIC_AGENT_COMMAND=sleep infinity\nMOSAIC_AGENT_STOP_SECONDS=1\n");
    expect(await fleet.systemctl("start", unit)).toMatchObject({ code: 0 });
    try {
      return await body((await fleet.up(name)).pid, unit);
    } finally {
      await fleet.systemctl("stop", unit);
      await fleet.tmuxCommand("kill-session", "-t", `=${name}`);
    }
  }

  red(
    "agents.state",
    "a process outside its unit; the restart brings it in",
    {
      status: "fail",
      message: /^astray: its process \d+ is outside its unit/,
      fix: /^systemctl --user restart .*astray/,
    },
    () =>
      running("astray", async (pid, unit) => {
        await moveToHolder(pid, unit);
        const report = await examine(host, "agents.state");
        expect((await mended(report, "astray")).status).toBe("pass");
        return report;
      }),
  );

  test("a process that was on its way into its unit when the processes were read is looked at again", () =>
    running("late", async (pid, unit) => {
      const tools = toolsOf(host, "0.0.0-test");
      try {
        await moveToHolder(pid, unit);
        await tools.processes();
        await sh(`
          for procs in $(find /sys/fs/cgroup -path "*$(basename ${fleet.root})*/${unit}/cgroup.procs"); do
            echo ${pid} >"$procs"
          done`);
        const result = await agentsState.run(tools);
        const subjects = result.status === "skip" ? [] : (result.subjects ?? []);
        expect(subjects.find(({ subject }) => subject === "late")?.status).toBe("pass");
      } finally {
        tools.close();
      }
    }));

  test("its program has ended, and the unit does not know", () =>
    running("dead", async (pid, unit) => {
      await moveToHolder(pid, unit);
      await sh(`kill -9 ${pid}`);
      await fleet.wait("the pane is dead", async () => (await fleet.pane("dead"))?.dead);
      const report = await examine(host, "agents.state");
      expect(of(report, "dead").message).toBe("its unit is active (running), but its program has ended");
    }));

  test("its session is gone, and the unit does not know", () =>
    running("gone", async (pid, unit) => {
      await moveToHolder(pid, unit);
      await fleet.tmuxCommand("kill-session", "-t", "=gone");
      const report = await examine(host, "agents.state");
      expect(of(report, "gone").message).toBe("its unit is active (running), but there is no session");
      expect((await mended(report, "gone")).status).toBe("pass");
    }));

  test("its session was renamed: both names are told, and the remedy renames it back", () =>
    running("named", async () => {
      await fleet.tmuxCommand("rename-session", "-t", "=named", "named-2");
      const report = await examine(host, "agents.state");
      expect(of(report, "named").message).toContain("somebody renamed it to named-2");
      // Of a session alone nothing is known that could be looked at.
      const programs = await examine(host, "agents.program");
      expect(programs.subjects.map(({ subject }) => subject)).not.toContain("named-2");
      expect(of(report, "named-2").message).toBe("this session is agent named's: somebody renamed it");
      expect(report.message).toBe("2 of 3 agents: down, or unit, session and process do not agree");
      expect((await mended(report, "named-2")).status).toBe("pass");
    }));

  test("while the user manager starts, what is enabled and not up may be on its way (fake: its state)", async () => {
    await file("boots", "MOSAIC_AGENT_COMMAND=sleep infinity\n");
    await fleet.systemctl("enable", "mosaic-agent@boots.service");
    const tools = toolsOf(host, "0.0.0-test");
    try {
      const managerState = async () => ({ ...(await tools.managerState()), state: "starting" });
      const result = await agentsState.run({ ...tools, managerState });
      const subjects = result.status === "skip" ? [] : (result.subjects ?? []);
      expect(subjects.find(({ subject }) => subject === "boots")?.status).toBe("unknown");
      expect(subjects.find(({ subject }) => subject === "coder")?.status).toBe("pass");
    } finally {
      tools.close();
      await fleet.systemctl("disable", "mosaic-agent@boots.service");
    }
  });

  test("where the holder's server does not answer, nothing is claimed of sessions", async () => {
    const server = (await fleet.unit(HOLDER_UNIT)).mainPid;
    const socket = (await fleet.tmux.server())?.socketPath ?? "";
    await sh(`rm ${socket}`);
    const report = await examine(host, "agents.state");
    host.kill(server, "SIGUSR1");
    await fleet.wait("the server answers", () => fleet.tmux.server());
    expect(report.status).toBe("unknown");
    expect(of(report, "coder").message).toBe("its unit is active (running), but the holder's server does not answer");
  });

  test("two sessions whose names were swapped: one list of commands mends both", () =>
    running("left-hand", () =>
      running("right-hand", async () => {
        for (const [from, to] of [
          ["left-hand", "x"],
          ["right-hand", "left-hand"],
          ["x", "right-hand"],
        ] as const)
          await fleet.tmuxCommand("rename-session", "-t", `=${from}`, to);
        const report = await examine(host, "agents.state");
        expect(of(report, "left-hand").message).toBe("this session is agent right-hand's: somebody renamed it");
        expect(of(report, "right-hand").fix.commands).toEqual([]);
        expect((await mended(report, "left-hand")).status).toBe("pass");
      }),
    ));

  test("one that is enabled and stopped is down, with or without the holder; its remedy brings it back", async () => {
    await file("boots", "MOSAIC_AGENT_COMMAND=sleep infinity\n");
    await fleet.systemctl("enable", "mosaic-agent@boots.service");
    try {
      const report = await examine(host, "agents.state");
      expect(report.status).toBe("fail");
      expect(of(report, "boots").message).toMatch(/^is enabled, but stopped: /);
      expect((await mended(report, "boots")).status).toBe("pass");
      await fleet.systemctl("stop", HOLDER_UNIT);
      expect(await examine(host, "holder.server")).toMatchObject({
        status: "fail",
        message: expect.stringContaining("mosaic-agent@boots.service is enabled"),
        fix: { commands: [`systemctl --user start ${HOLDER_UNIT}`] },
      });
      const down = await examine(host, "agents.state");
      expect(of(down, "boots").status).toBe("fail");
      expect(of(down, "coder").message).toBe("stopped");
      expect((await mended(down, "boots")).status).toBe("pass");
    } finally {
      await fleet.systemctl("disable", "--now", "mosaic-agent@boots.service");
      await fleet.systemctl("start", CODER);
      await fleet.up("coder");
    }
  });

  test("one that systemd has passed over is told as that, as long as systemd knows", async () => {
    await file("passed", "MOSAIC_AGENT_COMMAND=sleep infinity\n");
    const unit = "mosaic-agent@passed.service";
    await fleet.systemctl("enable", "--now", unit);
    await fleet.dropIn(unit, "[Service]\nExecCondition=/bin/false\n");
    expect(await fleet.systemctl("restart", unit)).toMatchObject({ code: 0 });
    const report = await examine(host, "agents.state");
    expect(of(report, "passed")).toMatchObject({ status: "fail", message: expect.stringContaining("passed over it") });
    expect(of(report, "passed").fix.commands[0]).toBe(`systemctl --user cat ${unit}   # which one`);
    await fleet.dropIn(unit, "[Service]\n");
    await fleet.systemctl("disable", unit);
  });

  test("one that ended well and is not brought back is down", async () => {
    await file("once", "MOSAIC_AGENT_COMMAND=true\n");
    await fleet.dropIn("mosaic-agent@once.service", "[Service]\nRestart=on-failure\n");
    await fleet.systemctl("enable", "--now", "mosaic-agent@once.service");
    await fleet.wait("it has ended", async () => (await fleet.unit("once")).active === "inactive");
    const report = await examine(host, "agents.state");
    await fleet.systemctl("disable", "mosaic-agent@once.service");
    await fleet.tmuxCommand("kill-session", "-t", "=once");
    expect(of(report, "once")).toMatchObject({
      status: "fail",
      message: expect.stringMatching(/^is enabled, but stopped/),
    });
  });

  test("one that was given up stays down after its mark is cleared, until it is up; what is typed works", async () => {
    const unit = "mosaic-agent@tired.service";
    const path = await file("tired", "MOSAIC_AGENT_COMMAND=exit 3\n");
    await fleet.dropIn(unit, "[Unit]\nStartLimitBurst=2\n[Service]\nRestartSec=10ms\n");
    await fleet.systemctl("enable", "--now", unit);
    await fleet.wait("it is given up", async () => (await fleet.unit("tired")).active === "failed");
    try {
      const report = await examine(host, "agents.state");
      expect(of(report, "tired").message).toBe("its unit has failed: it is down, and stays down");
      await Bun.write(path, "MOSAIC_AGENT_COMMAND=sleep infinity\n");
      // As --fix does it.
      await fleet.systemctl("reset-failed", unit);
      const left = of(await examine(host, "agents.state"), "tired");
      expect(left).toMatchObject({ status: "fail", fix: { commands: [`systemctl --user start ${unit}`] } });
      for (const command of of(report, "tired").fix.commands.filter((each) => !each.includes(" reset-failed ")))
        if (!/agent logs/.test(command)) await sh(command);
      expect(of(await examine(host, "agents.state"), "tired").message).toMatch(/^up, /);
    } finally {
      await fleet.systemctl("disable", "--now", unit);
    }
  });

  test("a masked one never starts, whatever wants it; its remedy takes the mask off", async () => {
    const unit = "mosaic-agent@masked.service";
    await file("masked", "MOSAIC_AGENT_COMMAND=sleep infinity\n");
    await fleet.systemctl("enable", unit);
    for (const runtime of [[], ["--runtime"]]) {
      await sh(`systemctl --user mask ${runtime.join(" ")} ${unit}`);
      expect(of(await examine(host, "agents.enabled"), "masked").message).toBe("stopped, does not start at boot");
      const report = await examine(host, "agents.state");
      expect(of(report, "masked")).toMatchObject({ status: "warn", message: expect.stringContaining("is masked") });
      expect(of(await mended(report, "masked"), "masked").message).toMatch(/^is enabled, but stopped: /);
    }
    // As good as a mask to systemd.
    await Bun.write(join(fleet.paths.units, unit), "");
    await fleet.systemd.daemonReload();
    expect(await examine(host, "units.loaded")).toMatchObject({
      status: "warn",
      message: expect.stringMatching(/^masked: it is masked by ~\//),
    });
    const empty = await examine(host, "agents.state");
    expect(of(empty, "masked").message).toContain("is masked");
    expect(of(await mended(empty, "masked"), "masked").message).toMatch(/^is enabled, but stopped: /);
    await fleet.systemctl("disable", unit);
  });

  test("a mask that is not the user's own is root's to take off (fake: it lies elsewhere)", async () => {
    await file("masked", "MOSAIC_AGENT_COMMAND=sleep infinity\n");
    await sh("systemctl --user mask mosaic-agent@masked.service");
    const elsewhere = { ...host, env: { ...host.env, XDG_CONFIG_HOME: join(fleet.root, "elsewhere") } };
    expect(of(await examine(elsewhere, "agents.state"), "masked").fix).toMatchObject({
      commands: [],
      root: ["rm ~/.config/systemd/user/mosaic-agent@masked.service", "systemctl --user daemon-reload"],
    });
    await sh("systemctl --user unmask mosaic-agent@masked.service; systemctl --user daemon-reload");
  });

  test("its unit is stopped, but its session runs on: a start takes it over", async () => {
    await fleet.tmuxCommand("new-session", "-d", "-s", "left", "sleep infinity");
    await fleet.tmuxCommand("set-option", "-p", "-t", "=left:", "@mosaic_agent", "1");
    await fleet.tmuxCommand("set-option", "-t", "=left:", "@mosaic_session", "1");
    await file("left", "MOSAIC_AGENT_COMMAND=sleep infinity\n");
    const report = await examine(host, "agents.state");
    expect(of(report, "left").message).toMatch(/^its unit is stopped, but its session runs a program/);
    const pid = (await fleet.pane("left"))?.pid;
    expect(of(await mended(report, "left"), "left")).toMatchObject({
      status: "pass",
      message: expect.stringMatching(new RegExp(`^up, pid ${pid},`)),
    });
    await fleet.systemctl("stop", "mosaic-agent@left.service");
  });

  test("a session that somebody opened by hand is no agent, nor is a pane beside an agent's", async () => {
    await fleet.tmuxCommand("new-session", "-d", "-s", "by-hand", "sleep infinity");
    await fleet.tmuxCommand("split-window", "-b", "-d", "-t", "=coder:", "sleep infinity");
    const report = await examine(host, "agents.state");
    await fleet.tmuxCommand("kill-session", "-t", "=by-hand");
    await fleet.tmuxCommand("kill-pane", "-a", "-t", `%${(await fleet.pane("coder"))?.sessionId.slice(1)}`);
    expect(report).toMatchObject({ status: "pass", message: "1 up" });
  });

  test("nor is a session that shows an agent's window as well, of its group or with that window linked", async () => {
    await fleet.tmuxCommand("new-session", "-d", "-t", "=coder", "-s", "beside");
    await fleet.tmuxCommand("new-session", "-d", "-s", "all-of-them", "sleep infinity");
    await fleet.tmuxCommand("link-window", "-d", "-s", "=coder:", "-t", "=all-of-them:");
    expect((await fleet.tmuxCommand("list-panes", "-a", "-f", "#{@mosaic_agent}")).stdout.split("\n")).toHaveLength(4);
    const reports = [await examine(host, "agents.state"), await examine(host, "orphans.sessions")];
    for (const session of ["beside", "all-of-them"]) await fleet.tmuxCommand("kill-session", "-t", `=${session}`);
    await fleet.up("coder");
    expect(reports).toMatchObject([
      { status: "pass", message: "1 up" },
      { status: "pass", evidence: { "of your own": ["all-of-them", "beside"] } },
    ]);
  });
});

describe("agents.restarts", () => {
  const quick = (burst: number) =>
    `[Unit]\nStartLimitBurst=${burst}\n[Service]\nRestartSec=10ms\nTimeoutStartSec=20s\n`;

  green("agents.restarts", "where nobody was brought back", async () => {
    const report = await examine(host, "agents.restarts");
    expect(of(report, "coder").message).toBe("0 restarts");
    return report;
  });

  red(
    "agents.restarts",
    "an agent that systemd has given up, and why",
    {
      status: "fail",
      message: /^given-up: systemd gave it up after 2 restarts: not started, its program is missing \(exit 69\)$/m,
      fix: /^systemctl --user reset-failed mosaic-agent@given-up\.service$/,
    },
    async () => {
      await file("given-up", "MOSAIC_AGENT_COMMAND=no-such-program\n");
      await fleet.dropIn("mosaic-agent@given-up.service", quick(2));
      await fleet.systemctl("start", "mosaic-agent@given-up.service");
      await fleet.wait("it is given up", async () => (await fleet.unit("given-up")).active === "failed");
      const report = await examine(host, "agents.restarts");
      expect(of(report, "given-up").fix.automatic).toBe(true);
      expect(of(await examine(host, "agents.state"), "given-up")).toMatchObject({
        status: "fail",
        message: expect.stringContaining("its unit has failed"),
      });
      await sh(of(report, "given-up").fix.commands[0] ?? "");
      expect(await examine(host, "agents.restarts")).toMatchObject({ status: "pass" });
      return report;
    },
  );

  test("the start limit that is hit by a program which ends at once", async () => {
    await file("ends", "MOSAIC_AGENT_COMMAND=exit 3\n");
    await fleet.dropIn("mosaic-agent@ends.service", quick(2));
    await fleet.systemctl("start", "mosaic-agent@ends.service");
    await fleet.wait("it is given up", async () => (await fleet.unit("ends")).active === "failed");
    expect(of(await examine(host, "agents.restarts"), "ends").message).toBe(
      "systemd gave it up after 2 restarts: its program exited with status 3",
    );
    await fleet.systemctl("reset-failed", "mosaic-agent@ends.service");
  });

  test("a storm: brought back many times in a short while, and up again", async () => {
    await file(
      "storm",
      `MOSAIC_AGENT_COMMAND="echo x >>~/storm; [ $(wc -l <~/storm) -le 5 ] || exec sleep infinity; exit 4"\n`,
    );
    await fleet.dropIn("mosaic-agent@storm.service", quick(50));
    await fleet.systemctl("start", "mosaic-agent@storm.service");
    await until(host, 20_000, async () => (await fleet.unit("storm")).restarts >= 5 || undefined);
    await fleet.up("storm");
    const report = await examine(host, "agents.restarts");
    expect(of(report, "storm")).toMatchObject({
      status: "warn",
      message: expect.stringMatching(/^5 restarts, the last \d+ s ago$/),
    });
    await fleet.systemctl("stop", "mosaic-agent@storm.service");
  });
});

describe("agents.enabled", () => {
  const disable = () => fleet.systemctl("disable", CODER);

  red(
    "agents.enabled",
    "an agent that runs and has a file, and will not be started at boot",
    { status: "warn", message: /^coder: runs, but is not enabled/, fix: /^systemctl --user enable mosaic-agent@coder/ },
    async () => {
      const report = await examine(host, "agents.enabled");
      expect(of(report, "coder").fix.automatic).toBe(true);
      return report;
    },
  );

  green("agents.enabled", "where its remedy was typed", async () => {
    const report = await mended(await examine(host, "agents.enabled"), "coder");
    await disable();
    expect(report.message).toBe("1 at boot");
    return report;
  });

  test("an agent that was started by hand without a file is a throwaway", async () => {
    const path = join(agents, "coder.env");
    await sh(`mv ${path} ${path}.aside`);
    const report = await examine(host, "agents.enabled");
    await sh(`mv ${path}.aside ${path}`);
    expect(of(report, "coder")).toMatchObject({ status: "pass", message: "started by hand, without a file" });
  });
});
