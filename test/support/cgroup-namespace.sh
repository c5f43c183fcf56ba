#!/bin/sh
# cgroup-namespace.sh COMMAND...: runs a command, in a mount namespace of its own, where its own cgroups are the roots of
# all hierarchies, as in a container. So a manager reaches the memory controller of version 1 where the machine's own
# first process is in some group of that hierarchy alone. Called by tests, as root.
set -eu
if [ "${1-}" != --inside ]; then exec unshare --mount --cgroup --propagation private sh "$0" --inside "$@"; fi
shift
mounts=$(sed -n 's/^[^ ]* \([^ ]*\) cgroup .*/\1/p' /proc/mounts)
for mount in $mounts; do
	controllers=${mount##*/}
	[ "$controllers" != systemd ] || controllers=none,name=systemd
	umount "$mount"
	mount -t cgroup -o "$controllers" none "$mount"
done
exec "$@"
