import { dirname } from "node:path";
import { moveAside, shellPath } from "../../core/shell.ts";
import type { Check, CheckResult } from "../check.ts";
import { commandOf, type FixAction } from "../fix.ts";

export const tmuxSocket: Check = {
  id: "tmux.socket",
  title: "the holder's socket is there while its server lives",
  explain: {
    checks:
      "The path that the holder recorded when it founded its server (in the runtime folder, mosaic-tmux-holder/socket): whether a socket is there, if the recorded process is alive.",
    why: "Cleaners of /tmp unlink sockets. The server and its agents go on without it, but nobody can reach them any more: no attach, no stop, no agent that comes back; and whoever types tmux next founds a second server in its place.",
    mend: "SIGUSR1 has a tmux server make its socket anew (`kill -USR1 PID`), in a folder that is there: make that first if it is gone (`mkdir -m 700`). Then exclude the folder from the cleaner (a line `x /tmp/tmux-*` in /etc/tmpfiles.d).",
  },
  async run({ host, procfs, holderRecord }): Promise<CheckResult> {
    const record = await holderRecord();
    if (record === undefined) return { status: "pass", detail: "no server to reach" };
    const { pid, socketPath } = record;
    const [name, startTime] = await Promise.all([procfs.name(pid), procfs.startTime(pid)]);
    // Told by holder.server.
    if (name !== "tmux: server" || startTime === undefined) return { status: "pass", detail: "no server to reach" };
    const socket = await host.files.status(socketPath);
    if (socket?.kind === "socket") return { status: "pass" };
    const folder = dirname(socketPath);
    const { home } = host.user;
    const action: FixAction = { kind: "revive-socket", pid, startTime, socketPath };
    const first =
      socket !== undefined
        ? moveAside(socketPath, "aside")
        : (await host.files.status(folder)) === undefined
          ? `mkdir -m 700 ${shellPath(folder, home)}`
          : undefined;
    const what = socket === undefined ? "its socket is gone" : "something else is in the place of its socket";
    return {
      status: "fail",
      message: `the holder's server (pid ${pid}) lives, but ${what}: nobody can reach the agents, and none that ends comes back`,
      evidence: { socket: socketPath },
      fix: first === undefined ? { actions: [action] } : { commands: [first, commandOf(action, home)] },
    };
  },
};
