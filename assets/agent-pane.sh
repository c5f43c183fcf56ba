#!/bin/sh
# agent-pane.sh FOLDER LOCK: the first program of an agent's pane. Moves itself into the agent's unit, takes the unit's
# environment and becomes the agent. Called by tmux for start-agent-session.sh, which left both in FOLDER and holds LOCK.
set -u

while IFS= read -r procs; do
	echo $$ >"$procs" || joined=no
done 2>/dev/null <"$1/memberships"
# Then the start script has to move us: nothing is started until it has done what it can.
[ "${joined-yes}" = yes ] || flock "$2" true
echo $$ >"$1/agent"
echo "$PPID" >"$1/server"

# The server's own, which is nobody's business here; the unit's follows.
unset DBUS_SESSION_BUS_ADDRESS MOSAIC_FLEET_TOOLS MOSAIC_FLEET_SITE
# shellcheck source=/dev/null # export -p of start-agent-session.sh
. "$1/environment"
cd -- "$MOSAIC_AGENT_WORKDIR" || exit 66
if [ -n "$mosaic_command" ]; then
	# Where a shell has to stay it outlives a stop as long as its program does: with it the terminal would go.
	trap 'exit 143' TERM
	trap 'exit 129' HUP
	set -- "$mosaic_command"
else
	# shellcheck disable=SC2016,SC2154 # expanded by eval; set by the environment file
	set -- 'exec "$@"' "$mosaic_program" ${mosaic_argument:+"$mosaic_argument"} ${MOSAIC_AGENT_MODEL:+--model "$MOSAIC_AGENT_MODEL"}
fi
unset mosaic_command mosaic_program mosaic_argument procs joined
set +u
line=$1
shift
eval "unset line; $line"
