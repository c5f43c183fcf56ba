import { byPrefix } from "./fleet-reds.ts";
import type { Red } from "./sabotage.ts";

// Each promise of canary --level tmux, broken.

const pane = "agent-pane.sh";
const start = "start-agent-session.sh";
const ended = "agent-session-ended.sh";

export const halfReds: readonly Red[] = [
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
    /did not leave the session as it was/,
    [[start, 'respawn-pane -t "$target" "$@"', 'respawn-pane -k -t "$target" -- sleep infinity']],
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
    [
      ["src/fleet/send.ts", "paste(pane, bytes,", "paste(pane, bytes.subarray(1),"],
      ["src/canary/half/steps/send.ts", "LIMIT_MS = 8_000", "LIMIT_MS = 1_000"],
    ],
  ],
  [
    "exact-stop",
    "a clean-up that matches sessions by prefix",
    /closed once more, the session ".*-second" is gone/,
    byPrefix,
  ],
  [
    "agent-end",
    "a session that goes with its program",
    /session of an agent that ended was not kept/,
    [
      ["tmux.conf", "remain-on-exit on", "remain-on-exit off"],
      ["src/canary/half/steps/agent-end.ts", "LIMIT_MS = 8_000", "LIMIT_MS = 1_000"],
    ],
  ],
  ["agent-end", "an exit status that nobody tells", /did not tell its exit status/, [[ended, 'say "$1"', ":"]]],
  [
    "socket-loss",
    "a server that ends when it is asked for its socket",
    /socket was not back/,
    [
      ["src/canary/half/steps/socket-loss.ts", '"SIGUSR1"', '"SIGTERM"'],
      ["src/canary/half/steps/socket-loss.ts", "LIMIT_MS = 5_000", "LIMIT_MS = 500"],
    ],
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
  [
    "server",
    "a server that would end with its last session",
    /founded no tmux server/,
    [["tmux.conf", "set -s exit-empty off\n", ""]],
  ],
  [
    "agent",
    "a start that fails",
    /was not started/,
    [["start-agent-session.sh", "tries=0\n", 'refuse 75 "on purpose"\n']],
  ],
  [
    "agent",
    "a start that leaves no session, and says nothing",
    /although its start went well/,
    [["start-agent-session.sh", "tries=0\n", 'close_session "$name" "$socket"\nexit 0\n']],
  ],
  [
    "agent",
    "a pane that is not marked as the agent's own",
    /not marked as the agent's own/,
    [["start-agent-session.sh", 'set-option -p -t "=$name:" @mosaic_agent 1 \\; ', ""]],
  ],
  [
    "environment",
    "a secret in a process's arguments",
    /a secret of the agent/,
    [["agent-pane.sh", "set +u\n", 'exec sh -c "sleep 1000; :" x "$MOSAIC_CANARY_SECRET"\n']],
  ],
  [
    "environment",
    "a pane that stays in another folder",
    /working folder/,
    [
      ["agent-pane.sh", 'cd -- "$MOSAIC_AGENT_WORKDIR" || exit 66', ":"],
      ["start-agent-session.sh", 'cd -- "$workdir" 2>/dev/null', ":"],
    ],
  ],
  [
    "caller",
    "a pane that is told of another server",
    /TMUX is not the fleet's server/,
    [["agent-pane.sh", 'export TERM="$2" TMUX="$3"', 'export TERM="$2" TMUX="/tmp/other,1,0"']],
  ],
  [
    "path",
    "additions that do not reach PATH",
    /was not started/,
    [["fleet-functions.sh", "PATH=$additions$PATH", ":"]],
  ],
  [
    "viewer",
    "a session that ends with its viewer",
    /killed, the session ".*" is gone/,
    [["tmux.conf", "set -g set-titles off", "set-hook -g client-detached kill-session"]],
  ],
  [
    "exact-stop",
    "a stop that leaves the session",
    /the session .* is still there/,
    [["fleet-functions.sh", 'kill-session -t =$1"', 'set-option -s @none 1"']],
  ],
  [
    "exact-stop",
    "a program that outlives its session",
    /of a session that was closed still runs/,
    [
      ["src/canary/half/half.ts", '"sleep infinity" };', "\"trap '' HUP; sleep infinity\" };"],
      ["src/canary/half/steps/exact-stop.ts", "LIMIT_MS = 5_000", "LIMIT_MS = 500"],
    ],
  ],
  [
    "agent-end",
    "a start that is in a session of its own",
    /not started anew in its own session/,
    [
      [
        "start-agent-session.sh",
        '{ read -r pane <"$state/pane"; } 2>/dev/null\n',
        '{ read -r pane <"$state/pane"; } 2>/dev/null\nclose_session "$name" "$socket"\n',
      ],
    ],
  ],
  [
    "server-end",
    "a program that outlives its server",
    /an agent's program .* still runs/,
    [
      ["src/canary/half/half.ts", '"sleep infinity" };', "\"trap '' HUP; sleep infinity\" };"],
      ["src/canary/half/steps/server-end.ts", "LIMIT_MS = 8_000", "LIMIT_MS = 500"],
    ],
  ],
  [
    "server-end",
    "a clean-up that fails",
    /clears up after the server failed/,
    [["tmux-holder-ended.sh", "esac\n", "esac\nexit 1\n"]],
  ],
  [
    "server-end",
    "a clean-up that founds another server",
    /one still answers on its socket/,
    [
      [
        "tmux-holder-ended.sh",
        'rm -f -- "$socket"',
        'rm -f -- "$socket"; tmux -S "$socket" new-session -d -s intruder -- sleep 1000',
      ],
    ],
  ],
  [
    "agent",
    "a program that ends as it is started",
    /the program in session .* has ended/,
    [["start-agent-session.sh", "tries=0\n", 'kill -s KILL "$pane"\nsleep 0.3\nexit 0\n']],
  ],
  [
    "agent-end",
    "a start that fails where the agent ends at once",
    /ends at once was not started/,
    [["start-agent-session.sh", "tries=0\n", 'case $name in *-ending) refuse 75 "on purpose" ;; esac\ntries=0\n']],
  ],
  [
    "viewer",
    "a viewer that never came",
    /no viewer was on the session/,
    [
      ["src/canary/half/steps/viewer.ts", "exec tmux -u -N -C", "exec false -u -N -C"],
      ["src/canary/half/steps/viewer.ts", "LIMIT_MS = 8_000", "LIMIT_MS = 500"],
    ],
  ],
  [
    "viewer",
    "a viewer that is not killed",
    /still on the session/,
    [
      ["src/canary/half/steps/viewer.ts", 'host.kill(client.pid, "SIGKILL")', "client.pid"],
      ["src/canary/half/steps/viewer.ts", "LIMIT_MS = 8_000", "LIMIT_MS = 500"],
    ],
  ],
  [
    "socket-loss",
    "a socket that did not vanish",
    /answers on a socket that is gone/,
    [["src/canary/half/steps/socket-loss.ts", "await host.files.removeFile(socketPath);", ""]],
  ],
  [
    "last-session",
    "sessions that are not closed",
    /that were closed are still there/,
    [["src/canary/half/steps/last-session.ts", "half.tmux.killSessions([...names])", "half.tmux.killSessions([])"]],
  ],
  [
    "socket-loss",
    "an agent that ends as the socket comes back",
    /came back, ".*" is not what it was/,
    [
      [
        "src/canary/half/steps/socket-loss.ts",
        'host.kill(pid, "SIGUSR1");',
        'host.kill(pid, "SIGUSR1");\n    host.kill(before.pid, "SIGKILL");\n    await host.pause(300);',
      ],
    ],
  ],
];
