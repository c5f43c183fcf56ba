#!/bin/sh
# Founds the fleet's tmux server, and proves that the server which answers on the socket is that one.
# Called by mosaic-tmux-holder.service (ExecStart=). Records the server's pid and socket in $RUNTIME_DIRECTORY.
# Exits 64 socket name not allowed, 69 tmux missing, 75 another process serves the socket, 70 the server is not right;
# but where agents wait for it, after a crash, in a restart or at boot, it tries until it succeeds.
set -u

fail() {
	code=$1
	shift
	printf 'mosaic-tmux-holder: %s\n' "$*" >&2
	exit "$code"
}

tools=${0%/*}
site=${tools%/tools/fleet}/fleet
name=$MOSAIC_TMUX_SOCKET
case $name in
'' | *[!A-Za-z0-9_-]*) fail 64 "MOSAIC_TMUX_SOCKET='$name' is not allowed: letters, digits, - and _ only" ;;
esac
# shellcheck source=SCRIPTDIR/fleet-functions.sh
. "$tools/fleet-functions.sh"
add_to_path
[ ! -e "$RUNTIME_DIRECTORY/pid" ] || : >"$RUNTIME_DIRECTORY/pid" # of a server that has ended

ours() { # is the cgroup of process $1 this unit's?
	while IFS= read -r line; do
		case $line in *"/mosaic-tmux-holder.service"*) return 0 ;; esac
	done <"/proc/$1/cgroup"
	return 1
} 2>/dev/null

# found: one try at it.
found() (
	command -v tmux >/dev/null || fail 69 "tmux is not on PATH ($PATH): install it, or add its folder to MOSAIC_PATH in $site/fleet.env"

	# A clean environment: what the manager happens to hold must not live on in panes for months. No bus: tmux 3.4
	# and later would move panes into scopes of their own, behind our back.
	# One client founds the server and asks who answers: a squatter would, just as readily.
	# shellcheck disable=SC2086 # an empty TMUX_TMPDIR must vanish
	answer=$(
		env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" \
			${TMUX_TMPDIR:+"TMUX_TMPDIR=$TMUX_TMPDIR"} DBUS_SESSION_BUS_ADDRESS=unix:path=/dev/null \
			MOSAIC_FLEET_TOOLS="$tools" MOSAIC_FLEET_SITE="$site" \
			timeout -k 1 15 tmux -u -L "$name" -f "$tools/tmux.conf" \
			start-server \; display-message -p '#{pid} #{socket_path}' \; show-options -sv exit-empty
	) || fail 70 "the tmux server on socket '$name' was not founded, or does not answer"
	server=${answer%% *}
	rest=${answer#* }
	socket=${rest%
*}
	empty=${rest##*
}
	# canary --level tmux tries this script where there are no units: then neither is in one.
	[ -d "/proc/$server" ] ||
		fail 70 "the tmux server on socket '$name' ended as soon as it was founded: a line of $site/tmux.local.conf, which it reads last, may have it end"
	ours "$server" || { [ -n "${MOSAIC_CANARY_NO_UNITS-}" ] && ! ours $$; } ||
		fail 75 "socket '$name' ($socket) is served by another process (pid $server), not by this unit. Left alone. End it with: tmux -L $name kill-server"
	[ "$empty" = off ] || fail 70 "the server did not take $tools/tmux.conf, or $site/tmux.local.conf undoes it (exit-empty is '$empty')"

	{
		printf '%s\n%s\n' "$name" "$socket" >"$RUNTIME_DIRECTORY/socket" && printf '%s\n' "$server" >"$RUNTIME_DIRECTORY/pid"
	} || fail 70 "cannot write to $RUNTIME_DIRECTORY"
)

said=$(found 2>&1) && exit 0
code=$?
printf '%s\n' "$said" >&2

# A start that waits for this one fails with it, and systemd does not try that again: the agents would stay down for good.
agents_may_wait() { # the record of a server is left by a crash and by a restart, not by a stop
	[ -e "$RUNTIME_DIRECTORY/socket" ] && return
	case $(timeout -k 1 5 systemctl --user is-system-running) in
	initializing | starting) return 0 ;;
	esac
	return 1
}
agents_may_wait || exit "$code"
printf 'mosaic-tmux-holder: tried again until it succeeds, for agents may wait for it\n' >&2
while sleep 0.5; do
	message=$(found 2>&1) && exit 0
	[ "$message" = "$said" ] || printf '%s\n' "$message" >&2
	said=$message
done
