#!/bin/sh
# agent-pane-died.sh SESSION PANE PID: ends what an agent left in its unit when it died, so that the unit ends too.
# Called by the tmux server (hook pane-died in tmux.conf).
set -u
state=$XDG_RUNTIME_DIR/mosaic-agent/$1
{ read -r agent <"$state/agent" && [ "$agent" = "$3" ] && read -r group <"$state/memberships"; } 2>/dev/null || exit 0
group=${group%/cgroup.procs}
# shellcheck source=SCRIPTDIR/unit-processes.sh
. "${0%/*}/unit-processes.sh"

unit_has_processes "$group" || exit 0
left=$(unit_processes "$group")
# These are the dead agent's and not a new one's: the next start would have given the pane a new process first.
[ "$(timeout -k 1 5 tmux -u -N display-message -p -t "$2" '#{pane_dead} #{pane_pid}')" = "1 $3" ] || exit 0
# shellcheck disable=SC2086 # one word a process
set -- $left
kill -s TERM "$@" 2>/dev/null
for pid; do timeout 2 tail --pid="$pid" -s 0.05 -f /dev/null; done
kill -s KILL "$@" 2>/dev/null
exit 0
