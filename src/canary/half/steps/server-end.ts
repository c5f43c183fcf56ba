import { until } from "../../../core/until.ts";
import { expect, expectInTime, type Step } from "../../step.ts";
import { proveDone } from "../../steps/support.ts";
import { type Half, runScript } from "../half.ts";
import { proveServer, startAgent } from "../support.ts";

const LIMIT_MS = 8_000;

export const serverEnd: Step<Half> = {
  id: "server-end",
  title: "ending the server ends its agents, and leaves no socket, session or process",
  limitMs: 30_000,
  requires: ["agent"],
  async run(half) {
    const { host, tmux, procfs, agents } = half;
    const { pid: program } = await startAgent(half, agents.first);
    const { pid, socketPath } = await proveServer(half);
    host.kill(pid, "SIGKILL"); // the hardest: it takes nothing away itself
    for (const each of [pid, program]) {
      const gone = await until(host, LIMIT_MS, async () =>
        (await procfs.startTime(each)) === undefined ? true : undefined,
      );
      expectInTime(gone === true, `${each === pid ? "the server" : "an agent's program"} (process ${each}) still runs`);
    }
    proveDone(await runScript(half, ["tmux-holder-ended.sh"]), "the script that clears up after the server failed");
    expect((await tmux.server()) === undefined, "after the server ended one still answers on its socket");
    expect((await host.files.status(socketPath)) === undefined, "after the server ended its socket is still there", {
      socket: socketPath,
    });
    return { server: pid, socket: socketPath };
  },
};
