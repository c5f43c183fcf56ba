#!/bin/sh
# container.sh NAME ROOT SHARED OPTION... -- COMMAND...: runs COMMAND in a container on ROOT whose first process is no
# systemd: as container engines run things. Called by test/support/container.ts, as root. SHARED is read-only in it, at
# /release. It has no network but its loopback.
set -eu
name=$1 root=$2 shared=$3
shift 3
# In cgroups of its own, which are taken away again: nspawn makes others below those in which it runs.
groups=''
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
	case $hierarchy in */cpuset) continue ;; esac
	[ -e "$hierarchy/cgroup.procs" ] || continue
	mkdir -p "$hierarchy/$name"
	groups="$groups $hierarchy/$name"
done
status=0
# shellcheck disable=SC2016 # by the inner shell
sh -c 'for group in $0; do echo $$ >"$group/cgroup.procs"; done; exec systemd-nspawn "$@"' "$groups" \
	--quiet --register=no --keep-unit --as-pid2 --directory="$root" --machine="$name" --bind-ro="$shared:/release" \
	--private-network --console=pipe "$@" </dev/null || status=$?
for group in $groups; do
	find "$group" -depth -type d -exec rmdir {} \;
done
rm -rf "/run/systemd/nspawn/propagate/$name"
exit $status
