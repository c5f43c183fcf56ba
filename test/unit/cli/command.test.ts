import { describe, expect, test } from "bun:test";
import { defineCommand, listOf, runCommand, UsageError, usageOf } from "../../../src/cli/command.ts";
import { EXIT } from "../../../src/core/exit.ts";
import { fakeHost, recorder } from "../../support/fake-host.ts";

let got: Record<string, unknown> | undefined;

const command = defineCommand({
  name: "try",
  summary: "Tries something.",
  args: {
    name: { type: "positional", required: true, description: "whose" },
    other: { type: "positional", required: false, description: "another" },
    keep: { type: "boolean", description: "keep it" },
    "dry-run": { type: "boolean", alias: "n", description: "only look" },
    timeout: { type: "string", valueHint: "S", default: "180", description: "seconds" },
    output: { type: "enum", alias: "o", options: ["human", "json"], default: "human", description: "what to print" },
  },
  examples: [["mosaic-fleet try a", "the usual"]],
  exits: [[EXIT.ok, "fine"]],
  async run(_host, args) {
    got = { ...args };
    return EXIT.ok;
  },
});

/** The command without arguments, as most are. */
const plain = defineCommand({ ...command, args: { keep: { type: "boolean" } } });

async function call(words: readonly string[], which = command): Promise<Record<string, unknown>> {
  got = undefined;
  expect(await runCommand(which, fakeHost(), words)).toBe(EXIT.ok);
  expect(got).toBeDefined();
  return got ?? {};
}

/** What is said against these words; that the command was not run goes with it. */
async function complaint(words: readonly string[], which = command): Promise<string> {
  got = undefined;
  const error = await runCommand(which, fakeHost(), words).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UsageError);
  expect(got).toBeUndefined();
  return (error as Error).message;
}

describe("what was typed arrives", () => {
  for (const [words, wanted] of [
    [["a"], { name: "a", timeout: "180", output: "human" }],
    [["a", "b"], { name: "a", other: "b" }],
    [["a", "--keep"], { name: "a", keep: true }],
    [["--keep", "a"], { name: "a", keep: true }],
    [["--dry-run", "a"], { "dry-run": true }],
    [["-n", "a"], { "dry-run": true }],
    [["a", "--timeout", "5"], { timeout: "5" }],
    [["a", "--timeout=5"], { timeout: "5" }],
    [["a", "--timeout=a=b"], { timeout: "a=b" }],
    [["a", "--timeout=-5"], { timeout: "-5" }],
    [["a", "--timeout", "-"], { timeout: "-" }],
    [["a", "--timeout", ""], { timeout: "" }],
    [["-o", "json", "a"], { name: "a", output: "json" }],
    [["--output=json", "a"], { output: "json" }],
    [["-o=json", "a"], { output: "json" }],
    [["--", "-a"], { name: "-a" }],
    [["--keep", "--", "--keep", "-o"], { keep: true, name: "--keep", other: "-o" }],
    [["-"], { name: "-" }],
  ] as const) {
    test(words.join(" "), async () => {
      expect(await call(words)).toMatchObject(wanted);
    });
  }

  test("an option that was not typed is not set", async () => {
    expect((await call(["a"])).keep).toBeFalsy();
    expect((await call([], plain)).keep).toBeFalsy();
  });
});

describe("what cannot be meant is refused before anything is done", () => {
  for (const [words, said] of [
    [["a", "--kep"], "unknown option --kep (did you mean --keep?)"],
    [["a", "--dryrun"], "unknown option --dryrun (did you mean --dry-run?)"],
    [["a", "--frobnicate"], "unknown option --frobnicate"],
    [["a", "-x"], "unknown option -x"],
    [["a", "-no"], /^unknown option -no/],
    [["a", "-ojson"], /^unknown option -ojson/],
    [["a", "--no-keep"], /^unknown option --no-keep/],
    [["a", "--dryRun"], /^unknown option --dryRun/],
    [["a", "--KEEP"], /^unknown option --KEEP/],
    [["a", "--name", "b"], /^unknown option --name/],
    [["a", "--name=b"], /^unknown option --name/],
    [["a", "--__proto__=b"], /^unknown option --__proto__/],
    [["a", "--constructor"], /^unknown option --constructor/],
    [["a", "--timeout"], "--timeout needs a value"],
    [["a", "--timeout", "--keep"], "--timeout needs a value"],
    [["a", "-o"], "-o needs a value"],
    [["a", "--keep=yes"], "--keep takes no value"],
    [["a", "--keep="], "--keep takes no value"],
    [["a", "-o", "jsn"], '-o is one of human, json, not "jsn" (did you mean json?)'],
    [["a", "--output=xml"], '--output is one of human, json, not "xml"'],
    [["a", "--output="], '--output is one of human, json, not ""'],
    [["a", "-o", "json", "-o", "human"], "-o is given twice"],
    [["a", "-o", "json", "--output=json"], "--output is given twice"],
    [["a", "--keep", "--keep"], "--keep is given twice"],
    [["a", "b", "c"], "too many arguments"],
    [["a", "b", "--", "c"], "too many arguments"],
    [[], "needs NAME"],
    [["--keep"], "needs NAME"],
  ] as const) {
    test(words.join(" ") || "nothing", async () => {
      const message = await complaint(words);
      if (said instanceof RegExp) expect(message).toMatch(said);
      else expect(message).toBe(said);
    });
  }

  for (const words of [["a"], ["--keep", "a"], ["--", "a"], ["-"], [""]]) {
    test(`"${words.join(" ")}" of a command that takes no arguments`, async () => {
      expect(await complaint(words, plain)).toBe("takes no arguments, only options");
    });
  }
});

describe("a list", () => {
  const lists = defineCommand({
    ...command,
    args: {
      first: { type: "positional", required: true },
      ids: { type: "positional", required: false },
      only: { type: "string" },
      keep: { type: "boolean" },
    },
    lists: ["ids", "only"],
  });

  for (const [words, only, ids] of [
    [["a"], undefined, undefined],
    [["a", "--only", "x"], ["x"], undefined],
    [["a", "--only", "x,y", "--only=z"], ["x", "y", "z"], undefined],
    [["a", "--only", "x,,y,"], ["x", "y"], undefined],
    [["a", "b"], undefined, ["b"]],
    [["a", "b", "--keep", "c,d", "--", "e"], undefined, ["b", "c", "d", "e"]],
  ] as const) {
    test(words.join(" "), async () => {
      const { first, ...rest } = await call(words, lists);
      expect({ first, only: listOf(rest.only as string), ids: listOf(rest.ids as string) } as unknown).toEqual({
        first: "a",
        only,
        ids,
      });
    });
  }

  test("that is empty is no list", async () => {
    for (const value of ["", ",", ",,"])
      expect(await complaint(["a", "--only", value], lists)).toBe("--only needs a value");
  });

  test("is said in the usage", () => {
    expect(usageOf(lists)).toStartWith("mosaic-fleet try FIRST [IDS…]");
  });
});

describe("help", () => {
  test("shows how the command is called", () => {
    const lines = ["mosaic-fleet try NAME [OTHER] [--keep] [-n] [--timeout S]", "         [-o human|json]"];
    expect(usageOf(command)).toBe(lines.join("\n"));
  });

  for (const words of [["--help"], ["-h"], ["a", "--help"], ["--frobnicate", "--help"]]) {
    test(`is what ${words.join(" ")} prints, and nothing is done`, async () => {
      got = undefined;
      const stdout = recorder();
      expect(await runCommand(command, fakeHost({ stdout }), words)).toBe(EXIT.ok);
      expect(got).toBeUndefined();
      for (const part of [
        "Tries something.",
        "Usage: mosaic-fleet try",
        "-o, --output human|json",
        "what to print",
        "mosaic-fleet try a",
        "the usual",
        "0",
        "fine",
        "-h, --help",
      ])
        expect(stdout.text()).toContain(part);
    });
  }
});
