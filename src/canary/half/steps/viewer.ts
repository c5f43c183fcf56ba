import { join } from "node:path";
import { until } from "../../../core/until.ts";
import { expectInTime, type Step } from "../../step.ts";
import { paneOf, proveUntouched } from "../../steps/support.ts";
import type { Half } from "../half.ts";
import { proveServer, startAgent } from "../support.ts";

const LIMIT_MS = 8_000;

export const viewer: Step<Half> = {
  id: "viewer",
  title: "a viewer that is killed takes neither the session nor the server with it",
  limitMs: 30_000,
  requires: ["agent"],
  async run(half) {
    const { host, tmux, agents } = half;
    const before = await startAgent(half, agents.first);
    const { pid, socketPath } = await proveServer(half);
    const viewers = async () => (await paneOf(half, agents.first))?.viewers;
    // A viewer in control mode needs no terminal, and stays as long as its input does.
    const attach = 'sleep infinity | exec tmux -u -N -C -S "$1" attach-session -t "=$2"';
    const log = join(agents.first.folder, "viewer.log");
    const child = host.spawn(["sh", "-c", attach, "viewer", socketPath, agents.first.name], {
      log,
      env: { PATH: host.env.PATH ?? "", XDG_RUNTIME_DIR: host.env.XDG_RUNTIME_DIR ?? "", LANG: "C.UTF-8" },
    });
    const seen = await until(host, LIMIT_MS, async () => ((await viewers()) === 1 ? true : undefined));
    expectInTime(seen === true, `no viewer was on the session after ${LIMIT_MS / 1000} s`);
    const clients = (await half.procfs.ofUser(host.user.uid)).filter(
      ({ parent, name }) => parent === child.pid && name.startsWith("tmux"),
    );
    for (const client of clients) host.kill(client.pid, "SIGKILL");
    host.kill(child.pid, "SIGKILL");
    const gone = await until(host, LIMIT_MS, async () => ((await viewers()) === 1 ? undefined : true));
    expectInTime(gone === true, "the viewer that was killed is still on the session", { viewers: clients.length });
    await proveUntouched({ tmux }, agents.first, before, pid, "after its viewer was killed");
    return { server: pid, session: before.sessionId };
  },
};
