import { describe, expect, test } from "bun:test";
import { type CanaryReport, canaryReportSchema } from "../../../src/canary/schema.ts";
import { printCanary, renderTimeline, renderVerdict, summaryOf } from "../../../src/cli/report/canary.ts";
import { examinationOf } from "../../../src/cli/report/canary-examination.ts";
import { barOf, canRedraw, liveTimeline } from "../../../src/cli/report/canary-timeline.ts";
import { EXAMINATION_FORMATS, type ExaminationFormat } from "../../../src/cli/report/formats/examination.ts";
import { CANARY_VERDICTS, exitOf } from "../../../src/core/exit.ts";
import type { Host } from "../../../src/core/host.ts";
import { fakeHost, recorder } from "../../support/fake-host.ts";

function step(id: string, status: CanaryReport["steps"][number]["status"], more = {}): CanaryReport["steps"][number] {
  const message = status === "pass" ? {} : { message: `why ${id}` };
  return { id, title: `the promise of ${id}`, status, round: 1, startMs: 0, ms: 10, evidence: {}, ...message, ...more };
}

function report(more: Partial<CanaryReport> = {}): CanaryReport {
  return canaryReportSchema.parse({
    schemaVersion: 1,
    verdict: "pass",
    level: "fleet",
    sandbox: true,
    only: null,
    rounds: 1,
    steps: [step("layout", "pass"), step("memory", "skip")],
    environment: { binary: "0.1.0", systemd: "252", tmux: "3.3a", kernel: "6.1", cgroup: "hybrid" },
    ms: 100,
    ...more,
  });
}

const broken = report({
  verdict: "broken",
  steps: [step("layout", "pass"), step("holder", "fail", { evidence: { pid: 3 } }), step("agent", "blocked")],
});
const problem = { what: "It cannot", why: "there is none", next: ["make one"] };
const unavailable = report({ verdict: "unavailable", steps: [], problem });
const half = report({ verdict: "tmux-only", level: "tmux", steps: [step("server", "pass")] });

/** What a machine reads of a format: whether all is well. */
const wellIn: Readonly<Record<string, (text: string) => boolean>> = {
  junit: (text) => / failures="0"/.test(text) && / errors="0"/.test(text) && !/ tests="0"/.test(text),
  tap: (text) => !/^not ok/m.test(text) && !/^1\.\.0$/m.test(text),
  github: (text) => !/^::error/m.test(text),
};

async function printed(of: CanaryReport, format: Parameters<typeof printCanary>[2]): Promise<string> {
  const stdout = recorder();
  await printCanary(fakeHost({ stdout }), of, format);
  return stdout.text();
}

describe("every format of the canary agrees with its exit code", () => {
  const reports: [string, CanaryReport][] = [
    ["a pass", report()],
    ["a broken promise", broken],
    ["a prerequisite that is missing", unavailable],
    ["an interrupted run whose steps had passed", report({ verdict: "unknown", problem })],
    ["a run that left out all of its steps", report({ verdict: "unknown", steps: [step("memory", "skip")] })],
    ["the tmux half", half],
  ];
  for (const [what, of] of reports) {
    test.each(Object.keys(wellIn))(`${what}, as %s`, async (format) => {
      const text = await printed(of, format as "tap");
      expect(wellIn[format]?.(text)).toBe(exitOf(of.verdict) === 0);
    });
  }

  test("and exactly a pass and the tmux half are 0", () => {
    expect(CANARY_VERDICTS.filter((verdict) => exitOf(verdict) === 0)).toEqual(["pass", "tmux-only"]);
  });
});

describe("of the tmux half no format makes a pass of the whole", () => {
  const halves: readonly CanaryReport[] = [
    half,
    report({ verdict: "broken", level: "tmux", steps: [step("server", "fail")] }),
    report({ verdict: "unknown", level: "tmux", steps: [step("server", "pass")], problem }),
    report({ verdict: "unavailable", level: "tmux", steps: [], problem }),
  ];
  const skipped = /not tried with --level tmux, which tries the tmux half alone: no pass of the whole/;
  /** Where a format names what was tried, where it says its verdict, and where it counts the other half as left out. */
  const named: Readonly<Record<ExaminationFormat, readonly RegExp[]>> = {
    junit: [
      /<testsuites name="mosaic-fleet canary --level tmux" /,
      /<testsuite name="mosaic-fleet canary --level tmux" [^>]* skipped="1">/,
      /<property name="verdict" value="[^"]*the tmux half[^"]*"\/>/,
      /<property name="level" value="tmux"\/>/,
      /<testcase classname="mosaic-fleet canary --level tmux\.run" name="units: [^>]*>\s*<skipped message="not tried with --level tmux/,
    ],
    tap: [
      /^ok \d+ - units: .* # SKIP not tried with --level tmux/m,
      /^# mosaic-fleet canary --level tmux: .*the tmux half/m,
    ],
    github: [/^::notice title=mosaic-fleet canary --level tmux::.*the tmux half .*1 skip/m],
    markdown: [
      /^# mosaic-fleet canary --level tmux: .*the tmux half/,
      /^\| skip \| units \| not tried with --level tmux/m,
    ],
  };
  for (const of of halves)
    test.each(EXAMINATION_FORMATS)(`${of.verdict}, as %s`, async (format) => {
      const text = await printed(of, format);
      for (const pattern of named[format]) expect(text).toMatch(pattern);
      if (format !== "github") expect(text).toMatch(skipped);
      expect(text).not.toContain("every promise that was tried is kept");
    });

  test("TAP plans for it", async () => {
    expect(await printed(half, "tap")).toStartWith("TAP version 14\n1..2\n");
  });

  test("the page of a workflow and the one of a report are named after it", async () => {
    const written: string[] = [];
    const files = {
      append: async (_: string, text: string) => void written.push(text),
      status: async () => undefined,
    } as unknown as Host["files"];
    await printCanary(fakeHost({ files, env: { GITHUB_STEP_SUMMARY: "/summary" } }), half, "github");
    for (const page of [written.join(""), summaryOf(half)])
      for (const pattern of [...named.markdown, skipped]) expect(page).toMatch(pattern);
  });

  test("json has it in verdict and level, and a pass it cannot be", async () => {
    for (const of of halves) expect(JSON.parse(await printed(of, "json"))).toMatchObject({ level: "tmux" });
    expect(JSON.parse(await printed(half, "json")).verdict).toBe("tmux-only");
    const parsed = (verdict: string, level: string) =>
      canaryReportSchema.safeParse({ ...half, verdict, level }).success;
    expect([parsed("pass", "tmux"), parsed("tmux-only", "fleet")]).toEqual([false, false]);
    expect([parsed("pass", "fleet"), parsed("tmux-only", "tmux")]).toEqual([true, true]);
  });

  test("a person reads it in the verdict, which is not green", () => {
    for (const of of halves) {
      const output = recorder({ isTTY: true, color: true });
      renderVerdict(output, of);
      expect(output.text()).not.toContain("\x1b[32m");
      expect(Bun.stripANSI(output.text()).replace(/\s+/g, " ")).toMatch(
        /no pass of the whole|only the tmux half was tried/,
      );
    }
  });
});

test("a summary goes to the file that GitHub names, after what is there", async () => {
  const written: string[] = [];
  let size: number | undefined;
  const files = {
    append: async (path: string, text: string) => void written.push(path, text),
    status: async () => (size === undefined ? undefined : { size }),
  } as unknown as Host["files"];
  const stderr = recorder({});
  const long = { ...broken, steps: [...broken.steps, ...Array.from({ length: 9 }, () => step("agent", "pass"))] };
  const page = async () => {
    written.length = 0;
    await printCanary(fakeHost({ files, stderr, env: { GITHUB_STEP_SUMMARY: "/summary" } }), long, "github");
    return written[1] ?? "";
  };
  const whole = await page();
  expect(written[0]).toBe("/summary");
  expect(whole).toContain("# mosaic-fleet canary: broken: a promise is not kept");
  expect(whole).toContain("| ok |");

  // Of a page with more than 1 MiB GitHub shows nothing.
  size = 2 ** 20 - Buffer.byteLength(whole);
  expect(await page()).toBe(whole);
  size += 1;
  expect(await page()).toContain("broken: a promise is not kept (1 fail, 1 blocked, 10 pass; without what is well, ");
  expect(written[1]).not.toContain("| ok |");
  expect(stderr.text()).toBe("");
  size = 2 ** 20 - 10;
  expect(await page()).toBe("");
  expect(stderr.text()).toContain("the step summary was not written: ");
});

test("rounds of a repeated run are told apart, so that no case is there twice", async () => {
  const steps = [step("layout", "pass"), step("layout", "fail", { round: 2 })];
  const { rows } = examinationOf(report({ verdict: "broken", rounds: 2, steps }));
  expect(rows.map(({ id, area }) => `${area} ${id}`)).toEqual(["round-1 layout#1", "round-2 layout#2"]);
});

describe("a bar", () => {
  for (const [start, ms, whole, width, wanted] of [
    [0, 100, 100, 10, "━━━━━━━━━━"],
    [50, 50, 100, 10, "     ━━━━━"],
    [0, 1, 1000, 10, "━"],
    [999, 1, 1000, 10, "         ━"],
    [1000, 500, 1000, 10, "         ━"],
    [0, 0, 0, 10, "━"],
  ] as const)
    test(`from ${start} for ${ms} of ${whole}`, () => {
      expect(barOf(start, ms, whole, width)).toBe(wanted);
    });
});

test("on a terminal no line is longer than it, and why a step failed stands below its bar", () => {
  const output = recorder({ isTTY: true, columns: 80 });
  renderTimeline(output, broken);
  renderVerdict(output, broken);
  const lines = output.text().split("\n");
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  const failed = lines.findIndex((line) => line.startsWith("FAIL     holder"));
  expect(lines.slice(failed + 1, failed + 4)).toEqual([
    "         the promise of holder",
    "         why holder",
    "         pid: 3",
  ]);
});

test("what is drawn while it runs fits the screen, is written over, and goes away; elsewhere nothing is drawn", async () => {
  const draw = async (options: Parameters<typeof recorder>[0], env = {}) => {
    const stderr = recorder(options);
    let pauses = 0;
    const drawn = Promise.withResolvers<void>();
    const pause = () => {
      if (++pauses === 3) drawn.resolve();
      return new Promise<void>((resolve) => setTimeout(resolve, 1));
    };
    const live = liveTimeline({ stderr, env, now: () => 50, pause });
    for (let index = 0; index < 40; index++) live.start({ id: `step-${index}`, round: 1, startMs: index });
    live.end(step("step-1", "pass"));
    if (canRedraw({ stderr, env })) await drawn.promise;
    await live.done();
    return stderr.text();
  };
  const text = await draw({ isTTY: true, rows: 10 });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal is told
  const frames = text.split(/\x1b\[\d+A\r\x1b\[J/);
  expect(frames.length).toBeGreaterThan(1);
  for (const frame of frames) expect(frame.split("\n").length).toBeLessThanOrEqual(10);
  expect(frames.at(-1)).toBe("");
  // A line that the terminal breaks is not taken away again.
  for (const columns of [20, 36, 40, 80, 200]) {
    const lines = Bun.stripANSI(await draw({ isTTY: true, rows: 10, columns })).split("\n");
    expect([columns, lines.filter((line) => line.length > columns)]).toEqual([columns, []]);
  }
  expect(await draw({})).toBe("");
  expect(await draw({ isTTY: true }, { TERM: "dumb" })).toBe("");
});
