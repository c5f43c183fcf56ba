#!/bin/sh
# agent-pane.sh FOLDER LOCK: the first program of an agent's pane. Moves itself into the agent's unit, takes the unit's
# environment and becomes the agent. Called by tmux for start-agent-session.sh, which left both in FOLDER and holds LOCK.
# Its own variables start with mosaic_: any other name may be the agent's.
set -u

# Somebody has respawned the pane: no start script waits, which would have emptied this file. systemd does it better: what
# the program before has left is ended first.
if read -r _ <"$1/agent"; then exec systemctl --user --no-block --job-mode=fail restart "mosaic-agent@${1##*/}.service"; fi 2>/dev/null

while IFS= read -r mosaic_procs; do
	echo $$ >"$mosaic_procs" || mosaic_failed=yes
done 2>/dev/null <"$1/memberships"
# Then the start script has to move us: nothing is started until it has done what it can.
[ -z "${mosaic_failed-}" ] || flock "$2" true
echo $$ >"$1/agent"
echo "$PPID" >"$1/server"

# The server's own, which is nobody's business here. The unit's follows; but the terminal is tmux's.
unset DBUS_SESSION_BUS_ADDRESS MOSAIC_FLEET_TOOLS MOSAIC_FLEET_SITE mosaic_procs mosaic_failed
set -- "$1/environment" "$TERM" "$TMUX" "$TMUX_PANE"
# shellcheck source=/dev/null # export -p of start-agent-session.sh, and its settings
. "$1"
export TERM="$2" TMUX="$3" TMUX_PANE="$4"
# What systemd says to the unit's own processes, and a shell to its children.
unset INVOCATION_ID JOURNAL_STREAM MANAGERPID MANAGERPIDFDID NOTIFY_SOCKET SYSTEMD_EXEC_PID RUNTIME_DIRECTORY LISTEN_FDS \
	LISTEN_PID LISTEN_FDNAMES WATCHDOG_PID WATCHDOG_USEC MEMORY_PRESSURE_WATCH MEMORY_PRESSURE_WRITE OLDPWD SHLVL _
cd -- "$MOSAIC_AGENT_WORKDIR" || exit 66
# shellcheck disable=SC2154 # mosaic_*: set by the file
if [ -n "$mosaic_command" ]; then
	# Where a shell has to stay it outlives a stop as long as its program does: with it the terminal would go.
	trap 'exit 143' TERM
	trap 'exit 129' HUP
	set --
else
	set -- "$mosaic_launched" ${mosaic_argument:+"$mosaic_argument"} ${MOSAIC_AGENT_MODEL:+--model "$MOSAIC_AGENT_MODEL"}
	mosaic_command='exec "$@"'
fi
set +u
eval "unset mosaic_command mosaic_launched mosaic_argument
$mosaic_command"
