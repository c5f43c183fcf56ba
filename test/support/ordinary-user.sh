#!/bin/sh
# ordinary-user.sh FOLDER BINARY SCRIPT: runs SCRIPT, for which $binary is a copy of BINARY, as the user nobody, inside a
# service of a user manager of that user's own; tells what of a sandbox is left; and takes all of it away. Called by test/e2e/canary-user.test.ts, as root. FOLDER is on a memory file system.
set -u
folder=$1 binary=$2 script=$3
user=65534
name=${folder##*/}
mkdir "$folder/home" "$folder/run" "$folder/log"
groups=''
while read -r _ mount type _; do
	case $type in cgroup | cgroup2) ;; *) continue ;; esac
	case $mount in */cpuset) continue ;; esac
	mkdir "$mount/$name" && chown -R $user:$user "$mount/$name" && groups="$groups $mount/$name"
done </proc/mounts
chown $user:$user "$folder/home" "$folder/run"
chmod 700 "$folder/run"
printf '#!/bin/sh\nexec setpriv --reuid %s --regid %s --clear-groups /usr/lib/systemd/systemd "$@"\n' $user $user >"$folder/manager"
cp "$binary" "$folder/binary"
chmod 755 "$folder" "$folder/manager" "$folder/binary"

# shellcheck disable=SC2317 # by the trap
clean() {
	for group in $groups; do
		until [ -z "$(find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null)" ]; do
			# shellcheck disable=SC2046 # one word a process
			kill -9 $(find "$group" -name cgroup.procs -exec cat {} +) 2>/dev/null
		done
		find "$group" -depth -type d -exec rmdir {} \;
	done
}
trap clean EXIT

sandbox=${0%/test/*}/assets/canary-sandbox.sh
# shellcheck disable=SC2086 # one word a group
env -i PATH="$PATH" HOME="$folder/home" XDG_RUNTIME_DIR="$folder/run" USER=nobody LANG=C.UTF-8 \
	unshare --mount --propagation private sh "$sandbox" "$folder" "$folder/manager" /usr/lib/systemd/systemd-journald $groups \
	>"$folder/manager.log" 2>&1 &
manager=$!
until [ -S "$folder/run/bus" ]; do kill -0 $manager || exit 99; done
as_user() {
	nsenter -t $manager -m setpriv --reuid=$user --regid=$user --clear-groups env -i \
		PATH="$PATH" HOME="$folder/home" XDG_RUNTIME_DIR="$folder/run" "$@"
}
as_user systemd-run --user --pipe --wait --quiet -E PATH=/usr/bin:/bin -E binary="$folder/binary" sh -c "$script"
code=$?
as_user systemctl --user list-units --all --plain --no-legend 'mosaic*' >&2
for left in "$folder"/run/mosaic*; do [ ! -e "$left" ] || echo "left: $left" >&2; done
exit $code
