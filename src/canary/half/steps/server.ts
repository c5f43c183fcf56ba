import { callerBait, withBait } from "../../bait.ts";
import type { Step } from "../../step.ts";
import { provePrivate } from "../../steps/holder.ts";
import { proveDone } from "../../steps/support.ts";
import { type Half, runScript } from "../half.ts";
import { proveServer } from "../support.ts";

export const server: Step<Half> = {
  id: "server",
  title: "the holder's script founds a tmux server, on a socket only its user can use, and the server outlives it",
  limitMs: 30_000,
  requires: [],
  async run(half) {
    const bait = callerBait(half.mark);
    const founded = await runScript(half, ["start-tmux-holder.sh"], undefined, (argv) => withBait(bait, argv));
    proveDone(founded, "the holder's script founded no tmux server");
    const { pid, socketPath } = await proveServer(half);
    const mode = await provePrivate(half.host, socketPath);
    return { server: pid, socket: socketPath, mode };
  },
};
