import { agentOfUnit, HOLDER_UNIT } from "./names.ts";

/** An effective setting without which a promise does not hold. */
interface Setting {
  /** As a unit's file calls it. */
  readonly directive: string;
  /** As the manager calls it, where that is another name. */
  readonly property?: string;
  /** What the layout says; `name` is the agent's. */
  readonly wanted: (name: string) => string;
  readonly holds: (value: string, wanted: string) => boolean;
  /** What happens otherwise. */
  readonly otherwise: string;
  /** The fleet runs without it, for a while. */
  readonly minor?: true;
}

/** A setting that breaks a promise, as it is and as it should be. */
export interface BrokenSetting {
  readonly directive: string;
  readonly value: string;
  readonly wanted: string;
  readonly otherwise: string;
  readonly minor: boolean;
}

interface JudgedUnit {
  readonly id: string;
  readonly extra: Readonly<Record<string, string>>;
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
const seconds = (value: string) => {
  if (/^\d*$/.test(value)) return Number(value) / 1e6;
  const parts = [...value.matchAll(/([\d.]+)([a-z]+)/g)];
  return value === "infinity"
    ? Number.POSITIVE_INFINITY
    : parts.reduce((sum, [, count, of = ""]) => sum + Number(count) * (IN_SECONDS[of] ?? 604_800), 0);
};
const isBelowAMinute = (value: string) => seconds(value) < 60;
/** What an agent is given to end is 10 s unless told, and then the scripts have their own to do. */
const isLongEnough = (value: string) => value === "" || seconds(value) >= 15;
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
    wanted: () => "15 seconds or more",
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

const HOLDER: readonly Setting[] = [
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

// Restart= may be overridden: what systemd then brings back, it does truly. Only "no" breaks the promise.
const AGENT: readonly Setting[] = [
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

/** The properties to ask the manager for, to judge a unit. */
export const JUDGED_PROPERTIES: readonly string[] = [
  ...new Set([...HOLDER, ...AGENT].map(({ directive, property }) => property ?? directive)),
];

const JUDGED_LINE = new RegExp(
  `^(${AGENT.map(({ directive }) => directive).join("|")}|(?:Condition|Assert)\\w+)[ \\t]*=`,
);

/** Whether a drop-in of an agent's says anything that is judged. */
export function saysAnythingJudged(text: string): boolean {
  return linesOf(text).some(({ said }) => JUDGED_LINE.test(said));
}

/** Effective settings (drop-ins merged) that break a promise. */
export function judgeSettings(unit: JudgedUnit): BrokenSetting[] {
  const name = agentOfUnit(unit.id) ?? "";
  return (unit.id === HOLDER_UNIT ? HOLDER : AGENT).flatMap((setting) => {
    const value = unit.extra[setting.property ?? setting.directive] ?? "";
    const wanted = setting.wanted(name);
    if (setting.holds(value, wanted)) return [];
    const { directive, otherwise, minor = false } = setting;
    return [{ directive, value: shown(directive, value), wanted, otherwise, minor }];
  });
}

/** Those without which the fleet does not hold, one sentence each. */
export function brokenSettings(unit: JudgedUnit): string[] {
  return judgeSettings(unit).flatMap(({ directive, value, otherwise, minor }) =>
    minor ? [] : [`${directive}=${value}: ${otherwise}`],
  );
}

/** A command of a unit as the manager tells it. */
interface Command {
  /** With its arguments, one blank between them. */
  readonly argv: string;
  /** Its failure does not count: the "-" before it. */
  readonly ignored: boolean;
}

/** As D-Bus has them: path, arguments, whether failure is ignored, four times, pid, code, status. */
const ON_BUS = /(.*?) (yes|no)(?: (?:-?\d+|infinity)){7}(?: |$)/g;
/** As systemctl show prints them. */
const AS_SHOWN = /\{ path=.*? ; argv\[\]=(.*?) ; (?:ignore_errors=(yes|no)|flags=(\S*)) ; .*?\}/g;

/** The commands of a setting such as ExecStart=, out of either form. */
export function commandsOf(value: string): Command[] {
  if (value.startsWith("{ "))
    return [...value.matchAll(AS_SHOWN)].map(([, argv = "", ignored, flags = ""]) => ({
      argv,
      ignored: ignored === "yes" || flags.includes("ignore-failure"),
    }));
  return [...value.matchAll(ON_BUS)].map(([, command = "", ignored]) => ({
    argv: withoutPath(command),
    ignored: ignored === "yes",
  }));
}

/** The path of the program stands before its arguments, of which the first is mostly the same. */
function withoutPath(command: string): string {
  for (let blank = command.indexOf(" "); blank > 0; blank = command.indexOf(" ", blank + 1)) {
    const path = command.slice(0, blank);
    const argv = command.slice(blank + 1);
    if (argv === path || argv.startsWith(`${path} `)) return argv;
  }
  return command.slice(command.indexOf(" ") + 1);
}

/** The script of ours that a command runs, by its whole path; there may be blanks in it, so each that it could be. */
export function scriptsIn(argv: string): string[] {
  const end = /\/mosaic\/tools\/fleet\/[a-z-]+\.sh(?= |$)/.exec(argv);
  if (end === null) return [];
  const upTo = argv.slice(0, end.index + end[0].length);
  return [...upTo.matchAll(/(?:^| )(?=\/)/g)].map(({ index, 0: blank }) => upTo.slice(index + blank.length));
}

/** A value as a person reads it. */
function shown(directive: string, value: string): string {
  // Of each file D-Bus says, too, whether it may be missing.
  if (directive === "EnvironmentFile")
    return value.replace(/ (yes|no)(?= \/|$)/g, "").replace(/ \(ignore_errors=(yes|no)\)/g, "");
  // In microseconds on D-Bus.
  if (directive.endsWith("Sec") && /^\d+$/.test(value)) return `${Number(value) / 1_000_000}s`;
  if (!directive.startsWith("Exec")) return value;
  return commandsOf(value)
    .map(({ argv, ignored }) => `${ignored ? "-" : ""}${argv}`)
    .join(" ; ");
}

/** A line of a unit's file as systemd takes it. */
interface Line {
  /** Where it starts, counted from 1. */
  readonly line: number;
  /** Without the blanks around it; those that it runs on into are in it. */
  readonly said: string;
  /** It ran on into others. */
  readonly continued: boolean;
}

/** A backslash at the end is a blank, and the next line that is no comment belongs to it; a comment never runs on. */
function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let open: Line | undefined;
  for (const [index, physical] of text.split("\n").entries()) {
    const stripped = physical.trim();
    if (/^[#;]/.test(stripped)) continue;
    const runsOn = stripped.endsWith("\\");
    const said = runsOn ? stripped.slice(0, -1) : stripped;
    const line: Line =
      open === undefined
        ? { line: index + 1, said, continued: runsOn }
        : { line: open.line, said: `${open.said} ${said}`, continued: true };
    open = runsOn ? line : undefined;
    if (open === undefined) lines.push(line);
  }
  return open === undefined ? lines : [...lines, open];
}

/** Where a unit's file last sets something. undefined where it does not. */
export function settingIn(text: string, directive: string): Line | undefined {
  const pattern = new RegExp(`^${directive}[ \\t]*=`);
  const found = linesOf(text).filter(({ said }) => pattern.test(said));
  const last = found.at(-1);
  // Where one of them runs on, no line can be taken out alone.
  return last && { ...last, continued: found.some(({ continued }) => continued) };
}
