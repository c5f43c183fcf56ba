#!/bin/sh
# agent-pane-closed.sh SESSION: has an agent started anew whose pane somebody has closed, where that has not ended it.
# Called by the tmux server (hooks window-unlinked and after-kill-pane in tmux.conf).
set -u
state=$XDG_RUNTIME_DIR/mosaic-agent/$1
{ read -r group <"$state/memberships"; } 2>/dev/null || exit 0
group=${group%/cgroup.procs}
# shellcheck source=SCRIPTDIR/fleet-functions.sh
. "${0%/*}/fleet-functions.sh"

# Most programs end with their terminal. One that a shell waits for is not told: the kernel tells the shell alone.
waits=0
while unit_has_processes "$group"; do
	[ $((waits += 1)) -le 20 ] || break
	sleep 0.05
done
unit_has_processes "$group" || exit 0
# The start script is in the unit too, and may still be at it: it holds this lock until it ends.
{ read -r slot <"$state/slot" && flock "$slot" true && read -r agent <"$state/agent" && [ -n "$agent" ]; } || exit 0
# Only where the server answers, and has no pane of that process.
case $(timeout -k 1 5 tmux -u -N display-message -p answers \; list-panes -a -f "#{==:#{pane_pid},$agent}" -F '#{pane_id}' 2>/dev/null) in
answers) ;;
*) exit 0 ;;
esac
# The unit's own stop gives what is left its seconds. A stop by hand that is under way is not turned into a restart.
exec systemctl --user --no-block --job-mode=fail try-restart "mosaic-agent@$1.service"
