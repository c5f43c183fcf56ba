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
