import { describe, expect, test } from "bun:test";
import type { Row } from "../../../../src/cli/report/formats/examination.ts";
import { renderGithub } from "../../../../src/cli/report/formats/github.ts";
import { renderMarkdown } from "../../../../src/cli/report/formats/markdown.ts";
import { examination, HOSTILE, ONE_OF_EACH, row } from "./examples.ts";

/** What the runner makes of it: a command each line, every property split at a comma, the escapes undone. */
function read(rows: readonly Row[], verdict = "broken"): { kind: string; title: string; message: string }[] {
  const lines = renderGithub(examination(rows, { verdict })).commands.split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => {
    const found = /^::(error|warning|notice) title=([^:,\r]*)::([^\r]*)$/.exec(line);
    if (found === null) throw new Error(`no command: ${line}`);
    const [, kind = "", title = "", message = ""] = found;
    // Of a %, the runner undoes these and nothing else, the % itself last.
    const data = (text: string) => text.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");
    const property = (text: string) => data(text.replaceAll("%3A", ":").replaceAll("%2C", ","));
    return { kind, title: property(title), message: data(message) };
  });
}

describe("GitHub's commands", () => {
  test("are the worst first, the remedy with them, and the sums last", () => {
    const fix = "$ loginctl enable-linger\n$ mosaic-fleet doctor";
    const title = (status: string) => `host.${status}: The user's services run without a login`;
    expect(read(ONE_OF_EACH)).toEqual([
      { kind: "error", title: title("fail"), message: `it is fail\n${fix}` },
      { kind: "error", title: title("unknown"), message: `it is unknown\n${fix}` },
      { kind: "warning", title: title("blocked"), message: `blocked: it is blocked\n${fix}` },
      { kind: "warning", title: title("warn"), message: `it is warn\n${fix}` },
      {
        kind: "notice",
        title: "mosaic-fleet doctor",
        message: "broken: 1 fail, 1 unknown, 1 blocked, 1 warn, 1 skip, 1 pass",
      },
    ]);
  });

  test("are a notice alone where all is well, or nothing was looked at", () => {
    expect(read([row()], "fine").map(({ message }) => message)).toEqual(["fine: 1 pass"]);
    expect(read([], "unknown").map(({ message }) => message)).toEqual(["unknown: nothing was looked at"]);
  });

  test("are nine and the notice, which says how many were left out", () => {
    const rows = (count: number) => [
      ...Array.from({ length: count - 2 }, (_, index) => row({ id: `a.w${index}`, status: "warn", message: "w" })),
      row({ id: "a.u", status: "unknown", message: "u" }),
      row({ id: "a.f", status: "fail", message: "f" }),
    ];
    const nine = read(rows(9));
    expect(nine).toHaveLength(10);
    expect(nine.at(-1)?.message).toBe("broken: 1 fail, 1 unknown, 7 warn");
    expect(read(rows(10)).at(-1)?.message).toEndWith("8 warn; left out here, but in the summary: 1");
    const twelve = read(rows(12));
    expect(twelve.map(({ title }) => title.replace(/:.*/, ""))).toEqual([
      ...["a.f", "a.u", ...[0, 1, 2, 3, 4, 5, 6].map((index) => `a.w${index}`)],
      "mosaic-fleet doctor",
    ]);
    expect(twelve.at(-1)).toMatchObject({
      kind: "notice",
      message: "broken: 1 fail, 1 unknown, 10 warn; left out here, but in the summary: 3",
    });
  });

  test("escape as GitHub's toolkit does, to the letter", () => {
    const text = "100%: a, b\r\n%0A::error::no";
    expect(renderGithub(examination([row({ title: text, status: "fail", message: text })])).commands).toStartWith(
      "::error title=host.linger%3A 100%25%3A a%2C b%0D%0A%250A%3A%3Aerror%3A%3Ano::100%25: a, b%0D%0A%250A::error::no\n",
    );
  });

  for (const text of [...HOSTILE, "two\nlines\r\n::stop-commands::x", "\n::error::first"]) {
    test(`bring ${JSON.stringify(text)} through`, () => {
      const commands = read([row({ title: text, status: "fail", message: text, fix: [text] })], text);
      expect(commands).toHaveLength(2);
      expect(commands[0]).toEqual({ kind: "error", title: `host.linger: ${text}`, message: `${text}\n$ ${text}` });
      expect(commands[1]?.message).toBe(`${text}: 1 fail`);
    });
  }
});

test("GitHub's summary is all of it, in Markdown", () => {
  const value = examination(Array.from({ length: 20 }, (_, index) => row({ id: `a.f${index}`, status: "fail" })));
  const { summary } = renderGithub(value);
  expect(summary).toBe(renderMarkdown(value));
  for (const { id } of value.rows) expect(summary).toContain(id);
});
