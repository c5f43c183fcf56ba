import { join } from "node:path";
import { until } from "../../core/until.ts";
import { CANARY_PROGRAM, GRACEFUL_MS } from "../parts.ts";
import { expect, type Step } from "../step.ts";
import { ensureUp, proveDown, stop } from "./support.ts";

export const gracefulStop: Step = {
  id: "graceful-stop",
  title:
    "an agent that is stopped gets its signal, and the seconds that it takes to finish its work; nothing of it is left",
  limitMs: 30_000,
  requires: ["agent"],
  beside: true,
  async run(fleet) {
    const { host } = fleet;
    const { graceful: agent } = fleet.own;
    const [ready, done] = ["ready", "done"].map((mark) => join(agent.folder, `${CANARY_PROGRAM}.${mark}`)) as [
      string,
      string,
    ];
    const there = (file: string) => host.files.status(file);
    await host.files.removeFile(ready);
    await host.files.removeFile(done);
    const pane = await ensureUp(fleet, agent);
    const child = await until(host, 10_000, async () => Number(await host.files.read(ready)) || undefined);
    if (child === undefined) throw new Error("the agent was never ready");
    const asked = host.now();
    await stop(fleet, agent.unit);
    const ms = Math.round(host.now() - asked);
    expect((await there(done)) !== undefined, "the agent was stopped before it could finish its work", {
      "stopped after ms": ms,
      "needed ms": GRACEFUL_MS,
    });
    await proveDown(fleet, agent, pane);
    expect(
      (await fleet.procfs.startTime(child)) === undefined,
      `after a stop process ${child}, which the agent had started, still runs`,
    );
    return { "stopped after ms": ms, "needed ms": GRACEFUL_MS };
  },
};
