import { describe, expect, test } from "bun:test";
import { appendFileSync, cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Run, run, temporaryFolder, tree } from "../support/build.ts";

const script = join(tree, "scripts/test-fleet-units.sh");
const assets = join(tree, "assets");

const HOLDER = "mosaic-tmux-holder.service";
const AGENT = "mosaic-agent@.service";

/** Titles of checks by verdict, and what was said below them. */
function verdicts({ stdout }: Run): { ok: string[]; failed: string[]; complaints: string } {
  const lines = stdout.trimEnd().split("\n");
  const titles = (verdict: string) =>
    lines.filter((line) => line.startsWith(verdict)).map((line) => line.slice("FAIL ".length));
  return {
    ok: titles("ok   "),
    failed: titles("FAIL "),
    complaints: lines.filter((line) => line.startsWith("     ")).join("\n"),
  };
}

type Change = (folder: string) => void;

/** Replaces text in a file; what is to be replaced has to be there. */
function replace(file: string, from: string, to: string): Change {
  return (folder) => {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    expect(text).toContain(from);
    writeFileSync(path, text.replaceAll(from, to));
  };
}

function append(file: string, text: string): Change {
  return (folder) => appendFileSync(join(folder, file), `${text}\n`);
}

function remove(file: string): Change {
  return (folder) => rmSync(join(folder, file));
}

/** Each way to break the assets, the checks that must see it, and a piece of what they must say. */
const broken: readonly (readonly [how: string, change: Change, titles: readonly string[], says: string])[] = [
  ["a misspelt key", append(HOLDER, "[Service]\nOOMPolcy=stop"), ["systemd finds no fault in the units"], "OOMPolcy"],
  ["a key in the wrong section", append(AGENT, "Nice=5"), ["systemd finds no fault in the units"], "Nice"],
  [
    "a value that systemd does not take",
    replace(AGENT, "TimeoutStopSec=60s", "TimeoutStopSec=soon"),
    ["systemd finds no fault in the units"],
    "soon",
  ],
  [
    "an agent that only wants the holder",
    replace(AGENT, "Requires=", "Wants="),
    ["the agent requires the holder"],
    "Requires=",
  ],
  [
    "Requires= taken back",
    replace(AGENT, "[Service]", "Requires=\n[Service]"),
    ["the agent requires the holder"],
    "Requires=",
  ],
  [
    "an agent that starts beside the holder",
    replace(AGENT, "After=", "Before="),
    ["the agent starts after the holder"],
    "After=",
  ],
  [
    "an agent bound to the holder",
    replace(AGENT, "[Service]", `BindsTo=${HOLDER}\n[Service]`),
    ["nothing is bound to the holder (BindsTo=)"],
    `BindsTo=${HOLDER}`,
  ],
  [
    "a drop-in that binds",
    append("dropins/mosaic-agent-canary.conf", `[Unit]\nBindsTo=${HOLDER}`),
    ["nothing is bound to the holder (BindsTo=)"],
    "mosaic-agent-canary.conf",
  ],
  ["no delegation", replace(AGENT, "Delegate=yes\n", ""), ["the agent's cgroup is delegated"], "not 'yes'"],
  [
    "an agent that a oneshot lies about",
    replace(AGENT, "Type=forking", "Type=oneshot\nRemainAfterExit=yes"),
    // systemd says so itself: such a service cannot always be restarted.
    ["systemd finds no fault in the units", "the agent is of Type=forking"],
    "'oneshot'",
  ],
  [
    "a guessed main process",
    replace(AGENT, "GuessMainPID=no", "GuessMainPID=yes"),
    ["the agent has no guessed main process"],
    "'yes'",
  ],
  [
    "an agent that comes back from failures only",
    replace(AGENT, "Restart=always", "Restart=on-failure"),
    ["the agent always comes back"],
    "'on-failure'",
  ],
  [
    "no start limit",
    replace(AGENT, "StartLimitBurst=10\n", ""),
    ["the agent's starts are bounded"],
    "StartLimitBurst=",
  ],
  [
    "a start limit that one crash can reach",
    replace(AGENT, "StartLimitBurst=10", "StartLimitBurst=2"),
    ["the agent's starts are bounded"],
    "is 2",
  ],
  [
    "a start limit that never applies",
    replace(AGENT, "StartLimitIntervalSec=10min", "StartLimitIntervalSec=0"),
    ["the agent's starts are bounded"],
    "StartLimitIntervalSec=",
  ],
  [
    "an agent that no target wants",
    replace(AGENT, "WantedBy=default.target", "WantedBy=graphical-session.target"),
    ["the agent is wanted by default.target"],
    "default.target",
  ],
  [
    "a holder that says it is simple",
    replace(HOLDER, "Type=forking", "Type=simple"),
    ["the holder is of Type=forking"],
    "'simple'",
  ],
  [
    "a holder that one pane's OOM ends",
    replace(HOLDER, "OOMPolicy=continue", "OOMPolicy=stop"),
    ["the holder outlives a pane that runs out of memory"],
    "'stop'",
  ],
  [
    "a holder with the default OOM policy",
    replace(HOLDER, "OOMPolicy=continue\n", ""),
    ["the holder outlives a pane that runs out of memory"],
    "OOMPolicy=",
  ],
  [
    "a holder that stays away",
    replace(HOLDER, "Restart=always", "Restart=no"),
    ["the holder always comes back"],
    "'no'",
  ],
  [
    "a holder that is given up",
    replace(HOLDER, "StartLimitIntervalSec=0\n", ""),
    ["the holder's starts are not limited"],
    "StartLimitIntervalSec=",
  ],
  [
    "the usual number of open files",
    replace(HOLDER, "LimitNOFILE=65536", "LimitNOFILE=1024:65536"),
    ["the holder may open a file for every pane"],
    "1024",
  ],
  [
    "a holder that no target wants",
    replace(HOLDER, "WantedBy=default.target", ""),
    ["the holder is wanted by default.target"],
    "default.target",
  ],
  [
    "a unit's script that is gone",
    remove("start-agent-session.sh"),
    ["every script that is called is there"],
    "start-agent-session.sh",
  ],
  [
    "a script's script that is gone",
    remove("fleet-functions.sh"),
    ["every script that is called is there"],
    "fleet-functions.sh",
  ],
  [
    "tmux.conf's script that is gone",
    remove("agent-pane-died.sh"),
    ["every script that is called is there"],
    "agent-pane-died.sh",
  ],
  [
    "a script that sh cannot read",
    append("stop-agent-session.sh", "if true"),
    ["every script is clean sh"],
    "stop-agent-session.sh",
  ],
  [
    "a holder's stop that kills whoever serves the socket",
    replace(HOLDER, "ExecStopPost=", "ExecStop=tmux -N -L mosaic-factory kill-server\nExecStopPost="),
    ["nothing runs kill-server"],
    HOLDER,
  ],
  [
    "kill-server in a script",
    append("tmux-holder-ended.sh", 'tmux -N -S "$socket" kill-server'),
    ["nothing runs kill-server"],
    "tmux-holder-ended.sh",
  ],
  [
    "kill-server in a hook",
    append("tmux.conf", "set-hook -g session-closed kill-server"),
    ["nothing runs kill-server"],
    "tmux.conf",
  ],
  [
    "kill-server hidden in a message",
    append("stop-agent-session.sh", 'say "$(tmux -N -L mosaic-factory kill-server)"'),
    ["nothing runs kill-server"],
    "stop-agent-session.sh",
  ],
  [
    "a stop that matches by prefix",
    replace("fleet-functions.sh", 'kill-session -t =$1"', 'kill-session -t $1"'),
    ["every tmux target is exact"],
    "fleet-functions.sh",
  ],
  [
    "a target that matches by prefix, in quotes",
    replace("start-agent-session.sh", 'new-window -t "=$name:"', 'new-window -t "$name:"'),
    ["every tmux target is exact"],
    "start-agent-session.sh",
  ],
  [
    "a target that matches by prefix, on a line of its own",
    append("stop-agent-session.sh", 'tmux -u -N -S "$socket" \\\n\tkill-session \\\n\t-t "$1"'),
    ["every tmux target is exact"],
    "stop-agent-session.sh",
  ],
  [
    "a unit's stop that matches by prefix",
    append(AGENT, "[Service]\nExecStop=tmux -N -L mosaic-factory kill-session -t %i"),
    ["every tmux target is exact"],
    AGENT,
  ],
  [
    "a key that matches by prefix",
    append("tmux.conf", "bind-key K kill-session -t agent"),
    ["every tmux target is exact"],
    "tmux.conf",
  ],
  [
    "an agent's script that founds a server",
    replace("start-agent-session.sh", "tmux -u -N -S", "tmux -u -S"),
    ["only the holder founds a tmux server"],
    "start-agent-session.sh",
  ],
  [
    "a call that goes past the script's own tmux()",
    append("start-agent-session.sh", 'timeout 5 tmux -S "$socket" list-sessions'),
    ["only the holder founds a tmux server"],
    "list-sessions",
  ],
  [
    "a call without -N after one with it",
    append("tmux-holder-ended.sh", "tmux -N -L a list-sessions || tmux -L a list-sessions"),
    ["only the holder founds a tmux server"],
    "tmux-holder-ended.sh",
  ],
  [
    "a holder that founds a server in a second way",
    append("start-tmux-holder.sh", 'tmux -u -L "$name" list-sessions'),
    ["only the holder founds a tmux server"],
    "start-tmux-holder.sh",
  ],
  [
    "a unit that founds a server",
    append(AGENT, "[Service]\nExecStartPost=tmux -L mosaic-factory new-session -d"),
    ["only the holder founds a tmux server"],
    AGENT,
  ],
];

const healthy = run([script]);

test("the assets pass every check", () => {
  expect(verdicts(healthy)).toMatchObject({ failed: [], complaints: "" });
  expect(healthy).toMatchObject({ code: 0, stderr: "" });
});

describe("the checks see", () => {
  for (const [how, change, titles, says] of broken) {
    test(how, () => {
      using copy = temporaryFolder();
      cpSync(assets, copy.path, { recursive: true });
      change(copy.path);
      const result = run([script, copy.path]);
      const { failed, complaints } = verdicts(result);
      expect(failed).toEqual([...titles]);
      expect(complaints).toContain(says);
      expect(result.code).toBe(1);
    });
  }

  test("so that each check has been seen to fail", () => {
    const seen = new Set(broken.flatMap(([, , titles]) => titles));
    expect([...seen].sort()).toEqual(verdicts(healthy).ok.sort());
  });
});

test("they need no manager, no runtime folder and no home", () => {
  expect(run([script], { cwd: "/", env: { PATH: process.env.PATH } })).toEqual(healthy);
});

test("without systemd-analyze they say so, and exit 69", () => {
  using path = temporaryFolder();
  symlinkSync("/bin/sh", join(path.path, "sh"));
  const result = run([script], { env: { PATH: path.path } });
  expect(result).toMatchObject({ code: 69, stdout: "" });
  expect(result.stderr).toContain("systemd-analyze is not installed");
});

test("a folder without units is no pass", () => {
  using folder = temporaryFolder();
  expect(run([script, folder.path])).toMatchObject({ code: 66, stdout: "" });
});
