import { describe, expect, test } from "bun:test";
import { agentOfUnit, agentUnit } from "../../../src/core/names.ts";

describe("an agent's name is one string in the unit, the session and the file", () => {
  for (const name of ["a", "7", "coder-2", "Code_Review", "a".repeat(63), "a-", "x__y"]) {
    test(`"${name}" is a name`, () => {
      expect(agentOfUnit(agentUnit(name))).toBe(name);
    });
  }

  for (const [name, why] of [
    ["", "empty"],
    ["-a", "an option to programs"],
    ["_a", "does not start with a letter or digit"],
    ["a.b", "tmux rewrites the dot"],
    ["a:b", "tmux rewrites the colon"],
    ["a/b", "systemd rewrites the slash"],
    ["a b", "a blank"],
    ["a\\x2db", "an escape of systemd"],
    ["a%i", "a specifier of systemd"],
    ["a\n", "a line break"],
    ["é", "not ASCII"],
    ["a".repeat(64), "too long"],
  ] as const) {
    test(`${JSON.stringify(name)} is none: ${why}`, () => {
      expect(agentOfUnit(`mosaic-agent@${name}.service`)).toBeUndefined();
    });
  }

  test("no other unit is an agent", () => {
    for (const unit of [
      "mosaic-agent@.service",
      "mosaic-tmux-holder.service",
      "x-mosaic-agent@a.service",
      "mosaic-agent@a.service.d",
    ])
      expect(agentOfUnit(unit)).toBeUndefined();
  });
});
