# The processes of a unit, read from its cgroup. Sourced by stop-agent-session.sh and agent-pane-died.sh.
# systemd runs the unit's own scripts in the sub-group .control, which is left out.
# shellcheck shell=sh

# unit_has_processes GROUP: true when any process is in the cgroup folder GROUP or below it.
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
