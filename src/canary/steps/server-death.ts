import { HOLDER_UNIT } from "../../core/names.ts";
import { expectInTime, type Step } from "../step.ts";
import { proveHolder, provePrivate } from "./holder.ts";
import { backUp, delayOf, ensureUp, proved, proveItself } from "./support.ts";

const LIMIT_MS = 15_000;

export const serverDeath: Step = {
  id: "server-death",
  title: "when the tmux server dies, holder and every agent come back",
  limitMs: 160_000,
  requires: ["agent"],
  disturbsOthers: true,
  async run(fleet) {
    const agents = [fleet.first, fleet.second];
    const before = [await ensureUp(fleet, fleet.first), await ensureUp(fleet, fleet.second)];
    const { pid } = await proveHolder(fleet);
    const holderMs = LIMIT_MS + (await delayOf(fleet, HOLDER_UNIT));
    const agentMs = LIMIT_MS + (await delayOf(fleet, fleet.first.unit));
    const killed = fleet.host.now();
    fleet.host.kill(pid, "SIGKILL");
    const server = await proved(fleet, holderMs, async () => {
      const now = await proveHolder(fleet);
      return now.pid === pid ? undefined : now;
    });
    expectInTime(server !== undefined, `the holder had no new tmux server within ${holderMs / 1000} s`);
    const back = await Promise.all(
      agents.map((agent, index) => {
        const pane = before[index];
        return pane === undefined ? undefined : backUp(fleet, agent, pane, agentMs);
      }),
    );
    const ms = Math.round(fleet.host.now() - killed);
    const missing = agents.filter((_, index) => back[index] === undefined).map((agent) => agent.name);
    expectInTime(missing.length === 0, `agents were not back within ${agentMs / 1000} s`, { missing });
    await provePrivate(fleet.host, server.socketPath);
    for (const [index, agent] of agents.entries()) {
      const pane = back[index];
      if (pane !== undefined) await proveItself(fleet, agent, pane);
    }
    return {
      "all back after ms": ms,
      "server before": pid,
      "server now": server.pid,
    };
  },
};
