import { HOLDER_UNIT } from "./names.ts";
import { commandsOf, scriptsIn } from "./unit-commands.ts";

/** An effective setting without which a promise does not hold. */
export interface Setting {
  /** As a unit's file calls it. */
  readonly directive: string;
  /** As the manager calls it, where that is another name. */
  readonly property?: string;
  /** What the layout says. `name` is the agent's, `stopSeconds` how long its stop may wait before it kills. */
  readonly wanted: (name: string, stopSeconds: number) => string;
  readonly holds: (value: string, wanted: string) => boolean;
  /** What happens otherwise. */
  readonly otherwise: string;
  /** The fleet runs without it, for a while. */
  readonly minor?: true;
}

const words = (value: string) => value.split(" ");
const is = (value: string, wanted: string) => value === wanted;
const has = (value: string, wanted: string) => words(value).includes(wanted);
/** Older systemds do not know it, and do not do it. */
const isNotOn = (value: string) => value !== "yes";
const noLessThan = (value: string, wanted: string) =>
  value === "infinity" || (value !== "" && Number(value) >= Number(wanted));
const IN_SECONDS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3_600, d: 86_400 };
/** Of microseconds, as D-Bus has them, or words ("1min 5s"), as systemctl show does; a unit above days is long enough. */
export const secondsIn = (value: string) => {
  if (/^\d*$/.test(value)) return Number(value) / 1e6;
  const parts = [...value.matchAll(/([\d.]+)([a-z]+)/g)];
  return value === "infinity"
    ? Number.POSITIVE_INFINITY
    : parts.reduce((sum, [, count, of = ""]) => sum + Number(count) * (IN_SECONDS[of] ?? 604_800), 0);
};
const isBelowAMinute = (value: string) => secondsIn(value) < 60;
const isLongEnough = (value: string, wanted: string) => value === "" || secondsIn(value) >= Number.parseInt(wanted, 10);
/** What the scripts have to do after an agent's own time: what forks as it is killed is killed for 4 s. */
const AFTER_STOP = 5;
const isUnset = (value: string) => value.trim() === "" || value.trim() === "no";
/** One of the commands runs this script of ours, and its failure counts. */
const runs = (value: string, wanted: string) =>
  commandsOf(value).some(({ argv, ignored }) => !ignored && scriptsIn(argv).some((path) => path.endsWith(wanted)));

const script = (name: string) => () => `/mosaic/tools/fleet/${name}`;

const KILL_MODE: Setting = {
  directive: "KillMode",
  wanted: () => "control-group",
  holds: is,
  otherwise: "a stop leaves processes behind",
};

/** Of which both units have systemd's own default, or as good as that. */
const EVERY: readonly Setting[] = [
  {
    directive: "RuntimeMaxSec",
    property: "RuntimeMaxUSec",
    wanted: () => "infinity",
    holds: (value) => value === "infinity" || value === "",
    otherwise: "systemd ends it after that time, whatever it is at",
  },
  {
    directive: "RestartSec",
    property: "RestartUSec",
    wanted: () => "less than a minute",
    holds: isBelowAMinute,
    otherwise: "when it ends it stays down for that long",
    minor: true,
  },
  {
    directive: "SendSIGKILL",
    wanted: () => "yes",
    holds: (value) => value !== "no",
    otherwise: "what does not end when it is told to outlives a stop",
  },
  {
    directive: "TimeoutStopSec",
    property: "TimeoutStopUSec",
    wanted: (_, stopSeconds) => `${stopSeconds + AFTER_STOP} seconds or more`,
    holds: isLongEnough,
    otherwise: "a stop is cut short: what has not ended by then is killed, and the unit shows failed",
  },
  {
    directive: "User",
    wanted: () => "unset",
    holds: (value) => value === "",
    otherwise: "a user's manager cannot start it as somebody else",
  },
  {
    directive: "DynamicUser",
    wanted: () => "no",
    holds: isNotOn,
    otherwise: "its scripts run as somebody else, who may not read them",
  },
  {
    directive: "RootDirectory",
    wanted: () => "unset",
    holds: isUnset,
    otherwise: "its scripts are not there",
  },
  {
    directive: "ProtectHome",
    wanted: () => "no",
    holds: isUnset,
    otherwise: "its scripts, and what they note for each other in /run/user, are kept from it",
  },
  {
    directive: "PIDFile",
    wanted: () => "unset",
    holds: isUnset,
    otherwise: "each start waits for a file that nobody writes, until its time is up",
  },
  {
    directive: "ExecCondition",
    wanted: () => "unset",
    holds: isUnset,
    otherwise: "where that command fails systemd passes over the unit without a word, at boot too",
    minor: true,
  },
  {
    directive: "StopWhenUnneeded",
    wanted: () => "no",
    holds: isNotOn,
    otherwise: "systemd stops it as soon as no other unit wants it",
  },
  ...["RefuseManualStart", "RefuseManualStop"].map(
    (directive): Setting => ({
      directive,
      wanted: () => "no",
      holds: isNotOn,
      otherwise: `systemd refuses to ${directive === "RefuseManualStart" ? "start" : "stop"} it when somebody asks for that`,
      minor: true,
    }),
  ),
];

/** Of the holder's unit. */
export const HOLDER: readonly Setting[] = [
  {
    directive: "OOMPolicy",
    wanted: () => "continue",
    holds: is,
    otherwise: "one pane out of memory ends the whole fleet",
  },
  { directive: "Restart", wanted: () => "always", holds: is, otherwise: "a tmux server that died stays dead" },
  KILL_MODE,
  {
    directive: "Type",
    wanted: () => "forking",
    holds: is,
    otherwise: "systemd does not know which process is the tmux server, nor when it is there",
  },
  {
    directive: "ExecStart",
    wanted: script("start-tmux-holder.sh"),
    holds: runs,
    otherwise: "nothing proves that the server on the fleet's socket is this unit's",
  },
  {
    directive: "ExecStopPost",
    wanted: script("tmux-holder-ended.sh"),
    holds: runs,
    otherwise: "a server that ended leaves its socket behind",
    minor: true,
  },
  {
    directive: "RuntimeDirectory",
    wanted: () => "mosaic-tmux-holder",
    holds: is,
    otherwise: "agents do not find the server",
  },
  {
    directive: "RemainAfterExit",
    wanted: () => "no",
    holds: isNotOn,
    otherwise: "it stays active with no server, and nothing brings one back",
  },
  {
    directive: "PrivateTmp",
    wanted: () => "no",
    holds: isNotOn,
    otherwise: "its socket is in a /tmp of its own, where no agent and no shell finds it",
  },
  ...EVERY,
  {
    directive: "TimeoutStartSec",
    property: "TimeoutStartUSec",
    wanted: () => "infinity",
    holds: (value) => value === "infinity" || value === "",
    otherwise: "agents that wait for a server which takes longer to come back are lost",
    minor: true,
  },
  {
    directive: "EnvironmentFile",
    property: "EnvironmentFiles",
    wanted: () => "/mosaic/fleet/fleet.env",
    holds: (value, wanted) => value.includes(wanted),
    otherwise: "the server does not get the fleet's settings, such as its socket's name and MOSAIC_PATH",
  },
  {
    directive: "StartLimitIntervalSec",
    property: "StartLimitIntervalUSec",
    wanted: () => "0",
    holds: is,
    otherwise: "after a few crashes in a row systemd gives the server up, and the whole fleet with it",
  },
  {
    directive: "LimitNOFILE",
    property: "LimitNOFILESoft",
    wanted: () => "65536",
    holds: noLessThan,
    otherwise: "the server goes deaf at about that many panes",
    minor: true,
  },
  {
    directive: "TasksMax",
    wanted: () => "infinity",
    holds: is,
    otherwise: "with that many processes beside it the server opens no more panes",
    minor: true,
  },
];

/** They are for the processes that systemd itself starts: in the holder's unit they reach the tmux server, and all its panes. */
const CONFINES = [
  ...["Group", "InaccessiblePaths", "MemoryDenyWriteExecute", "NoNewPrivileges", "PrivateDevices", "PrivateNetwork"],
  ...["PrivateUsers", "ProtectControlGroups", "ProtectSystem", "ReadOnlyPaths", "RestrictAddressFamilies"],
  ...["SystemCallFilter"],
];

/** Of the agents' units. Restart= may be overridden: what systemd then brings back, it does truly. Only "no" breaks the promise. */
export const AGENT: readonly Setting[] = [
  {
    directive: "Delegate",
    wanted: () => "yes",
    holds: is,
    otherwise: "the agent's processes may not be moved into its unit",
  },
  {
    directive: "Restart",
    wanted: () => "always",
    holds: (value) => value !== "no" && value !== "",
    otherwise: "an agent that ended stays down",
  },
  KILL_MODE,
  ...EVERY,
  { directive: "OOMPolicy", wanted: () => "continue", holds: is, otherwise: "one child out of memory ends the agent" },
  { directive: "Requires", wanted: () => HOLDER_UNIT, holds: has, otherwise: "it starts without its tmux server" },
  { directive: "After", wanted: () => HOLDER_UNIT, holds: has, otherwise: "it starts before its tmux server" },
  {
    directive: "BindsTo",
    wanted: () => "nothing of the fleet",
    holds: (value) => !has(value, HOLDER_UNIT),
    otherwise: "a crash of the server stops it for good",
  },
  {
    directive: "Type",
    wanted: () => "forking",
    holds: is,
    otherwise: "the unit does not last as long as the agent's processes do",
  },
  {
    directive: "GuessMainPID",
    wanted: () => "no",
    holds: is,
    otherwise: "the unit ends with whichever process systemd takes for the main one",
  },
  {
    directive: "ExecStart",
    wanted: script("start-agent-session.sh"),
    holds: runs,
    otherwise: "a start that succeeds does not mean that the agent runs, in its session and in this unit",
  },
  {
    directive: "ExecStop",
    wanted: script("stop-agent-session.sh"),
    holds: runs,
    otherwise: "a stop gives the agent no time to end, and nothing tells how it ended",
  },
  {
    directive: "RuntimeDirectory",
    wanted: (name) => `mosaic-agent/${name}`,
    holds: is,
    otherwise: "its scripts do not find each other's notes, and it does not start",
  },
  {
    directive: "RemainAfterExit",
    wanted: () => "no",
    holds: isNotOn,
    otherwise: "it stays active when the agent is gone",
  },
  {
    directive: "EnvironmentFile",
    property: "EnvironmentFiles",
    wanted: (name) => `/mosaic/fleet/agents/${name}.env`,
    holds: (value, wanted) => value.includes(wanted),
    otherwise: "the agent's own settings are not read",
  },
  {
    directive: "TimeoutStartSec",
    property: "TimeoutStartUSec",
    wanted: () => "15 seconds or more",
    holds: isLongEnough,
    otherwise: "a start that has to wait its turn, as after a boot, fails",
  },
  {
    directive: "StartLimitBurst",
    wanted: () => "3 or more",
    holds: (value) => value === "" || Number(value) >= 3,
    otherwise: "one crash of the tmux server may cost an agent two starts: systemd then gives it up",
  },
  {
    directive: "PrivateTmp",
    wanted: () => "no",
    holds: isNotOn,
    otherwise: "its scripts do not find the tmux server's socket, which is in /tmp",
  },
  {
    directive: "NotifyAccess",
    wanted: () => "exec",
    holds: (value) => value !== "none" && value !== "main",
    otherwise: "its status does not say how the agent has ended",
    minor: true,
  },
  ...CONFINES.map(
    (directive): Setting => ({
      directive,
      wanted: () => "unset",
      holds: isUnset,
      otherwise:
        "it confines the scripts alone, and not the agent, which is the tmux server's child: that has it from the holder's unit",
      minor: true,
    }),
  ),
];
