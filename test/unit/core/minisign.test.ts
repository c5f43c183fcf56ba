import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { signatureProblem } from "../../../src/core/minisign.ts";
import { run, temporaryFolder } from "../../support/build.ts";
import { newKey } from "../../support/release.ts";

describe.skipIf(Bun.which("minisign") === null)("a signature by the real minisign (takes minisign)", () => {
  const temporary = temporaryFolder();
  afterAll(() => temporary[Symbol.dispose]());
  const key = Bun.which("minisign") === null ? { secret: "", public: "" } : newKey(join(temporary.path, "key"));
  const file = join(temporary.path, "file");

  /** minisign's own way, or its old one (-l). */
  function sign(text: string, ...words: string[]): string {
    writeFileSync(file, text);
    const argv = ["minisign", "-S", "-s", key.secret, "-t", "mosaic-fleet 1.2.3", "-m", file, ...words];
    expect(run(argv).code).toBe(0);
    return readFileSync(`${file}.minisig`, "utf8");
  }

  for (const way of [[], ["-l"]]) {
    test(`is good for its bytes and its comment, and for no others (${way.join("") || "prehashed"})`, () => {
      const bytes = Buffer.from("some sums\n");
      const signature = sign("some sums\n", ...way);
      expect(signatureProblem(key.public, signature, bytes)).toBeUndefined();
      expect(signatureProblem(key.public, signature, Buffer.from("some sumz\n"))).toBe("it is not of these bytes");
      const commented = signature.replace("mosaic-fleet 1.2.3", "mosaic-fleet 1.2.4");
      expect(signatureProblem(key.public, commented, bytes)).toBe("its comment was changed");
      const other = newKey(join(temporary.path, `other${way.length}`));
      expect(signatureProblem(other.public, signature, bytes)).toContain("another key");
      // The number of a key is only a number: what counts is the key.
      const [mine, theirs] = [key.public, other.public].map((text) => Buffer.from(text, "base64")) as [Buffer, Buffer];
      const posing = Buffer.concat([mine.subarray(0, 10), theirs.subarray(10)]).toString("base64");
      expect(signatureProblem(posing, signature, bytes)).toBe("it is not of these bytes");
      for (const cut of ["", "x", signature.slice(0, 60), signature.split("\n").slice(0, 2).join("\n")])
        expect(signatureProblem(key.public, cut, bytes)).toBe("it is no minisign signature");
    });
  }

  test("a key that is none is said", () => {
    expect(signatureProblem("RWQ", sign("x"), Buffer.from("x"))).toBe("the key is no minisign key");
  });
});
