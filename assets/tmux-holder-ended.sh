#!/bin/sh
# Takes away the socket that an ended tmux server left, unless something still serves it.
# Called by mosaic-tmux-holder.service (ExecStopPost=).
set -u
# shellcheck source=SCRIPTDIR/fleet-functions.sh
. "${0%/*}/fleet-functions.sh"
add_to_path
{ read -r _ && read -r socket; } 2>/dev/null <"$RUNTIME_DIRECTORY/socket" || exit 0
[ -S "$socket" ] || exit 0
case $(timeout -k 1 5 tmux -u -N -S "$socket" display-message -p '#{pid}' 2>&1) in
*"no server running"* | *"error connecting"*) rm -f -- "$socket" ;; # the client itself says that nobody is there
esac
