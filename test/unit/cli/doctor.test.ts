import { describe, expect, test } from "bun:test";
import { printDoctor } from "../../../src/cli/report/doctor-formats.ts";
import { FORMATS, sentenceOf } from "../../../src/cli/report/doctor-words.ts";
import type { Check, CheckResult, SubjectResult } from "../../../src/doctor/check.ts";
import { ofSubjects } from "../../../src/doctor/check.ts";
import { runDoctor } from "../../../src/doctor/run.ts";
import type { Selection } from "../../../src/doctor/select.ts";
import { fakeFiles, fakeHost, recorder } from "../../support/fake-host.ts";

const explain = { checks: "This.", why: "Therefore.", mend: "So." };

function check(id: Check["id"], result: CheckResult | (() => never), requires: Check["requires"] = []): Check {
  return {
    id,
    title: `${id} is well`,
    explain,
    requires,
    run: async () => (typeof result === "function" ? result() : result),
  };
}

/** What a person, or a machine, reads of these checks. */
async function shown(
  checks: readonly Check[],
  { format = "human", verbose = false, root = false, columns = 80 } = {},
  selection: Selection = {},
) {
  const stdout = recorder({ columns });
  const host = fakeHost({ stdout, pause: () => new Promise(() => undefined) });
  const { report } = await runDoctor(host, checks, { version: "1.2.3", ...selection });
  await printDoctor(host, report, format as (typeof FORMATS)[number], { verbose, root, failOn: "fail" });
  return stdout.text();
}

const pass: CheckResult = { status: "pass", detail: "seen" };
const fail: CheckResult = {
  status: "fail",
  message: "it is broken",
  evidence: { mode: 644, names: ["one", "two"] },
  fix: { commands: ["mend it"], root: ["mend more"] },
};

/** As many agents with the same fault. */
function many(count: number, fix: (name: string) => object) {
  const subjects = Array.from({ length: count }, (_, index) => {
    const subject = `agent-${index}`;
    return { subject, status: "fail" as const, message: "is off", evidence: { pid: index }, fix: fix(subject) };
  });
  return ofSubjects(subjects, { many: "agents", healthy: "well", failing: "are off" });
}

describe("a person", () => {
  test("sees a healthy area in one line, with what is worth reading", async () => {
    const text = await shown([check("a.a", pass), check("a.b", { status: "pass" }), check("b.a", { status: "pass" })]);
    expect(text).toStartWith("ok       a         seen\nok       b         1 ok\n\nNothing is broken.\n3 ok in ");
  });

  test("sees why an area was left out", async () => {
    expect(await shown([check("a.a", { status: "skip", reason: "there is none" })])).toStartWith(
      "skip     a         there is none\n",
    );
  });

  test("sees what is broken with reason, evidence and remedy; what root types at the end", async () => {
    const text = await shown([check("a.a", fail), check("a.b", pass)]);
    expect(text).toStartWith(
      [
        "FAIL     a.a",
        "         it is broken",
        "         mode: 644",
        "         names:",
        "           one",
        "           two",
        "         $ mend it",
        "         as root: see the end",
        "",
        "As root:",
        "  sudo mend more",
        "",
        "Something is broken.",
        "1 fail, 1 ok in ",
      ].join("\n"),
    );
  });

  test("who is root types no sudo", async () => {
    expect(await shown([check("a.a", fail)], { root: true })).toContain("\nAs root:\n  mend more\n");
  });

  test("sees in one line what waits for others", async () => {
    const text = await shown([check("a.a", fail), check("b.b", pass, ["a.a"]), check("c.c", pass, ["b.b"])]);
    expect(text).toContain("\nblocked  2 checks until these pass: a.a\n");
    expect(text).not.toContain("c.c");
  });

  test("sees what mends it where the cause was not asked for", async () => {
    const text = await shown([check("a.a", fail), check("b.b", pass, ["a.a"])], {}, { only: ["b"] });
    expect(text).toStartWith(
      [
        "blocked  1 check until these pass: a.a",
        "         by a.a (it is broken)",
        "         $ mend it",
        "         as root: see the end",
        "",
        "As root:",
        "  sudo mend more",
        "",
      ].join("\n"),
    );
  });

  test("sees every check with -v", async () => {
    const text = await shown([check("a.a", pass), check("b.b", { status: "pass" }), check("c.c", fail)], {
      verbose: true,
    });
    expect(text).toStartWith("ok       a.a is well (seen)\nok       b.b is well\nFAIL     c.c\n");
  });

  test("sees ten of many, one line each, and how many more there are", async () => {
    const result = many(200, (name) => ({ commands: [`mend ${name}`] }));
    const text = await shown([check("a.a", result)]);
    expect(text.match(/^ {9}agent-\d+: is off$/gm)).toHaveLength(10);
    expect(text).toContain("         200 of 200 agents: are off\n");
    expect(text).toContain("         and 190 more: -v\n");
    expect(text.match(/^ {9}\$ mend agent-\d+$/gm)).toHaveLength(10);
    expect((await shown([check("a.a", result)], { verbose: true })).match(/^ {9}agent-\d+: is off$/gm)).toHaveLength(
      200,
    );
  });

  test("sees one command where doctor mends all of them", async () => {
    const actions = (name: string) => [{ kind: "make-private", path: `/home/somebody/${name}` }];
    const text = await shown([
      check(
        "a.a",
        many(20, (name) => ({ actions: actions(name) })),
      ),
    ]);
    expect(text).toContain("         $ mosaic-fleet doctor --fix a.a\n");
    expect(text).not.toContain("chmod");
  });

  test("of one agent sees the evidence, and its message once", async () => {
    const text = await shown([
      check(
        "a.a",
        many(1, () => ({ commands: ["mend it"] })),
      ),
    ]);
    expect(text).toStartWith("FAIL     a.a\n         agent-0: is off\n           pid: 0\n         $ mend it\n");
  });

  test("is told what --fix would do only where it could", async () => {
    const mendable: CheckResult = { ...fail, fix: { actions: [{ kind: "install" }] } } as CheckResult;
    expect(await shown([check("a.a", mendable)])).toContain("mosaic-fleet doctor --fix\n");
    expect(await shown([check("a.a", fail)])).not.toContain("--fix");
  });

  test("sees no control characters, and a very long value cut short", async () => {
    const evidence = { odd: "\x1b[2J\x07\r\nx", long: "word ".repeat(1_000) };
    const odd: CheckResult = { ...fail, message: "\x1b]0;title\x07 is odd", evidence } as CheckResult;
    const text = await shown([check("a.a", odd)]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
    expect(text.split("\n").length).toBeLessThan(30);
    expect(text).toContain("… -v");
    expect((await shown([check("a.a", odd)], { verbose: true })).split("\n").length).toBeGreaterThan(60);
  });

  for (const format of FORMATS) {
    test(`as ${format} has nothing in it that moves a cursor or turns the direction of reading`, async () => {
      const text = "\x1b]0;pwn\x07 \u009b2J \u202etxt";
      const evidence = { odd: text, all: [text] };
      const fix = { commands: [text], root: [text] };
      const subjects = [{ subject: text, status: "fail", message: text, evidence, fix }];
      const odd = { status: "fail", message: text, evidence, fix, subjects } as CheckResult;
      const shownText = await shown([check("a.a", odd)], { format, verbose: true });
      expect(shownText).not.toMatch(/(?!\n)\p{Cc}|\p{Cf}/u);
      expect(shownText).toContain("x1b]0;pwn");
    });
  }

  test("sees with -v what healthy checks saw, of agents too", async () => {
    const seen: CheckResult = {
      status: "pass",
      evidence: { "drop-ins": ["~/a.conf"] },
      subjects: [{ subject: "coder", status: "pass", message: "runs", evidence: { pid: 7 } }],
    };
    const text = await shown([check("a.a", seen)], { verbose: true });
    expect(text).toStartWith(
      [
        "ok       a.a is well",
        "           drop-ins:",
        "             ~/a.conf",
        "           coder: runs",
        "             pid: 7",
        "",
      ].join("\n"),
    );
    expect(await shown([check("a.a", seen)])).not.toContain("a.conf");
  });

  test("reads so much of a message that the others are on the screen, too; with -v all", async () => {
    const endless = `a folder ${"z ".repeat(20_000)}the end`;
    const of: SubjectResult = { subject: "coder", status: "fail", message: endless };
    for (const result of [
      { ...fail, message: endless },
      ofSubjects([of, { ...of, subject: "web" }], { many: "agents", healthy: "", failing: "bad" }),
    ]) {
      const checks = [check("a.a", result as CheckResult)];
      expect((await shown(checks)).split("\n").length).toBeLessThan(50);
      expect(await shown(checks, { verbose: true })).toContain("the end");
    }
  });

  for (const columns of [40, 80, 200]) {
    test(`reads no line of more than ${columns} columns, but what is to be pasted`, async () => {
      const words = "some words that go on and on, for quite a while, as messages do ".repeat(4);
      const long: CheckResult = { ...fail, message: words, evidence: { seen: words } } as CheckResult;
      const checks = [check("a.a", long), check("b.b", { status: "pass", detail: words }), check("c.c", pass, ["a.a"])];
      for (const verbose of [false, true])
        for (const line of (await shown(checks, { columns, verbose })).split("\n")) {
          expect(line.length).toBeLessThanOrEqual(columns);
          expect(line).toBe(line.trimEnd());
        }
    });
  }
});

test("of a wait that ran out says whether it could be told", () => {
  expect(sentenceOf({ verdict: "waited", ok: false })).toBe("Waited, and it did not come right.");
  expect(sentenceOf({ verdict: "waited", ok: null })).toBe("Waited, and could not tell whether it came right.");
});

test("GitHub's page has the whole table, however many agents are broken: some of them stand below it then", async () => {
  const pages: string[] = [];
  const files = Object.assign(fakeFiles(), { append: async (_: string, text: string) => void pages.push(text) });
  const host = fakeHost({ files, env: { GITHUB_STEP_SUMMARY: "/summary" }, pause: () => new Promise(() => undefined) });
  for (const agents of [20, 20_000]) {
    const subjects = Array.from({ length: agents }, (_, index) => ({
      ...{ subject: `agent-${index}`, status: "fail", message: "its working folder is not there, nor anywhere else" },
    })) as SubjectResult[];
    const many: CheckResult = { status: "fail", message: "many are broken", fix: {}, subjects };
    const checks = [check("a.well", pass), check("a.many", many)];
    const { report } = await runDoctor(host, checks, { version: "1.2.3" });
    await printDoctor(host, report, "github", { verbose: false, root: false, failOn: "fail" });
    expect(pages.at(-1)).toMatch(/\| ok \| a\.well \|(.|\n)*agent-4: /);
  }
  expect(pages[0]).toContain("agent-19: ");
  expect(pages[1]).toContain("and 19995 more");
});

describe("when a check crashes", () => {
  const crash = check("a.crash", () => {
    throw new Error("a defect of mine");
  });
  const nonsense = check("a.nonsense", { status: "fail", message: 7, fix: { commands: 7 } } as unknown as CheckResult);

  for (const format of FORMATS) {
    test(`${format} is written all the same, with the others`, async () => {
      const text = await shown([crash, nonsense, check("a.a", fail)], { format });
      for (const part of ["a.crash", "a.nonsense", "a defect of mine", "it is broken"]) expect(text).toContain(part);
    });
  }

  test("junit says that it is an error", async () => {
    const text = await shown([crash, check("a.a", fail)], { format: "junit" });
    expect(text).toContain('tests="2" failures="1" errors="1"');
    expect(text).toEndWith("</testsuites>\n");
  });
});
