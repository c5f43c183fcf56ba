import { expect, expectInTime, type Step } from "../step.ts";
import { backUp, delayOf, ensureUp, proveItself, unitOf } from "./support.ts";

const LIMIT_MS = 10_000;

export const agentDeath: Step = {
  id: "agent-death",
  title: "an agent that dies is noticed and brought back, under the same session name",
  limitMs: 90_000,
  requires: ["agent"],
  async run(fleet) {
    const before = await ensureUp(fleet, fleet.first);
    const restarts = (await unitOf(fleet, fleet.first.unit)).restarts;
    const limitMs = LIMIT_MS + (await delayOf(fleet, fleet.first.unit));
    const killed = fleet.host.now();
    fleet.host.kill(before.pid, "SIGKILL");
    const after = await backUp(fleet, fleet.first, before, limitMs);
    const ms = Math.round(fleet.host.now() - killed);
    const unit = await unitOf(fleet, fleet.first.unit);
    expectInTime(after !== undefined, `the agent did not come back within ${limitMs / 1000} s`, {
      unit: unit.active,
      sub: unit.sub,
      result: unit.result,
    });
    expect(unit.restarts > restarts, "systemd did not notice that the agent had died", {
      "restarts counted": unit.restarts,
    });
    await proveItself(fleet, fleet.first, after);
    return {
      "back after ms": ms,
      "process before": before.pid,
      "process now": after.pid,
      "same session": after.sessionId === before.sessionId,
    };
  },
};
