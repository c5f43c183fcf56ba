import { describe, expect, test } from "bun:test";
import { commandsOf, scriptsIn } from "../../../src/core/unit-commands.ts";
import { settingIn } from "../../../src/core/unit-lines.ts";
import {
  brokenSettings,
  JUDGED_PROPERTIES,
  judgeSettings,
  saysAnythingJudged,
} from "../../../src/core/unit-settings.ts";

const HOLDER = "mosaic-tmux-holder.service";
const AGENT = "mosaic-agent@coder.service";

const TOOLS = "/home/a user/.config/mosaic/tools/fleet";
/** A command as it comes over D-Bus. */
const onBus = (script: string, ignored = "no") =>
  `/bin/sh /bin/sh ${TOOLS}/${script} ${ignored} 1795402533460948 1 0 0 4242 0 0`;
/** The same as systemctl show prints it. */
const asShown = (script: string, ignored = "no") =>
  `{ path=/bin/sh ; argv[]=/bin/sh ${TOOLS}/${script} ; ignore_errors=${ignored} ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }`;

const right: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [HOLDER]: {
    OOMPolicy: "continue",
    Restart: "always",
    KillMode: "control-group",
    Type: "forking",
    ExecStart: onBus("start-tmux-holder.sh"),
    ExecStopPost: asShown("tmux-holder-ended.sh"),
    RuntimeDirectory: "mosaic-tmux-holder",
    RemainAfterExit: "no",
    PrivateTmp: "no",
    RuntimeMaxUSec: "infinity",
    RestartUSec: "100000",
    SendSIGKILL: "yes",
    TimeoutStartUSec: "infinity",
    TimeoutStopUSec: "30000000",
    User: "",
    EnvironmentFiles: "/x/mosaic/fleet/fleet.env yes",
    StartLimitIntervalUSec: "0",
    LimitNOFILESoft: "65536",
    TasksMax: "infinity",
  },
  [AGENT]: {
    Delegate: "yes",
    Restart: "always",
    KillMode: "control-group",
    OOMPolicy: "continue",
    Requires: `app.slice ${HOLDER} basic.target`,
    After: `${HOLDER} basic.target`,
    BindsTo: "",
    Type: "forking",
    GuessMainPID: "no",
    ExecStart: asShown("start-agent-session.sh coder"),
    ExecStop: `${onBus("stop-agent-session.sh coder")} ${onBus("other.sh", "yes")}`,
    RuntimeDirectory: "mosaic-agent/coder",
    RemainAfterExit: "no",
    RuntimeMaxUSec: "infinity",
    RestartUSec: "500ms",
    SendSIGKILL: "yes",
    TimeoutStartUSec: "5min",
    TimeoutStopUSec: "1min",
    StartLimitBurst: "10",
    User: "",
    EnvironmentFiles: "/x/mosaic/fleet/fleet.env yes /x/mosaic/fleet/agents/coder.env yes",
  },
};
/** What an older systemd does not know is not on. */
const MAY_BE_ABSENT = [
  "BindsTo",
  "PrivateTmp",
  "RemainAfterExit",
  "RestartUSec",
  "RuntimeMaxUSec",
  "SendSIGKILL",
  "StartLimitBurst",
  "TimeoutStartUSec",
  "TimeoutStopUSec",
  "User",
];
const MINOR = ["LimitNOFILESoft", "TasksMax", "ExecStopPost"];

describe("effective settings that hold what the fleet promises", () => {
  for (const [id, extra] of Object.entries(right)) {
    test(`of ${id} are no complaint`, () => {
      expect(judgeSettings({ id, extra })).toEqual([]);
    });

    test(`of ${id} are all asked for`, () => {
      for (const property of Object.keys(extra)) expect(JUDGED_PROPERTIES).toContain(property);
    });

    for (const property of Object.keys(extra).filter((each) => !MAY_BE_ABSENT.includes(each))) {
      test(`of ${id} are missed: ${property}`, () => {
        const unit = { id, extra: { ...extra, [property]: "" } };
        const complaints = judgeSettings(unit);
        expect(complaints).toHaveLength(1);
        expect(complaints[0]).toMatchObject({ value: "", minor: id === HOLDER && MINOR.includes(property) });
        expect(brokenSettings(unit)).toHaveLength(complaints[0]?.minor ? 0 : 1);
      });
    }
  }
});

describe("a drop-in that breaks a promise is named with what happens", () => {
  for (const [id, property, value, consequence] of [
    [HOLDER, "OOMPolicy", "stop", "one pane out of memory ends the whole fleet"],
    [HOLDER, "OOMPolicy", "kill", "one pane out of memory ends the whole fleet"],
    [HOLDER, "Restart", "on-failure", "a tmux server that died stays dead"],
    [HOLDER, "KillMode", "process", "a stop leaves processes behind"],
    [HOLDER, "PrivateTmp", "yes", "its socket is in a /tmp of its own"],
    [HOLDER, "StartLimitIntervalUSec", "10000000", "systemd gives the server up"],
    [HOLDER, "StartLimitIntervalUSec", "10s", "systemd gives the server up"],
    [AGENT, "Delegate", "no", "the agent's processes may not be moved into its unit"],
    [AGENT, "Restart", "no", "an agent that ended stays down"],
    [AGENT, "KillMode", "mixed", "a stop leaves processes behind"],
    [AGENT, "OOMPolicy", "stop", "one child out of memory ends the agent"],
    [AGENT, "Requires", `x-${HOLDER} basic.target`, "it starts without its tmux server"],
    [AGENT, "After", "basic.target", "it starts before its tmux server"],
    [AGENT, "BindsTo", `a.service ${HOLDER}`, "a crash of the server stops it for good"],
    [AGENT, "RemainAfterExit", "yes", "it stays active when the agent is gone"],
    [AGENT, "RuntimeDirectory", "mosaic-agent/coder more", "its scripts do not find each other's notes"],
    [AGENT, "EnvironmentFiles", "/x/mosaic/fleet/agents/coder-2.env yes", "the agent's own settings are not read"],
  ] as const) {
    test(`${id}: ${property}=${value}`, () => {
      const broken = brokenSettings({ id, extra: { ...right[id], [property]: value } });
      const directive = { StartLimitIntervalUSec: "StartLimitIntervalSec", EnvironmentFiles: "EnvironmentFile" };
      const name = directive[property as keyof typeof directive] ?? property;
      const shown = value.replace(/ yes$/, "").replace(/000000$/, "s");
      expect(broken).toEqual([expect.stringContaining(`${name}=${shown}: `)]);
      expect(broken[0]).toContain(consequence);
    });
  }

  test("an agent that comes back only after a failure is as its user wants it", () => {
    expect(brokenSettings({ id: AGENT, extra: { ...right[AGENT], Restart: "on-failure" } })).toEqual([]);
  });

  test("every one of several", () => {
    const extra = { ...right[HOLDER], Restart: "no", OOMPolicy: "stop" };
    expect(brokenSettings({ id: HOLDER, extra })).toHaveLength(2);
  });

  for (const [limit, complaints] of [
    ["65536", 0],
    ["infinity", 0],
    ["1024", 1],
  ] as const)
    test(`open files: ${limit} is ${complaints === 0 ? "enough" : "a minor complaint"}`, () => {
      const found = judgeSettings({ id: HOLDER, extra: { ...right[HOLDER], LimitNOFILESoft: limit } });
      expect(found).toHaveLength(complaints);
      for (const each of found) expect(each).toMatchObject({ directive: "LimitNOFILE", value: limit, minor: true });
    });

  for (const [what, value, said] of [
    ["another program", "/bin/true /bin/true no 0 0 0 0 0 0 0", "/bin/true"],
    [
      "a script of another place",
      onBus("x.sh").replace("mosaic/tools", "tools"),
      `/bin/sh ${TOOLS.replace("mosaic/tools", "tools")}/x.sh`,
    ],
    [
      "ours, its failure ignored",
      onBus("start-agent-session.sh coder", "yes"),
      `-/bin/sh ${TOOLS}/start-agent-session.sh coder`,
    ],
    ["the wrong one of ours", asShown("start-tmux-holder.sh"), `/bin/sh ${TOOLS}/start-tmux-holder.sh`],
  ] as const)
    test(`ExecStart= that runs ${what}`, () => {
      const [broken] = judgeSettings({ id: AGENT, extra: { ...right[AGENT], ExecStart: value } });
      expect(broken).toMatchObject({ directive: "ExecStart", value: said, minor: false });
    });
});

describe("the commands of a unit", () => {
  test("are told from the fields that follow, in either form", () => {
    const both = [
      { argv: `/bin/sh ${TOOLS}/a.sh x`, ignored: false },
      { argv: `/bin/sh ${TOOLS}/b.sh`, ignored: true },
    ];
    expect(commandsOf(`${onBus("a.sh x")} ${onBus("b.sh", "yes")}`)).toEqual(both);
    expect(commandsOf(`${asShown("a.sh x")} ${asShown("b.sh", "yes")}`)).toEqual(both);
    expect(commandsOf("")).toEqual([]);
  });

  test("with a path that has a blank, or another first argument", () => {
    expect(commandsOf("/a b/sh /a b/sh x no 0 0 0 0 0 0 0")).toEqual([{ argv: "/a b/sh x", ignored: false }]);
    expect(commandsOf("/bin/sh -sh x no 0 0 0 0 0 0 0")).toEqual([{ argv: "-sh x", ignored: false }]);
  });

  test("a delay is judged as D-Bus and as systemctl has it", () => {
    const minor = (value: string) =>
      judgeSettings({ id: AGENT, extra: { ...right[AGENT], RestartUSec: value } }).length;
    for (const value of ["0", "59000000", "15s", "1s 500ms"]) expect(minor(value)).toBe(0);
    for (const value of ["60000000", "infinity", "1min 5s", "1d", "2h"]) expect(minor(value)).toBe(1);
  });

  test("time to start and to stop is judged as either has it", () => {
    for (const property of ["TimeoutStartUSec", "TimeoutStopUSec"]) {
      const complaints = (value: string) =>
        judgeSettings({ id: AGENT, extra: { ...right[AGENT], [property]: value } }).length;
      for (const value of ["15000000", "infinity", "1min 500ms", "15s", "2w"]) expect(complaints(value)).toBe(0);
      for (const value of ["1000", "0", "1ms", "14s 999ms", "14999999"]) expect(complaints(value)).toBe(1);
    }
  });

  test("time to stop is held against what the agent is given", () => {
    const ofStop = (unit: string, value: string, seconds?: number) =>
      judgeSettings({ id: unit, extra: { ...right[unit], TimeoutStopUSec: value } }, seconds).length;
    expect([
      ofStop(AGENT, "34s", 30),
      ofStop(AGENT, "35s", 30),
      ofStop(AGENT, "6s", 1),
      ofStop(AGENT, "5s", 1),
    ]).toEqual([1, 0, 0, 1]);
  });

  test("what no unit says, in either form, is no complaint", () => {
    for (const nothing of ["no", "no ", ""]) {
      const extra = { ...right[AGENT], PrivateNetwork: nothing, SystemCallFilter: nothing, ReadOnlyPaths: nothing };
      expect(judgeSettings({ id: AGENT, extra })).toEqual([]);
    }
  });

  test("a list of files is shown without what D-Bus says of each", () => {
    const extra = { ...right[AGENT], EnvironmentFiles: "/no pe no /x y yes" };
    expect(judgeSettings({ id: AGENT, extra })[0]?.value).toBe("/no pe /x y");
  });

  test("name our script by its whole path, blanks and wrappers or not", () => {
    expect(scriptsIn(`/bin/nice /bin/sh ${TOOLS}/a.sh coder`)).toContain(`${TOOLS}/a.sh`);
    expect(scriptsIn("/bin/sh /x/a.sh coder")).toEqual([]);
  });
});

describe("where a file sets something", () => {
  const text = "# OOMPolicy=no\n[Service]\nOOMPolicy=stop\n  OOMPolicy = kill \nX=a \\\nOOMPolicy=none\nY=b \\\n c\n";

  test("is its last line of that name: no comment, no rest of another line", () => {
    expect(settingIn(text, "OOMPolicy")).toEqual({ line: 4, said: "OOMPolicy = kill", continued: false });
  });

  test("may run on in the next line", () => {
    expect(settingIn(text, "Y")).toEqual({ line: 7, said: "Y=b  c", continued: true });
  });

  test("is not changed by a comment that ends in a backslash, and is found where its name and value are on two lines", () => {
    const commented = "[Service]\n# c\\\nRestart=no\n";
    expect(settingIn(commented, "Restart")).toEqual({ line: 3, said: "Restart=no", continued: false });
    const broken = "[Service]\nRestart\\\n; c\n=no\n";
    expect(settingIn(broken, "Restart")).toEqual({ line: 2, said: "Restart =no", continued: true });
    for (const text of [commented, broken]) expect(saysAnythingJudged(text)).toBe(true);
    expect(saysAnythingJudged("[Service]\nEnvironment=A=b\\\nRestart=no\n")).toBe(false);
  });

  test("is nowhere", () => {
    expect(settingIn(text, "Policy")).toBeUndefined();
    expect(saysAnythingJudged("[Service]\nMemoryMax=1G\nEnvironment=A=Restart=no\n")).toBe(false);
    expect(saysAnythingJudged("[Service]\nMemoryMax=1G\nRestart=no\n")).toBe(true);
  });
});
