import { describe, expect, test } from "bun:test";
import { brokenSettings, JUDGED_PROPERTIES } from "../../../src/core/unit-settings.ts";

const HOLDER = "mosaic-tmux-holder.service";
const AGENT = "mosaic-agent@coder.service";

const right = {
  [HOLDER]: { OOMPolicy: "continue", Restart: "always", KillMode: "control-group" },
  [AGENT]: {
    Delegate: "yes",
    Restart: "always",
    KillMode: "control-group",
    OOMPolicy: "continue",
    Requires: `app.slice ${HOLDER} basic.target`,
    After: `${HOLDER} basic.target`,
    BindsTo: "",
  },
} as const;

describe("effective settings that hold what the fleet promises", () => {
  for (const [id, extra] of Object.entries(right)) {
    test(`of ${id} are no complaint`, () => {
      expect(brokenSettings({ id, extra })).toEqual([]);
    });

    test(`of ${id} are all asked for`, () => {
      for (const property of Object.keys(extra)) expect(JUDGED_PROPERTIES).toContain(property);
    });

    for (const property of Object.keys(extra).filter((each) => each !== "BindsTo")) {
      test(`of ${id} are missed: ${property}`, () => {
        const complaints = brokenSettings({ id, extra: { ...extra, [property]: "" } });
        expect(complaints).toHaveLength(1);
        expect(complaints[0]).toStartWith(`${property}=: `);
      });
    }
  }
});

describe("a drop-in that breaks a promise is named with what happens", () => {
  for (const [id, property, value, consequence] of [
    [HOLDER, "OOMPolicy", "stop", "one pane out of memory ends the whole fleet"],
    [HOLDER, "OOMPolicy", "kill", "one pane out of memory ends the whole fleet"],
    [HOLDER, "Restart", "on-failure", "a tmux server that died stays dead"],
    [HOLDER, "KillMode", "process", "a stop leaves processes behind"],
    [AGENT, "Delegate", "no", "the agent's processes may not be moved into its unit"],
    [AGENT, "Restart", "no", "an agent that ended stays down"],
    [AGENT, "KillMode", "mixed", "a stop leaves processes behind"],
    [AGENT, "OOMPolicy", "stop", "one child out of memory ends the agent"],
    [AGENT, "Requires", `x-${HOLDER} basic.target`, "it starts without its tmux server"],
    [AGENT, "After", "basic.target", "it starts before its tmux server"],
    [AGENT, "BindsTo", `a.service ${HOLDER}`, "a crash of the server stops it for good"],
  ] as const) {
    test(`${id}: ${property}=${value}`, () => {
      expect(brokenSettings({ id, extra: { ...right[id], [property]: value } })).toEqual([
        `${property}=${value}: ${consequence}`,
      ]);
    });
  }

  test("an agent that comes back only after a failure is as its user wants it", () => {
    expect(brokenSettings({ id: AGENT, extra: { ...right[AGENT], Restart: "on-failure" } })).toEqual([]);
  });

  test("every one of several", () => {
    const extra = { ...right[HOLDER], Restart: "no", OOMPolicy: "stop" };
    expect(brokenSettings({ id: HOLDER, extra })).toHaveLength(2);
  });
});
