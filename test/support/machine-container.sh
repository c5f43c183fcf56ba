#!/bin/sh
# machine-container.sh NAME ROOT LOG SHARED: boots the Debian in ROOT as a container with a systemd of its own, again after each
# reboot, until it is powered off. Called by test/support/machine-container.ts, as root. SHARED is read-only in it, at /release.
# The machine has no network but its loopback, and no resource controllers where the host's cgroups are hybrid.
set -eu
name=$1 root=$2 log=$3 shared=$4
# In cgroups of its own: the machine's systemd takes the group it is born in for the root of all.
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
	case $hierarchy in */cpuset) continue ;; esac
	[ -e "$hierarchy/cgroup.procs" ] || continue
	mkdir -p "$hierarchy/$name"
	echo $$ >"$hierarchy/$name/cgroup.procs"
done
status=133 # nspawn's word for a reboot
while [ "$status" -eq 133 ]; do
	status=0
	SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no --keep-unit --directory="$root" --machine="$name" \
		--bind-ro="$shared:/release" --private-network --boot --console=pipe </dev/null >>"$log" 2>&1 || status=$?
done
