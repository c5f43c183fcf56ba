import { HOLDER_JOURNAL } from "../../core/names.ts";
import { agesOf } from "../agent-subjects.ts";
import type { Check, CheckResult } from "../check.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** "40 s", "12 min", "5 h", "3 days": as long ago as that. */
function ago(milliseconds: number): string {
  const minutes = milliseconds / 60_000;
  if (minutes < 1) return `${Math.round(milliseconds / 1000)} s`;
  if (minutes < 60) return `${Math.round(minutes)} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 60 / 24)} days`;
}

export const holderRestarts: Check = {
  id: "holder.restarts",
  title: "the holder's server has stayed up for a day, or since it was started",
  requires: ["systemd.user-manager"],
  explain: {
    checks:
      "How often systemd has brought the holder back since it was last started by hand or at boot (NRestarts), and for how long its server has run, as the kernel counts it: a clock that was set says nothing of that.",
    why: "Each death of the server ends every agent, and what was in their panes is gone; systemd brings them back, so that nothing but their lost work tells of it. A server that dies once dies again: tmux crashed, somebody typed kill-server, or memory ran out.",
    mend: "Read the journal of the holder around the time of the restart (`journalctl --user-unit mosaic-tmux-holder.service`), and the kernel's for the OOM killer and for crashes (`journalctl -k`). A later tmux may not crash any more. The count starts anew when the holder is started by hand.",
  },
  async run(tools): Promise<CheckResult> {
    const { load, active, sub, restarts, result, mainPid } = await tools.holder();
    if (load !== "loaded") return { status: "skip", reason: `the holder is ${load}` };
    if (active === "inactive") return { status: "skip", reason: "the holder is inactive" };
    const fix = { commands: [HOLDER_JOURNAL], root: ["journalctl -k -n 50 --no-pager"] };
    const times = restarts === 1 ? "once" : `${restarts} times`;
    if (active !== "active") {
      if (restarts === 0) return { status: "skip", reason: `the holder is ${active}` };
      return {
        status: "fail",
        message: `the holder does not stay up: systemd has brought it back ${times}, and it is ${active} (${sub}) again`,
        evidence: { restarts, state: sub, result },
        fix,
      };
    }
    const [up] = await agesOf(tools, [mainPid]);
    if (up === undefined) throw new Error(`its server (pid ${mainPid}) ended while it was looked at`);
    const evidence = { restarts, "server started": new Date(tools.host.date().getTime() - up).toISOString() };
    if (restarts === 0) return { status: "pass", detail: `up for ${ago(up)}`, evidence };
    if (up > DAY_MS) return { status: "pass", detail: `brought back ${times}, last ${ago(up)} ago`, evidence };
    return {
      status: "warn",
      message: `systemd has brought the holder back ${times} since it was started, the last time ${ago(up)} ago: its server had died, and every agent with it, or did not come up`,
      evidence,
      fix,
    };
  },
};
