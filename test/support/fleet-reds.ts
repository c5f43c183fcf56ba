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
    "agent",
    "an agent that is not moved under its memory limit",
    /not in its own unit in every hierarchy/,
    [
      [
        start,
        "while IFS=: read -r _ controllers path; do\n",
        "while IFS=: read -r _ controllers path; do\n\tcase $controllers in memory) continue ;; esac\n",
      ],
    ],
  ],
  [
    "holder",
    "a socket that the user's group can reach",
    /other users can reach the socket/,
    [["start-tmux-holder.sh", "printf '%s\\n%s\\n'", 'chmod 710 "$(dirname "$socket")"; printf \'%s\\n%s\\n\'']],
  ],
  [
    "environment",
    "variables of the manager that do not arrive",
    /that its unit inherits did not reach/,
    [[start, 'export -p >"$RUNTIME', 'export -p | grep -v LOGNAME >"$RUNTIME']],
  ],
  [
    "environment",
    "a pane that keeps what is the server's own",
    /not for it have reached/,
    [[pane, "MOSAIC_FLEET_TOOLS MOSAIC_FLEET_SITE mosaic_procs", "mosaic_procs"]],
  ],
  [
    "agent-death",
    "an agent that is back without its variables",
    /variables of the unit/,
    [[pane, "set +u\n", 'set +u\n[ ! -e "$0.$PPID" ] || unset MOSAIC_CANARY_SECRET\n: >"$0.$PPID"\n']],
  ],
  [
    "server-death",
    "a new socket that every user can reach",
    /other users can reach the socket/,
    [
      [
        "start-tmux-holder.sh",
        "printf '%s\\n%s\\n'",
        '[ ! -e "$RUNTIME_DIRECTORY/socket" ] || chmod 777 "$socket"; printf \'%s\\n%s\\n\'',
      ],
    ],
  ],
  [
    "graceful-stop",
    "a stop that leaves what the agent has started",
    /which the agent had started, still runs/,
    [
      [agent, "KillMode=control-group", "KillMode=process"],
      ["src/canary/steps/layout.ts", "broken = brokenSettings(unit)", "broken: string[] = []"],
      ["agent-pane-died.sh", "set -u\n", "set -u\nexit 0\n"],
      [
        "stop-agent-session.sh",
        'for process in $(unit_processes "$group"); do ask_to_end "$process"; done',
        'ask_to_end "$(cat "$state/agent")"\n\tsleep 0.7\n\tgroup=/nonexistent',
      ],
    ],
  ],
  [
    "user-config",
    "a server without a hook of the fleet's",
    /is not in force/,
    [["tmux.conf", /set-hook -g pane-died .*/, ""]],
  ],
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
    /tmux-holder\.service did not start/,
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
  [
    "exact-stop",
    "a clean-up that matches sessions by prefix",
    /closed by hand, (the session )?".*-second" is (gone|not what it was)/,
    byPrefix,
  ],
  [
    "agent-death",
    "a killed agent that is not brought back in time",
    /did not come back/,
    [
      [ended, 'told "killed', 'sleep 5\n\ttold "killed'],
      ["src/canary/steps/agent-death.ts", "LIMIT_MS = 10_000", "LIMIT_MS = 2_500"],
    ],
  ],
  [
    "server-death",
    "a holder that is not brought back in time",
    /no new tmux server/,
    [
      ["start-tmux-holder.sh", "add_to_path\n", 'add_to_path\n[ ! -e "$RUNTIME_DIRECTORY/socket" ] || sleep 5\n'],
      ["src/canary/steps/server-death.ts", "LIMIT_MS = 15_000", "LIMIT_MS = 1_500"],
    ],
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
    "a unit that says something else than with what its agent ended",
    /does not say with what it ended/,
    [[ended, '--status="$1"', '--status="$10"']],
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
    [
      [
        "stop-agent-session.sh",
        'kill -s "$signal" "$1"',
        'case $name in *-graceful-*) ;; *) kill -s "$signal" "$1" ;; esac',
      ],
      ["src/canary/parts.ts", 'MOSAIC_AGENT_STOP_SECONDS: "5"', 'MOSAIC_AGENT_STOP_SECONDS: "1"'],
    ],
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
    "socket-loss",
    "a doctor that does not look for the socket",
    /did not notice/,
    [["src/doctor/checks/tmux-socket.ts", 'if (socket?.kind === "socket") return', "if (1 + 1 === 2) return"]],
  ],
  [
    "socket-loss",
    "a repair that ends the server",
    /came back, the tmux server is another process/,
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
  [
    "layout",
    "a drop-in that keeps an agent's unit from being loaded",
    /is bad-setting, not loaded/,
    [["src/canary/agents.ts", '["[Service]",', '["[Service]", "ExecStart=",']],
  ],
  [
    "holder",
    "a main process that is not the server",
    /is not the holder's main process/,
    [
      ["start-tmux-holder.sh", "timeout -k 1 15 tmux", "systemd-run --user --scope --quiet tmux"],
      ["start-tmux-holder.sh", 'ours "$server" ||', "sleep 1000 >/dev/null 2>&1 &\n\ttrue ||"],
    ],
  ],
  [
    "holder",
    "a server that is moved out of the holder's cgroup",
    /does not live in the holder's cgroup/,
    [
      [
        "mosaic-tmux-holder.service",
        "ExecStopPost=",
        "ExecStartPost=/bin/sh -c 'exec busctl --user call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StartTransientUnit \"ssa(sv)a(sa(sv))\" stray.scope fail 1 PIDs au 1 $MAINPID 0; sleep 0.5'\nExecStopPost=",
      ],
    ],
  ],
  [
    "reuse",
    "a start by hand that fails",
    /typed by hand, failed/,
    [["start-agent-session.sh", 'exec systemctl --user start "$unit"', "exit 1"]],
  ],
  [
    "caller",
    "a start by hand that fails",
    /typed by hand, failed/,
    [["start-agent-session.sh", 'exec systemctl --user start "$unit"', "exit 1"]],
  ],
  [
    "exact-stop",
    "an agent that is not brought back when its session was closed",
    /did not come back within/,
    [
      ["agent-session-ended.sh", 'told "its session is gone', 'sleep 4\n\ttold "its session is gone'],
      ["src/canary/steps/exact-stop.ts", "LIMIT_MS = 15_000", "LIMIT_MS = 2_000"],
    ],
  ],
  [
    "exact-stop",
    "a stop that closes the session with the longer name, too",
    /was stopped, (the session )?".*-second" is (gone|not what it was)/,
    [["fleet-functions.sh", 'kill-session -t =$1"', 'kill-session -t =$1 ; kill-session -t =$1-second"']],
  ],
  [
    "exact-stop",
    "a stop that ends the server",
    /was stopped, the tmux server is another process/,
    [
      [
        "agent-session-ended.sh",
        'close_session "$name" "$socket"\n\texit 0',
        'close_session "$name" "$socket"\n\tkill -s KILL "$server"\n\texit 0',
      ],
    ],
  ],
  [
    "exact-stop",
    "a stop that ends as a failure",
    /after a stop .* is failed, not inactive/,
    [
      [
        "agent-session-ended.sh",
        'close_session "$name" "$socket"\n\texit 0',
        'close_session "$name" "$socket"\n\texit 3',
      ],
    ],
  ],
  [
    "exact-stop",
    "a stop that leaves the session",
    /after a stop the session .* is still there/,
    [["agent-session-ended.sh", '[ -z "$socket" ] || close_session "$name" "$socket"\n\texit 0', "exit 0"]],
  ],
  [
    "server-death",
    "agents that are not brought back in time",
    /agents were not back within/,
    [
      ["agent-session-ended.sh", 'told "the tmux server is gone', 'sleep 5\n\ttold "the tmux server is gone'],
      ["src/canary/steps/server-death.ts", "LIMIT_MS = 15_000", "LIMIT_MS = 2_500"],
    ],
  ],
  [
    "holder-stop",
    "a holder whose stop ends as a failure",
    /after a stop the holder is failed, not inactive/,
    [["tmux-holder-ended.sh", "esac\n", "esac\nexit 1\n"]],
  ],
  [
    "holder-stop",
    "a clean-up that founds another server",
    /a tmux server still answers on its socket/,
    [
      [
        "tmux-holder-ended.sh",
        'rm -f -- "$socket"',
        'rm -f -- "$socket"; systemd-run --user --scope --quiet tmux -S "$socket" new-session -d -s intruder -- sleep 1000',
      ],
    ],
  ],
  ["path", "additions that do not reach PATH", /did not start/, [["fleet-functions.sh", "PATH=$additions$PATH", ":"]]],
  [
    "broken-command",
    "an agent that is given up at once",
    /failed, but not by its start limit/,
    [["src/canary/parts.ts", '"RestartSec=20ms"', '"Restart=no", "RestartSec=20ms"']],
  ],
  [
    "memory",
    "a limit that is not in force",
    /limit of an agent's unit is not in force/,
    [["src/canary/parts.ts", /`MemoryMax=\$\{NEIGHBOUR_LIMIT\}`/, ""]],
  ],
  [
    "memory",
    "an agent that eats more than its limit, and ends well",
    /was not killed for it/,
    [
      ["src/canary/parts.ts", /`MemoryMax=\$\{HOG_LIMIT\}`, /, ""],
      ["src/canary/parts.ts", "| tail -n 1", "| tail -n 1 >/dev/null"],
    ],
  ],
  [
    "memory",
    "an agent whose end takes its neighbour with it",
    /-neighbour-.*" is (gone|not what it was)/,
    [
      [
        "agent-session-ended.sh",
        'told "exited with status',
        'case $name in *-hog-*) tmux kill-session -t "=$(echo "$name" | sed s/hog/neighbour/)" ;; esac\n\ttold "exited with status',
      ],
    ],
  ],
  [
    "socket-loss",
    "a repair that does nothing",
    /did not bring the socket back/,
    [
      ["src/doctor/fix.ts", '!host.kill(action.pid, "SIGUSR1")', "action.pid === 0"],
      ["src/doctor/fix.ts", "REVIVED_MS = 5_000", "REVIVED_MS = 500"],
    ],
  ],
  [
    "agent",
    "a program that ended in a unit which lives by another process",
    /has ended, although its unit is active/,
    [
      [
        "start-agent-session.sh",
        "in_unit() {",
        'in_unit() {\n\tsleep 1000 8>&- >/dev/null 2>&1 &\n\tkill -s KILL "$1"\n\tsleep 0.3\n\treturn 0',
      ],
      ["agent-pane-died.sh", "set -u\n", "set -u\nexit 0\n"],
    ],
  ],
  [
    "agent-death",
    "an agent whose death systemd does not notice",
    /systemd did not notice/,
    [
      ["start-agent-session.sh", "in_unit() {", "in_unit() {\n\tsleep 1000 8>&- >/dev/null 2>&1 &"],
      [
        "agent-pane-died.sh",
        "set -u\n",
        'set -u\nexec systemctl --user --no-block restart "mosaic-agent@$1.service"\n',
      ],
    ],
  ],
  [
    "holder-stop",
    "agents that a stop of the holder leaves to themselves",
    /after a stop mosaic-agent@.* is (deactivating|activating|failed), not inactive/,
    [
      ["mosaic-agent@.service", "Requires=mosaic", "Wants=mosaic"],
      ["src/canary/steps/layout.ts", "broken = brokenSettings(unit)", "broken: string[] = []"],
    ],
  ],
  [
    "layout",
    "an install that leaves a file out",
    /files of the layout are missing/,
    [
      [
        "src/install/perform.ts",
        "return prepared.get(action.path)?.place();",
        'return action.path.endsWith("/tmux-holder-ended.sh") ? undefined : prepared.get(action.path)?.place();',
      ],
    ],
  ],
  [
    "graceful-stop",
    "a stop that leaves the session",
    /after a stop the session .* is still there/,
    [["agent-session-ended.sh", '[ -z "$socket" ] || close_session "$name" "$socket"\n\texit 0', "exit 0"]],
  ],
  [
    "memory",
    "an agent whose end takes the server out of the holder's unit",
    /does not live in the holder's cgroup/,
    [
      [
        "agent-session-ended.sh",
        'told "exited with status',
        'case $name in *-hog-*)\n\t\tbusctl --user call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StartTransientUnit "ssa(sv)a(sa(sv))" stray.scope fail 1 PIDs au 1 "$server" 0\n\t\tsleep 0.5 ;;\n\tesac\n\ttold "exited with status',
      ],
    ],
  ],
  [
    "socket-loss",
    "a repair that takes the server out of the holder's unit",
    /does not live in the holder's cgroup/,
    [
      [
        "src/doctor/fix.ts",
        'if (!host.kill(action.pid, "SIGUSR1"))',
        'await host.exec(["sh", "-c", \'server=$0; busctl --user call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StartTransientUnit "ssa(sv)a(sa(sv))" stray.scope fail 1 PIDs au 1 "$server" 0; sleep 0.5\', String(action.pid)]);\n      if (!host.kill(action.pid, "SIGUSR1"))',
      ],
    ],
  ],
];
