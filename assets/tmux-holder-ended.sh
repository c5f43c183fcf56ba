#!/bin/sh
# Takes away the socket that an ended tmux server left, unless something still serves it.
# Called by mosaic-tmux-holder.service (ExecStopPost=).
set -u
{ read -r _ && read -r socket; } 2>/dev/null <"$RUNTIME_DIRECTORY/socket" || exit 0
[ -S "$socket" ] || exit 0
timeout -k 1 5 tmux -u -N -S "$socket" display-message -p '#{pid}' >/dev/null 2>&1 && exit 0
rm -f -- "$socket"
