#!/bin/sh
# machine-kernel.sh KERNEL ROOT FOLDER SHARED: boots a copy of the Debian in ROOT on a kernel of its own: a user-mode Linux,
# out of the root in KERNEL. Called by test/support/machine-kernel.ts, as root, in mount and process namespaces of its own.
# The machine sees FOLDER/host, at /host, and SHARED, read-only, at /release; nothing else of this machine, and no network.
set -eu
kernel=$1 root=$2 folder=$3 shared=$4
exec 3<>"$folder/bell"

# A service that runs each script which is named on the serial line.
mkdir -p "$folder/upper/etc/systemd/system/multi-user.target.wants" "$folder/work" "$folder/root"
cat >"$folder/upper/etc/systemd/system/harness.service" <<-'END'
	[Unit]
	After=ssh.service
	[Service]
	ExecStartPre=mkdir -p /host
	ExecStartPre=mount -t hostfs none /host
	ExecStartPre=ln -sfn /host/release /release
	ExecStart=/bin/sh /usr/local/lib/harness
	StandardInput=file:/dev/ttyS0
END
ln -s ../harness.service "$folder/upper/etc/systemd/system/multi-user.target.wants/"
mkdir -p "$folder/upper/usr/local/lib"
cat >"$folder/upper/usr/local/lib/harness" <<-'END'
	cd /host
	while read -r name; do
		[ ! -e "$name.stdout" ] || continue # rung for again
		: >"$name.stdout"
		{
			sh "$name.script" >"$name.stdout" 2>"$name.stderr" </dev/null
			echo $? >"$name.ended"
			mv "$name.ended" "$name.code" # there only when it is whole
		} &
	done
END
mount -t overlay overlay -o "lowerdir=$root,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$folder/root" "$folder/disk" 2G >"$folder/log"

mount -t tmpfs -o size=1200M tmpfs "$kernel/tmp" # the machine's memory
mount --bind "$folder" "$kernel/machine"
mount --bind "$shared" "$kernel/machine/host/release"
mount -o remount,bind,ro "$kernel/machine/host/release"
mount --bind /proc "$kernel/proc"
mount --bind /dev "$kernel/dev"
ulimit -c 0
# Again after each reboot: rebooting by itself it would lose its serial line.
while env -i "PATH=$PATH" TMPDIR=/tmp chroot "$kernel" /usr/bin/linux.uml mem=1G seccomp=auto noreboot uml_dir=/tmp ubd0=/machine/disk \
	root=/dev/ubda rw con=null con0=null,fd:1 ssl=null ssl0=fd:3,null hostfs=/machine/host selinux=0 quiet </dev/null >>"$folder/log" 2>&1; do :; done
