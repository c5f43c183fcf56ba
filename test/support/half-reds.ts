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
    /did not leave it as it was/,
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
