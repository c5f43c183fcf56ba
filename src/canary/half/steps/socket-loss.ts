import { until } from "../../../core/until.ts";
import { expect, expectInTime, type Step } from "../../step.ts";
import { proveUntouched } from "../../steps/support.ts";
import type { Half } from "../half.ts";
import { proveServer, startAgent } from "../support.ts";

const LIMIT_MS = 5_000;

export const socketLoss: Step<Half> = {
  id: "socket-loss",
  title: "a socket that vanished comes back when the server is asked (SIGUSR1): same server, same agents",
  limitMs: 20_000,
  requires: ["agent"],
  async run(half) {
    const { host, tmux, agents } = half;
    const before = await startAgent(half, agents.first);
    const { pid, socketPath } = await proveServer(half);
    await host.files.removeFile(socketPath);
    expect((await tmux.server()) === undefined, "a server answers on a socket that is gone");
    host.kill(pid, "SIGUSR1");
    const back = await until(host, LIMIT_MS, () => tmux.server());
    expectInTime(back !== undefined, `the socket was not back after ${LIMIT_MS / 1000} s`);
    await proveUntouched(half, agents.first, before, pid, "after the socket came back");
    return { socket: socketPath, server: pid };
  },
};
