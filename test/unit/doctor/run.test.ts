import { describe, expect, test } from "bun:test";
import type { Check, CheckResult } from "../../../src/doctor/check.ts";
import { checks as registry } from "../../../src/doctor/registry.ts";
import { doctorReportSchema } from "../../../src/doctor/report.ts";
import { runDoctor } from "../../../src/doctor/run.ts";
import { fakeFiles, fakeHost } from "../../support/fake-host.ts";

const never = () => new Promise<never>(() => undefined);

/** A check that comes to this, or does this. */
function check(id: Check["id"], outcome: CheckResult | Check["run"], requires: Check["requires"] = []): Check {
  return { id, title: `${id} is well`, requires, run: typeof outcome === "function" ? outcome : async () => outcome };
}

const pass: CheckResult = { status: "pass", detail: "seen" };
const warn: CheckResult = { status: "warn", message: "careful", fix: { commands: [] } };
const fail: CheckResult = {
  status: "fail",
  message: "broken",
  evidence: { mode: 7, names: ["a", "b"] },
  fix: { commands: ["mend it", "look again"] },
};
const skip: CheckResult = { status: "skip", reason: "nothing to look at" };

function doctor(checks: readonly Check[], host = fakeHost({ pause: never })) {
  return runDoctor(host, checks, "1.2.3");
}

/** What was reported, as id → status. */
async function statuses(checks: readonly Check[]) {
  const report = await doctor(checks);
  return Object.fromEntries(report.checks.map(({ id, status }) => [id, status as string]));
}

describe("a check is reported", () => {
  test("with what it came to", async () => {
    const { checks } = await doctor([
      check("a.pass", pass),
      check("a.warn", warn),
      check("a.fail", fail),
      check("b.skip", skip),
    ]);
    expect(checks).toEqual([
      {
        id: "a.pass",
        area: "a",
        title: "a.pass is well",
        status: "pass",
        message: "seen",
        evidence: {},
        fix: [],
        ms: 0,
      },
      {
        id: "a.warn",
        area: "a",
        title: "a.warn is well",
        status: "warn",
        message: "careful",
        evidence: {},
        fix: [],
        ms: 0,
      },
      {
        id: "a.fail",
        area: "a",
        title: "a.fail is well",
        status: "fail",
        message: "broken",
        evidence: { mode: 7, names: ["a", "b"] },
        fix: ["mend it", "look again"],
        ms: 0,
      },
      {
        id: "b.skip",
        area: "b",
        title: "b.skip is well",
        status: "skip",
        message: "nothing to look at",
        evidence: {},
        fix: [],
        ms: 0,
      },
    ]);
  });

  test("as unknown when it throws, at once or later", async () => {
    const report = await doctor([
      check("a.later", () => Promise.reject(new Error("no answer"))),
      check("a.at-once", () => {
        throw new Error("a defect");
      }),
    ]);
    expect(report.checks.map(({ status, message }) => [status, message])).toEqual([
      ["unknown", "could not tell: no answer"],
      ["unknown", "could not tell: a defect"],
    ]);
    expect(report).toMatchObject({ verdict: "unknown", ok: null });
  });

  test("as unknown when it never ends, and the others as they are", async () => {
    const asked: number[] = [];
    // The time limit is up as soon as everything that can end has ended.
    const pause = (milliseconds: number) => {
      asked.push(milliseconds);
      return new Promise<void>((resolve) => setImmediate(resolve));
    };
    const report = await doctor([check("a.hangs", never), check("a.ends", pass)], fakeHost({ pause }));
    expect(report.checks.map(({ status, message }) => [status, message])).toEqual([
      ["unknown", "did not end within 30 s"],
      ["pass", "seen"],
    ]);
    expect(asked).toEqual([30_000, 30_000]);
  });

  test("and its time limit is called off when it ends: nothing keeps the program from ending", async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const pause = (_: number, cancelled?: AbortSignal) => {
      signals.push(cancelled);
      return never();
    };
    await doctor([check("a.a", pass), check("a.b", () => Promise.reject(new Error()))], fakeHost({ pause }));
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, true]);
  });
});

describe("a check that needs another", () => {
  test("runs after it, wherever it stands in the list", async () => {
    const order: string[] = [];
    const noted = (id: Check["id"], requires: Check["requires"] = []) =>
      check(
        id,
        async () => {
          order.push(`${id} begins`);
          await Promise.resolve();
          order.push(`${id} ends`);
          return pass;
        },
        requires,
      );
    const report = await doctor([noted("c.c", ["b.b"]), noted("b.b", ["a.a"]), noted("a.a")]);
    expect(order).toEqual(["a.a begins", "a.a ends", "b.b begins", "b.b ends", "c.c begins", "c.c ends"]);
    expect(report.checks.map(({ id }) => id)).toEqual(["c.c", "b.b", "a.a"]);
  });

  for (const [how, outcome, expected] of [
    ["passed", pass, "pass"],
    ["warned", warn, "pass"],
    ["failed", fail, "blocked"],
    ["was skipped", skip, "skip"],
    ["could not tell", () => Promise.reject(new Error()), "blocked"],
  ] as const) {
    test(`that ${how} is ${expected === "pass" ? "run" : `${expected}, not run`}`, async () => {
      let ran = false;
      const second = check("b.b", async () => {
        ran = true;
        return pass;
      }, ["a.a"]);
      expect((await statuses([check("a.a", outcome), second]))["b.b"]).toBe(expected);
      expect(ran).toBe(expected === "pass");
    });
  }

  test("names what blocks it, each by the one before it", async () => {
    const report = await doctor([
      check("a.a", fail),
      check("a.b", pass),
      check("a.c", skip),
      check("b.b", pass, ["a.a", "a.b", "a.c"]),
      check("c.c", pass, ["b.b"]),
    ]);
    expect(report.checks.slice(3).map(({ status, message }) => [status, message])).toEqual([
      ["blocked", "by a.a, a.c"],
      ["blocked", "by b.b"],
    ]);
  });

  test("is skipped with those that were left out, where nothing else is wrong", async () => {
    const report = await doctor([check("a.a", skip), check("b.b", pass, ["a.a"]), check("c.c", pass, ["b.b"])]);
    expect(report.checks.slice(1).map(({ status, message }) => [status, message])).toEqual([
      ["skip", "with a.a"],
      ["skip", "with b.b"],
    ]);
  });

  test("of several is run once", async () => {
    let runs = 0;
    const counted = check("a.a", async () => {
      runs++;
      return pass;
    });
    await doctor([counted, check("b.b", pass, ["a.a"]), check("c.c", pass, ["a.a"])]);
    expect(runs).toBe(1);
  });
});

test("checks that need nothing of each other run at once", async () => {
  let begun = 0;
  const all = Promise.withResolvers<void>();
  const together = async (): Promise<CheckResult> => {
    if (++begun === 3) all.resolve();
    await all.promise; // one after another, this would wait for ever
    return pass;
  };
  expect(await statuses([check("a.a", together), check("a.b", together), check("a.c", together)])).toEqual({
    "a.a": "pass",
    "a.b": "pass",
    "a.c": "pass",
  });
});

describe("the report", () => {
  test("says it in one word, counts, and parses", async () => {
    const report = await doctor([check("a.a", pass), check("a.b", warn), check("a.c", pass), check("a.d", fail)]);
    expect(doctorReportSchema.parse(report)).toMatchObject({
      schemaVersion: 1,
      ok: false,
      verdict: "broken",
      summary: { pass: 2, warn: 1, fail: 1 },
    });
  });

  test("is ok when nothing is broken", async () => {
    expect(await doctor([check("a.a", pass), check("a.b", warn)])).toMatchObject({ ok: true, verdict: "pass" });
  });

  test("says on what machine, and null for what is not there", async () => {
    expect((await doctor([])).environment).toEqual({ binary: "1.2.3", systemd: null, tmux: null, kernel: null });
    const host = fakeHost({
      files: fakeFiles({ "/proc/sys/kernel/osrelease": "6.1.0-13-amd64\n" }),
      exec: async (argv) => ({
        argv,
        stderr: "",
        kind: "exited",
        code: 0,
        stdout: argv[0] === "tmux" ? "tmux 3.3a\n" : "systemd 252 (252.38-1)\n+PAM\n",
      }),
    });
    expect((await doctor([], host)).environment).toEqual({
      binary: "1.2.3",
      systemd: "252 (252.38-1)",
      tmux: "3.3a",
      kernel: "6.1.0-13-amd64",
    });
  });
});

describe("the registry", () => {
  test("has a dozen checks, each with a stable id and the healthy state as its title", () => {
    expect(registry.length).toBeGreaterThanOrEqual(12);
    expect(new Set(registry.map(({ id }) => id)).size).toBe(registry.length);
    for (const { id, title } of registry) {
      expect(id).toMatch(/^[a-z]+\.[a-z]+(-[a-z]+)*$/);
      expect(title).not.toMatch(/\b(not|missing|fails?|broken)\b/);
    }
  });

  test("needs only what stands before it: no unknown id, no circle", () => {
    const before = new Set<string>();
    for (const { id, requires = [] } of registry) {
      for (const needed of requires) expect(before).toContain(needed);
      before.add(id);
    }
  });

  test("on a machine with nothing on it throws nothing, passes nothing that needs something, and says what to do", async () => {
    const report = await doctor(registry);
    expect(report.verdict).toBe("broken");
    for (const { id, status, fix } of report.checks) {
      expect({ id, status }).not.toEqual({ id, status: "pass" });
      if (status === "fail" && id !== "machine.linux" && id !== "systemd.cgroups") expect(fix).not.toEqual([]);
    }
  });
});
