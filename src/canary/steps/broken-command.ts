import { until } from "../../core/until.ts";
import { BROKEN_STATUS } from "../parts.ts";
import { expect, expectInTime, type Step, Untried } from "../step.ts";
import { END_PROPERTIES, endOf, unitOf } from "./support.ts";

const LIMIT_MS = 25_000;
const SAID = new RegExp(`\\bexited with status ${BROKEN_STATUS}\\b`);

export const brokenCommand: Step = {
  id: "broken-command",
  title: "an agent whose command is broken is given up after the start limit, and its unit says with what it ended",
  limitMs: 30_000,
  requires: ["agent"],
  beside: true,
  async run(fleet) {
    const { unit } = fleet.own.broken;
    const look = () => unitOf(fleet, unit, END_PROPERTIES);
    const { Restart: restart = "" } = (await look()).extra;
    if (/^on-(?!failure)/.test(restart))
      throw new Untried(`Restart=${restart}: an agent whose command is broken is not tried again`);
    await fleet.systemd.run("start", [unit]); // well or not: it ends in the middle of its own start
    const seen = await until(fleet.host, LIMIT_MS, async () => {
      const now = await look();
      return now.active === "failed" ? now : undefined;
    });
    const now = seen ?? (await look());
    const evidence = { unit: now.active, sub: now.sub, result: now.result, restarts: now.restarts };
    expectInTime(seen !== undefined, `systemd had not given it up after ${LIMIT_MS / 1000} s`, evidence);
    // Of two reasons systemd keeps the first: where the unit itself fails, that is how the agent ended.
    const givenUp = now.result === "start-limit-hit" || (restart !== "always" && now.restarts > 0);
    expect(givenUp, "it failed, but not by its start limit", evidence);
    const said = endOf(now);
    expect(SAID.test(said), "its unit does not say with what it ended", {
      ...evidence,
      status: said,
    });
    return { restarts: now.restarts, result: now.result, status: said };
  },
};
