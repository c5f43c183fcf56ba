import { HOLDER_UNIT } from "../../core/names.ts";
import { expect, type Step } from "../step.ts";
import { proveHolder } from "./holder.ts";
import { ensureUp, proveDown, stop, unitOf } from "./support.ts";

export const holderStop: Step = {
  id: "holder-stop",
  title: "stopping the holder stops the server and the agents, and leaves no socket, session or process",
  limitMs: 60_000,
  requires: ["agent"],
  disturbsOthers: true,
  async run(fleet) {
    const agents = [
      [fleet.first, await ensureUp(fleet, fleet.first)],
      [fleet.second, await ensureUp(fleet, fleet.second)],
    ] as const;
    const { pid, socketPath } = await proveHolder(fleet);
    await stop(fleet, HOLDER_UNIT);
    const unit = await unitOf(fleet, HOLDER_UNIT);
    expect(unit.active === "inactive", `after a stop the holder is ${unit.active}, not inactive`, {
      result: unit.result,
    });
    expect(
      (await fleet.tmux.server()) === undefined,
      "after the holder was stopped a tmux server still answers on its socket",
    );
    expect(
      (await fleet.procfs.startTime(pid)) === undefined,
      `after the holder was stopped its server (${pid}) still runs`,
    );
    for (const [agent, pane] of agents) await proveDown(fleet, agent, pane);
    expect(
      (await fleet.host.files.status(socketPath)) === undefined,
      "after the holder was stopped its socket is still there",
      { socket: socketPath },
    );
    return { server: pid, socket: socketPath };
  },
};
