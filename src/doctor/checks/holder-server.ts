import { HOLDER_UNIT } from "../../core/names.ts";
import type { Check } from "../check.ts";

export const holderServer: Check = {
  id: "holder.server",
  title: "the tmux server on the fleet's socket is the holder's main process, in its cgroup",
  requires: ["layout.files", "tmux.version"],
  async run(tools) {
    const [unit, server] = await Promise.all([tools.holder(), tools.server()]);
    const look = [`systemctl --user status ${HOLDER_UNIT}`, `journalctl --user -u ${HOLDER_UNIT} -n 20`];
    if (unit.active !== "active") {
      if (server !== undefined)
        return {
          status: "fail",
          message: `the holder is ${unit.active}, but a tmux server that is not its own (pid ${server.pid}) serves ${server.socketPath}`,
          fix: {
            commands: [
              `ps -f -p ${server.pid}`,
              `tmux -S ${server.socketPath} kill-server   # ends every session on it`,
              `systemctl --user start ${HOLDER_UNIT}`,
            ],
          },
        };
      if (unit.active === "failed")
        return { status: "fail", message: `the holder has failed (${unit.result})`, fix: { commands: look } };
      return { status: "skip", reason: `the holder is ${unit.active}: systemctl --user start ${HOLDER_UNIT}` };
    }
    if (server === undefined)
      return {
        status: "fail",
        message: `the holder is active (pid ${unit.mainPid}), but nothing answers on its socket: the socket file may be gone`,
        fix: { commands: [`kill -USR1 ${unit.mainPid}   # makes the server create its socket again`] },
      };
    const cgroup = await tools.procfs.cgroup(server.pid);
    if (server.pid === unit.mainPid && cgroup === unit.controlGroup)
      return { status: "pass", detail: `pid ${server.pid}` };
    return {
      status: "fail",
      message: `the server that answers (pid ${server.pid}) is not the holder's main process (pid ${unit.mainPid}) in its cgroup`,
      evidence: { "cgroup of the server": cgroup ?? "unknown", "cgroup of the holder": unit.controlGroup },
      fix: { commands: look },
    };
  },
};
