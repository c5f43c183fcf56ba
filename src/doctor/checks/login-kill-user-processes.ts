import { killsUserProcesses } from "../../adapters/logind.ts";
import { shellWord } from "../../core/shell.ts";
import type { Check } from "../check.ts";

const DROP_IN = "/etc/systemd/logind.conf.d/keep-user-processes.conf";

export const loginKillUserProcesses: Check = {
  id: "login.kill-user-processes",
  title: "a logout leaves the user's background processes alone",
  pre: true,
  explain: {
    checks:
      "What logind has in effect: KillUserProcesses, and KillOnlyUsers and KillExcludeUsers, which decide for this user.",
    why: "Where logind kills a session's processes at logout, everything that was started in the session dies with it: a tmux server of one's own, a nohup, an agent started by hand. What runs below the user manager is in no session, so the fleet itself stays, if lingering is enabled.",
    mend: `As root, write "[Login]" and "KillUserProcesses=no" into ${DROP_IN}, or "KillExcludeUsers=root USER" where KillOnlyUsers names you, and run \`systemctl kill --signal=HUP systemd-logind.service\`; or start what shall stay with \`systemd-run --user --scope\`.`,
  },
  async run(tools) {
    const bus = await tools.systemBus();
    if (bus === undefined) {
      if (await tools.booted()) throw new Error("there is no system bus to ask logind on");
      return { status: "skip", reason: "there is no system bus, so no logind" };
    }
    const kills = await killsUserProcesses(bus, tools.host.user.name);
    if (kills === undefined) return { status: "skip", reason: "logind does not run" };
    if (!kills.kills) return { status: "pass" };
    const { name } = tools.host.user;
    return {
      status: "warn",
      message: `logind kills what ${name} started in a session when that logs out: tmux servers and agents outside of the fleet's units die`,
      evidence: { KillUserProcesses: kills.everybody, KillOnlyUsers: kills.only, KillExcludeUsers: kills.exclude },
      fix: {
        commands: ["systemd-run --user --scope tmux new-session   # one server that stays"],
        root: kills.only.includes(name)
          ? keeping(`KillExcludeUsers=${[...new Set([...kills.exclude, name])].join(" ")}`)
          : keeping("KillUserProcesses=no"),
      },
    };
  },
};

/** Puts a setting of logind's in force. */
function keeping(setting: string): string[] {
  const folder = DROP_IN.slice(0, DROP_IN.lastIndexOf("/"));
  return [
    `sh -c 'mkdir -p ${folder} && printf "%s\\n" "[Login]" "$1" >${DROP_IN}' sh ${shellWord(setting)}`,
    "systemctl kill --signal=HUP systemd-logind.service",
  ];
}
