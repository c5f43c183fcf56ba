#!/bin/sh
# canary-sandbox.sh ROOT MANAGER JOURNALD GROUP...: becomes a private user manager in ROOT, inside the cgroups GROUP....
# Run by the canary's sandbox, by "unshare --mount" where the machine was not booted with systemd (JOURNALD is then the
# journal's program, or empty), directly elsewhere.
set -eu
root=$1 manager=$2 journald=$3
shift 3
for group; do echo $$ >"$group/cgroup.procs"; done

if ! [ -d /run/systemd/system ]; then
	# A manager refuses to run on a machine without this folder. Ours alone: this mount namespace ends with us.
	[ -d /run/systemd ] || mkdir /run/systemd
	mount -t tmpfs -o mode=755 tmpfs /run/systemd
	mkdir -p /run/systemd/system /run/systemd/journal /run/systemd/journald.conf.d
	if [ -n "$journald" ]; then
		# A journal for the units to write to; it leaves the kernel's log and auditing alone.
		printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nForwardToSyslog=no\nForwardToWall=no\n' \
			>/run/systemd/journald.conf.d/sandbox.conf
		mkdir -p "$root/log/journal" /run/log
		mount --bind "$root/log" /run/log
		"$journald" >>"$root/journald.log" 2>&1 &
		tries=0
		until [ -S /run/systemd/journal/stdout ] || [ $((tries += 1)) -gt 200 ]; do sleep 0.01; done
	fi
fi
# What it says of its units is for the journal. Left alone, with no journal at its stderr, it writes to the machine's console.
exec "$manager" --user --log-target=journal
