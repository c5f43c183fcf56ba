#!/bin/sh
# agent-pane-died.sh SESSION PANE PID: ends what an agent left in its unit when it died, so that the unit ends too.
# Called by the tmux server (hook pane-died in tmux.conf).
set -u
state=$XDG_RUNTIME_DIR/mosaic-agent/$1
{ read -r agent <"$state/agent" && [ "$agent" = "$3" ] && read -r group <"$state/memberships"; } 2>/dev/null || exit 0
group=${group%/cgroup.procs}
# shellcheck source=SCRIPTDIR/fleet-functions.sh
. "${0%/*}/fleet-functions.sh"

# What was there just now is the dead agent's and not a new one's. A start is in the unit long before it gives the pane a new
# process, but only once systemd has taken away what the start before had written.
still_dead() {
	{ read -r now <"$state/agent" && [ "$now" = "$agent" ]; } 2>/dev/null &&
		[ "$(timeout -k 1 5 tmux -u -N display-message -p -t "$pane" '#{pane_dead} #{pane_pid}')" = "1 $agent" ]
}

unit_has_processes "$group" || exit 0
# The start script is in the unit too, and may still be at it: it holds this lock until it ends.
read -r slot <"$state/slot" && flock "$slot" true
pane=$2
left=$(unit_processes "$group")
still_dead || exit 0
# shellcheck disable=SC2086 # one word a process
kill -s TERM $left 2>/dev/null
waits=0
while unit_has_processes "$group" && [ $((waits += 1)) -le 40 ]; do sleep 0.05; done
# Again until none is left: a process may fork as we read.
rounds=0
while left=$(unit_processes "$group") && [ -n "$left" ] && still_dead; do
	# shellcheck disable=SC2086 # one word a process
	kill -s KILL $left 2>/dev/null
	[ $((rounds += 1)) -le 100 ] || exit 1 # the kernel does not let go of them: doctor shows the unit and what is in it
	sleep 0.1
done
exit 0
