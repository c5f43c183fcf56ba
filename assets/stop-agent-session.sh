#!/bin/sh
# stop-agent-session.sh NAME: asks the agent to end, gives it its seconds, then ends what is left in its unit.
# Called by mosaic-agent@.service (ExecStop=), which also runs it after an agent has ended by itself: then there is
# nothing to do. The session is closed afterwards, by agent-session-ended.sh.
set -u
state=$RUNTIME_DIRECTORY
seconds=${MOSAIC_AGENT_STOP_SECONDS:-10}

read -r group <"$state/memberships" && group=${group%/cgroup.procs} || exit 0
# shellcheck source=SCRIPTDIR/unit-processes.sh
. "${0%/*}/unit-processes.sh"

unit_has_processes "$group" || {
	wake_server
	exit 0
}
printf '%s\n' "$INVOCATION_ID" >"$state/stopped-by-hand"

runs() { # a process that has ended and is not yet reaped does not count
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null && case ${stat##*) } in Z*) return 1 ;; esac
}

if read -r agent <"$state/agent" && runs "$agent"; then
	# Shells at a prompt ignore SIGTERM (bit 15 of SigIgn) and end on SIGHUP.
	signal=TERM
	while read -r key value; do
		case $key in SigIgn:) [ $((0x$value & 0x4000)) -eq 0 ] || signal=HUP ;; esac
	done <"/proc/$agent/status"
	kill -s "$signal" "$agent" && kill -s CONT "$agent"
	waits=0
	while runs "$agent"; do
		[ $((waits += 1)) -le $((seconds * 20)) ] || {
			printf '%s: still running %s seconds after SIG%s: killed\n' "$1" "$seconds" "$signal" >&2
			break
		}
		sleep 0.05
	done
fi

# What the agent left behind has had the same seconds. Again until none is left: a process may fork as we read.
while unit_has_processes "$group"; do
	# shellcheck disable=SC2046 # one word a process
	kill -s KILL $(unit_processes "$group") 2>/dev/null
done
wake_server
exit 0
