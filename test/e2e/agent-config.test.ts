import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { succeeded } from "../../src/core/exec.ts";
import { binary } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
});
afterAll(() => fleet.close());

const SECRET = "sk-ant-0123456789abcdefghij";

async function agent(words: readonly string[], input?: string) {
  const result = await fleet.host.exec([binary, "agent", ...words], {
    timeoutMs: 60_000,
    ...(input === undefined ? {} : { input }),
  });
  return {
    code: result.kind === "exited" ? result.code : null,
    said: result.stdout + result.stderr,
    stdout: result.stdout,
  };
}
function fileOf(name: string): string {
  return join(fleet.paths.agents, `${name}.env`);
}
function limitsOf(name: string): string {
  return join(fleet.paths.units, `mosaic-agent@${name}.service.d/10-mosaic-limits.conf`);
}
const text = (path: string) => readFileSync(path, "utf8");

describe("agent add", () => {
  test("writes a private file and limits that systemd has, and starts it", async () => {
    mkdirSync(join(fleet.host.user.home, "work"));
    const command = 'sleep infinity # it\'s "quoted" \\ $HOME é';
    const added = await agent([
      ...["add", "coder", "--command", command, "--workdir", "~/work", "--env", "NOTE= a,b 'c'\n#d=e", "--env", "X=1"],
      ...["--memory-max", "256M", "--cpu-weight", "200", "--start", "--enable"],
    ]);
    expect(added).toMatchObject({ code: 0 });
    expect(statSync(fileOf("coder")).mode & 0o777).toBe(0o600);
    const { pid } = await fleet.up("coder");
    const had = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    expect(had).toContain("NOTE= a,b 'c'\n#d=e");
    expect(had).toContain(`MOSAIC_AGENT_COMMAND=${command}`);
    const [unit] = await fleet.systemd.show(["mosaic-agent@coder.service"], ["MemoryMax", "CPUWeight"]);
    expect(unit?.extra).toMatchObject({ MemoryMax: String(256 * 1024 * 1024), CPUWeight: "200" });
    expect(unit?.fileState).toBe("enabled");
  });

  test("a start that does not hold is told, with why: 1; the agent is there", async () => {
    const { code, said } = await agent(["add", "brief", "--command", "exit 4", "--start"]);
    expect(code).toBe(1);
    expect(said).toContain("FAILED  brief: ");
    expect(said).toContain("exited with status 4");
    expect(said).toContain("Next: mosaic-fleet doctor --only agents");
    expect(existsSync(fileOf("brief"))).toBe(true);
    expect(await agent(["rm", "brief", "--yes"])).toMatchObject({ code: 0 });
    expect(await fleet.pane("brief")).toBeUndefined();
  });

  test("says of a program that is not there what to type, and what for on a line of its own", async () => {
    const { code, said } = await agent(["add", "lost", "--runtime", "no-such-program"]);
    expect(code).toBe(0);
    expect(said).toMatch(/^ {2}Next: \S+ \S+lost\.env\n {10}# name another program, or install no-such-program$/m);
    expect(await agent(["rm", "lost"])).toMatchObject({ code: 0 });
  });

  test("leaves an agent that is there as it is", async () => {
    const before = text(fileOf("coder"));
    expect(await agent(["add", "coder", "--model", "x"])).toMatchObject({ code: 73 });
    expect(text(fileOf("coder"))).toBe(before);
  });

  test.each([
    ["../../x", []],
    ["a.b", []],
    ["mosaic-canary-1", []],
    ["bad", ["--memory-max", "4GB"]],
    ["bad", ["--memory-max", "0"]],
    ["bad", ["--cpu-weight", "0"]],
    ["bad", ["--env", "A-B=1"]],
    ["bad", ["--env", "MOSAIC_AGENT_MODEL=x"]],
    ["bad", ["--env", "MOSAIC_PAHT=x"]],
    ["bad", ["--command", "echo 'x"]],
  ])("refuses %s %j, and names the field", async (name, options) => {
    const { code, said } = await agent(["add", name, ...options]);
    expect(code).toBe(64);
    expect(said).toContain(options[0] ?? "name");
    expect(existsSync(fileOf("bad"))).toBe(false);
  });

  test("takes no key from its arguments, and tells the ways that are", async () => {
    for (const option of [`OPENAI_API_KEY=abc`, `X=${SECRET}`]) {
      const { code, said } = await agent(["add", "keyed", "--env", option]);
      expect(code).toBe(64);
      expect(said).toContain("--env-file");
      expect(said).not.toContain(SECRET);
    }
    expect(await agent(["add", "keyed", "--command", `claude --api-key ${SECRET}`])).toMatchObject({ code: 64 });
    expect(await agent(["add", "keyed", "--env", "OPENAI_API_KEY"])).toMatchObject({ code: 69 });
    expect(existsSync(fileOf("keyed"))).toBe(false);
  });

  test("says of names that JavaScript has a meaning for what is set, and loses none of them in silence", async () => {
    const { code, said } = await agent(["add", "named", "--command", "cat", "--env", "__proto__=x"]);
    expect(code).toBe(64);
    expect(said).toContain("--env __proto__: cannot be set here");
    expect(await agent(["add", "named", "--command", "cat", "--env", "constructor=x"])).toMatchObject({ code: 0 });
    expect((await agent(["show", "named"])).said).not.toContain("native code");
    expect(await agent(["rm", "named"])).toMatchObject({ code: 0 });
  });

  test("takes keys from stdin, and shows them nowhere", async () => {
    expect(
      await agent(["add", "keyed", "--command", "cat", "--env-file", "-"], `OPENAI_API_KEY=${SECRET}\n`),
    ).toMatchObject({
      code: 0,
    });
    expect(text(fileOf("keyed"))).toContain(SECRET);
    for (const output of ["human", "json"]) {
      const { code, said } = await agent(["show", "keyed", "-o", output]);
      expect(code).toBe(0);
      expect(said).toContain("OPENAI_API_KEY");
      expect(said).not.toContain(SECRET);
    }
  });

  test("asks for a key at a terminal, without showing it", async () => {
    const typed = fleet.terminals.typed(`unset TMUX; ${binary} agent add asked --command cat --env MY_TOKEN`);
    await fleet.wait("the question", async () => typed.screen().includes("MY_TOKEN (not shown)"));
    typed.press(SECRET, "Enter");
    const screen = typed.done();
    expect(screen).toContain("exit 0");
    expect(screen).not.toContain(SECRET);
    expect(text(fileOf("asked"))).toContain(`MY_TOKEN=${SECRET}`);
  });

  test("says at once that a program is not found, where it is, and the line to add", async () => {
    const folder = join(fleet.host.user.home, ".local/bin");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "odd-agent"), "#!/bin/sh\n");
    chmodSync(join(folder, "odd-agent"), 0o755);
    const { code, said } = await agent(["add", "lost", "--runtime", "odd-agent"]);
    expect(code).toBe(0);
    expect(said).toContain("~/.local/bin");
    expect(said).toContain("Line to add: MOSAIC_PATH=~/.local/bin");
  });

  test("does not write through another user's file, nor to what is no file", async () => {
    const other = join(fleet.root, "other.env");
    writeFileSync(other, "A=1\n");
    const chowned = await fleet.host.exec(["chown", "65534", other]);
    symlinkSync("/dev/null", fileOf("nothing"));
    const refused = await agent(["edit", "nothing", "--model", "x"]);
    expect(refused).toMatchObject({ code: 73 });
    expect(refused.said).toContain("Next: namei -l ~/.config/mosaic/fleet/agents/nothing.env");
    if (!succeeded(chowned)) return; // only root can make such a file
    symlinkSync(other, fileOf("theirs"));
    expect(await agent(["edit", "theirs", "--model", "x"])).toMatchObject({ code: 73 });
    expect(text(other)).toBe("A=1\n");
  });

  test("what is in the place of its lock is named at once, with what moves it aside", async () => {
    const lock = join(fleet.paths.state, "settings.lock");
    const was = existsSync(fileOf("late"));
    mkdirSync(lock);
    const { code, said } = await agent(["add", "late", "--command", "true"]);
    expect({ code, was, is: existsSync(fileOf("late")) }).toEqual({ code: 73, was: false, is: false });
    expect(said).toContain(`Next: mv ${lock} ${lock}.yours`);
    rmSync(lock, { recursive: true });
  });
});

describe("agent edit", () => {
  test("changes a value, and no other byte", async () => {
    writeFileSync(fileOf("kept"), "# mine\r\nodd line\r\nMOSAIC_AGENT_MODEL='a' \r\nB=2", { mode: 0o644 });
    expect(await agent(["edit", "kept", "--model", "b c", "--env", "D=x"])).toMatchObject({ code: 0 });
    expect(text(fileOf("kept"))).toBe("# mine\r\nodd line\r\nMOSAIC_AGENT_MODEL=b c\r\nB=2\nD=x\n");
    expect(statSync(fileOf("kept")).mode & 0o777).toBe(0o600);
    expect(await agent(["edit", "kept", "--unset", "model", "--unset", "D"])).toMatchObject({ code: 0 });
    expect(text(fileOf("kept"))).toBe("# mine\r\nodd line\r\nB=2\n");
  });

  test("writes through a link of the user's own", async () => {
    const real = join(fleet.host.user.home, "dotfiles.env");
    writeFileSync(real, "A=1\n");
    symlinkSync(real, fileOf("linked"));
    expect(await agent(["edit", "linked", "--env", "A=2"])).toMatchObject({ code: 0 });
    expect(text(real)).toBe("A=2\n");
    expect((await fleet.host.files.status(fileOf("linked")))?.kind).toBe("link");
  });

  test("does not write into a quote that is never closed, and says where it is", async () => {
    writeFileSync(fileOf("open"), "A=1\nB='2\n");
    const { code, said } = await agent(["edit", "open", "--model", "x"]);
    expect(code).toBe(78);
    expect(said).toContain("line 2");
    expect(text(fileOf("open"))).toBe("A=1\nB='2\n");
  });

  test("loses nothing of many edits at once", async () => {
    writeFileSync(fileOf("busy"), "A=1\n");
    const keys = Array.from({ length: 12 }, (_, index) => `K${index}`);
    const edits = await Promise.all(keys.map((key) => agent(["edit", "busy", "--env", `${key}=1`])));
    expect(edits.map(({ code }) => code)).toEqual(keys.map(() => 0));
    for (const key of keys) expect(text(fileOf("busy"))).toContain(`${key}=1\n`);
  });

  test("takes limits away; the drop-in goes, one of the user's stays", async () => {
    const yours = join(fleet.paths.units, "mosaic-agent@coder.service.d/override.conf");
    writeFileSync(yours, "[Service]\nMemoryMax=100M\n");
    const edited = await agent(["edit", "coder", "--memory-max", "300M", "--unset", "cpu-weight"]);
    expect(edited.said).toContain("A drop-in of yours wins: 100M");
    // systemd has put them in force: a restart would only cost the agent what it is at.
    expect(edited.said).toContain("It runs, and its limits need no restart.\n");
    expect(edited.said).not.toContain("agent restart");
    expect((await agent(["edit", "coder", "--enable"])).said).toStartWith("Enabled coder.\n");
    const both = await agent(["edit", "coder", "--memory-max", "300M", "--env", "X=2"]);
    expect(both.said).toContain("It runs as it was started. To start it anew: mosaic-fleet agent restart coder\n");
    expect(text(limitsOf("coder"))).not.toContain("CPUWeight");
    const shown = JSON.parse((await agent(["show", "coder", "-o", "json"])).stdout);
    expect(shown.limits.memoryMax).toMatchObject({ value: String(100 * 1024 * 1024), from: yours });
    expect(await agent(["edit", "coder", "--unset", "memory-max"])).toMatchObject({ code: 0 });
    expect(existsSync(limitsOf("coder"))).toBe(false);
    expect(text(yours)).toBe("[Service]\nMemoryMax=100M\n");
  });

  test("a setting to unset that is misspelt is told, and nothing is written; a variable may be called so", async () => {
    writeFileSync(fileOf("spelt"), "MODE=1\nmodl=2\nhttp_proxy=3\n");
    for (const [typed, meant] of [
      ["memory_max", " (did you mean memory-max?)"],
      ["cpu-wieght", " (did you mean cpu-weight?)"],
      ["a b", ""],
    ]) {
      const { code, said } = await agent(["edit", "spelt", "--unset", typed ?? "", "--env", "A=1"]);
      expect([code, said.split("\n")[0]]).toEqual([
        64,
        `mosaic-fleet agent edit: --unset ${typed} is no setting, and no variable of this agent's${meant}`,
      ]);
    }
    expect(text(fileOf("spelt"))).toBe("MODE=1\nmodl=2\nhttp_proxy=3\n");
    for (const name of ["modl", "http_proxy", "OTHER", "model", "toString"])
      expect(await agent(["edit", "spelt", "--unset", name])).toMatchObject({ code: 0 });
    expect(text(fileOf("spelt"))).toBe("MODE=1\n");
  });

  /** A shell script for an editor, at a terminal. */
  function edited(name: string, script: string) {
    const editor = join(fleet.root, `editor-${name}`);
    writeFileSync(editor, `#!/bin/sh\n${script}\n`);
    chmodSync(editor, 0o755);
    return editedBy(editor, name);
  }
  const editedBy = (editor: string, name: string) =>
    fleet.terminals.typed(`unset TMUX VISUAL; EDITOR=${editor} ${binary} agent edit ${name}`);

  test("says what to type where the editor is not there", () => {
    writeFileSync(fileOf("unedited"), "A=1\n");
    const said = editedBy("no-such-editor", "unedited").done();
    expect(said).toContain("no-such-editor exited with 127");
    expect(said).toContain("Next: EDITOR=nano mosaic-fleet agent edit unedited");
    expect(text(fileOf("unedited"))).toBe("A=1\n");
  });

  test("opens an editor on a copy, and takes what it wrote", async () => {
    writeFileSync(fileOf("typed"), "A=1\n");
    expect(edited("typed", 'echo B=2 >>"$1"').done()).toContain("Changed typed.");
    expect(text(fileOf("typed"))).toBe("A=1\nB=2\n");
  });

  test("takes nothing from an editor that fails, and nothing that would be lost", async () => {
    writeFileSync(fileOf("failing"), "A=1\n");
    expect(edited("failing", 'echo B=2 >>"$1"; exit 3').done()).toContain("exit 1");
    writeFileSync(fileOf("broken"), "A=1\n");
    const typed = edited("broken", `echo "export B='2" >"$1"`);
    await fleet.wait("the question", async () => typed.screen().includes("[edit/discard]"));
    expect(typed.screen()).toContain("line 1");
    typed.press("d", "Enter");
    expect(typed.done()).toContain("exit 1");
    expect([text(fileOf("failing")), text(fileOf("broken"))]).toEqual(["A=1\n", "A=1\n"]);
  });

  test("does not overwrite what somebody wrote meanwhile", async () => {
    writeFileSync(fileOf("meanwhile"), "A=1\n");
    const typed = edited("meanwhile", `echo C=3 >${fileOf("meanwhile")}; echo B=2 >>"$1"`);
    expect(typed.done()).toContain("exit 73");
    expect(text(fileOf("meanwhile"))).toBe("C=3\n");
  });
});

test("agent show tells what wins, and over what", async () => {
  writeFileSync(join(fleet.paths.site, "fleet.env"), "MOSAIC_AGENT_MODEL=small\n");
  await agent(["add", "wins", "--model", "large", "--runtime", "sleep"]);
  const shown = JSON.parse((await agent(["show", "wins", "-o", "json"])).stdout);
  const model = shown.settings.find(({ key }: { key: string }) => key === "MOSAIC_AGENT_MODEL");
  expect(model).toMatchObject({ value: "large", from: fileOf("wins"), over: [{ value: "small" }] });
  expect(shown.command).toEqual({ argv: ["sleep", "--model", "large"] });
  expect(shown.program.status).toBe("pass");
  expect(await agent(["show", "nobody"])).toMatchObject({ code: 69 });
});

test("agent rm stops only after a yes, and keeps the settings", async () => {
  const was = text(fileOf("coder"));
  expect(await agent(["rm", "coder"])).toMatchObject({ code: 69 });
  await fleet.up("coder");
  expect(await agent(["rm", "coder", "--yes"])).toMatchObject({ code: 0 });
  expect((await fleet.unit("coder")).active).toBe("inactive");
  expect(existsSync(fileOf("coder"))).toBe(false);
  const kept = (await fleet.host.files.list(fleet.paths.agents)).find((name) => name.startsWith("coder.env.removed-"));
  expect(text(join(fleet.paths.agents, kept ?? ""))).toBe(was);
  expect(existsSync(join(fleet.paths.units, "mosaic-agent@coder.service.d/override.conf"))).toBe(true);
  // What the layout has for the canary is nobody else's.
  await agent(["add", "canary", "--command", "cat"]);
  const { code, said } = await agent(["rm", "canary"]);
  expect(code).toBe(0);
  expect(said).not.toContain("10-mosaic-canary.conf");
});

test("agent rm without a manager removes nothing: the agent may run, and start at boot", async () => {
  expect(await agent(["add", "unseen", "--command", "cat", "--start", "--enable"])).toMatchObject({ code: 0 });
  const { pid } = await fleet.up("unseen");
  const env = { XDG_RUNTIME_DIR: join(fleet.root, "nowhere"), DBUS_SESSION_BUS_ADDRESS: undefined };
  const removed = await fleet.host.exec([binary, "agent", "rm", "unseen", "--yes"], { env });
  expect(removed).toMatchObject({ code: 69, stdout: "" });
  expect(removed.stderr).toContain("Nothing was removed: the user manager cannot be reached.");
  expect(existsSync(fileOf("unseen"))).toBe(true);
  expect((await fleet.up("unseen")).pid).toBe(pid);
  // What else would tell it something says how it is reached; what systemctl makes by itself is there.
  const limited = await fleet.host.exec([binary, "agent", "edit", "unseen", "--memory-max", "1G"], { env });
  expect(limited).toMatchObject({
    code: 71,
    stderr: expect.stringMatching(/not in force\.\n {2}Why: {2}(?!systemctl)/),
  });
  const link = join(fleet.paths.units, "default.target.wants/mosaic-agent@later.service");
  const added = await fleet.host.exec([binary, "agent", "add", "later", "--enable"], { env });
  expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining("\nEnabled later.\n") });
  expect(existsSync(link)).toBe(true);
  expect(await agent(["rm", "later"])).toMatchObject({ code: 0 });
  expect(existsSync(link)).toBe(false);
  expect(await agent(["rm", "unseen", "--yes"])).toMatchObject({ code: 0 });
});

test("agent rm of one that has failed leaves no failed unit and no session; what was kept before stays", async () => {
  await fleet.dropIn("mosaic-agent@brief.service", "[Unit]\nStartLimitBurst=1\n[Service]\nRestartSec=10ms\n");
  const removed = async () =>
    (await fleet.host.files.list(fleet.paths.agents)).filter((name) => name.startsWith("brief.env.removed-")).length;
  const before = await removed();
  for (const round of [1, 2]) {
    expect(await agent(["add", "brief", "--command", "exit 4"])).toMatchObject({ code: 0 });
    await agent(["start", "brief"]);
    await fleet.wait("it has failed", async () => (await fleet.unit("brief")).active === "failed");
    expect(await agent(["rm", "brief"])).toMatchObject({ code: 0 });
    expect((await fleet.unit("brief")).active).toBe("inactive");
    expect(await fleet.pane("brief")).toBeUndefined();
    expect(await removed()).toBe(before + round);
  }
});

test("agent rm of one that starts at boot leaves no agent behind, whoever enabled it", async () => {
  // Here systemctl enables and disables without a word to the manager, which has read its units since.
  for (const name of ["ours", "theirs"]) await agent(["add", name, "--command", "cat"]);
  expect(await agent(["enable", "ours"])).toMatchObject({ code: 0 });
  await fleet.systemctl("daemon-reload");
  await fleet.systemctl("start", "mosaic-agent@theirs.service");
  expect((await fleet.unit("theirs")).fileState).toBe("disabled");
  await fleet.systemctl("enable", "mosaic-agent@theirs.service");
  for (const name of ["theirs", "ours"]) expect(await agent(["rm", name, "--yes"])).toMatchObject({ code: 0 });
  const { agents } = JSON.parse((await fleet.host.exec([binary, "status", "-o", "json"])).stdout);
  expect(agents.filter(({ name }: { name: string }) => ["ours", "theirs"].includes(name))).toEqual([]);
});

test("a name that is nearly an agent's is told with what was meant", async () => {
  await agent(["add", "writer", "--command", "cat"]);
  for (const verb of ["show", "rm"]) {
    const { said } = await agent([verb, "writr"]);
    expect(said).toContain("did you mean writer?");
    expect(said).not.toContain("agent add");
  }
});

test("agent enable and disable are systemctl's, for several: --now starts, or stops, too", async () => {
  for (const name of ["boot-1", "boot-2"]) await agent(["add", name, "--command", "sleep infinity"]);
  const is = async (name: string) => {
    const enabled = await fleet.systemctl("is-enabled", `mosaic-agent@${name}.service`);
    return `${enabled.stdout.trim()} ${(await fleet.unit(name)).active}`;
  };
  expect(await agent(["enable", "boot-*"])).toMatchObject({ code: 0 });
  expect([await is("boot-1"), await is("boot-2")]).toEqual(["enabled inactive", "enabled inactive"]);
  const started = await agent(["enable", "--now", "boot-1"]);
  expect(started.code).toBe(0);
  expect(started.stdout).toBe(`ok      boot-1: enabled; started, pid ${(await fleet.up("boot-1")).pid}\n`);
  expect(await agent(["disable", "boot-1"])).toMatchObject({ code: 0 });
  expect(await is("boot-1")).toBe("disabled active");
  expect(await agent(["disable", "--now", "boot-*"])).toMatchObject({ code: 0 });
  expect([await is("boot-1"), await is("boot-2")]).toEqual(["disabled inactive", "disabled inactive"]);

  // One that cannot is told; the others are done.
  await fleet.systemctl("mask", "--runtime", "mosaic-agent@boot-1.service");
  const { code, said } = await agent(["enable", "boot-1", "boot-2"]);
  await fleet.systemctl("unmask", "--runtime", "mosaic-agent@boot-1.service");
  expect(code).toBe(1);
  expect(said).toMatch(/^FAILED {2}boot-1: it could not be enabled: .*masked/m);
  expect(said).toContain("ok      boot-2: enabled\n");
});

test("agent rm takes the start at boot of an agent whose unit is not installed any more", async () => {
  const template = join(fleet.paths.units, "mosaic-agent@.service");
  const link = join(fleet.paths.units, "default.target.wants/mosaic-agent@left.service");
  expect(await agent(["add", "left", "--command", "cat", "--enable"])).toMatchObject({ code: 0 });
  renameSync(template, `${template}.away`);
  await fleet.systemctl("daemon-reload");
  try {
    expect((await fleet.host.files.status(link))?.kind).toBe("link");
    expect(await agent(["rm", "left"])).toMatchObject({ code: 0 });
    expect(await fleet.host.files.status(link)).toBeUndefined();
  } finally {
    renameSync(`${template}.away`, template);
    await fleet.systemctl("daemon-reload");
  }
});

test("where nothing is installed, a start leads to what says so", async () => {
  const template = join(fleet.paths.units, "mosaic-agent@.service");
  renameSync(template, `${template}.away`);
  await fleet.systemctl("daemon-reload");
  try {
    const added = await agent(["add", "early", "--command", "cat", "--start"]);
    const enabled = await agent(["enable", "early"]);
    for (const { code, said } of [added, enabled]) {
      expect(code).toBe(1);
      expect(said).toContain("\nNext: mosaic-fleet doctor --only layout,units,agents\n");
    }
    const looked = await fleet.host.exec([binary, "doctor", "--only", "layout,units,agents"]);
    expect(looked).toMatchObject({ kind: "exited", code: 1 });
  } finally {
    renameSync(`${template}.away`, template);
    await fleet.systemctl("daemon-reload");
  }
});
