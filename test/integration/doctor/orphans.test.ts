import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { allOf, clearLeftAgents, makeAgents } from "../../../src/canary/agents.ts";
import { clearLeftovers } from "../../../src/canary/cage.ts";
import { notWhileAnother } from "../../../src/canary/fleet.ts";
import type { Host } from "../../../src/core/host.ts";
import { agentUnit, HOLDER_UNIT } from "../../../src/core/names.ts";
import type { CheckReport } from "../../../src/doctor/report.ts";
import { selectFrom } from "../../../src/fleet/select.ts";
import { examine, green, red } from "../../support/doctor.ts";
import { openFleet, type TestFleet } from "../../support/fleet.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
  await fleet.agent("coder", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await start("coder");
});
afterAll(() => fleet.close());

async function start(name: string): Promise<void> {
  expect(await fleet.systemctl("start", agentUnit(name))).toMatchObject({ kind: "exited", code: 0 });
}

async function must(...argv: string[]): Promise<string> {
  const result = await fleet.host.exec(argv);
  expect({ ...result }).toMatchObject({ argv, kind: "exited", code: 0 });
  return result.stdout.trim();
}
const tmux = (...words: string[]) => must("tmux", "-N", "-L", "mosaic-factory", ...words);

/** Types what the report says of each thing. */
async function type({ subjects }: CheckReport): Promise<void> {
  await must("sh", "-c", subjects.flatMap(({ fix }) => fix.commands).join("\n"));
}

/** The pid of a process that has ended. */
async function endedPid(): Promise<number> {
  return Number(await must("sh", "-c", "echo $$"));
}

describe("orphans.sessions", () => {
  const id = "orphans.sessions";
  green("orphans.sessions", "with agents only", async () => {
    const report = await examine(fleet.host, id);
    expect(report.message).toBeNull();
    return report;
  });
  test("a session of one's own, and a pane beside an agent's, are harmless", async () => {
    await tmux("new-session", "-d", "-s", "by-hand", "sleep infinity");
    await tmux("split-window", "-b", "-d", "-t", "=coder:", "sleep infinity");
    const report = await examine(fleet.host, id);
    expect(report).toMatchObject({ status: "pass", message: "one session of your own" });
    expect(report.evidence).toEqual({ "of your own": ["by-hand"] });
    await tmux("kill-session", "-t", "=by-hand");
  });
  red(
    "orphans.sessions",
    "one that goes by an agent's name; what is typed lets the agent start",
    {
      status: "warn",
      message: /^helper: a session of this name runs, but it is not the agent's own/m,
      fix: /^tmux -L mosaic-factory rename-session -t '\$\d+' helper-by-hand$/,
    },
    async () => {
      await fleet.agent("helper", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
      await tmux("new-session", "-d", "-s", "helper", "exec sleep infinity");
      const byHand = await tmux("display-message", "-p", "-t", "=helper:", "#{pane_pid}");
      const report = await examine(fleet.host, id);
      await type(report);
      expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
      await start("helper");
      expect((await fleet.up("helper")).pid).not.toBe(Number(byHand));
      await fleet.systemctl("stop", agentUnit("helper"));
      await tmux("kill-session", "-t", "=helper-by-hand");
      return report;
    },
  );
});

test("what an agent has left under another name is no agent: doctor tells what ends it", async () => {
  await fleet.agent("mover", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await start("mover");
  await fleet.up("mover");
  await tmux("rename-session", "-t", "=mover", "moved");
  await fleet.systemctl("stop", agentUnit("mover"));
  expect((await fleet.pane("moved"))?.dead).toBe(true);
  expect(await selectFrom(fleet.host, { names: [], all: true })).not.toContain("moved");
  const state = await examine(fleet.host, "agents.state");
  expect([state.status, state.subjects.map(({ subject }) => subject)]).toEqual([
    "pass",
    expect.not.arrayContaining(["moved"]),
  ]);
  const report = await examine(fleet.host, "orphans.sessions");
  expect(report).toMatchObject({
    status: "warn",
    message: expect.stringMatching(/^moved: an agent has left this session/),
  });
  await type(report);
  expect(await fleet.pane("moved")).toBeUndefined();
  expect(await examine(fleet.host, "orphans.sessions")).toMatchObject({ status: "pass", message: null });
});

test("a session by an agent's name while that is enabled and stopped: all that doctor says, typed in its order, mends it", async () => {
  const id = "orphans.sessions";
  await fleet.agent("helper", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await fleet.systemctl("enable", agentUnit("helper"));
  await tmux("new-session", "-d", "-s", "helper", "exec sleep infinity");
  const byHand = await tmux("display-message", "-p", "-t", "=helper:", "#{pane_pid}");
  const reports = [await examine(fleet.host, "agents.state"), await examine(fleet.host, id)];
  expect(reports.map(({ status }) => status)).toEqual(["fail", "warn"]);
  for (const report of reports) await type(report);
  expect((await fleet.up("helper")).pid).not.toBe(Number(byHand));
  expect(await tmux("display-message", "-p", "-t", "=helper-by-hand:", "#{pane_pid}")).toBe(byHand);
  expect(await examine(fleet.host, "agents.state")).toMatchObject({ status: "pass" });
  expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
  await fleet.systemctl("disable", agentUnit("helper"));
  await fleet.systemctl("stop", agentUnit("helper"));
  await tmux("kill-session", "-t", "=helper-by-hand");
}, 30_000);

describe("orphans.processes", () => {
  const id = "orphans.processes";
  green("orphans.processes", "while all are in their units", () => examine(fleet.host, id));
  red(
    "orphans.processes",
    "what an agent has started in a scope of its own; what is typed ends it",
    { status: "warn", message: /sleep \(pid \d+\) of this agent is outside its unit/, fix: /^kill \d+ / },
    async () => {
      await fleet.agent("scoped", {
        MOSAIC_AGENT_COMMAND: "sh -c 'systemd-run --user --scope --quiet sleep 54341 & exec sleep infinity'",
      });
      await start("scoped");
      const report = await fleet.wait("its scope", async () => {
        const seen = await examine(fleet.host, id);
        return seen.status === "warn" && seen.subjects.every(({ message }) => message.startsWith("sleep")) && seen;
      });
      expect(report.subjects.map(({ subject }) => subject)).toEqual(["scoped"]);
      await type(report);
      await fleet.wait("its end", async () => (await examine(fleet.host, id)).status === "pass");
      await fleet.systemctl("stop", agentUnit("scoped"));
      return report;
    },
  );
  test("an agent's pane that is outside is told by agents.state, with all below it", async () => {
    await fleet.agent("moved", { MOSAIC_AGENT_COMMAND: "sh -c 'sleep 54342 & sleep infinity; :'" });
    await start("moved");
    const { pid } = await fleet.up("moved");
    // In every hierarchy; another process keeps its unit up.
    await must(
      "sh",
      "-c",
      `sleep infinity >/dev/null 2>&1 & stay=$!
      for procs in $(find /sys/fs/cgroup -path '*${basename(fleet.root)}*/${agentUnit("moved")}/cgroup.procs'); do
        holder=$(find "\${procs%%/app.slice/*}" -path '*/${HOLDER_UNIT}/cgroup.procs' ! -path '*/.control/*')
        members=$(cat "$procs"); echo $stay >"$procs"
        for member in $members; do echo $member >"$holder"; done
      done`,
    );
    expect(await fleet.procfs.cgroup(pid)).toContain(HOLDER_UNIT);
    expect(await examine(fleet.host, id)).toMatchObject({ status: "pass" });
    await fleet.systemctl("stop", agentUnit("moved"));
    await fleet.host.exec(["tmux", "-N", "-L", "mosaic-factory", "kill-session", "-t", "=moved"]);
  });
});

describe("orphans.canary", () => {
  const id = "orphans.canary";
  const memory = () => join(fleet.root, "shm");
  /** Sandboxes are made in this machine's memory folder, where others may be at work: another one is shown. */
  const quiet = (): Host => {
    const { files } = fleet.host;
    // Not the fleet's own folder, which is in there too.
    const at = (path: string) =>
      path.startsWith(fleet.root) ? path : path.replace(/^\/dev\/shm(?=$|\/mosaic-sandbox-)/, memory());
    return {
      ...fleet.host,
      files: {
        ...files,
        list: (path) => files.list(at(path)),
        status: (path) => files.status(at(path)),
        read: (path) => files.read(at(path)),
      },
    };
  };
  beforeAll(async () => {
    await mkdir(memory());
  });

  green("orphans.canary", "beside a run that goes on", async () => {
    const agents = allOf(await makeAgents(fleet.host, "secret", true));
    const sandbox = join(memory(), `mosaic-sandbox-${fleet.host.pid}-abcdef`);
    await mkdir(sandbox);
    const report = await examine(quiet(), id);
    for (const { name } of agents) await fleet.host.files.removeTree(join(fleet.paths.runtime ?? "", name));
    for (const { unit } of agents)
      await fleet.host.files.removeTree(join(fleet.paths.runtime ?? "", `systemd/user/${unit}.d`));
    await fleet.host.files.removeTree(sandbox);
    await fleet.systemd.daemonReload();
    return report;
  });
  red(
    "orphans.canary",
    "agents of a run that was killed; the next run clears them",
    {
      status: "warn",
      message:
        /^mosaic-canary-\d+-\d+: a canary run that was killed has left a unit that runs, 8 drop-ins, 8 folders$/m,
      fix: /^mosaic-fleet canary$/,
    },
    async () => {
      const run = fleet.host.spawn(["sleep", "infinity"], { log: join(fleet.root, "run.log"), env: {} });
      const { first } = await makeAgents({ ...fleet.host, pid: run.pid }, "secret", true);
      await fleet.systemd.daemonReload();
      await start(first.name);
      fleet.host.kill(run.pid, "SIGKILL");
      await run.ended;
      const report = await examine(quiet(), id);
      expect(report.subjects.map(({ subject }) => subject)).toEqual([first.name]);
      await clearLeftAgents(fleet.host, notWhileAnother("", ""));
      expect(await examine(quiet(), id)).toMatchObject({ status: "pass" });
      return report;
    },
  );
  red(
    "orphans.canary",
    "a drop-in without its folder; what is typed takes it away",
    { status: "warn", message: /has left a drop-in$/m, fix: /^rm -rf \S+mosaic-canary-\S+\.d$/ },
    async () => {
      const unit = agentUnit(`mosaic-canary-${await endedPid()}-1`);
      await mkdir(join(fleet.paths.runtime ?? "", `systemd/user/${unit}.d`), { recursive: true });
      const report = await examine(quiet(), id);
      await type(report);
      expect(await examine(quiet(), id)).toMatchObject({ status: "pass" });
      return report;
    },
  );
  test("of the kept sandbox that it runs in it says nothing, of a run that was killed in there it does", async () => {
    const pid = await endedPid();
    const root = join(memory(), `mosaic-sandbox-${pid}-abcdef`);
    const run = join(root, "run");
    await mkdir(join(run, `mosaic-canary-${pid}-1`), { recursive: true });
    await symlink(join(fleet.paths.runtime ?? "", "systemd"), join(run, "systemd"));
    writeFileSync(join(root, "owner.json"), JSON.stringify({ pid, startTime: "1", cage: { groups: [] } }));
    const host = { ...quiet(), env: { ...fleet.host.env, XDG_RUNTIME_DIR: run } };
    expect(await examine(host, id)).toMatchObject({ status: "pass" });
    const other = `mosaic-canary-${await endedPid()}-1`;
    await mkdir(join(run, other));
    const report = await examine(host, id);
    await fleet.host.files.removeTree(root);
    expect(report).toMatchObject({ status: "warn", subjects: [{ subject: other }] });
  });
  for (const [what, owner] of [
    ["that was killed or kept", (pid: number) => JSON.stringify({ pid, startTime: "1", cage: { groups: [] } })],
    ["that was killed before it was made", () => undefined],
  ] as const)
    red(
      "orphans.canary",
      `a sandbox of a run ${what}; the next sandbox clears it`,
      { status: "warn", message: /was kept, or its run was killed/, fix: /^mosaic-fleet canary --sandbox$/ },
      async () => {
        const pid = await endedPid();
        const root = join(memory(), `mosaic-sandbox-${pid}-abcdef`);
        await mkdir(root);
        const text = owner(pid);
        if (text !== undefined) writeFileSync(join(root, "owner.json"), text);
        const report = await examine(quiet(), id);
        await clearLeftovers(fleet.host, memory());
        expect(await examine(quiet(), id)).toMatchObject({ status: "pass" });
        return report;
      },
    );
});
