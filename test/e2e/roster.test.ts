import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { shellWord } from "../../src/core/shell.ts";
import { binary, tree } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

let fleet: TestFleet;
let file: string;
beforeAll(async () => {
  fleet = await openFleet();
  file = join(fleet.root, "a fleet's.yaml");
});
afterAll(() => fleet.close());

const SECRET = "sk-ant-0123456789abcdefghij";

async function typed(words: readonly string[], input?: string) {
  const result = await fleet.host.exec([binary, ...words], {
    timeoutMs: 60_000,
    ...(input === undefined ? {} : { input }),
  });
  const { stdout, stderr } = result;
  return { code: result.kind === "exited" ? result.code : null, stdout, stderr, said: stdout + stderr };
}
/** A roster, applied. */
async function apply(roster: string, ...options: string[]) {
  writeFileSync(file, roster);
  return typed(["apply", "-f", file, ...options]);
}
function fileOf(name: string): string {
  return join(fleet.paths.agents, `${name}.env`);
}
const text = (path: string) => readFileSync(path, "utf8");
const NONE = "agents: {}\n";

test("what export wrote, applied where there is no agent, is what export writes; applied again it changes nothing", async () => {
  await fleet.agent("plain", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  const odd = 'A=12:30\nB=yes\nC=" a # b: c "\nD="x\n\ty\\""\nE=\nF=é😀\nG=1_000\nH=null\nI=~\nJ="$HOME `x`"\nK=- a\n';
  writeFileSync(fileOf("odd"), `# mine\n${odd}MOSAIC_AGENT_STOP_SECONDS=3\n`);
  const limits = ["--memory-max", "300M", "--cpu-weight", "50", "--model", "o'p us", "--workdir", '~/w "x'];
  await fleet.host.files.makeFolder(join(fleet.host.user.home, 'w "x'));
  expect(await typed(["agent", "add", "full", "--runtime", "sleep", ...limits, "--enable"])).toMatchObject({ code: 0 });
  expect(await typed(["agent", "start", "plain"])).toMatchObject({ code: 0 });
  // As a shell hands ~/work on; another user's home is another folder.
  const { home } = fleet.host.user;
  await fleet.agent("here", {
    MOSAIC_AGENT_WORKDIR: `${home}/work`,
    MOSAIC_PATH: `/opt/bin:${home}/bin`,
    OTHER: `${home}/x`,
  });

  const before = await typed(["export"]);
  expect(before.stdout).toContain("    workdir: ~/work\n");
  expect(before.stdout).toContain('      MOSAIC_PATH: "/opt/bin:~/bin"\n');
  expect(before.stdout).toContain(`      OTHER: ${home}/x\n`);
  const asItWas = text(fileOf("here"));
  expect(await apply(before.stdout)).toMatchObject({ code: 0, stdout: expect.stringContaining("Nothing to do.") });
  expect(text(fileOf("here"))).toBe(asItWas);
  expect(before).toMatchObject({ code: 0, stderr: "" });
  expect(await apply(NONE, "--prune", "--yes")).toMatchObject({ code: 0 });
  expect((await typed(["export"])).stdout).toEndWith("\nagents: {}\n");
  expect((await fleet.unit("plain")).active).toBe("inactive");

  expect(await apply(before.stdout, "--yes")).toMatchObject({ code: 0 });
  await fleet.up("plain");
  expect(await typed(["export"])).toEqual(before);

  const written = statSync(fileOf("odd"));
  const again = await apply(before.stdout);
  expect(again).toMatchObject({ code: 0, stdout: "4 agents are as the roster says.\nNothing to do.\n" });
  expect(statSync(fileOf("odd"))).toEqual(written);
  expect(await typed(["agent", "rm", "here"])).toMatchObject({ code: 0 });
});

test("a change is shown, then made; comments stay; what runs is not restarted, and is told", async () => {
  const { pid } = await fleet.up("plain");
  const roster = `agents:
  plain: {command: sleep infinity, env: {NOTE: "1", PORT: "8080"}}
  odd: {env: {A: "12:30"}, enabled: true}
  full: {runtime: sleep, cpuWeight: 60}
`;
  const dry = await apply(roster, "--dry-run");
  expect(dry.code).toBe(0);
  expect(dry.stdout).toContain("change   plain\n           env.NOTE: 1\n           env.PORT: 8080\n");
  expect(dry.stdout).toContain("           env.B: not set (was yes)\n");
  expect(dry.stdout).toContain("           cpuWeight: 60 (was 50)\n");
  expect(text(fileOf("odd"))).toContain("B=yes\n");

  const unasked = await apply(roster);
  expect(unasked.code).toBe(69);
  expect(unasked.stderr).toContain(`mosaic-fleet apply -f ${shellWord(file)} --yes`);
  expect(text(fileOf("odd"))).toContain("B=yes\n");

  const applied = await apply(roster, "--yes");
  expect(applied.code).toBe(0);
  expect(applied.stdout).toContain("  plain: NOTE, PORT\nTo start them anew: mosaic-fleet agent restart plain\n");
  expect((await fleet.up("plain")).pid).toBe(pid);
  expect(text(fileOf("odd"))).toBe("A=12:30\n");
  expect((await fleet.unit("odd")).fileState).toBe("enabled");
  expect((await fleet.unit("full")).fileState).toBe("enabled"); // left out: as it is
  const [unit] = await fleet.systemd.show(["mosaic-agent@full.service"], ["MemoryMax", "CPUWeight"]);
  expect(unit?.extra).toMatchObject({ MemoryMax: "infinity", CPUWeight: "60" });

  // Until it is restarted it is told, though nothing is left to do.
  const again = await apply(roster);
  expect(again.code).toBe(0);
  expect(again.stdout).toContain("Nothing to do.\n");
  expect(again.stdout).toContain("  plain: NOTE, PORT\n");
  await typed(["agent", "restart", "plain"]);
  expect((await apply(roster)).stdout).toBe("3 agents are as the roster says.\nNothing to do.\n");
});

test("a folder is no roster, and which file is meant can be looked up", async () => {
  const { code, stderr } = await typed(["apply", "-f", fleet.root]);
  expect(code).toBe(78);
  expect(stderr).toContain(
    `${fleet.root}: is a folder; a roster is a file\n  Next: ls ${fleet.root}\n          # which is meant?\n`,
  );
});

test("-f - reads stdin; -o json is one document, with what became of each", async () => {
  const roster =
    'agents:\n  plain: {command: sleep infinity}\n  odd: {state: running}\n  lost: {command: "x", state: running, workdir: /nowhere}\n';
  const { code, stdout } = await typed(["apply", "-f", "-", "--yes", "-o", "json"], roster);
  await typed(["agent", "stop", "lost", "odd"]);
  expect(code).toBe(1);
  const document = JSON.parse(stdout);
  expect(document).toMatchObject({
    schemaVersion: 1,
    applied: true,
    agents: [
      {
        name: "plain",
        does: "change",
        outcome: "ok",
        differences: [{ setting: "env.NOTE", was: "1", becomes: null }, {}],
      },
      { name: "odd", does: "change", outcome: "failed" }, // there is no program claude
      { name: "lost", does: "add", outcome: "failed", message: expect.stringMatching(/^not started/) },
      { name: "full", does: "stay" },
    ],
    outdated: [{ name: "plain", settings: ["NOTE", "PORT"] }],
  });
  expect(existsSync(fileOf("lost"))).toBe(true);
});

test("one whose file is not to be written fails alone; the others are done", async () => {
  symlinkSync("/dev/null", fileOf("nothing"));
  const { code, stdout } = await apply(
    "agents:\n  nothing: {model: x}\n  plain: {command: sleep infinity, model: y}\n",
    "--yes",
  );
  expect(code).toBe(1);
  expect(stdout).toContain("FAILED  nothing: ");
  expect(stdout).toContain("ok      plain: changed\n");
  expect(text(fileOf("plain"))).toContain("MOSAIC_AGENT_MODEL=y\n");
  await fleet.host.files.removeFile(fileOf("nothing"));
});

describe("keys", () => {
  test("are in no roster: one that is written there is refused, one that is there already stays", async () => {
    expect(await apply(`agents:\n  keyed:\n    env:\n      API_KEY: ${SECRET}\n`, "--yes")).toMatchObject({
      code: 78,
      said: expect.stringContaining("line 4: agents.keyed.env.API_KEY looks like a key"),
    });
    const add = ["agent", "add", "keyed", "--command", "sleep infinity", "--env-file", "-"];
    expect(await typed(add, `API_KEY=${SECRET}\n`)).toMatchObject({ code: 0 });
    const exported = await typed(["export"]);
    expect(exported.stdout).toContain("      API_KEY: {secret: true}\n");
    expect(exported.said).not.toContain(SECRET);
    const roster = "agents:\n  keyed:\n    command: sleep infinity\n    env: {API_KEY: {secret: true}, X: '1'}\n";
    expect(await apply(roster, "--yes")).toMatchObject({ code: 0 });
    expect(text(fileOf("keyed"))).toBe(`API_KEY=${SECRET}\nMOSAIC_AGENT_COMMAND=sleep infinity\nX=1\n`);
  });

  test("that are to be there and are not: 69, nothing is changed, and what to type", async () => {
    const roster = "agents:\n  keyless: {env: {API_KEY: {secret: true}}}\n  plain: {}\n";
    const before = text(fileOf("plain"));
    const { code, stdout, stderr } = await apply(roster, "--yes");
    expect(code).toBe(69);
    expect(stdout).toContain("not there yet: API_KEY");
    expect(stderr).toContain("Next: mosaic-fleet agent add keyless --env API_KEY\n");
    expect(existsSync(fileOf("keyless"))).toBe(false);
    expect(text(fileOf("plain"))).toBe(before);
  });

  test("come from a file, by its path from the roster's folder on; the value is shown nowhere", async () => {
    writeFileSync(join(fleet.root, "token"), `${SECRET}x\n`);
    const roster = "agents:\n  keyed:\n    command: sleep infinity\n    env: {API_KEY: {file: token}, X: '1'}\n";
    const applied = await apply(roster, "--yes", "-o", "json");
    expect(applied.code).toBe(0);
    expect(applied.said).not.toContain(SECRET);
    expect(JSON.parse(applied.stdout).agents[0].differences).toEqual([
      { setting: "env.API_KEY", was: "[redacted]", becomes: "from token" },
    ]);
    expect(text(fileOf("keyed"))).toContain(`API_KEY=${SECRET}x\n`);
    expect((await apply(roster)).stdout).toContain("Nothing to do.\n");
    expect(await apply(roster.replace("token", "nowhere"), "--yes")).toMatchObject({
      code: 78,
      said: expect.stringContaining("line 4: agents.keyed.env.API_KEY nowhere: there is no such file"),
    });
  });

  test("that a roster leaves out go, and what the file was is kept", async () => {
    const { code, stdout, stderr } = await apply("agents:\n  keyed: {command: sleep infinity}\n", "--yes");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [, kept = ""] = /its file as it was: (keyed\.env\.before-\S+)/.exec(stdout) ?? [];
    expect(text(join(fleet.paths.agents, kept))).toContain(SECRET);
    expect(text(fileOf("keyed"))).not.toContain(SECRET);
  });
});

test("every mistake is named, with its line, and what was meant; nothing is changed", async () => {
  const roster =
    "agents:\n  new:\n    modle: x\n    memoryMax: 4GB\n    env:\n      PORT: 80\n    enabled: yes\n  a.b: {}\n";
  const { code, stderr } = await apply(roster, "--yes");
  expect(code).toBe(78);
  for (const line of [
    "line 3: agents.new.modle is no setting (did you mean model?)",
    'line 4: agents.new.memoryMax "4GB" is no size that systemd takes: 4G, 512M, 50% or infinity (did you mean 4G?)',
    "line 6: agents.new.env.PORT is no text: put it in quotes",
    "line 7: agents.new.enabled is neither true nor false",
    'line 8: agents."a.b" "a.b" is no name of an agent',
  ])
    expect(stderr).toContain(line);
  for (const [wrong, why] of [
    ["agents:\n  x: {}\n  y: {}\n  x: {model: a}\n", 'line 4: "x" is there already, in line 2'],
    ["agents:\n  x: {env: {__proto__: a}}\n", "line 2: agents.x.env.__proto__ cannot be set here"],
    ["agents: {}\n---\nagents: {}\n", "line 2: a second document starts here"],
    ["agents:\n  x:\n    env: [\n", "line 3: is no YAML"],
    ["agnets: {}\n", "(did you mean agents?)"],
    ["", "is no mapping that starts with agents:"],
    [
      'agents:\n  "\\e[2J\\nx": {"y\\e]0;z": 1}\n',
      String.raw`line 2: agents."\u001b[2J\nx" "\u001b[2J\nx" is no name of an agent`,
    ],
  ])
    expect(await apply(wrong ?? "", "--yes")).toMatchObject({ code: 78, said: expect.stringContaining(why ?? "") });
  expect(existsSync(fileOf("new"))).toBe(false);
});

test("at a terminal it asks, before it stops and removes what is not in the roster", async () => {
  await fleet.up("plain");
  writeFileSync(file, NONE);
  const command = `unset TMUX; ${binary} apply -f ${shellWord(file)} --prune`;
  const no = fleet.terminals.typed(command, 80);
  await fleet.wait("the question", async () => no.screen().includes("Apply this, which stops 1 agent? [y/N]"));
  no.press("n", "Enter");
  expect(no.done()).toContain("exit 1");
  await fleet.up("plain");
  const yes = fleet.terminals.typed(command, 80);
  await fleet.wait("the question", async () => yes.screen().includes("[y/N]"));
  yes.press("y", "Enter");
  expect(yes.done()).toContain("exit 0");
  expect(existsSync(fileOf("plain"))).toBe(false);
  expect((await fleet.unit("plain")).active).toBe("inactive");
  expect((await typed(["export"])).stdout).toEndWith("\nagents: {}\n");
});

test("--schema prints the published schema", async () => {
  expect((await typed(["apply", "--schema"])).stdout).toBe(text(join(tree, "docs/roster.schema.json")));
  expect(await typed(["apply"])).toMatchObject({ code: 64 });
});
