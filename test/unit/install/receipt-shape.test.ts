import { expect, test } from "bun:test";
import { receiptSchema } from "../../../src/install/receipt-schema.ts";
import { isAsWritten } from "../../../src/install/receipt-shape.ts";

const file = { path: "/a", sha256: "0f", mode: 0o644 };
const receipt = {
  schemaVersion: 2,
  version: "1.2.3",
  writtenAt: "2026-11-26T08:00:00.000Z",
  phase: "applying",
  folders: ["/b"],
  enabled: ["x.service"],
  to: "1.2.4",
  files: [
    { ...file, pending: ["1f"], added: true },
    { ...file, undecided: true },
    { ...file, removed: true, edited: true },
  ],
  run: {
    command: "install",
    actions: [
      { kind: "write-file", path: "/a" },
      { kind: "keep-copy", path: "/a", to: "/b" },
      { kind: "enable", units: ["x.service"] },
      { kind: "linger", on: true },
    ],
    progress: "db..",
  },
  linger: false,
  seeded: { path: "/c", sha256: "2f", added: true },
  previous: { version: "1.2.2", files: [file] },
  texts: { "0f": "text" },
};

/** Every value in it, by the path that leads there. */
function placesIn(value: unknown, path: readonly string[] = []): string[][] {
  const below = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return [[...path], ...below.flatMap(([name, item]) => placesIn(item, [...path, name]))];
}

function changed(path: readonly string[], change: (holder: Record<string, unknown>, name: string) => void): unknown {
  const copy = { root: structuredClone(receipt) } as Record<string, unknown>;
  const whole = ["root", ...path];
  const holder = whole.slice(0, -1).reduce((at, name) => at[name] as Record<string, unknown>, copy);
  change(holder, whole.at(-1) ?? "");
  return copy.root;
}

test("a receipt with all that can be in it is known, and one with the least", () => {
  expect(isAsWritten(receipt)).toBe(true);
  const {
    to: _,
    seeded: __,
    run: ___,
    ...least
  } = { ...receipt, phase: "applied", files: [], previous: null, texts: {} };
  expect(isAsWritten(least)).toBe(true);
  for (const each of [receipt, least]) expect(receiptSchema.parse(each)).toEqual(each as never);
});

test("whatever is taken for one, the schema takes as it is", () => {
  const odd = [
    undefined,
    null,
    true,
    false,
    0,
    1.5,
    "",
    "2026-02-30T00:00:00.000Z",
    [],
    ["x"],
    [1],
    {},
    { x: 1 },
    file,
  ];
  let taken = 0;
  let left = 0;
  for (const path of placesIn(receipt)) {
    const variants = [
      ...odd.map((value) => changed(path, (holder, name) => Object.assign(holder, { [name]: value }))),
      changed(path, (holder, name) => Reflect.deleteProperty(holder, name)),
      changed(path, (holder) => Object.assign(holder, { strange: 1 })),
    ];
    for (const variant of variants.map((value) => JSON.parse(JSON.stringify(value ?? null)))) {
      if (!isAsWritten(variant)) left++;
      else {
        taken++;
        expect(receiptSchema.parse(variant)).toEqual(variant as never);
      }
    }
  }
  expect(taken).toBeGreaterThan(50);
  expect(left).toBeGreaterThan(300);
});
