import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { knownSums, readReceipt, receiptSchema } from "../../../src/install/receipt.ts";
import { tree } from "../../support/build.ts";
import { fakeFiles } from "../../support/fake-host.ts";

const PATH = "/home/somebody/.local/state/mosaic/fleet/receipt.json";
/** As the first version wrote it. Never to be edited: receipts like this one are on people's machines. */
const version1 = await Bun.file(join(tree, "test/fixtures/receipt-version-1.json")).text();

function read(text: string) {
  return readReceipt({ files: fakeFiles({ [PATH]: text }) }, PATH);
}

describe("a receipt", () => {
  test("that the first version wrote is read, whole", async () => {
    expect(await read(version1)).toEqual(JSON.parse(version1));
  });

  test("that was never finished says so", async () => {
    expect(await read(version1.replace('"applied"', '"applying"'))).toMatchObject({ phase: "applying" });
  });

  test("knows what may be there of a file: what was written last, and while applying what was before", () => {
    const { files, ...rest } = receiptSchema.parse(JSON.parse(version1));
    const [file] = files as [(typeof files)[0]];
    expect(knownSums({ ...rest, files }, file.path)).toEqual([file.sha256]);
    expect(knownSums({ ...rest, files: [{ ...file, before: ["a", file.sha256, "b"] }] }, file.path)).toEqual([
      file.sha256,
      "a",
      "b",
    ]);
    expect(knownSums({ ...rest, files }, "/another")).toEqual([]);
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
    ["of a version to come", version1.replace('"schemaVersion": 1', '"schemaVersion": 2')],
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
