import { expect, type Step } from "../step.ts";
import { proveHolder, provePrivate } from "./holder.ts";
import { backUp, ensureUp, proved, proveItself } from "./support.ts";

const LIMIT_MS = 15_000;

export const serverDeath: Step = {
  id: "server-death",
  title: "when the tmux server dies, holder and every agent come back",
  limitMs: 40_000,
  requires: ["agent"],
  disturbsOthers: true,
  async run(fleet) {
    const agents = [fleet.first, fleet.second];
    const before = [await ensureUp(fleet, fleet.first), await ensureUp(fleet, fleet.second)];
    const { pid } = await proveHolder(fleet);
    const killed = fleet.host.now();
    fleet.host.kill(pid, "SIGKILL");
    const server = await proved(fleet, LIMIT_MS, async () => {
      const now = await proveHolder(fleet);
      return now.pid === pid ? undefined : now;
    });
    expect(server !== undefined, `the holder had no new tmux server within ${LIMIT_MS / 1000} s`);
    const back = await Promise.all(
      agents.map((agent, index) => {
        const pane = before[index];
        return pane === undefined ? undefined : backUp(fleet, agent, pane, LIMIT_MS);
      }),
    );
    const ms = Math.round(fleet.host.now() - killed);
    const missing = agents.filter((_, index) => back[index] === undefined).map((agent) => agent.name);
    expect(missing.length === 0, `agents were not back within ${LIMIT_MS / 1000} s`, { missing });
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
