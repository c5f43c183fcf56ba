import type { Red, Sabotage } from "./sabotage.ts";

// Each promise of the canary, broken.

const holder = "mosaic-tmux-holder.service";
const agent = "mosaic-agent@.service";
const pane = "agent-pane.sh";
const start = "start-agent-session.sh";
const ended = "agent-session-ended.sh";
const functions = "fleet-functions.sh";

/** A clean-up that takes another agent's session for its own. */
export const byPrefix: Sabotage[] = [
  [ended, '"=$name:"', '"$name:"'],
  [functions, '"=$1:"', '"$1:"'],
  [functions, "kill-session -t =$1", "kill-session -t $1"],
];

export const fleetReds: readonly Red[] = [
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
