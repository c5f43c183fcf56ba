import { expectInTime, type Step } from "../step.ts";
import { proveHolder } from "./holder.ts";
import { backUp, delayOf, ensureUp, proveDown, proveUntouched, stop } from "./support.ts";

const LIMIT_MS = 15_000;

export const exactStop: Step = {
  id: "exact-stop",
  title: "an agent that ends or is stopped leaves an agent with a longer name, and the server, alone",
  limitMs: 105_000,
  requires: ["agent"],
  async run(fleet) {
    const first = await ensureUp(fleet, fleet.first);
    const second = await ensureUp(fleet, fleet.second);
    const server = (await proveHolder(fleet)).pid;

    const limitMs = LIMIT_MS + (await delayOf(fleet, fleet.first.unit));
    // Without its session the first agent's own clean-up would find the second one's, if it matched by prefix.
    await fleet.tmux.killSession(fleet.first.name);
    const again = await backUp(fleet, fleet.first, first, limitMs);
    await proveUntouched(
      fleet,
      fleet.second,
      second,
      server,
      `after the session "${fleet.first.name}" was closed by hand`,
    );
    expectInTime(again !== undefined, `an agent whose session was closed did not come back within ${limitMs / 1000} s`);

    await stop(fleet, fleet.first.unit);
    await proveDown(fleet, fleet.first, again);
    await proveUntouched(fleet, fleet.second, second, server, `after ${fleet.first.unit} was stopped`);
    return { stopped: fleet.first.name, "left alone": fleet.second.name, server };
  },
};
