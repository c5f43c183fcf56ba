import { tmuxClient } from "../../../adapters/tmux.ts";
import { callerBait, withBait } from "../../bait.ts";
import { expect, type Step } from "../../step.ts";
import { environmentOf, paneOf, proveDone } from "../../steps/support.ts";
import type { Half } from "../half.ts";
import { proveServer, startAgent } from "../support.ts";

export const caller: Step<Half> = {
  id: "caller",
  title: "nothing of the environment of who founded the server, or opens a session by hand, reaches a program on it",
  limitMs: 20_000,
  requires: ["agent"],
  async run(half) {
    const { host, procfs, mark } = half;
    const { socketPath } = await proveServer(half);
    const session = "by-hand";
    const client = tmuxClient({ exec: (argv, options) => host.exec(withBait(callerBait(mark), argv), options) }, [
      "-S",
      socketPath,
    ]);
    proveDone(await client(["new-session", "-d", "-s", session, "--", "sleep", "infinity"]), "no session was opened");
    try {
      const byHand = await paneOf(half, { name: session });
      expect(byHand !== undefined, "a session that was opened by hand is not there");
      const found = await environmentOf(half, await startAgent(half, half.agents.first));
      const marked = [found, (await procfs.environment(byHand.pid)) ?? {}].flatMap((variables) =>
        Object.keys(variables).filter((name) => variables[name]?.includes(mark)),
      );
      expect(marked.length === 0, "variables of the founder, or of a person at a shell, have reached a program", {
        variables: [...new Set(marked)],
      });
      expect(found.TMUX?.startsWith(`${socketPath},`) === true, "the agent's TMUX is not the fleet's server", {
        TMUX: found.TMUX ?? "not set",
      });
      return { "variables planted": Object.keys(callerBait(mark)) };
    } finally {
      await half.tmux.killSession(session);
    }
  },
};
