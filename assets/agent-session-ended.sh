#!/bin/sh
# agent-session-ended.sh: says how the agent ended: in the journal and in the unit's status.
# Sourced by stop-agent-session.sh when no process of the agent $name is left. After a stop by hand ($ended) it closes the
# session. With the unit's own Restart=always it ends well, so that a stop which comes just now never shows
# "failed"; where a drop-in has another Restart=, it ends as the agent ended, which is what systemd then goes by.
# Called by itself (ExecStopPost= of a unit from before, whose ExecStop= is the script of today) it has nothing to do.
# shellcheck disable=SC2154 # name, ended: set by who sources us
case $0 in */agent-session-ended.sh) exit 0 ;; esac
holder=$XDG_RUNTIME_DIR/mosaic-tmux-holder
say() { printf '%s: %s\n' "$name" "$*" >&2; }
tmux() { timeout -k 1 10 tmux -u -N -S "$socket" "$@"; }
add_to_path

socket=''
if { read -r server <"$holder/pid" && kill -0 "$server" && { read -r _ && read -r socket; } <"$holder/socket"; } 2>/dev/null; then
	{ read -r had <"$RUNTIME_DIRECTORY/server"; } 2>/dev/null
	case ${had-} in
	# The same few places as for starts: 1,000 ends at once must not make the server deaf.
	'' | "$server") exec 8>"$XDG_RUNTIME_DIR/mosaic-agent/.slot-$(($$ % 4))" && flock 8 ;;
	# The server that had the agent is gone; another one, which never did, is there already.
	*) socket='' ;;
	esac
fi

if [ "$ended" = by-hand ]; then
	[ -z "$socket" ] || close_session "$name" "$socket"
	exit 0
fi

# A stop that came when the agent had ended already: its job waits for us.
stop_waits() { # a start may wait too: that of an agent which has ended within it
	case $(timeout -k 1 5 systemctl --user list-jobs --full --plain --no-legend "mosaic-agent@$name.service") in
	*' stop '* | *'restart '*) return 0 ;;
	esac
	return 1
}

restart_overridden() {
	config=${0%/mosaic/tools/fleet/*}
	for folder in "$config" "${XDG_DATA_HOME:-$HOME/.local/share}" "$XDG_RUNTIME_DIR" /etc /run /usr/local/lib /usr/lib; do
		for dropin in "$folder/systemd/user/mosaic-agent@.service.d"/*.conf "$folder/systemd/user/mosaic-agent@$name.service.d"/*.conf \
			"$folder/systemd/user.control/mosaic-agent@$name.service.d"/*.conf "$folder/systemd/user/mosaic-.service.d"/*.conf \
			"$folder/systemd/user/service.d"/*.conf; do
			[ -e "$dropin" ] || continue
			while read -r line || [ -n "$line" ]; do
				case $line in Restart=* | "Restart ="*) return 0 ;; esac
			done <"$dropin"
		done
	done
	return 1
}

# told TEXT: for people; goes on only where a failure has to be told to systemd too.
told() {
	say "$1"
	restart_overridden && ! stop_waits && return
	[ -n "$socket" ] || exit 0 # a herd, after a crash of the server: one process less each
	exec systemd-notify --no-block --status="$1"
}

if [ -z "$socket" ]; then
	told "the tmux server is gone, and with it the agent and its exit status"
	kill -s HUP $$
fi

# The agent's own pane: a person may have opened others beside it.
look() {
	session=$(tmux list-panes -s -t "=$name:" -f '#{@mosaic_agent}' \
		-F '#{@mosaic_agent} #{pane_dead} #{pane_dead_status} #{pane_dead_signal}' 2>&1)
}
look
# Until the server has taken notice of its child's end: a pane is "dead" from its end of file on, the status comes later.
for _ in 1 2 3 4 5; do
	case $session in '1 0 '* | '1 1  ') wake_server && look ;; esac
done

if stop_waits; then
	close_session "$name" "$socket"
	exit 0
fi

# count_killed: has $killed say what the kernel has killed in the unit for want of memory. A shell whose child was ends with 137.
count_killed() {
	while read -r key count; do
		case $key-$count in oom_kill-0) continue ;; oom_kill-*) read -r limit <"$group/memory.max" ;; *) continue ;; esac
		[ "$limit" = max ] || limit="$((limit / 1048576)) MiB"
		killed=" (the kernel has killed $count of its processes for want of memory; limit: $limit)"
	done <"$group/memory.events"
} 2>/dev/null
killed=''
case $session in
'1 1 '[0-9]*)
	code=${session#1 1 }
	[ "${code% }" -ne 137 ] || count_killed
	told "exited with status ${code% }$killed"
	exit "${code% }"
	;;
'1 1  '[0-9]*)
	signal=${session#1 1  }
	[ "$signal" -ne 9 ] || count_killed
	told "killed by signal $signal$killed"
	# shellcheck disable=SC3045 # where there is no such limit there is no core file either
	ulimit -c 0 2>/dev/null
	kill -s "$signal" $$
	;;
'1 1 '*)
	told "ended by a signal, which this tmux does not tell" # before 3.3
	kill -s HUP $$
	;;
'1 0 '*)
	close_session "$name" "$socket"
	told "its program left its unit: session closed"
	exit 71
	;;
*)
	told "its session is gone, and with it the exit status (tmux says: ${session:-nothing})"
	kill -s HUP $$
	;;
esac
