#!/bin/sh
# prepare.sh: puts on a CI machine what the canary takes: systemd, tmux, and something to download with. Where all is there
# it does nothing, and needs no network. As root, or by "sudo -n".
# Called by action.yml, by the snippets in docs/ci, and by all.sh.
# Exits 0: all is there, 69: something is missing that it cannot install; the command to run is on stderr.
set -eu

has() { command -v "$1" >/dev/null 2>&1; }

missing() {
	has tmux || echo tmux
	has curl || echo curl
	has flock || echo util-linux
	# On Alpine the binary needs it.
	! has apk || [ -e /usr/lib/libstdc++.so.6 ] || echo libstdc++
	# Alpine and the like have none: there the tmux half can be proved.
	has apk || { has systemctl && [ -e /usr/lib/systemd/systemd ]; } || [ -e /lib/systemd/systemd ] || echo systemd
	# A user manager has a bus where this is there.
	! has apt-get || [ -e /usr/lib/systemd/user/dbus.socket ] || echo dbus-user-session
}

packages=$(missing | tr '\n' ' ')
if [ -z "$packages" ]; then
	echo "prepare.sh: all is there"
	exit 0
fi

for manager in apt-get dnf zypper pacman apk none; do
	! has "$manager" || break
done
case $manager in
apt-get) install='apt-get install --yes --no-install-recommends' ;;
dnf) install='dnf install --assumeyes' packages=$(echo "$packages" | sed 's/dbus-user-session//') ;;
zypper) install='zypper --non-interactive install' ;;
pacman) install='pacman --sync --refresh --noconfirm' ;;
apk) install='apk add' ;;
none)
	echo "prepare.sh: missing: $packages. Found none of apt-get, dnf, zypper, pacman, apk: install these by hand." >&2
	exit 69
	;;
esac

root=''
if [ "$(id -u)" -ne 0 ]; then
	root='sudo -n'
	if ! $root true 2>/dev/null; then
		echo "prepare.sh: missing: $packages. Only root can install: sudo $install $packages" >&2
		exit 69
	fi
fi
echo "prepare.sh: $root $install $packages"
# shellcheck disable=SC2086 # lists of words
{
	# What came of it is looked at below.
	[ "$manager" != apt-get ] || $root apt-get update --quiet || :
	$root env DEBIAN_FRONTEND=noninteractive $install $packages || :
} >&2
left=$(missing | tr '\n' ' ')
[ -z "$left" ] || {
	echo "prepare.sh: still missing: $left" >&2
	exit 69
}
