import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { choices } from "../../src/canary/chaos/chaos.ts";
import { FAULTS } from "../../src/canary/chaos/faults.ts";
import { type CanaryReport, canaryReportSchema } from "../../src/canary/schema.ts";
import { binary, run } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";
import { canaryOf } from "../support/sabotage.ts";

/** The faults that a seed chooses, as steps are called; all, or those that leave others and the user's manager alone. */
function chosenBy(seed: number, count: number, alone = true): string[] {
  const ids: string[] = [];
  for (const { fault } of choices(seed, 4)) {
    if (ids.length === count) break;
    if (alone || !(fault.disturbsOthers || fault.sandboxOnly)) ids.push(`${ids.length + 1}.${fault.id}`);
  }
  return ids;
}

function faultsOf({ steps }: CanaryReport): string[] {
  return steps.map(({ id }) => id).filter((id) => /^\d/.test(id));
}

test("in a sandbox, for some seconds: the faults of its seed, in their order, each overcome", () => {
  const { code, stdout, stderr } = run([
    binary,
    "canary",
    "--sandbox",
    "--chaos",
    "--for",
    "6s",
    "--seed",
    "2026",
    "-o",
    "json",
  ]);
  expect(stderr).toBe("Faults at random for 6 s, seed 2026\n");
  const report = canaryReportSchema.parse(JSON.parse(stdout));
  expect(report.steps.filter(({ status }) => status !== "pass")).toEqual([]);
  const done = faultsOf(report);
  expect(done.length).toBeGreaterThan(5);
  expect(done).toEqual(chosenBy(2026, done.length));
  expect(report.steps.map(({ id }) => id)).toEqual(["layout", "holder", "agent", ...done, "default-server"]);
  expect(report).toMatchObject({
    verdict: "pass",
    chaos: { seed: 2026, forMs: 6_000, faults: done.length, broken: 0, unknown: 0 },
  });
  expect(report.chaos?.kinds.reduce((sum, { count }) => sum + count, 0)).toBe(done.length);
  expect(report.chaos?.again).toBe("mosaic-fleet canary --sandbox --chaos --seed 2026 --for 6s");
  expect(code).toBe(0);
}, 120_000);

test("a person gets the seed first, and at the end what was done, how often, and how to have it again", () => {
  const { stdout } = run([binary, "canary", "--sandbox", "--chaos", "--for", "1s"]);
  const seed = /^Faults at random for 1 s, seed (\d+)$/m.exec(stdout)?.[1];
  expect(stdout).toMatch(/^\d+ faults? in all:\n( +\d+ {2}[a-z-]+ +all well after \d+ ms at most\n)+/m);
  expect(stdout).toContain(`\nThe same faults:\n  mosaic-fleet canary --sandbox --chaos --seed ${seed} --for 1s\n`);
  expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
}, 60_000);

/** A seed whose first fault is this one. */
function seedFor(id: string): number {
  for (let seed = 1; ; seed++) if (chosenBy(seed, 1)[0] === `1.${id}`) return seed;
}

describe("what is not overcome ends it, with the command that does the same again", () => {
  const start = "start-agent-session.sh";
  const cases: [fault: string, why: RegExp, sabotage: Parameters<typeof canaryOf>[0]][] = [
    [
      "agents-started-again",
      /is another process than before/,
      [[start, 'exec systemctl --user start "$unit"', 'exec systemctl --user restart "$unit"']],
    ],
    [
      "agent-killed",
      /3 s after it: .* is (inactive|failed|deactivating|activating)/,
      [
        ["mosaic-agent@.service", "RestartSec=500ms", "RestartSec=40s"],
        ["src/canary/chaos/chaos.ts", "BACK_LIMIT_MS = 20_000", "BACK_LIMIT_MS = 3_000"],
      ],
    ],
  ];
  test.each(cases)(
    "%s",
    async (fault, why, sabotage) => {
      const seed = seedFor(fault);
      const { code, report } = await canaryOf(sabotage, "--sandbox", "--chaos", "--seed", String(seed), "--for", "1h");
      const failed = report.steps.find(({ status }) => status === "fail");
      expect(failed?.id).toBe(`1.${fault}`);
      expect(failed?.message).toMatch(why);
      expect(report.chaos).toMatchObject({ seed, faults: 1, broken: 1 });
      expect(report.chaos?.again).toBe(`mosaic-fleet canary --sandbox --chaos --seed ${seed} --for 3600s`);
      expect([report.verdict, code]).toEqual(["broken", 1]);
    },
    90_000,
  );
});

describe("on an installed fleet with another agent", () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await openFleet();
  });
  afterAll(() => fleet.close());

  test("throwaway agents alone are hit: the other one is the same process, on the same server", async () => {
    await fleet.agent("worker", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
    await fleet.systemctl("start", "mosaic-agent@worker");
    const [before, server] = [await fleet.up("worker"), await fleet.tmux.server()];
    const argv = [binary, "canary", "--chaos", "--for", "4s", "--seed", "5", "-o", "json"];
    const result = await fleet.host.exec(argv, { timeoutMs: 60_000 });
    const report = canaryReportSchema.parse(JSON.parse(result.stdout));
    expect(report).toMatchObject({ verdict: "pass", sandbox: false });
    const done = faultsOf(report);
    expect(done).toEqual(chosenBy(5, done.length, false));
    expect(done.length).toBeGreaterThan(1);
    expect(await fleet.up("worker")).toEqual(before);
    expect(await fleet.tmux.server()).toEqual(server);
    const left = (await fleet.systemd.list("mosaic-agent@*")).filter(({ active }) => active !== "inactive");
    expect(left.map(({ unit }) => unit)).toEqual(["mosaic-agent@worker.service"]);
  }, 90_000);
});

test("a seed chooses for ever, the same each time, another one otherwise, and every fault comes up", () => {
  expect(chosenBy(1, 200)).toEqual(chosenBy(1, 200));
  expect(chosenBy(1, 20)).not.toEqual(chosenBy(2, 20));
  const seen = new Set(chosenBy(3, 300).map((id) => id.replace(/^\d+\./, "")));
  expect([...seen].sort()).toEqual(FAULTS.map(({ id }) => id).sort());
});

test("what makes no sense is wrong usage", () => {
  const wrong: [string[], string][] = [
    [["--seed", "1"], "--for and --seed go with --chaos"],
    [["--chaos", "--for", "soon"], "--for is a time such as 30s"],
    [["--chaos", "--seed", "-1"], "--seed"],
    [["--chaos", "--seed", "4294967296"], "--seed is a whole number below 4294967296"],
    [["--chaos", "--level", "tmux"], "it does not go with --level tmux"],
    [["--chaos", "--only", "memory"], "--only and --repeat do not go with it"],
    [["--chaos", "--repeat", "2"], "--only and --repeat do not go with it"],
  ];
  for (const [words, said] of wrong) {
    const { code, stdout, stderr } = run([binary, "canary", ...words]);
    expect(stderr).toContain(said);
    expect([code, stdout]).toEqual([64, ""]);
  }
});

test("--repeat tells its rounds apart, and starts are counted anew in each", () => {
  const argv = [binary, "canary", "--sandbox", "--only", "agent", "--repeat", "12", "-o", "json"];
  const { code, stdout } = run(argv);
  const report = canaryReportSchema.parse(JSON.parse(stdout));
  // Ten starts are the most that systemd allows an agent: this one has twelve.
  expect(report.steps.filter(({ status }) => status !== "pass")).toEqual([]);
  expect(report.steps.map(({ id, round }) => `${round} ${id}`)).toEqual(
    Array.from({ length: 12 }, (_, index) => ["layout", "holder", "agent"].map((id) => `${index + 1} ${id}`)).flat(),
  );
  expect(report).toMatchObject({ verdict: "pass", rounds: 12 });
  expect(code).toBe(0);
}, 90_000);
