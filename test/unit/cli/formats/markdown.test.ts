import { describe, expect, test } from "bun:test";
import type { Examination } from "../../../../src/cli/report/formats/examination.ts";
import { renderMarkdown } from "../../../../src/cli/report/formats/markdown.ts";
import { examination, HOSTILE, ONE_OF_EACH, row } from "./examples.ts";

/** Of what a Markdown parser makes of it, the plain text of each of these elements; markup inside is refused. */
function read(value: Examination, tag: string): string[] {
  const html = Bun.markdown.html(renderMarkdown(value));
  return [...html.matchAll(new RegExp(`<${tag}(?: [^>]*)?>(.*?)</${tag}>`, "gs"))].map(([, inside = ""]) => {
    const text = inside.replace(/<\/?(strong|code)( [^>]*)?>/g, "");
    expect(text).not.toMatch(/[<>]/);
    return text
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&#39;", "'")
      .replaceAll("&amp;", "&");
  });
}

describe("Markdown", () => {
  test("is, to the letter", () => {
    const rows = [
      row({ title: "Fine" }),
      row({
        id: "a.b",
        title: "Is_so",
        status: "fail",
        message: "is not",
        details: ["x: 1", "y: 2"],
        fix: ["mend it"],
      }),
      row({ id: "c.d", title: "Is", status: "skip", message: "not here" }),
    ];
    expect(renderMarkdown(examination(rows, { verdict: "broken" }))).toBe(`# mosaic-fleet doctor: broken

1 fail, 1 skip, 1 pass in 2.500 s

| Status | Id | What |
| --- | --- | --- |
| ok | host.linger | Fine |
| **FAIL** | a.b | is not |
| skip | c.d | not here |

## **FAIL** a.b: Is\\_so

is not

- x: 1
- y: 2

\`\`\`sh
mend it
\`\`\`

binary 0.1.0, systemd 252
`);
  });

  test("has every row in the table, and a section for what is not well", () => {
    const value = examination(ONE_OF_EACH);
    expect(read(value, "td")).toEqual(
      [
        ["ok", "host.pass", "The user's services run without a login"],
        ["warn", "host.warn", "it is warn"],
        ["FAIL", "host.fail", "it is fail"],
        ["skip", "host.skip", "it is skip"],
        ["unknown", "host.unknown", "it is unknown"],
        ["blocked", "host.blocked", "it is blocked"],
      ].flat(),
    );
    expect(read(value, "h2").map((heading) => heading.replace(/:.*/, ""))).toEqual([
      "warn host.warn",
      "FAIL host.fail",
      "unknown host.unknown",
      "blocked host.blocked",
    ]);
    expect(read(value, "li")).toEqual(Array(4).fill(["seen: this", "seen: that"]).flat());
    expect(read(value, "pre")).toEqual(Array(4).fill("loginctl enable-linger\nmosaic-fleet doctor\n"));
  });

  test("shows the title of a row that passed, whatever it says", () => {
    expect(read(examination([row({ title: "Is so", message: "252" })]), "td")).toEqual(["ok", "host.linger", "Is so"]);
  });

  test("has no gaps where there is nothing to say", () => {
    const value = examination([row({ status: "fail", message: "m" })], { environment: {} });
    expect(renderMarkdown(value)).not.toContain("\n\n\n");
    expect(renderMarkdown(value)).toEndWith("\n\nm\n");
  });

  test("of nothing says so", () => {
    expect(read(examination([], { environment: {} }), "p")).toEqual(["nothing was looked at in 2.500 s"]);
  });

  test("shows the title of a row that says nothing", () => {
    expect(read(examination([row({ status: "skip", title: "Is so" })]), "td")).toEqual([
      "skip",
      "host.linger",
      "Is so",
    ]);
  });

  for (const text of HOSTILE) {
    test(`brings ${JSON.stringify(text)} through`, () => {
      const value = examination(
        [row({ id: text, title: text, status: "fail", message: text, details: [text, text], fix: [text] })],
        { name: text, verdict: text, environment: { [text]: text } },
      );
      expect(read(value, "h1")).toEqual([`${text}: ${text}`]);
      expect(read(value, "td")).toEqual(["FAIL", text, text]);
      expect(read(value, "h2")).toEqual([`FAIL ${text}: ${text}`]);
      expect(read(value, "p")).toEqual(["1 fail in 2.500 s", text, `${text} ${text}`]);
      expect(read(value, "li")).toEqual([text, text]);
      expect(read(value, "pre")).toEqual([`${text}\n`]);
    });
  }

  test("lets no line break out of a cell, a heading or an item", () => {
    const text = "one\n\n# two\r\n| three |\t\x1b[0m";
    const value = examination([row({ title: text, status: "warn", message: text, details: [text] })]);
    const wanted = "one # two | three | [0m";
    expect(read(value, "h1")).toHaveLength(1);
    expect(read(value, "td")).toEqual(["warn", "host.linger", wanted]);
    expect(read(value, "h2")).toEqual([`warn host.linger: ${wanted}`]);
    expect(read(value, "li")).toEqual([wanted]);
  });

  for (const command of ["echo `date`", "cat <<'```'\n```\n````\n# x", "`````"]) {
    test(`keeps ${JSON.stringify(command)} inside its fence`, () => {
      const value = examination([row({ status: "fail", message: "m", fix: [command, "true"] })]);
      expect(read(value, "pre")).toEqual([`${command}\ntrue\n`]);
      expect(read(value, "h1")).toHaveLength(1);
    });
  }
});
