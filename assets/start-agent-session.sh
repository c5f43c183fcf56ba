#!/bin/sh
# start-agent-session.sh NAME: starts the agent's session on the holder's tmux server, or reuses the one there,
# with the agent's processes inside this unit.
# Called by mosaic-agent@.service (ExecStart=). Typed by hand, it starts that unit.
# Exits 0: the session is there and its program is in the unit, 64 name not allowed, 66 working folder missing,
# 69 program missing, 71 the system refuses, 75 try again, 78 settings disagree.
set -u

# The unit's environment as it came, before any name here gets in its way; the pane reads it back. Not in any argv.
umask 077
[ -z "${RUNTIME_DIRECTORY-}" ] || export -p >"$RUNTIME_DIRECTORY/environment"

name=${1-} socket=''
refuse() {
	code=$1
	shift
	printf 'mosaic-agent %s: not started: %s\n' "$name" "$*" >&2
	[ -z "$socket" ] || close_session "$name" "$socket"
	exit "$code"
}

case $name in
'' | [!A-Za-z0-9]* | *[!A-Za-z0-9_-]*) refuse 64 "a name is letters, digits, - and _, and starts with a letter or digit" ;;
esac
[ ${#name} -le 63 ] || refuse 64 "a name has at most 63 characters"
unit=mosaic-agent@$name.service
tools=${0%/*}
# shellcheck source=SCRIPTDIR/fleet-functions.sh
. "$tools/fleet-functions.sh"

# The cgroup.procs files of this unit, one for each hierarchy that has the unit (one on a unified system).
memberships='' hierarchies=0
while IFS=: read -r _ controllers path; do
	case $path in
	*"/$unit" | *"/$unit/"*) path=${path%%"/$unit"*}/$unit ;;
	*) continue ;;
	esac
	for root in /sys/fs/cgroup "/sys/fs/cgroup/${controllers#name=}" /sys/fs/cgroup/unified; do
		[ -e "$root$path/cgroup.procs" ] || continue
		memberships="$memberships$root$path/cgroup.procs
"
		hierarchies=$((hierarchies + 1))
		break
	done
done </proc/self/cgroup
# Not called by the unit: by hand, or in an agent's own pane. (canary --level tmux tries it where there are no units.)
if [ -z "${MOSAIC_CANARY_NO_UNITS-}" ] && { [ -z "$memberships" ] || [ -z "${RUNTIME_DIRECTORY-}" ]; }; then
	exec systemctl --user start "$unit"
fi

state=$RUNTIME_DIRECTORY
env_file=${tools%/tools/fleet}/fleet/agents/$name.env
fleet_env=${tools%/tools/fleet}/fleet/fleet.env

add_to_path
# What the holder recorded, against what this agent is told.
{ read -r holder_name && read -r socket; } <"$XDG_RUNTIME_DIR/mosaic-tmux-holder/socket" ||
	refuse 75 "the holder has no tmux server yet: systemctl --user status mosaic-tmux-holder.service"
[ "${MOSAIC_TMUX_SOCKET:-$holder_name}" = "$holder_name" ] ||
	refuse 78 "MOSAIC_TMUX_SOCKET is '$MOSAIC_TMUX_SOCKET' for the agent and '$holder_name' for the holder: set it in $fleet_env only"
[ "${MOSAIC_AGENT_NAME:-$name}" = "$name" ] ||
	refuse 78 "MOSAIC_AGENT_NAME is '$MOSAIC_AGENT_NAME' in $env_file: take the line out"

expand_home "${MOSAIC_AGENT_WORKDIR:-$HOME}"
workdir=$expanded
cd -- "$workdir" 2>/dev/null ||
	refuse 66 "working folder '$workdir' is not there or cannot be entered: make it, or set MOSAIC_AGENT_WORKDIR in $env_file"

find_program() { # by the rules of execvp, without a process
	case $1 in */*) [ -f "$1" ] && [ -x "$1" ] && return || return ;; esac
	folders=$PATH:
	while [ -n "$folders" ]; do
		[ -f "${folders%%:*}/$1" ] && [ -x "${folders%%:*}/$1" ] && return
		folders=${folders#*:}
	done
	return 1
}

# What the pane becomes: the whole command if one is given; else the runtime, through the mosaic launcher where that is.
command='' launched='' argument=''
if [ -n "${MOSAIC_AGENT_COMMAND-}" ]; then
	command=$MOSAIC_AGENT_COMMAND
	# Its program is the first word that is no exec and no assignment.
	rest=$command
	while :; do
		rest=${rest#"${rest%%[![:space:]]*}"}
		program=${rest%%[[:space:]]*}
		case $program in
		exec | [A-Za-z_]*=*[!\'\"\`\$\(\\]) [ "$rest" != "$program" ] || break ;;
		*) break ;;
		esac
		rest=${rest#"$program"}
	done
	expand_home "$program"
	program=$expanded
	case $program in *[!A-Za-z0-9_./+-]*) program='' ;; esac # more than a plain word: the shell's to judge
elif [ -n "${MOSAIC_RUNTIME_BIN-}" ]; then
	expand_home "$MOSAIC_RUNTIME_BIN"
	program=$expanded
	launched=$program
else
	program=${MOSAIC_AGENT_RUNTIME:-claude}
	launched=$program
	if find_program mosaic; then launched=mosaic argument=$program program=mosaic; fi
fi
if [ -n "$program" ]; then
	if find_program "$program"; then
		# One simple command becomes the pane's own process; for more than one a shell has to stay.
		case $command in
		*[';&|(']* | *'
'*) ;;
		?*) case ${command%"$rest"} in *exec*) ;; *) command="${command%"$rest"}exec $rest" ;; esac ;;
		esac
	elif [ -z "$command" ] || ! command -v -- "$program" >/dev/null; then # not a word of the shell's either
		refuse 69 "program '$program' is not on the agent's PATH ($PATH): install it, or add its folder to MOSAIC_PATH in $fleet_env"
	fi
fi

# setting NAME VALUE: adds a line to the pane's environment, quoted so that sh reads it back exactly.
setting() {
	rest=$2
	quoted=''
	while :; do
		case $rest in *\'*) ;; *) break ;; esac
		quoted="$quoted${rest%%\'*}'\\''"
		rest=${rest#*\'}
	done
	printf "%s='%s'\n" "$1" "$quoted$rest"
}
write_state() {
	{
		setting 'export MOSAIC_AGENT_NAME' "$name"
		setting 'export MOSAIC_AGENT_WORKDIR' "$workdir"
		setting 'export MOSAIC_TMUX_SOCKET' "$holder_name"
		setting 'export PATH' "$PATH"
		setting mosaic_command "$command"
		setting mosaic_launched "$launched"
		setting mosaic_argument "$argument"
	} >>"$state/environment" && printf '%s' "$memberships" >"$state/memberships" &&
		printf '%s\n' "$slot" >"$state/slot" && : >"$state/agent" && : >"$state/server" && : >"$state/pane"
}
# A herd of starts goes through a few at a time: more only makes each slower until all time out.
agents=$XDG_RUNTIME_DIR/mosaic-agent
slot=$agents/.slot-$(($$ % 4))
write_state || refuse 71 "cannot write to $state"

# Stopped before it is done: what another start makes for this one from now on is taken away by that.
give_up() {
	trap - TERM
	echo stopped >"$state/pane"
	close_session "$name" "$socket"
	kill -s TERM $$
}
trap give_up TERM
# Whoever has the lock makes the sessions of those who wait for it with its own, in one tmux client. An order that is
# lost or not seen does no harm: who comes to the lock without a session makes it. A folder that tmux may take for more
# than a name is left to its own start, which is in it.
case $workdir in *[!A-Za-z0-9_./@%+,=-]*) ;; *) printf '%s %s %s\n' "$$" "$name" "$workdir" >>"$slot.orders" ;; esac
# The lock ends with us, however we end.
exec 8>"$slot" && flock 8

in_unit() { # in every hierarchy: the pane may be half-way
	seen=0
	while IFS= read -r line; do
		case $line in *"/$unit") seen=$((seen + 1)) ;; esac
	done <"/proc/$1/cgroup"
	[ "$seen" -eq "$hierarchies" ]
} 2>/dev/null
move_to_unit() {
	while IFS= read -r procs; do
		echo "$1" >"$procs" || return
	done <"$state/memberships"
} 2>/dev/null
move_tree() { # a process and all that it has started
	move_to_unit "$1"
	# shellcheck disable=SC2013 # words, not lines
	for child in $(cat "/proc/$1/task"/*/children 2>/dev/null); do move_tree "$child"; done
}
ask_manager_to_move() {
	timeout -k 1 10 busctl --user call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager \
		AttachProcessesToUnit ssau "$unit" "" 1 "$1" >/dev/null
}

# Ends the $(...) or (...) that it is used in: one process less.
tmux() { exec timeout -k 1 15 tmux -u -N -S "$socket" "$@"; }

# mark PANE COMMAND...: runs a tmux command, marks the agent's pane and session as ours, and prints the pane's pid.
mark() {
	target=$1
	shift
	tmux "$@" \; set-option -p -t "$target" @mosaic_agent 1 \; set-option -t "=$name:" @mosaic_session $$ \; \
		display-message -p -t "$target" '#{pane_pid}' 2>&1
}

# made_for NAME: sets $process to the pid of the pane that $answer says was made for it.
made_for() {
	case "
$answer" in
	*"
made $1 "*) process=${answer##*"made $1 "} process=${process%% *} ;;
	*) return 1 ;;
	esac
}

# make_sessions: this agent's, and those of all who wait for the lock. Sets $pane; where there is none, $answer says why.
make_sessions() {
	told='made #{session_name} #{pane_pid} #{@mosaic_session}'
	set -- new-session -d -s "$name" -- /bin/sh "$tools/agent-pane.sh" "$state" "$slot" \; \
		set-option -p -t "=$name:" @mosaic_agent 1 \; set-option -t "=$name:" @mosaic_session $$ \; \
		display-message -p -t "=$name:" "$told"
	room=12000 later='' served='' # a client takes 16 kB of words
	while read -r starter other folder; do
		if [ "$other" = "$name" ] || [ -s "$agents/$other/pane" ] || ! kill -0 "$starter"; then continue; fi
		room=$((room - 250 - 5 * ${#other} - ${#agents} - ${#tools} - ${#slot} - ${#folder}))
		if [ $room -lt 0 ]; then
			later="$later$starter $other $folder
"
			continue
		fi
		set -- "$@" \; new-session -d -s "$other" -c "$folder" -- /bin/sh "$tools/agent-pane.sh" "$agents/$other" "$slot" \; \
			set-option -p -t "=$other:" @mosaic_agent 1 \; set-option -t "=$other:" @mosaic_session "$starter" \; \
			display-message -p -t "=$other:" "$told"
		served="$served$starter $other
"
	done 2>/dev/null <"$slot.orders"
	printf %s "$later" >"$slot.orders"
	trap stopped=yes TERM
	answer=$(tmux "$@" 2>&1)
	made_for "$name" && pane=$process
	# Of who was stopped meanwhile the session goes: it may have been gone before that was there. A stop of this one may have
	# ended the client before it could say what the server has made for it.
	while read -r starter other && [ -n "$other" ]; do
		if [ -s "$agents/$other/pane" ] || ! kill -0 "$starter"; then
			(tmux if-shell -F -t "=$other:" "#{==:#{@mosaic_session},$starter}" "kill-session -t =$other" </dev/null)
		elif made_for "$other"; then
			printf '%s\n' "$process" >"$agents/$other/pane"
		fi
	done 2>/dev/null <<-END
		$served
	END
	trap give_up TERM
	[ -z "${stopped-}" ] || give_up
	[ -n "$pane" ]
}

# A server that is told to exit, and makes a session in the same moment, keeps that for ever and turns every client away. What
# it has left nobody reaches any more: it is ended, and the holder founds another.
end_deaf_server() {
	{ read -r server <"$XDG_RUNTIME_DIR/mosaic-tmux-holder/pid"; } 2>/dev/null || return
	for _ in 1 2 3 4 5 6 7 8 9 10; do # one that only exits needs less
		sleep 0.1
		runs "$server" || return
		case $(tmux display-message -p here 2>&1) in *"server exited unexpectedly"*) ;; *) return ;; esac
	done
	kill -s KILL "$server"
	answer="its server was told to exit, and stayed without taking anybody in: it was ended"
}

{ read -r pane <"$state/pane"; } 2>/dev/null
# tmux writes it down: how the program ended before, for who looks.
ended='#{?pane_dead_signal,killed by signal #{pane_dead_signal},#{?pane_dead_status,exited with status #{pane_dead_status},ended}}'
# And that a program which was there before us is none of ours, as long as it runs.
taken='#{?#{m:*/agent-pane.sh*,#{pane_start_command}},,1}'
set -- -- /bin/sh "$tools/agent-pane.sh" "$state" "$slot"
# Always tried as new first: after a crash of the server, when starts are many, that is the least.
if [ -z "$pane" ] && ! make_sessions; then
	case $answer in
	*"duplicate session"*) ;;
	*"server exited unexpectedly"*)
		end_deaf_server
		refuse 75 "tmux made no session: $answer"
		;;
	*"fork failed"*) refuse 71 "no terminal or no process is to be had for it (${answer##*failed: }): mosaic-fleet doctor --only limits" ;;
	*) refuse 75 "tmux made no session: ${answer:-no answer within 15 seconds}" ;;
	esac
	# A person may have opened panes beside the agent's; the agent's own is marked.
	own=$(tmux list-panes -s -t "=$name:" -f '#{@mosaic_agent}' -F '#{pane_id}') || refuse 75 "its session cannot be read"
	own=${own%%
*}
	ours=$(tmux show-options -qv -t "=$name:" @mosaic_session)
	if [ -z "$own" ] && [ -n "$ours" ]; then
		pane=$(mark "=$name:" new-window -t "=$name:" "$@") || refuse 75 "its session takes no window: $pane"
	# A dead pane gets its program anew, before the eyes of its viewers; a live one is left as it is, and taken over.
	# What a dead one shows would be gone: -R has it go up into the scrollback. How it ended stays in the status line.
	else
		target=${own:-=$name:}
		if ! pane=$(mark "$target" if-shell -F -t "$target" '#{pane_dead}' "send-keys -R -t '$target' ; \
			set-option -pF -t '$target' @mosaic_ended '$ended' ; set-option -pu -t '$target' @mosaic_taken" \; respawn-pane -t "$target" "$@"); then
			case $pane in *"still active"*) ;; *) refuse 75 "its session cannot be reused: $pane" ;; esac
			pane=$(mark "$target" set-option -pF -t "$target" @mosaic_taken "$taken") || refuse 75 "its session cannot be reused: $pane"
			move_tree "$pane"
			printf '%s\n' "$pane" >"$state/agent"
		fi
	fi
fi

# The pane moves itself into the unit before it does anything else. Seen to here, and done here where it could not.
tries=0
until in_unit "$pane"; do
	if ! runs "$pane"; then
		# Ended already. If it had got as far as its program, that was a start: its exit status is told by the unit's end.
		{ read -r agent <"$state/agent"; } 2>/dev/null && [ "$agent" = "$pane" ] && exit 0
		refuse 75 "its first process ended before it was in its unit"
	fi
	# A process that is just ending is in no group any more, and still seems to run: so not at the first try.
	if [ $((tries += 1)) -gt 5 ]; then
		# Without its group the agent runs, its end is noticed and its exit status is true; but its limits do not reach it.
		printf 'mosaic-agent %s: degraded: process %s cannot be moved into this unit (%s): it shares the limits of the holder. See: mosaic-fleet doctor\n' \
			"$name" "$pane" "${problem:-no reason given}" >&2
		(while runs "$pane"; do sleep 0.2; done) >/dev/null 2>&1 8>&- &
		exit 0
	fi
	[ "$tries" -eq 1 ] || sleep 0.02
	move_to_unit "$pane" || problem=$(ask_manager_to_move "$pane" 2>&1)
done
