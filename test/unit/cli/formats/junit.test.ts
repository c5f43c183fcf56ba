import { describe, expect, test } from "bun:test";
import type { Examination } from "../../../../src/cli/report/formats/examination.ts";
import { renderJunit } from "../../../../src/cli/report/formats/junit.ts";
import { examination, HOSTILE, ONE_OF_EACH, row } from "./examples.ts";

interface Element {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
  readonly children: readonly Element[];
}

const PARSE = `
import json, sys, xml.etree.ElementTree as tree
def plain(e): return {"tag": e.tag, "attributes": e.attrib, "text": e.text or "", "children": [plain(c) for c in e]}
json.dump(plain(tree.fromstring(sys.stdin.buffer.read())), sys.stdout)`;

function python(program: string, stdin: string) {
  return Bun.spawnSync(["python3", "-c", program], { stdin: Buffer.from(stdin) });
}

const canParse = Bun.which("python3") !== null && python("import xml.parsers.expat", "").success;

/** The only suite, as a strict parser reads it. */
function suiteOf(value: Examination): Element {
  const { stdout, stderr } = python(PARSE, renderJunit(value));
  expect(stderr.toString()).toBe("");
  const suites: Element = JSON.parse(stdout.toString());
  expect(suites.tag).toBe("testsuites");
  expect(suites.children.map(({ tag }) => tag)).toEqual(["testsuite"]);
  return suites.children[0] as Element;
}

function casesOf(value: Examination): Element[] {
  return suiteOf(value).children.filter(({ tag }) => tag === "testcase");
}

const title = canParse ? "JUnit" : "JUnit (left out: no python3 with an XML parser)";

describe.skipIf(!canParse)(title, () => {
  test("counts what is in it, and says how long it took, in seconds", () => {
    const value = examination([...ONE_OF_EACH, row({ status: "fail", message: "again" })]);
    const sums = { name: "mosaic-fleet doctor", tests: "7", failures: "2", errors: "1", time: "2.500" };
    expect(suiteOf(value).attributes).toEqual({ ...sums, skipped: "2" });
    const [, head] = /<testsuites ([^>]*)>/.exec(renderJunit(value)) ?? [];
    expect(head).toBe('name="mosaic-fleet doctor" tests="7" failures="2" errors="1" time="2.500"');
  });

  test("names a case after its area, id and title", () => {
    expect(casesOf(examination([row()])).map(({ attributes }) => attributes)).toEqual([
      {
        classname: "mosaic-fleet doctor.host",
        name: "host.linger: The user's services run without a login",
        time: "1.234",
      },
    ]);
  });

  test("has a verdict of its own for each status", () => {
    const children = Object.fromEntries(
      casesOf(examination(ONE_OF_EACH)).map(({ attributes, children }) => [
        attributes.name?.replace(/:.*/, ""),
        children.map(({ tag, attributes, text }) => [tag, attributes.message, text]),
      ]),
    );
    const body = (message: string) =>
      `${message}\nseen: this\nseen: that\n$ loginctl enable-linger\n$ mosaic-fleet doctor`;
    expect(children).toEqual({
      "host.pass": [],
      "host.warn": [["system-out", undefined, body("it is warn")]],
      "host.fail": [["failure", "it is fail", body("it is fail")]],
      "host.skip": [["skipped", "it is skip", ""]],
      "host.unknown": [["error", "it is unknown", body("it is unknown")]],
      "host.blocked": [["skipped", "blocked: it is blocked", ""]],
    });
  });

  test("carries the verdict and the environment as properties, before the cases", () => {
    const suite = suiteOf(examination([row()], { environment: { 'a"<': "b&\n>" } }));
    expect(suite.children.map(({ tag }) => tag)).toEqual(["properties", "testcase"]);
    expect(suite.children[0]?.children).toEqual([
      { tag: "property", attributes: { name: "verdict", value: examination([]).verdict }, text: "", children: [] },
      { tag: "property", attributes: { name: 'a"<', value: "b&\n>" }, text: "", children: [] },
    ]);
  });

  test("of nothing is a document too", () => {
    expect(suiteOf(examination([], { environment: {} })).attributes).toMatchObject({ tests: "0", failures: "0" });
  });

  test("brings through what means something in XML, and what breaks lines", () => {
    const texts = [...HOSTILE, "two\nlines", "carriage\rreturn\r\nand\ttab"];
    const rows = texts.map((text) =>
      row({ area: text, title: text, status: "fail", message: text, details: [text], fix: [text] }),
    );
    expect(
      casesOf(examination(rows)).map(({ attributes, children: [failure] }) => [
        attributes.classname,
        attributes.name,
        failure?.attributes.message,
        failure?.text,
      ]),
    ).toEqual(
      texts.map((text) => [`mosaic-fleet doctor.${text}`, `host.linger: ${text}`, text, `${text}\n${text}\n$ ${text}`]),
    );
  });

  test("replaces the characters that XML forbids, and no others", () => {
    const texts = [
      ["\x1b[31mred\x1b[0m", "\uFFFD[31mred\uFFFD[0m"],
      ["\0\x01\x08\x0b\x0c\x0e\x1f", "\uFFFD".repeat(7)],
      ["high \ud83e, low \udd89", "high \uFFFD, low \uFFFD"],
      ["\ufffe\uffff\ufffd", "\uFFFD".repeat(3)],
      ["\x7f\x85\u2028\ud7ff\ue000\ufffc\u{10ffff}", "\x7f\x85\u2028\ud7ff\ue000\ufffc\u{10ffff}"],
    ] as const;
    const value = examination(texts.map(([message]) => row({ status: "unknown", message })));
    // Encoding would mend half a surrogate pair on the way to the parser.
    expect(renderJunit(value).isWellFormed()).toBe(true);
    expect(casesOf(value).map(({ children: [error] }) => [error?.attributes.message, error?.text])).toEqual(
      texts.map(([, wanted]) => [wanted, wanted]),
    );
  });
});
