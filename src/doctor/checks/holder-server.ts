import type { ServiceUnit } from "../../adapters/manager.ts";
import type { ServerLook } from "../../adapters/tmux.ts";
import { agentOfUnit, HOLDER_JOURNAL, HOLDER_UNIT } from "../../core/names.ts";
import { shellWord } from "../../core/shell.ts";
import type { Check, CheckResult, Evidence, Fix } from "../check.ts";
import type { FixAction } from "../fix.ts";
import { editLines, localConf, shownLines } from "../local-conf.ts";
import type { Tools } from "../tools.ts";

const LOOK = [`systemctl --user status ${HOLDER_UNIT}`, HOLDER_JOURNAL];

/** Who is it, and how to end it. */
function squatter(pid: number, socketPath: string): string[] {
  return [`ps -f -p ${pid}`, `tmux -S ${shellWord(socketPath)} kill-server   # ends every session on it`];
}

export const holderServer: Check = {
  id: "holder.server",
  title: "the tmux server on the fleet's socket is the holder's main process, in its cgroup",
  requires: ["units.loaded", "tmux.version", "tmux.socket"],
  explain: {
    checks:
      "The state of mosaic-tmux-holder.service as the user manager has it, against the tmux server that answers on the fleet's socket: its pid against the unit's main process, and its cgroup, by /proc, against the unit's. And whether the holder's record of its server, which agents go by, can be read (in the runtime folder, mosaic-tmux-holder).",
    why: "tmux forks every pane's process from its server. A server that is not the holder's lives in the cgroup of whatever founded it, a login or an agent's unit, and takes the whole fleet with it when that ends; systemd neither sees it nor brings it back. While a stranger serves the socket no agent can start.",
    mend: "Look whose server it is (`ps -f -p PID`), save what runs on it, and end it (`tmux -S SOCKET kill-server`); then start the holder (`systemctl --user start mosaic-tmux-holder.service`). What the holder itself says is in its journal.",
  },
  async run(tools): Promise<CheckResult> {
    const [unit, server] = await Promise.all([tools.holder(), tools.server()]);
    const start = `systemctl --user start ${HOLDER_UNIT}`;
    const starting = await startingServer(tools, unit, server);
    if (starting !== undefined) return starting;
    if (unit.active === "inactive" || unit.active === "failed" || unit.active === "activating") {
      if (server !== undefined)
        return {
          status: "fail",
          message: `the holder is ${unit.active === "activating" ? "trying to start" : unit.active}, but a tmux server that is not its own (pid ${server.pid}) serves ${server.socketPath}: no agent can start`,
          evidence: { pid: server.pid, cgroup: (await tools.procfs.cgroup(server.pid)) ?? "unknown" },
          fix: { commands: [...squatter(server.pid, server.socketPath), start] },
        };
      if (unit.result === "exec-condition")
        return {
          status: "fail",
          message:
            "systemd has passed over the holder: an ExecCondition= of its unit has failed: there is no server, and no agent can run",
          fix: { commands: [`systemctl --user cat ${HOLDER_UNIT}   # which one`, start] },
        };
      if (unit.active === "inactive") {
        const { wanted, masks } = await tools.unitLinks();
        // An enabled agent brings the holder.
        const meant = [...wanted].find((each) => {
          const agent = agentOfUnit(each);
          return each === HOLDER_UNIT || (agent !== undefined && !masks.has(agent));
        });
        if (meant === undefined) return { status: "skip", reason: `the holder is inactive: ${start}` };
        return {
          status: "fail",
          message: `the holder is stopped, but ${meant} is enabled: there is no server, and no agent can run`,
          fix: { commands: [start] },
        };
      }
    }
    if (unit.active === "failed")
      return withSuspects(tools, { status: "fail", message: `the holder has failed (${unit.result})` });
    if (unit.active !== "active")
      return withSuspects(tools, {
        status: "fail",
        message: `the holder is ${unit.active} (${unit.sub}), after ${unit.restarts} restarts: there is no server for the agents yet`,
        evidence: { result: unit.result },
      });
    const { mainPid } = unit;
    const record = await tools.holderRecord();
    if (record === undefined)
      return {
        status: "fail",
        message: `the holder is active (pid ${mainPid}), but its record of its server cannot be read: no agent finds it, and every start fails`,
        evidence: { record: `${tools.paths.runtime}/mosaic-tmux-holder` },
        fix: { commands: [`systemctl --user restart ${HOLDER_UNIT}   # every agent ends, and comes back`] },
      };
    const startTime = await tools.procfs.startTime(mainPid);
    const { socketPath } = record;
    const revive: FixAction[] =
      startTime === undefined ? [] : [{ kind: "revive-socket", pid: mainPid, startTime, socketPath }];
    if (server === undefined)
      return {
        status: "fail",
        message: `the holder is active (pid ${mainPid}), but nothing answers on its socket`,
        fix: { actions: revive, commands: LOOK },
      };
    const cgroup = await tools.procfs.cgroup(server.pid);
    if (server.pid === mainPid && cgroup === unit.controlGroup) return { status: "pass", detail: `pid ${server.pid}` };
    const evidence = { "cgroup of the server": cgroup ?? "unknown", "cgroup of the holder": unit.controlGroup };
    if (server.pid === mainPid)
      return {
        status: "fail",
        message: `the holder's server (pid ${mainPid}) was moved out of its cgroup: it ends with ${cgroup ?? "another one"}`,
        evidence,
        fix: { commands: [...LOOK, `systemctl --user restart ${HOLDER_UNIT}   # every agent ends, and comes back`] },
      };
    return {
      status: "fail",
      message: `the server that answers (pid ${server.pid}) is not the holder's main process (pid ${mainPid}), whose agents nobody can reach`,
      evidence,
      fix: {
        commands: [
          ...squatter(server.pid, server.socketPath),
          `kill -USR1 ${mainPid}   # makes the holder's server create its socket anew`,
        ],
      },
    };
  },
};

/** The holder's own server is there, and what founds it does not come to its end; undefined where it is not so. */
async function startingServer(
  tools: Tools,
  { active, controlGroup }: ServiceUnit,
  server: ServerLook | undefined,
): Promise<CheckResult | undefined> {
  if (active !== "activating" || server === undefined) return undefined;
  if ((await tools.procfs.cgroup(server.pid)) !== controlGroup) return undefined;
  const waits = `ps -f --ppid ${server.pid}   # what it waits for`;
  return withSuspects(tools, {
    status: "fail",
    message: `the holder's server (pid ${server.pid}) is founded, and does not come to the end of its configuration: no agent can start`,
    fix: { commands: [waits] },
  });
}

/** With the lines of tmux.local.conf that may keep the server from coming up. */
async function withSuspects(
  tools: Tools,
  found: { status: "fail"; message: string; evidence?: Evidence; fix?: Fix },
): Promise<CheckResult> {
  const conf = await localConf(tools);
  const risky = conf?.risky.filter(({ risk }) => risk.kind !== "option" || risk.option.name === "exit-empty") ?? [];
  const commands = [...(found.fix?.commands ?? []), ...LOOK];
  if (conf === undefined || risky.length === 0) return { ...found, fix: { commands } };
  return {
    ...found,
    message: `${found.message}; line ${risky[0]?.line} of tmux.local.conf, which tmux reads last, may be why`,
    evidence: { ...found.evidence, "tmux.local.conf": shownLines(risky) },
    fix: { commands: [editLines(tools, conf, risky), ...commands] },
  };
}
