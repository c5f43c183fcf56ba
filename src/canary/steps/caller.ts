import { join } from "node:path";
import { pathsOf } from "../../core/paths.ts";
import { callerBait, withBait } from "../bait.ts";
import { expect, type Step } from "../step.ts";
import { proveHolder } from "./holder.ts";
import { environmentOf, proveDone, proveUp, stop } from "./support.ts";

export const caller: Step = {
  id: "caller",
  title: "nothing of the environment of whoever starts an agent reaches it: no TMUX, no BUN_*, no dead SSH_AUTH_SOCK",
  limitMs: 20_000,
  requires: ["agent"],
  beside: true,
  async run(fleet) {
    const { host, own } = fleet;
    const mark = crypto.randomUUID();
    const planted = callerBait(mark);
    const script = join(pathsOf(host).tools, "start-agent-session.sh");
    const typed = await host.exec(withBait(planted, ["sh", script, own.caller.name]), { timeoutMs: 15_000 });
    proveDone(typed, "start-agent-session.sh, typed by hand, failed");
    const pane = await proveUp(fleet, own.caller);
    const [found, { socketPath }] = await Promise.all([environmentOf(fleet, pane), proveHolder(fleet)]);
    const reached = Object.keys(found).filter((name) => found[name]?.includes(mark));
    expect(reached.length === 0, "the environment of the shell that started the agent has reached it", {
      variables: reached,
    });
    expect(found.TMUX?.startsWith(`${socketPath},`) === true, "the agent's TMUX is not the fleet's server", {
      TMUX: found.TMUX ?? "not set",
    });
    await stop(fleet, own.caller.unit);
    return { "variables planted": Object.keys(planted), "variables of the agent": Object.keys(found).length };
  },
};
