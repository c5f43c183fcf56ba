import { beforeAll, describe, expect, test } from "bun:test";
import { halfSteps } from "../../src/canary/half/steps/index.ts";
import { steps } from "../../src/canary/steps/index.ts";
import { canaryOf, type Outcome, type Sabotage } from "../support/sabotage.ts";

// A step that cannot fail is no step: each promise is broken on purpose, in a copy of this tree, and must be seen.

const holder = "mosaic-tmux-holder.service";
const agent = "mosaic-agent@.service";
const pane = "agent-pane.sh";
const start = "start-agent-session.sh";
const ended = "agent-session-ended.sh";
const functions = "fleet-functions.sh";

const byPrefix: Sabotage[] = [
  [ended, '"=$name:"', '"$name:"'],
  [functions, '"=$1:"', '"$1:"'],
  [functions, "kill-session -t =$1", "kill-session -t $1"],
];

type Promised = [step: string, what: string, message: RegExp, sabotages: Sabotage[]];

const promises: Promised[] = [
  [
    "layout",
    "a holder that one pane's OOM ends",
    /break what the fleet promises/,
    [[holder, "OOMPolicy=continue", "OOMPolicy=stop"]],
  ],
  ["layout", "an agent unit without Delegate=", /break what the fleet promises/, [[agent, "Delegate=yes\n", ""]]],
  [
    "layout",
    "an agent unit that a crash of the holder stops",
    /break what the fleet promises/,
    [[agent, "Requires=mosaic", "BindsTo=mosaic"]],
  ],
  [
    "layout",
    "a unit with a key that systemd does not know",
    /systemd warns/,
    [[agent, "[Service]\n", "[Service]\nRestartt=always\n"]],
  ],
  [
    "holder",
    "a server founded outside the holder's unit",
    /did not start/,
    [["start-tmux-holder.sh", "timeout -k 1 15 tmux", "systemd-run --user --scope --quiet tmux"]],
  ],
  [
    "holder",
    "a socket that every user can reach",
    /other users can reach the socket/,
    [["start-tmux-holder.sh", "printf '%s\\n%s\\n'", "chmod 777 \"$socket\"; printf '%s\\n%s\\n'"]],
  ],
  [
    "agent",
    "a pane that is never moved into its unit, which lives by another process",
    /is not in its own unit/,
    [
      [pane, 'echo $$ >"$mosaic_procs" || mosaic_failed=yes', ":"],
      [start, "in_unit() {", "in_unit() {\n\tsleep 1000 8>&- >/dev/null 2>&1 &\n\treturn 0"],
    ],
  ],
  [
    "agent",
    "a start that makes a session too many",
    /did not add exactly its session/,
    [[start, "tries=0\n", 'tmux new-session -d -s "$name-extra" -- sleep 1000\ntries=0\n']],
  ],
  [
    "environment",
    "a secret in a process's arguments",
    /a secret of the agent/,
    [[pane, "set +u\n", 'exec sh -c "sleep 1000; :" x "$MOSAIC_CANARY_SECRET"\n']],
  ],
  [
    "environment",
    "a variable that does not arrive",
    /variables of the unit/,
    [[pane, "set +u\n", "set +u\nunset MOSAIC_CANARY_DIFFICULT\n"]],
  ],
  [
    "environment",
    "a pane that stays in another folder",
    /working folder/,
    [
      [pane, 'cd -- "$MOSAIC_AGENT_WORKDIR" || exit 66', ":"],
      [start, 'cd -- "$workdir" 2>/dev/null', ":"],
    ],
  ],
  [
    "reuse",
    "a script that restarts what runs",
    /did not leave the session as it was/,
    [[start, 'exec systemctl --user start "$unit"', 'exec systemctl --user restart "$unit"']],
  ],
  ["exact-stop", "a clean-up that matches sessions by prefix", /is gone|is not what it was/, byPrefix],
  [
    "agent-death",
    "a killed agent that is not brought back in time",
    /did not come back/,
    [[ended, 'told "killed', 'sleep 15\n\ttold "killed']],
  ],
  [
    "server-death",
    "a holder that is not brought back in time",
    /no new tmux server/,
    [[holder, "RestartSec=100ms", "RestartSec=16s"]],
  ],
  [
    "holder-stop",
    "a holder that leaves its socket",
    /its socket is still there/,
    [["tmux-holder-ended.sh", "set -u\n", "set -u\nexit 0\n"]],
  ],
  [
    "user-config",
    "a server that reads the user's ~/.tmux.conf",
    /the user's own tmux settings/,
    [["tmux.conf", "set -s exit-empty off\n", "set -s exit-empty off\nsource-file -q ~/.tmux.conf\n"]],
  ],
  [
    "user-config",
    "a server that is told of another file",
    /other settings than the fleet's/,
    [["start-tmux-holder.sh", '-f "$tools/tmux.conf"', '-f "$tools/tmux.conf" -f /dev/null']],
  ],
  [
    "caller",
    "a start by hand that hands its environment on",
    /has reached it/,
    [
      [
        start,
        'exec systemctl --user start "$unit"',
        'systemctl --user import-environment SSH_AUTH_SOCK\nexec systemctl --user start "$unit"',
      ],
    ],
  ],
  [
    "caller",
    "a pane that is told of another server",
    /TMUX is not the fleet's server/,
    [[pane, 'export TERM="$2" TMUX="$3"', 'export TERM="$2" TMUX="/tmp/other,1,0"']],
  ],
  [
    "path",
    "a PATH that the additions come last in",
    /MOSAIC_PATH adds is not the first/,
    [["fleet-functions.sh", "PATH=$additions$PATH", "PATH=$PATH:$additions"]],
  ],
  [
    "broken-command",
    "an agent that is tried for ever",
    /had not given it up/,
    [
      [agent, "StartLimitBurst=10", "StartLimitBurst=100000"],
      ["src/canary/steps/broken-command.ts", "LIMIT_MS = 25_000", "LIMIT_MS = 3_000"],
    ],
  ],
  [
    "broken-command",
    "a unit that does not say with what its agent ended",
    /does not say with what it ended/,
    [[ended, 'exec systemd-notify --no-block --status="$1"', "exit 0"]],
  ],
  [
    "graceful-stop",
    "an agent that is stopped without its seconds",
    /before it could finish its work/,
    [["stop-agent-session.sh", /seconds=\$\{.*\}/, "seconds=0"]],
  ],
  [
    "graceful-stop",
    "an agent that gets no signal",
    /before it could finish its work/,
    [["stop-agent-session.sh", 'kill -s "$signal" "$1"', ":"]],
  ],
  [
    "memory",
    "an agent whose end takes the server with it",
    /the tmux server is another process/,
    [
      [
        ended,
        'told "exited with status',
        'case $name in *-hog-*) kill -s KILL "$server" ;; esac\n\ttold "exited with status',
      ],
    ],
  ],
  [
    "memory",
    "an agent that is not moved under its memory limit",
    /not under its unit's memory limit/,
    [
      [
        start,
        "while IFS=: read -r _ controllers path; do\n",
        "while IFS=: read -r _ controllers path; do\n\tcase $controllers in memory) continue ;; esac\n",
      ],
    ],
  ],
  [
    "socket-loss",
    "a doctor that does not look for the socket",
    /did not notice/,
    [["src/doctor/checks/tmux-socket.ts", 'if (socket?.kind === "socket") return', "if (1 + 1 === 2) return"]],
  ],
  [
    "socket-loss",
    "a repair that ends the server",
    /did not bring the socket back|is another process/,
    [["src/doctor/fix.ts", 'host.kill(action.pid, "SIGUSR1")', 'host.kill(action.pid, "SIGKILL")']],
  ],
  [
    "default-server",
    "a holder that founds a server of the user's",
    /default tmux server changed/,
    [
      [
        "tmux-holder-ended.sh",
        "set -u\n",
        "set -u\nsystemd-run --user --scope --quiet env TMUX_TMPDIR=OUTSIDE tmux new-session -d -s intruder -- sleep 1000\n",
      ],
    ],
  ],
];

/** Of --level tmux. */
const halfPromises: Promised[] = [
  [
    "server",
    "a holder's script that does not know its server",
    /not the one that was founded/,
    [["start-tmux-holder.sh", '"$server" >"$RUNTIME_DIRECTORY/pid"', '1 >"$RUNTIME_DIRECTORY/pid"']],
  ],
  [
    "server",
    "a socket that every user can reach",
    /other users can reach the socket/,
    [["start-tmux-holder.sh", "printf '%s\\n%s\\n'", "chmod 777 \"$socket\"; printf '%s\\n%s\\n'"]],
  ],
  [
    "options",
    "a pane that goes with its program",
    /remain-on-exit/,
    [["tmux.conf", "remain-on-exit on", "remain-on-exit off"]],
  ],
  [
    "user-config",
    "a server that reads the user's ~/.tmux.conf",
    /the user's own tmux settings/,
    [["tmux.conf", "set -s exit-empty off\n", "set -s exit-empty off\nsource-file -q ~/.tmux.conf\n"]],
  ],
  [
    "agent",
    "a start that makes a session too many",
    /did not add exactly its session/,
    [[start, "tries=0\n", 'tmux new-session -d -s "$name-extra" -- sleep 1000\ntries=0\n']],
  ],
  [
    "environment",
    "a variable that does not arrive",
    /variables of the unit/,
    [[pane, "set +u\n", "set +u\nunset MOSAIC_CANARY_DIFFICULT\n"]],
  ],
  [
    "caller",
    "a server with its founder's environment",
    /have reached a program/,
    [["start-tmux-holder.sh", "env -i PATH", "env PATH"]],
  ],
  [
    "caller",
    "sessions that take over what a person at a shell has",
    /have reached a program/,
    [["tmux.conf", 'set -g update-environment ""', ""]],
  ],
  [
    "path",
    "a PATH that the additions come last in",
    /MOSAIC_PATH adds is not the first/,
    [["fleet-functions.sh", "PATH=$additions$PATH", "PATH=$PATH:$additions"]],
  ],
  [
    "reuse",
    "a start that restarts what runs",
    /did not leave it as it was/,
    [[start, 'respawn-pane -t "$target"', 'respawn-pane -k -t "$target"']],
  ],
  [
    "viewer",
    "a server that ends with its viewer",
    /tmux server is another process/,
    [["tmux.conf", "set -g set-titles off", "set-hook -g client-detached kill-server"]],
  ],
  [
    "send",
    "a text that loses its first letter",
    /is not what was sent/,
    [["src/fleet/send.ts", "paste(pane, bytes,", "paste(pane, bytes.subarray(1),"]],
  ],
  ["exact-stop", "a clean-up that matches sessions by prefix", /is gone|is not what it was/, byPrefix],
  [
    "agent-end",
    "a session that goes with its program",
    /session of an agent that ended was not kept/,
    [["tmux.conf", "remain-on-exit on", "remain-on-exit off"]],
  ],
  ["agent-end", "an exit status that nobody tells", /did not tell its exit status/, [[ended, 'say "$1"', ":"]]],
  [
    "socket-loss",
    "a server that ends when it is asked for its socket",
    /socket was not back/,
    [["src/canary/half/steps/socket-loss.ts", '"SIGUSR1"', '"SIGTERM"']],
  ],
  [
    "last-session",
    "a server that ends with its last session",
    /no tmux server answers/,
    [["tmux.conf", "set -g set-titles off", "set-hook -g session-closed kill-server"]],
  ],
  [
    "server-end",
    "a clean-up that leaves the socket",
    /its socket is still there/,
    [["tmux-holder-ended.sh", "set -u\n", "set -u\nexit 0\n"]],
  ],
  [
    "default-server",
    "a holder that founds a server of the user's",
    /default tmux server changed/,
    [
      [
        "tmux-holder-ended.sh",
        "set -u\n",
        "set -u\nTMUX_TMPDIR=OUTSIDE tmux new-session -d -s intruder -- sleep 1000\n",
      ],
    ],
  ],
];

const untouched = "a copy that nobody changed";
const fleet = { words: ["--sandbox"], promises, all: steps, pass: "pass", before: "holder-stop" } as const;
const half = {
  words: ["--level", "tmux"],
  promises: halfPromises,
  all: halfSteps,
  pass: "tmux-only",
  before: "server-end",
} as const;

for (const { words, promises, all, pass, before } of [fleet, half]) {
  describe(words.join(" "), () => {
    const outcomes = new Map<string, Outcome>();

    // Three at a time: much of a run is waiting.
    beforeAll(async () => {
      const queue: [string, readonly Sabotage[], ...string[]][] = [
        [untouched, []],
        ...promises.map(([step, what, , sabotages]): (typeof queue)[number] => [
          what,
          sabotages,
          "--only",
          step === "default-server" ? `${before},${step}` : step,
        ]),
      ];
      const work = async () => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          const [what, sabotages, ...only] = next;
          outcomes.set(what, await canaryOf(sabotages, ...words, ...only));
        }
      };
      await Promise.all([work(), work(), work()]);
    }, 240_000);

    test.each(promises)("the canary is red in step %s for %s", (step, what, message) => {
      const { code, report, stderr } = outcomes.get(what) as Outcome;
      expect(stderr).toBe("");
      const failed = report.steps.find(({ status }) => status === "fail");
      expect(`${failed?.id} ${failed?.message}`).toStartWith(`${step} `);
      expect(failed?.message).toMatch(message);
      expect(report.verdict).toBe("broken");
      expect(code).toBe(1);
    });

    test("no step is without its red", () => {
      expect(new Set(promises.map(([step]) => step))).toEqual(new Set(all.map(({ id }) => id)));
    });

    test("and green on a copy that nobody changed", () => {
      const { code, report } = outcomes.get(untouched) as Outcome;
      expect(report.steps.map(({ id, status, message }) => [id, status, message])).toEqual(
        report.steps.map(({ id }) => [id, "pass", undefined]),
      );
      expect(report.verdict).toBe(pass);
      expect(code).toBe(0);
    });
  });
}
