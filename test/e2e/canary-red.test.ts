import { beforeAll, describe, expect, test } from "bun:test";
import { halfSteps } from "../../src/canary/half/steps/index.ts";
import { steps } from "../../src/canary/steps/index.ts";
import { fleetReds } from "../support/fleet-reds.ts";
import { halfReds } from "../support/half-reds.ts";
import { canaryOf, type Outcome, type Sabotage } from "../support/sabotage.ts";

// A step that cannot fail is no step: each promise is broken on purpose, in a copy of this tree, and must be seen.

const untouched = "a copy that nobody changed";
const fleet = { words: ["--sandbox"], reds: fleetReds, all: steps, pass: "pass", before: "holder-stop" } as const;
const half = {
  words: ["--level", "tmux"],
  reds: halfReds,
  all: halfSteps,
  pass: "tmux-only",
  before: "server-end",
} as const;

for (const { words, reds, all, pass, before } of [fleet, half]) {
  describe(words.join(" "), () => {
    const outcomes = new Map<string, Outcome>();

    // Three at a time: much of a run is waiting.
    beforeAll(async () => {
      const queue: [string, readonly Sabotage[], ...string[]][] = [
        [untouched, []],
        ...reds.map(([step, what, , sabotages]): (typeof queue)[number] => [
          `${step}: ${what}`,
          sabotages,
          "--only",
          step === "default-server" ? `${before},${step}` : step,
        ]),
      ];
      const work = async () => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          const [what, sabotages, ...only] = next;
          outcomes.set(what, await canaryOf(sabotages, ...words, ...only));
        }
      };
      await Promise.all([work(), work(), work()]);
    }, 240_000);

    test.each([...reds])("the canary is red in step %s for %s", (step, what, message) => {
      const { code, report, stderr } = outcomes.get(`${step}: ${what}`) as Outcome;
      expect(stderr).toBe("");
      // That one, and what it needs was well.
      const off = report.steps.filter(({ status }) => status !== "pass");
      expect(off.map(({ id, status }) => `${id} ${status}`)).toEqual([`${step} fail`]);
      expect(off[0]?.message).toMatch(message);
      expect(report.verdict).toBe("broken");
      expect(code).toBe(1);
    });

    test("no step is without its red", () => {
      expect(new Set(reds.map(([step]) => step))).toEqual(new Set(all.map(({ id }) => id)));
    });

    test("and green on a copy that nobody changed", () => {
      const { code, report } = outcomes.get(untouched) as Outcome;
      expect(report.steps.filter(({ status }) => status !== "pass")).toEqual([]);
      expect(report.verdict).toBe(pass);
      expect(code).toBe(0);
    });
  });
}
