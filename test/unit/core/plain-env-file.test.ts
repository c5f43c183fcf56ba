import { describe, expect, test } from "bun:test";
import { AGENT_KEYS } from "../../../src/core/agent-keys.ts";
import { parseEnvFile } from "../../../src/core/env-file.ts";
import { envProblems } from "../../../src/core/env-problems.ts";
import { plainAssignments } from "../../../src/core/plain-env-file.ts";

const KNOWN = Object.keys(AGENT_KEYS);
const bytes = (text: string) => new TextEncoder().encode(text);

describe("a plain settings file", () => {
  test("is read at once", () => {
    const text =
      "# all\n\nMOSAIC_AGENT_COMMAND=claude --continue\nMOSAIC_PATH=~/.local/bin:/x\nA=\nANTHROPIC_API_KEY=a-b\n";
    expect(plainAssignments(bytes(text))).toEqual([
      { key: "MOSAIC_AGENT_COMMAND", value: "claude --continue" },
      { key: "MOSAIC_PATH", value: "~/.local/bin:/x" },
      { key: "A", value: "" },
      { key: "ANTHROPIC_API_KEY", value: "a-b" },
    ]);
  });

  test.each([
    'A="b"',
    "A=b # c",
    "export A=b",
    "A =b",
    "A=b\r",
    "\ufeffA=b",
    "A=$B",
    "A=b\0",
    "# a\\\nA=b",
    "MOSAIC_X=1",
    "A=1\nA=2",
  ])("is not %p", (text) => {
    expect(plainAssignments(bytes(text))).toBeUndefined();
  });

  test("of 20,000 made-up files each that is taken for plain is read the same by the whole parser, without a problem", () => {
    const pieces = [
      ...KNOWN,
      ...["A", "M", "MOSIAC_PATH", "MOSAC_X", "AMOSAIC_Y", "PATH", "HOME", "OSAIC_PATH", "NOSAIC_PATH", "MOSAICS"],
      ...[
        "=",
        "=",
        "=",
        "\n",
        "\n",
        "\n",
        " ",
        "~",
        "~/",
        ":",
        "#",
        ";",
        "a",
        "b/c",
        "-x",
        "é",
        "\u00a0",
        "export ",
        '"',
        "'",
        "\\",
        "$",
      ],
    ];
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
      return (seed >> 8) % below;
    };
    let plain = 0;
    for (let count = 0; count < 20_000; count++) {
      const lines = Array.from({ length: 1 + random(3) }, () => {
        const key = pieces[random(KNOWN.length + 10)];
        return `${key}=${Array.from({ length: random(4) }, () => pieces[random(pieces.length)]).join("")}`;
      });
      const file = bytes(`${lines.join("\n")}\n`);
      const found = plainAssignments(file);
      if (found === undefined) continue;
      plain++;
      expect({ file: lines, found, problems: envProblems(file, KNOWN) }).toEqual({
        file: lines,
        found: parseEnvFile(file),
        problems: [],
      });
    }
    expect(plain).toBeGreaterThan(1_000);
  });
});
