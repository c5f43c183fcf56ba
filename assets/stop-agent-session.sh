#!/bin/sh
# stop-agent-session.sh NAME: asks the agent to end, gives it its seconds, then ends what is left in its unit.
# Called by mosaic-agent@.service (ExecStop=), which also runs it after an agent has ended by itself. What comes then
# is in agent-session-ended.sh.
set -u
name=$1
state=$RUNTIME_DIRECTORY
ended=by-itself
# shellcheck source=SCRIPTDIR/fleet-functions.sh
. "${0%/*}/fleet-functions.sh"
read -r group <"$state/memberships" && group=${group%/cgroup.procs} || group=/nonexistent

ask_to_end() { # SIGTERM; but shells at a prompt ignore that (bit 15 of SigIgn) and end on SIGHUP
	signal=TERM
	while read -r key value; do
		case $key in SigIgn:) [ $((0x$value & 0x4000)) -eq 0 ] || signal=HUP ;; esac
	done <"/proc/$1/status"
	kill -s "$signal" "$1" && kill -s CONT "$1"
} 2>/dev/null

if unit_has_processes "$group"; then
	ended=by-hand
	seconds=${MOSAIC_AGENT_STOP_SECONDS:-10}
	case $seconds in
	[0-9] | [12][0-9] | 30) ;;
	*)
		printf '%s: MOSAIC_AGENT_STOP_SECONDS=%s is not a whole number from 0 to 30: 10 is taken\n' "$1" "$seconds" >&2
		seconds=10
		;;
	esac
	# All of them, as systemd would: the agent may be a shell's child.
	for process in $(unit_processes "$group"); do ask_to_end "$process"; done
	waits=0
	while unit_has_processes "$group"; do
		[ $((waits += 1)) -le $((seconds * 20)) ] || {
			printf '%s: still running %s seconds after it was asked to end: killed\n' "$1" "$seconds" >&2
			break
		}
		sleep 0.05
	done

	# Again until none is left: a process may fork as we read.
	rounds=0
	while unit_has_processes "$group" && [ $((rounds += 1)) -le 25 ]; do
		# shellcheck disable=SC2046 # one word a process
		kill -s KILL $(unit_processes "$group") 2>/dev/null
		[ "$rounds" -le 5 ] || sleep 0.2 # what does not end now waits for the kernel
	done
fi
wake_server
# shellcheck source=SCRIPTDIR/agent-session-ended.sh
. "${0%/*}/agent-session-ended.sh"
