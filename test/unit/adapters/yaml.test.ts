import { expect, test } from "bun:test";
import { readYaml } from "../../../src/adapters/yaml.ts";
import { type YamlValue, yamlText } from "../../../src/core/yaml-text.ts";

/** Paths and lines of the keys, or what is wrong. */
function read(text: string): string {
  const document = readYaml(text);
  if ("problems" in document) return document.problems.map(({ line, message }) => `${line}: ${message}`).join("\n");
  const keysOf = (value: unknown, path: readonly string[]): string[] =>
    typeof value !== "object" || value === null
      ? []
      : Object.entries(value).flatMap(([key, inner]) => {
          const here = [...path, key];
          const shown = Array.isArray(value) ? [] : [`${here.join(".")}@${document.lineOf(here)}`];
          return [...shown, ...keysOf(inner, here)];
        });
  return keysOf(document.value, []).join(" ");
}

test.each([
  ["a:\n  b: 1\n\n  # c: 1\n  c: {d: 2}\ne: 1\n", "a@1 a.b@2 a.c@5 a.c.d@5 e@6"],
  ['{"a": {"b":1,\n "c":[{"d":1},{"d":2}]}}', "a@1 a.b@1 a.c@2 a.c.0.d@2 a.c.1.d@2"],
  ["a: |\n  x: 1\n  x: 2\nb: >-\n\n  y: 1\n\nc: 1\n", "a@1 b@4 c@8"],
  ["a: \"x: 1\n  y: 2\"\nb: 'q: r\n\n  s'\nc: d\n e\nf: 1\n", "a@1 b@3 c@6 f@8"],
  ["a:\n- b: 1\n- b: 2\n- - c: 1\n  - c: 2\nd: 1\n", "a@1 a.0.b@2 a.1.b@3 a.2.0.c@4 a.2.1.c@5 d@6"],
  [
    "%YAML 1.2\n--- # d\na: &x !t {b: 1}\nc: *x\nd: {<<: *x, e: 1}\n...\n# end\n",
    "a@3 a.b@3 c@4 c.b@3 d@5 d.b@5 d.e@5",
  ],
  ["\uFEFFa b: http://x:1/y # c: d\r\n'it''s': c:d\r\nc:d: e\r\n-b: 1\r\n", "a b@1 it's@2 c:d@3 -b@4"],
  ["a: {x: http://y, 'z':1, \"w\" : [b, c: 1]}\n", "a@1 a.x@1 a.z@1 a.w@1 a.w.1.c@1"],
  ["", ""],
])("keys are found, each in its line: %j", (text, keys) => {
  expect(read(text)).toBe(keys);
});

test.each([
  ["a: 1\nb: 2\na: 3\n", '3: "a" is there already, in line 1'],
  ["a: {b: 1,\n  b: 2}\n", '2: "b" is there already, in line 1'],
  ["a:\n  'b': 1\n  # x\n  \"b\": 2\n", '4: "b" is there already, in line 2'],
  ["- a: 1\n  b: 1\n  a: 2\n", '3: "a" is there already, in line 1'],
  ["a: *x\n  \n", "1: is no YAML: Unresolved alias"],
  ["a: 1\n---\nb: 1\n", "2: a second document starts here: all is to be in one"],
  ["a: 1\n...\nb: 1\n", "3: a second document starts here: all is to be in one"],
  [
    "a:\n  b: 1\n  c: [1\nd: 1\n",
    "4: is no YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
  ],
])("what Bun takes in silence, and what it does not: %j", (text, problem) => {
  expect(read(text)).toBe(problem);
});

test.each(["1e3: x\n1000: y\n", "~: x\nnull: y\n", "? a\n: b\n? a\n: c\n", "0x10: a\n", "&k a: 1\na: 2\n"])(
  "a key that may be another one is refused: %j",
  (text) => expect(read(text)).toMatch(/^1: a key that is no plain word needs quotes|is there already/),
);

test("what is written is read as it was, by Bun: 5,000 values", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  const pieces = [
    ..."abYN0 1_:-?#,.~/'\"\\{}[]&*!|>%@`=<\n\t\r\0\x7f\x85",
    "é",
    "😀",
    "\u2028",
    "\ufeff",
    "yes",
    "null",
    "0x",
  ];
  const word = () => Array.from({ length: random(6) }, () => pieces[random(pieces.length)]).join("");
  for (let round = 0; round < 1_000; round++) {
    const value: Record<string, YamlValue> = {};
    for (let count = 0; count < 5; count++) value[`k${word().replaceAll("<", "")}`] = word();
    value.inner = { flag: { secret: true }, none: {}, number: random(100), inner: { deeper: word(), on: false } };
    const document = readYaml(yamlText(value));
    expect("value" in document ? document.value : document).toEqual(value);
  }
});
