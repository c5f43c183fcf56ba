import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { knownSums, type Receipt, readReceipt, unfinished } from "../../../src/install/receipt.ts";
import { cutOff, describeCutOff } from "../../../src/install/receipt-run.ts";
import { tree } from "../../support/build.ts";
import { fakeFiles } from "../../support/fake-host.ts";

const PATH = "/home/somebody/.local/state/mosaic/fleet/receipt.json";
/** As released versions wrote them. Never to be edited: receipts like these are on people's machines. */
const version1 = await fixture("1");
const version2 = await fixture("2");
/** Of a run that was killed while it enabled the holder. */
const cutOff2 = await fixture("2-cut-off");

function fixture(version: string): Promise<string> {
  return Bun.file(join(tree, `test/fixtures/receipt-version-${version}.json`)).text();
}

function read(text: string) {
  return readReceipt({ files: fakeFiles({ [PATH]: text }) }, PATH);
}

describe("a receipt", () => {
  test("that the first version wrote is read, whole", async () => {
    const { schemaVersion: _, ...rest } = JSON.parse(version1);
    expect(await read(version1)).toEqual({ schemaVersion: 2, ...rest, linger: false, previous: null, texts: {} });
  });

  test("of the first version, that was never finished: what was there before is what counts as settled", async () => {
    const document = JSON.parse(version1);
    document.phase = "applying";
    document.files[0].before = ["a", "b"];
    const recorded = (await read(JSON.stringify(document))) as Receipt;
    const [first, second] = recorded.files;
    expect(first).toMatchObject({ sha256: "a", pending: [document.files[0].sha256, "b"] });
    expect(second).toEqual(document.files[1]);
  });

  test("that version 2 wrote is read, whole", async () => {
    expect(await read(version2)).toEqual(JSON.parse(version2));
  });

  test("that version 2 wrote, and whose run was cut off, is read as far as that had got", async () => {
    expect(await read(cutOff2)).toEqual({
      ...JSON.parse(cutOff2),
      enabled: ["mosaic-tmux-holder.service"],
      linger: true,
    });
  });

  for (const [kind, was, marks] of [
    ["enable", [], { ".": [], b: ["holder"], d: ["holder"] }],
    ["disable", ["holder", "other"], { ".": ["holder", "other"], b: ["holder", "other"], d: ["other"] }],
  ] as const)
    test(`of a run that was to ${kind} a unit has it as ours while that is to be undone`, async () => {
      for (const [progress, enabled] of Object.entries(marks)) {
        const run = { command: "install", actions: [{ kind, units: ["holder"] }], progress };
        const text = JSON.stringify({ ...JSON.parse(cutOff2), enabled: was, run });
        expect([progress, ((await read(text)) as Receipt).enabled]).toEqual([progress, [...enabled]]);
      }
    });

  for (const [on, marks] of [
    [true, { ".": false, b: true, d: true }],
    [false, { ".": true, b: true, d: false }],
  ] as const)
    test(`of a run that was to turn lingering ${on ? "on" : "off"} has it as ours while that is to be undone`, async () => {
      for (const [progress, linger] of Object.entries(marks)) {
        const run = { command: "install", actions: [{ kind: "linger", on }], progress };
        const text = JSON.stringify({ ...JSON.parse(cutOff2), linger: !on, run });
        expect([progress, ((await read(text)) as Receipt).linger]).toEqual([progress, linger]);
      }
    });

  test("of a run that does what only a later version knows is read, and says how far that has got", async () => {
    const run = {
      command: "replant",
      actions: [{ kind: "water", units: ["x"], more: 1 }, { kind: "dig" }],
      progress: "b",
    };
    const recorded = (await read(JSON.stringify({ ...JSON.parse(cutOff2), run }))) as Receipt;
    const found = cutOff(recorded);
    expect(found && describeCutOff(found, "/home/somebody")).toBe(
      "replant of 0.4.0 was cut off at step 1 of 2: water x",
    );
  });

  test("says how far an interrupted run has got; of one that has ended, or whose version kept no account, nothing", async () => {
    const recorded = (await read(cutOff2)) as Receipt;
    const found = cutOff(recorded);
    expect(found && describeCutOff(found, "/home/somebody")).toBe(
      "install of 0.4.0 was cut off at step 6 of 7: systemctl --user enable mosaic-tmux-holder.service",
    );
    const { run: _, ...without } = recorded;
    for (const none of [undefined, without, { ...recorded, phase: "applied" as const }])
      expect(cutOff(none)).toBeUndefined();
  });

  test("knows what may be there of a file: what was settled, and while applying what else may be", async () => {
    const recorded = (await read(version2)) as Receipt;
    const [file] = recorded.files as [Receipt["files"][0]];
    expect(knownSums(recorded, file.path)).toEqual([file.sha256]);
    const pending = { ...recorded, files: [{ ...file, pending: ["a", file.sha256, "b"] }] };
    expect(knownSums(pending, file.path)).toEqual([file.sha256, "a", "b"]);
    expect(knownSums(recorded, "/another")).toEqual([]);
    expect(knownSums(undefined, file.path)).toEqual([]);
  });

  test("that is not there is undefined", async () => {
    expect(await readReceipt({ files: fakeFiles() }, PATH)).toBeUndefined();
  });

  for (const [what, text] of [
    ["empty", ""],
    ["cut off", version1.slice(0, 200)],
    ["no JSON", "receipt: yes\n"],
    ["no object", "[]"],
    ["null", "null"],
    ["of a version to come", version1.replace('"schemaVersion": 1', '"schemaVersion": 3')],
    ["without its files", version1.replace('"files"', '"file"')],
    ["in a phase that is none", version1.replace('"applied"', '"half"')],
    ["with a mode that is no number", version1.replace("420", '"0644"')],
  ] as const) {
    test(`that is ${what} is unreadable, never taken for none`, async () => {
      expect(text).not.toBe(version1);
      expect(await read(text)).toBe("unreadable");
    });
  }
});

describe("while a run is under way, the receipt", () => {
  const at = (path: string, sha256: string) => ({ path, sha256, mode: 0o644 });
  const receipt = (version: string, files: Receipt["files"], more: Partial<Receipt> = {}): Receipt => ({
    ...(JSON.parse(version2) as Receipt),
    version,
    files,
    folders: [version],
    enabled: [],
    texts: { [version]: version },
    ...more,
  });
  const none = { removed: [], undecided: [] };
  const before = receipt("1", [at("/both", "old"), at("/dropped", "dropped")], { linger: false });
  const after = receipt("2", [at("/both", "new"), at("/added", "added")], { linger: true, enabled: ["holder"] });

  test("is that of before, with everything that may be there by then", () => {
    expect(unfinished({ before, after, ...none })).toMatchObject({
      version: "1",
      to: "2",
      phase: "applying",
      files: [
        { ...at("/both", "old"), pending: ["new"] },
        at("/dropped", "dropped"),
        { ...at("/added", "added"), added: true },
      ],
      folders: ["1", "2"],
      // What is turned on is written down when it is.
      enabled: [],
      linger: false,
      texts: { "1": "1", "2": "2" },
    });
  });

  test("of a first install is what is to come, of an uninstall what was", () => {
    expect(unfinished({ before: undefined, after, ...none })).toMatchObject({
      version: "2",
      to: "2",
      files: after.files,
    });
    expect(unfinished({ before, after: undefined, ...none })).toMatchObject({
      version: "1",
      to: null,
      files: before.files,
    });
  });

  test("forgets nothing when one run after another is killed", () => {
    const third = receipt("3", [at("/both", "newest")]);
    const killed = unfinished({ before, after, ...none });
    const [both, dropped, added] = unfinished({ before: killed, after: third, ...none }).files;
    expect(both).toEqual({ ...at("/both", "old"), pending: ["new", "newest"] });
    expect([dropped, added]).toEqual([at("/dropped", "dropped"), { ...at("/added", "added"), added: true }]);
  });

  test("knows what the user has removed, and what is to be decided", () => {
    const { files } = unfinished({ before, after, removed: ["/both"], undecided: ["/dropped"] });
    expect(files).toMatchObject([{ removed: true }, { undecided: true }, { added: true }]);
  });
});
