import { describe, expect, test } from "bun:test";
import { verdictOf } from "../../../src/canary/report.ts";
import { canaryReportSchema } from "../../../src/canary/schema.ts";
import { chosen } from "../../../src/canary/sequence.ts";
import { steps } from "../../../src/canary/steps/index.ts";

type Status = Parameters<typeof verdictOf>[0][number]["status"];

describe("the verdict of a canary", () => {
  for (const [statuses, verdict] of [
    [["pass", "pass"], "pass"],
    [["pass", "skip"], "pass"],
    [["pass", "unknown"], "unknown"],
    [["pass", "blocked"], "unknown"],
    [["pass", "fail"], "broken"],
    [["fail", "unknown", "blocked", "skip"], "broken"],
    [["skip", "skip"], "unknown"],
    [[], "unknown"],
  ] as [Status[], string][]) {
    test(`is ${verdict} for ${statuses.join(", ") || "no step"}`, () => {
      const steps = statuses.map((status) => ({ status }));
      expect(verdictOf(steps, "fleet") as string).toBe(verdict);
      // Of the half there is never a pass of the whole.
      expect(verdictOf(steps, "tmux") as string).toBe(verdict === "pass" ? "tmux-only" : verdict);
    });
  }
});

describe("the canary sequence", () => {
  test("has seventeen steps, each with an id of its own and a promise as its title", () => {
    expect(steps.length).toBe(17);
    expect(new Set(steps.map(({ id }) => id)).size).toBe(17);
    for (const { title } of steps) expect(title.split(" ").length).toBeGreaterThan(4);
  });

  test("needs of each step only what comes before it", () => {
    const before = new Set<string>();
    for (const { id, requires } of steps) {
      for (const needed of requires) expect(before).toContain(needed);
      before.add(id);
    }
  });

  test("disturbs others only where the server goes", () => {
    expect(steps.filter((step) => step.disturbsOthers).map(({ id }) => id)).toEqual([
      "socket-loss",
      "server-death",
      "holder-stop",
    ]);
  });

  test("of some of it has what these require, in its order", () => {
    const ids = (only?: string[]) => chosen(steps, only).map(({ id }) => id);
    expect(ids(["server-death", "path"])).toEqual(["layout", "holder", "agent", "path", "server-death"]);
    expect(ids(["default-server"])).toEqual(["default-server"]);
    expect(ids()).toEqual(steps.map(({ id }) => id));
  });
});

test("a canary report of the first schema parses; another schema's does not", () => {
  const report = {
    schemaVersion: 1,
    verdict: "unavailable",
    level: "fleet",
    sandbox: true,
    only: null,
    rounds: 1,
    problem: { what: "A", why: "b", next: ["c"] },
    steps: [
      {
        id: "layout",
        title: "t",
        status: "fail",
        round: 1,
        startMs: 0,
        ms: 1,
        message: "m",
        evidence: { a: ["b"], c: 1, d: true },
      },
    ],
    environment: { binary: "0.1.0", systemd: null, tmux: "3.3a", kernel: "6.1", cgroup: "hybrid" },
    ms: 2,
  };
  expect(canaryReportSchema.parse(report) as unknown).toEqual(report);
  expect(canaryReportSchema.safeParse({ ...report, schemaVersion: 2 }).success).toBe(false);
  expect(canaryReportSchema.safeParse({ ...report, verdict: "fine" }).success).toBe(false);
});
