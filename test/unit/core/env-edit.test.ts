import { describe, expect, test } from "bun:test";
import { editEnvFile, settingLine, unwritable } from "../../../src/core/env-edit.ts";
import { parseEnvFile } from "../../../src/core/env-file.ts";

function edited(text: string, changes: Record<string, string | undefined>): string | undefined {
  const bytes = editEnvFile(new TextEncoder().encode(text), new Map(Object.entries(changes)));
  return bytes && new TextDecoder().decode(bytes);
}

describe("settingLine", () => {
  const values = [
    "",
    "claude",
    "a b",
    " a",
    "a ",
    "it's",
    'say "x"',
    "a\\",
    "\\",
    "`id` $HOME",
    "a\nb\n",
    "# no",
    "~/x",
  ];
  values.push("é漢🦊", "\ta", "a\r\nb", "=", "'", '"', "a  b", ";x", "a #b", "\x01", "\u00a0x");
  test.each(values)("%j is read back", (value) => {
    expect(parseEnvFile(`${settingLine("A", value)}\nB=1\n`)).toEqual([
      { key: "A", value },
      { key: "B", value: "1" },
    ]);
  });
});

describe("editEnvFile", () => {
  test("changes one value, and no other byte", () => {
    expect(edited("# mine\r\n  A = 1 \r\nodd line\r\nB='x\ny' # z\n", { A: "2" })).toBe(
      "# mine\r\n  A=2\r\nodd line\r\nB='x\ny' # z\n",
    );
  });
  test("writes nothing anew that is so already", () => expect(edited("A='1'\n", { A: "1" })).toBe("A='1'\n"));
  test("adds at the end, on a line of its own", () => expect(edited("A=1", { B: "2" })).toBe("A=1\nB=2\n"));
  test("of several assignments writes the last, which counts", () =>
    expect(edited("A=1\nA=2\n", { A: "3" })).toBe("A=1\nA=3\n"));
  test("takes all of them away", () => expect(edited("A=1\n#c\n  A=2\r\nB=3", { A: undefined })).toBe("#c\nB=3"));
  test("replaces a value of several lines", () =>
    expect(edited("A='1\n2'\nB=3\\\n4\n", { B: "5" })).toBe("A='1\n2'\nB=5\n"));
  test("is not swallowed by a comment that ends with a backslash", () =>
    expect(edited("A=1\n# c\\\n", { B: "2" })).toBe("A=1\n# c\\\n\n\nB=2\n"));
  test("nor by a value that does", () => expect(edited("A=1\\\n", { B: "2" })).toBe("A=1\\\n\n\nB=2\n"));
  test.each(["A='1\n", 'A="\n', "A=\0\n"])("is refused where something swallows it: %j", (text) =>
    expect(edited(text, { B: "2" })).toBeUndefined(),
  );
  test("an open quote can be replaced", () => expect(edited("A='1\n", { A: "2" })).toBe("A=2"));
});

test("what no file can hold", () => {
  for (const value of ["\0", "\ud800", "\uffff"]) expect(unwritable(value)).toBeString();
  for (const value of ["é", "\n", "\x01", "\ufeff"]) expect(unwritable(value)).toBeUndefined();
});
