# fleet-functions.sh: what the fleet's scripts share. Sourced by them; defines functions only.
# shellcheck shell=sh

# expand_home PATH: sets $expanded; ~ and ~/x mean the home folder, which systemd leaves to us.
# shellcheck disable=SC2088 # the letters, not the folder
expand_home() {
	case $1 in
	'~') expanded=$HOME ;;
	'~/'*) expanded=$HOME${1#\~} ;;
	*) expanded=$1 ;;
	esac
}

# add_to_path: puts the folders of MOSAIC_PATH before those of PATH.
add_to_path() {
	rest=${MOSAIC_PATH:+$MOSAIC_PATH:}
	additions=''
	while [ -n "$rest" ]; do
		expand_home "${rest%%:*}"
		additions=$additions$expanded:
		rest=${rest#*:}
	done
	PATH=$additions$PATH
}

# unit_has_processes GROUP: true when any process is in the cgroup folder GROUP or below it. systemd runs the unit's own
# ExecStop= and ExecStopPost= in the sub-group .control, which is left out.
unit_has_processes() {
	{ read -r _ <"$1/cgroup.procs"; } 2>/dev/null && return
	for subgroup in "$1"/*/cgroup.procs; do # only where the agent made groups of its own; * leaves out .control
		[ -e "$subgroup" ] && [ -n "$(unit_processes "$1")" ] && return
	done
	return 1
}

# unit_processes GROUP: their pids, a line each.
unit_processes() {
	find "$1" -name cgroup.procs ! -path '*/.control/*' -exec cat {} + 2>/dev/null
}

# runs PID: true while the process does; one that has ended and is not yet reaped does not.
runs() {
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null && case ${stat##*) } in Z*) return 1 ;; esac
}

# close_session NAME SOCKET: ends an agent's session with all its panes, if it is ours. The hook of tmux.conf knows by
# @mosaic_closed that nobody has to look after it.
close_session() {
	timeout -k 1 10 tmux -u -N -S "$2" if-shell -F -t "=$1:" '#{@mosaic_session}' "set-option -s @mosaic_closed $1 ; kill-session -t =$1" 2>/dev/null
}

# wake_server: has the tmux server reap its children. tmux 3.3 with utempter loses the signal of about one death in
# fifteen: it meets the pane's end of file first, and has SIGCHLD switched off while it writes the login record.
wake_server() {
	{ read -r server <"$XDG_RUNTIME_DIR/mosaic-tmux-holder/pid" && kill -s CHLD "$server"; } 2>/dev/null
}
