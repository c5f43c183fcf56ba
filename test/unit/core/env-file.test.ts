import { describe, expect, test } from "bun:test";
import { assignedValue, parseEnvFile } from "../../../src/core/env-file.ts";
import { envFileCases } from "../../support/env-file-cases.ts";

// test/integration/env-file.test.ts holds the same table against systemd itself.
describe("an environment file is read as systemd reads it", () => {
  for (const [what, text, variables] of envFileCases) {
    test(what, () => {
      expect(Object.fromEntries(parseEnvFile(text).map(({ key, value }) => [key, value]))).toEqual(variables);
    });
  }

  test("a backslash at the end of a comment takes the next line away before systemd 254", () => {
    for (const [version, keys] of [
      [252, ["B"]],
      [253, ["B"]],
      [254, ["A", "B"]],
    ] as const)
      expect(parseEnvFile("# c \\\nA=1\nB=2\n", version).map(({ key }) => key)).toEqual([...keys]);
  });

  test("bytes that are not UTF-8 lose the file where something is assigned, else nothing", () => {
    const bytes = (letters: string) => Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    for (const odd of ["\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xef\xbf\xbf"]) {
      expect(parseEnvFile(bytes(`A=1\nB=${odd}\n`))).toEqual([]);
      expect(parseEnvFile(bytes(`A=1\n${odd}=2\n`))).toEqual([]);
      expect(parseEnvFile(bytes(`# ${odd}\n${odd}\nA=1\n`))).toEqual([{ key: "A", value: "1" }]);
    }
    expect(parseEnvFile(bytes("A=\xc3\xa9\n"))).toEqual([{ key: "A", value: "é" }]);
  });

  test("nothing is in an empty file", () => {
    expect(parseEnvFile("")).toEqual([]);
  });
});

describe("the value of a key", () => {
  const assignments = parseEnvFile("A=1\nB=\nA=2\n");

  test("is the last one assigned", () => {
    expect(assignedValue(assignments, "A")).toBe("2");
  });

  test("is empty where it is set to nothing, and undefined where it is not set", () => {
    expect(assignedValue(assignments, "B")).toBe("");
    expect(assignedValue(assignments, "C")).toBeUndefined();
  });
});
