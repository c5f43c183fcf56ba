import { until } from "../../core/until.ts";
import { BROKEN_STATUS } from "../parts.ts";
import { expect, type Step } from "../step.ts";
import { unitOf } from "./support.ts";

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
    const look = () => unitOf(fleet, unit, ["StatusText"]);
    await fleet.systemd.run("start", [unit]); // well or not: it ends in the middle of its own start
    const seen = await until(fleet.host, LIMIT_MS, async () => {
      const now = await look();
      return now.active === "failed" ? now : undefined;
    });
    const now = seen ?? (await look());
    const evidence = { unit: now.active, sub: now.sub, result: now.result, restarts: now.restarts };
    expect(seen !== undefined, `systemd had not given it up after ${LIMIT_MS / 1000} s`, evidence);
    expect(now.result === "start-limit-hit", "it failed, but not by its start limit", evidence);
    const said = now.extra.StatusText ?? "";
    expect(SAID.test(said), "its unit does not say with what it ended", {
      ...evidence,
      status: said,
    });
    return { restarts: now.restarts, result: now.result, status: said };
  },
};
