import { describe, expect, test } from "bun:test";
import type { Row } from "../../../../src/cli/report/formats/examination.ts";
import { renderTap } from "../../../../src/cli/report/formats/tap.ts";
import { examination, HOSTILE, ONE_OF_EACH, row } from "./examples.ts";

interface TestPoint {
  readonly ok: boolean;
  readonly number: number;
  readonly description: string;
  readonly directive?: string;
  readonly reason?: string;
  yaml?: unknown;
}

/** What a harness makes of it; whatever is neither a test point nor its diagnostics is refused. */
function read(rows: readonly Row[]): TestPoint[] {
  const [version, plan, ...lines] = renderTap(examination(rows)).split("\n");
  expect(version).toBe("TAP version 14");
  expect(plan).toBe(`1..${rows.length}`);
  expect(lines.pop()).toBe("");
  expect(lines.pop()).toBe("# mosaic-fleet doctor: something is broken: see FAIL");
  const points: TestPoint[] = [];
  while (lines.length > 0) {
    const line = lines.shift() ?? "";
    const last = points.at(-1);
    if (line === "  ---" && last !== undefined && last.yaml === undefined) {
      const end = lines.indexOf("  ...");
      const block = lines.splice(0, end + 1).slice(0, -1);
      expect(block.filter((each) => !each.startsWith("  "))).toEqual([]);
      last.yaml = Bun.YAML.parse(block.map((each) => each.slice(2)).join("\n"));
    } else points.push(pointOf(line));
  }
  return points;
}

function pointOf(line: string): TestPoint {
  const found = /^(not )?ok (\d+) - ((?:[^\\#]|\\[\\#])*?)(?: # (SKIP|TODO) ((?:[^\\#]|\\[\\#])*))?$/.exec(line);
  if (found === null) throw new Error(`no TAP: ${line}`);
  const [, not, number, description = "", directive, reason = ""] = found;
  const plain = (text: string) => text.replace(/\\([\\#])/g, "$1");
  return {
    ok: not === undefined,
    number: Number(number),
    description: plain(description),
    ...(directive === undefined ? {} : { directive, reason: plain(reason) }),
  };
}

function perl(program: string, stdin: string) {
  return Bun.spawnSync(["perl", "-e", program], { stdin: Buffer.from(stdin) });
}

const PROVE = `
use TAP::Parser;
my $parser = TAP::Parser->new({ source => \\*STDIN });
my $yaml = 0;
while (my $result = $parser->next) { $yaml++ if $result->is_yaml }
print STDERR $parser->parse_errors;
printf "%d tests, %d diagnostics, failed %s\\n", $parser->tests_run, $yaml, join " ", $parser->failed;`;

/** Not every Perl comes with it. */
const hasPerl = Bun.which("perl") !== null && perl("use TAP::Parser", "").success;

describe("TAP", () => {
  test("has a test point for each row, and diagnostics where something is to be told", () => {
    const details = ["seen: this", "seen: that"];
    const fix = ["loginctl enable-linger", "mosaic-fleet doctor"];
    const of = (status: Row["status"], rest: Partial<TestPoint> = {}) => ({
      ok: true,
      description: `host.${status}: The user's services run without a login`,
      ...rest,
    });
    const yaml = (status: string, severity: string) => ({
      yaml: { message: `it is ${status}`, severity, status, details, fix, duration_ms: 1234 },
    });
    expect(read(ONE_OF_EACH)).toEqual(
      [
        of("pass"),
        of("warn", yaml("warn", "warning")),
        of("fail", { ok: false, ...yaml("fail", "error") }),
        of("skip", { directive: "SKIP", reason: "it is skip" }),
        of("unknown", { ok: false, ...yaml("unknown", "error") }),
        of("blocked", { directive: "SKIP", reason: "blocked: it is blocked" }),
      ].map((point, index) => ({ number: index + 1, ...point })),
    );
  });

  test("is, to the letter", () => {
    expect(
      renderTap(
        examination([
          row({ title: "Fine" }),
          row({ title: "Not #1", status: "fail", message: 'a "b"', details: ["c: d"], ms: 5 }),
        ]),
      ),
    ).toBe(`TAP version 14
1..2
ok 1 - host.linger: Fine
not ok 2 - host.linger: Not \\#1
  ---
  message: "a \\"b\\""
  severity: error
  status: fail
  details: ["c: d"]
  fix: []
  duration_ms: 5
  ...
# mosaic-fleet doctor: something is broken: see FAIL
`);
  });

  test.skipIf(!hasPerl)("is read by Perl's prove, as are its diagnostics", () => {
    const rows = [...ONE_OF_EACH, ...HOSTILE.map((text) => row({ status: "warn", message: text, details: [text] }))];
    // Many a prove refuses 14 for the number alone; 13 is the same but for what 14 adds.
    const read = perl(PROVE, renderTap(examination(rows)).replace("version 14", "version 13"));
    expect(read.stderr.toString()).toBe("");
    expect(read.stdout.toString()).toBe(`${rows.length} tests, ${HOSTILE.length + 3} diagnostics, failed 3 5\n`);
  });

  test("of nothing is the plan of nothing", () => {
    expect(renderTap(examination([]))).toBe(
      "TAP version 14\n1..0\n# mosaic-fleet doctor: something is broken: see FAIL\n",
    );
  });

  for (const text of HOSTILE) {
    test(`brings ${JSON.stringify(text)} through`, () => {
      const [skipped, failed] = read([
        row({ title: text, status: "skip", message: text }),
        row({ title: text, status: "fail", message: text, details: [text, text], fix: [text] }),
      ]);
      expect(skipped).toMatchObject({ ok: true, description: `host.linger: ${text}`, reason: text });
      expect(failed).toMatchObject({ ok: false, description: `host.linger: ${text}` });
      expect(failed?.directive).toBeUndefined();
      expect(failed?.yaml).toMatchObject({ message: text, details: [text, text], fix: [text] });
    });
  }

  test("keeps a title on its line, whatever breaks lines", () => {
    const [point, ...others] = read([row({ title: "one\nnot ok 2 - two\r\n\tthree\u2028four\x1b[0m\n" })]);
    expect(others).toEqual([]);
    expect(point?.description).toBe("host.linger: one not ok 2 - two three four [0m");
  });

  test("keeps line breaks and control characters of a message, as escapes", () => {
    const text = "one\n  ...\nnot ok 9\r\t\0\x1b\x7f\x85\u2028\u2029\ufeff\uffff";
    const [point, ...others] = read([row({ status: "warn", message: text, details: [text] })]);
    expect(others).toEqual([]);
    expect(point?.yaml).toMatchObject({ message: text, details: [text] });
    const raw = renderTap(examination([row({ status: "warn", message: text })]));
    expect(raw).not.toMatch(/[^\n\x20-\x7e]/);
  });

  test("writes no half of a surrogate pair, not even escaped", () => {
    const [point] = read([row({ status: "fail", message: "\ud83e and 🦉" })]);
    expect(point?.yaml).toMatchObject({ message: "\uFFFD and 🦉" });
  });
});
