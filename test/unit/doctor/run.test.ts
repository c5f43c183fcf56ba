import { describe, expect, test } from "bun:test";
import type { Host } from "../../../src/core/host.ts";
import {
  type Check,
  type CheckResult,
  type Evidence,
  ofSubjects,
  type SubjectResult,
} from "../../../src/doctor/check.ts";
import type { FixAction } from "../../../src/doctor/fix.ts";
import { checks as registry } from "../../../src/doctor/registry.ts";
import { type DoctorOptions, runDoctor } from "../../../src/doctor/run.ts";
import { type DoctorReport, doctorReportSchema, type FixReport } from "../../../src/doctor/schema.ts";
import { fakeFiles, fakeHost } from "../../support/fake-host.ts";

const never = () => new Promise<never>(() => undefined);

/** A check that comes to this, or does this. */
function check(id: Check["id"], outcome: CheckResult | Check["run"], requires: Check["requires"] = []): Check {
  const explain = { checks: "This.", why: "Therefore.", mend: "So." };
  return {
    id,
    title: `${id} is well`,
    explain,
    requires,
    run: typeof outcome === "function" ? outcome : async () => outcome,
  };
}

const pass: CheckResult = { status: "pass", detail: "seen" };
const warn: CheckResult = { status: "warn", message: "careful", fix: {} };
const fail: CheckResult = {
  status: "fail",
  message: "broken",
  evidence: { mode: 7, names: ["a", "b"] },
  fix: { actions: [{ kind: "install" }], commands: ["mend it", "look again"], root: ["mend more"] },
};
const skip: CheckResult = { status: "skip", reason: "nothing to look at" };

/** A host on which no time runs out. */
const still = (more: Partial<Host> = {}) => fakeHost({ pause: never, ...more });

async function doctor(checks: readonly Check[], host = still(), options: Partial<DoctorOptions> = {}) {
  return (await runDoctor(host, checks, { version: "1.2.3", ...options })).report;
}

/** What was reported, as id → status. */
async function statuses(checks: readonly Check[], options: Partial<DoctorOptions> = {}) {
  const report = await doctor(checks, still(), options);
  return Object.fromEntries(report.checks.map(({ id, status }) => [id, status as string]));
}

/** The status and message of each. */
function said({ checks }: DoctorReport) {
  return checks.map(({ status, message }) => [status, message]);
}

const nothing = { commands: [], root: [], automatic: false };

describe("a check is reported", () => {
  test("with what it came to", async () => {
    const { checks } = await doctor([
      check("a.pass", pass),
      check("a.warn", warn),
      check("a.fail", fail),
      check("b.skip", skip),
    ]);
    const common = { evidence: {}, fix: nothing, subjects: [], blockedBy: [], ms: 0 };
    expect(checks).toEqual([
      { ...common, id: "a.pass", area: "a", title: "a.pass is well", status: "pass", message: "seen" },
      { ...common, id: "a.warn", area: "a", title: "a.warn is well", status: "warn", message: "careful" },
      {
        ...common,
        id: "a.fail",
        area: "a",
        title: "a.fail is well",
        status: "fail",
        message: "broken",
        evidence: { mode: 7, names: ["a", "b"] },
        fix: { commands: ["mosaic-fleet install", "mend it", "look again"], root: ["mend more"], automatic: true },
      },
      { ...common, id: "b.skip", area: "b", title: "b.skip is well", status: "skip", message: "nothing to look at" },
    ]);
  });

  test("by what is where it looks, and no place is looked at more than once", async () => {
    const looked: string[] = [];
    const files = fakeFiles({ "/a": "text" });
    const counting = {
      ...files,
      status: (path: string) => {
        looked.push(path);
        return files.status(path);
      },
    };
    const look: Check["run"] = async ({ host }) =>
      (await host.files.status("/a")) === undefined || (await host.files.status("/b")) !== undefined ? warn : pass;
    const { checks } = await doctor([check("a.one", look), check("a.two", look)], still({ files: counting }));
    expect(checks.map(({ status }) => status)).toEqual(["pass", "pass"]);
    expect(looked.filter((path) => ["/a", "/b"].includes(path))).toEqual(["/a", "/b"]);
  });

  test("with the findings on each thing that it looks at", async () => {
    const subjects: SubjectResult[] = [
      { subject: "one", status: "pass", message: "is well" },
      { subject: "two", status: "fail", message: "is broken", evidence: { pid: 7 }, fix: { commands: ["mend two"] } },
    ];
    const result = ofSubjects(subjects, { many: "things", healthy: "all well", failing: "are broken" });
    const { checks } = await doctor([check("a.many", result)]);
    expect(checks[0]).toMatchObject({
      status: "fail",
      message: "two: is broken",
      subjects: [
        { subject: "one", status: "pass", message: "is well", evidence: {}, fix: nothing },
        { subject: "two", evidence: { pid: 7 }, fix: { commands: ["mend two"] } },
      ],
    });
  });

  for (const [others, status, message] of [
    [["pass"], "unknown", "x: no answer"],
    [["warn"], "unknown", "x: no answer"],
    [["pass", "unknown"], "unknown", "could not tell of 2"],
    [["fail"], "fail", "0: is so"],
  ] as const) {
    test(`as ${status} when of one thing it could not be told, and others are ${others.join(", ")}`, async () => {
      const subjects: SubjectResult[] = [
        { subject: "x", status: "unknown", message: "no answer" },
        ...others.map((status, index) => ({ subject: String(index), status, message: "is so" })),
      ];
      const result = ofSubjects(subjects, { many: "things", healthy: "well", failing: "are not" });
      expect(said(await doctor([check("a.many", result)]))).toEqual([[status, message]]);
    });
  }

  test("as unknown when it throws, at once or later", async () => {
    const report = await doctor([
      check("a.later", () => Promise.reject(new Error("no answer"))),
      check("a.at-once", () => {
        throw new Error("a defect");
      }),
    ]);
    expect(said(report)).toEqual([
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
    const hangs = [check("a.hangs", never), check("a.ends", pass), check("b.b", pass, ["a.hangs"])];
    expect(said(await doctor(hangs, fakeHost({ pause })))).toEqual([
      ["unknown", "did not end within 10 s"],
      ["pass", "seen"],
      ["blocked", "by a.hangs"],
    ]);
    expect(asked).toEqual([10_000]); // for all together, and those that come after
  });

  test("with what JSON knows of what it has seen, or as unknown", async () => {
    const odd = { big: 7n, none: undefined, all: Number.POSITIVE_INFINITY } as unknown as Evidence;
    const loop: Record<string, unknown> = {};
    loop.loop = loop;
    const report = await doctor([
      check("a.odd", { status: "pass", evidence: odd }),
      check("a.loop", { status: "pass", evidence: loop as Evidence }),
      check("a.none", undefined as unknown as CheckResult),
    ]);
    expect(report.checks[0]).toMatchObject({ status: "pass", evidence: { big: "7", all: "Infinity" } });
    expect(report.checks.map(({ status }) => status)).toEqual(["pass", "unknown", "unknown"]);
    expect(() => doctorReportSchema.parse(JSON.parse(JSON.stringify(report)))).not.toThrow();
  });
});

describe("when it is over", () => {
  test("the time limit is called off: nothing keeps the program from ending", async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const pause = (_: number, cancelled?: AbortSignal) => {
      signals.push(cancelled);
      return never();
    };
    await doctor([check("a.a", pass), check("a.b", () => Promise.reject(new Error()))], still({ pause }));
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  });

  test("every child process that still runs is told to end", async () => {
    let cancelled: AbortSignal | undefined;
    const exec: Host["exec"] = async (argv, options) => {
      cancelled = options?.cancelled;
      return { argv, stdout: "", stderr: "", kind: "not-found" };
    };
    await doctor([check("a.a", pass)], still({ exec }));
    expect(cancelled?.aborted).toBe(true);
  });

  test("interrupted, it ends at once", async () => {
    const interrupt = new AbortController();
    const pause = (_: number, cancelled?: AbortSignal) =>
      new Promise<void>((resolve) => cancelled?.addEventListener("abort", () => resolve(), { once: true }));
    const hangs = check("a.hangs", () => {
      setImmediate(() => interrupt.abort());
      return never();
    });
    const report = await doctor([hangs], still({ pause, interrupted: interrupt.signal }));
    expect(said(report)).toEqual([["unknown", "interrupted"]]);
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

describe("what was asked for", () => {
  const area = [check("a.a", pass), check("a.b", fail), check("b.a", pass, ["a.b"]), check("b.b", skip)];

  for (const [options, expected] of [
    [{ only: ["a"] }, { "a.a": "pass", "a.b": "fail" }],
    [{ only: ["b.b", "a.a"] }, { "a.a": "pass", "b.b": "skip" }],
    [{ only: ["b"] }, { "b.a": "blocked", "b.b": "skip" }],
    [
      { only: ["b"], skip: ["a.b"] },
      { "b.a": "pass", "b.b": "skip" },
    ],
    [{ skip: ["a"] }, { "a.a": "skip", "a.b": "skip", "b.a": "pass", "b.b": "skip" }],
    [{ pre: true }, { "a.a": "pass" }],
    [{ pre: true, only: ["b"] }, {}],
  ] as const) {
    test(`${JSON.stringify(options)} is what is reported`, async () => {
      const checks = area.map((each) => (each.id === "a.a" ? { ...each, pre: true } : each));
      expect(await statuses(checks, options)).toEqual(expected as Record<string, string>);
    });
  }

  test("a check that is left out is not run", async () => {
    let ran = false;
    const left = check("a.a", async () => {
      ran = true;
      return pass;
    });
    expect(said(await doctor([left], still(), { skip: ["a"] }))).toEqual([["skip", "left out by --skip"]]);
    expect(ran).toBe(false);
  });

  test("one that is blocked by a check that is not reported carries that check's own words, and what mends it", async () => {
    const broken: CheckResult = {
      status: "fail",
      message: "broken",
      fix: { commands: ["mend it"], root: ["mend more"] },
    };
    const checks = [
      check("a.a", broken),
      check("a.b", skip),
      check("b.b", pass, ["a.a", "a.b"]),
      check("c.c", pass, ["b.b"]),
    ];
    const only = await doctor(checks, still(), { only: ["b", "a.b"] });
    expect(said(only)).toEqual([
      ["skip", "nothing to look at"],
      ["blocked", "by a.a (broken), a.b"],
    ]);
    const fix = { commands: ["mend it"], root: ["mend more"], automatic: false };
    expect(only.checks.map((each) => each.fix)).toEqual([nothing, fix]);
    const [later] = (await doctor(checks, still(), { only: ["c"] })).checks;
    expect(later).toMatchObject({
      status: "blocked",
      message: "by b.b (by a.a (broken), a.b (nothing to look at))",
      fix,
    });
    // What was seen to be broken is that, reported or not.
    for (const only of [["b"], ["c"], undefined])
      expect(await doctor(checks, still(), only === undefined ? {} : { only })).toMatchObject({
        verdict: "broken",
        ok: false,
      });
    const untold = [check("a.a", () => Promise.reject(new Error())), check("b.b", pass, ["a.a"])];
    expect(await doctor(untold, still(), { only: ["b"] })).toMatchObject({ verdict: "unknown", ok: null });
    const all = await doctor(checks, still(), {});
    expect(all.checks[2]).toMatchObject({ id: "b.b", status: "blocked", fix: nothing });
  });
});

describe("what can be mended", () => {
  const asks = (id: Check["id"], ...actions: FixAction[]) =>
    check(id, { status: "fail", message: "broken", fix: { actions } });
  const reload = { kind: "daemon-reload" } as const;
  const secret = { kind: "make-private", path: "/home/somebody/a b" } as const;

  test("is planned once each, in the order in which it is done, and for whom", async () => {
    const install = { kind: "install" } as const;
    const again = asks("b.c", { ...install, restore: false });
    const checks = [asks("a.a", reload), asks("a.b", secret, reload), asks("b.b", install), again];
    const { planned } = await runDoctor(still(), checks, { version: "1.2.3" });
    expect(planned).toEqual([
      { action: install, command: "mosaic-fleet install", for: ["b.b", "b.c"] },
      { action: secret, command: "chmod 600 ~/'a b'", for: ["a.b"] },
      { action: reload, command: "systemctl --user daemon-reload", for: ["a.a", "a.b"] },
    ]);
  });

  test("is what the checks that were asked for have found", async () => {
    const checks = [asks("a.a", reload), { ...asks("b.b", secret), requires: ["a.a"] as const }, check("c.c", pass)];
    const planned = async (options: Partial<DoctorOptions>) =>
      (await runDoctor(still(), checks, { version: "1", ...options })).planned.map(({ action }) => action.kind);
    expect(await planned({})).toEqual(["daemon-reload"]); // b.b is blocked, and has found nothing
    expect(await planned({ only: ["c"] })).toEqual([]);
    expect(await planned({ only: ["b"] })).toEqual([]);
    expect(await planned({ skip: ["a"] })).toEqual(["make-private"]);
  });

  test("and what is not well with agents", async () => {
    const subject = { subject: "coder", status: "fail", message: "open", fix: { actions: [secret] } } as const;
    const result = ofSubjects([subject], { many: "agents", healthy: "well", failing: "are open" });
    const { planned } = await runDoctor(still(), [check("a.a", result)], { version: "1" });
    expect(planned.map(({ action }) => action)).toEqual([secret]);
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

  test("is broken by a warning where that is asked for", async () => {
    const checks = [check("a.a", pass), check("a.b", warn)];
    expect(await doctor(checks, still(), { failOn: "warn" })).toMatchObject({ ok: false, verdict: "broken" });
    expect(await doctor(checks, still(), { failOn: "fail" })).toMatchObject({ ok: true, verdict: "pass" });
  });

  test("is of settings that cannot be read, where a check says so, whatever else is broken", async () => {
    const unreadable = check("a.a", { ...fail, unreadable: true } as CheckResult);
    expect(await doctor([unreadable, check("a.b", fail)])).toMatchObject({ ok: false, verdict: "unreadable" });
    expect(await doctor([unreadable, check("b.b", pass)], still(), { only: ["b"] })).toMatchObject({ verdict: "pass" });
  });

  test("says on what machine, and null for what is not there", async () => {
    const machine = { binary: "1.2.3", host: "unknown", user: "somebody" };
    const nothing = { ...machine, systemd: null, tmux: null, kernel: null };
    expect((await doctor([])).environment).toEqual(nothing);
    const closed = Object.assign(fakeFiles(), { read: () => Promise.reject(new Error("EACCES")) });
    expect((await doctor([], still({ files: closed }))).environment).toEqual(nothing);
    const host = still({
      files: fakeFiles({ "/proc/sys/kernel/osrelease": "6.1.0-13-amd64\n", "/proc/sys/kernel/hostname": "box\n" }),
      exec: async (argv) => ({
        argv,
        stderr: "",
        kind: "exited",
        code: 0,
        stdout: argv[0] === "tmux" ? "tmux 3.3a\n" : "systemd 252 (252.38-1)\n+PAM\n",
      }),
    });
    expect((await doctor([], host)).environment).toEqual({
      ...machine,
      host: "box",
      systemd: "252 (252.38-1)",
      tmux: "3.3a",
      kernel: "6.1.0-13-amd64",
    });
  });
});

describe("secrets", () => {
  const agent = "/home/somebody/.config/mosaic/fleet/agents/coder.env";
  const files = {
    ...fakeFiles({ [agent]: "OPENAI_API_KEY=hunter2hunter2\nMY_TOKEN=unknown\n" }),
    list: async (folder: string) => (agent.startsWith(`${folder}/coder`) ? ["coder.env"] : []),
  };
  const leaks: CheckResult = {
    status: "fail",
    message: "it says hunter2hunter2 and swordfish",
    evidence: { "command line": ["x --key=hunter2hunter2", "a\0b"], home: "/home/somebody/x" },
    fix: { commands: ["echo hunter2hunter2"], root: ["echo swordfish"] },
    subjects: [{ subject: "coder", status: "unknown", message: "swordfish", evidence: { key: "hunter2hunter2" } }],
  };

  test("are in no text, though the check that told them read none of them", async () => {
    const host = still({ files: Object.assign(Object.create(fakeFiles({})), files), env: { API_KEY: "swordfish" } });
    const fixes: FixReport[] = [
      { command: "hunter2hunter2", for: ["a.a"], outcome: "failed", message: "/home/somebody/y" },
    ];
    const report = await doctor([check("a.a", leaks)], host, { fixes });
    const text = JSON.stringify(report);
    expect(text).not.toMatch(/hunter2|swordfish|somebody\//);
    expect(report.checks[0]).toMatchObject({
      status: "fail",
      message: "it says [redacted] and [redacted]",
      evidence: { "command line": ["x --key=[redacted]", "a\\x00b"], home: "~/x" },
      fix: { commands: ["echo [redacted]"], root: ["echo [redacted]"] },
      subjects: [{ subject: "coder", status: "unknown", message: "[redacted]", evidence: { key: "[redacted]" } }],
    });
    expect(report.fixes).toEqual([{ command: "[redacted]", for: ["a.a"], outcome: "failed", message: "~/y" }]);
    expect(() => doctorReportSchema.parse(report)).not.toThrow();
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

  test("on a machine with nothing on it throws nothing, and everything that is not well is said", async () => {
    const report = await doctor(registry);
    expect(report.verdict).toBe("broken");
    expect(report.checks.filter(({ status }) => status === "fail").length).toBeGreaterThan(0);
    for (const { id, status, message } of report.checks)
      if (status !== "pass") expect({ id, message }).toEqual({ id, message: expect.stringMatching(/./) });
  });
});
