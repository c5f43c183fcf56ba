import { describe, expect, test } from "bun:test";
import { wantsColor } from "../../../src/adapters/terminal.ts";

describe("colours are written", () => {
  for (const [isTTY, env, wanted] of [
    [true, {}, true],
    [true, { TERM: "xterm-256color" }, true],
    [true, { TERM: "dumb" }, false],
    [false, {}, false],
    [false, { TERM: "xterm-256color" }, false],
    // no-color.org: present and not empty, whatever the value
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "0" }, false],
    [true, { NO_COLOR: "" }, true],
    [false, { NO_COLOR: "" }, false],
    // force-color.org: the same, but for 0, as Node's ecosystem has it
    [false, { FORCE_COLOR: "1" }, true],
    [false, { FORCE_COLOR: "3" }, true],
    [false, { FORCE_COLOR: "true" }, true],
    [false, { FORCE_COLOR: "" }, false],
    [true, { FORCE_COLOR: "0" }, false],
    [true, { FORCE_COLOR: "" }, true],
    [true, { FORCE_COLOR: "1", TERM: "dumb" }, true],
    [false, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
    [false, { FORCE_COLOR: "1", NO_COLOR: "" }, true],
    // A terminal in CI is a terminal, and CI alone makes none.
    [true, { CI: "true" }, true],
    [false, { CI: "true" }, false],
  ] as const) {
    test(`${wanted ? "" : "not "}${isTTY ? "to a terminal" : "to a pipe"} with ${JSON.stringify(env)}`, () => {
      expect(wantsColor(env, isTTY)).toBe(wanted);
    });
  }
});
