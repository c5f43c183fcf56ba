#!/bin/sh
# canary.sh: looks at the machine (doctor --pre), runs the canary, and leaves what a CI shows and keeps.
# Called by action.yml, by the snippets in docs/ci, and by all.sh. By the environment:
#   MOSAIC_DIR   where download.sh has put mosaic-fleet; .mosaic-fleet below the current folder unless told
#   MOSAIC_ARGS  what the canary is told, words with blanks or lines' ends between them; --sandbox where there is none
# In $MOSAIC_DIR/report: canary.json, canary.xml (JUnit), doctor.md, and where it does not end well the folder evidence, for a
# bug report. Where GitHub reads them: annotations, the page of the run, and the outputs verdict and report.
# Cancelled (HUP, INT, TERM), it tells the canary, which ends what it has started, and leaves of it what there is.
# Exits as the canary does: doctor only tells what it sees. 64: MOSAIC_DIR or MOSAIC_ARGS will not do, 69: there is no
# mosaic-fleet, 73: it cannot write.
set -eu
unset MOSAIC_BASE_URL # which may hold a password: no agent and no report is to have it
# The words of MOSAIC_ARGS are words, and no patterns.
set -f
# shellcheck disable=SC2046 # words
set -- $(printf '%s' "${MOSAIC_ARGS:-}" | tr '\r' ' ')
[ $# -gt 0 ] || set -- --sandbox

fail() {
	printf 'canary.sh: %s\n' "$2" >&2
	exit "$1"
}

dir=${MOSAIC_DIR:-.mosaic-fleet}
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
# What GitHub reads is lines: another one could say another verdict.
case $dir in *[[:cntrl:]]*) fail 64 "MOSAIC_DIR, or the current folder, has a line's end or the like in its name" ;; esac
fleet=$dir/mosaic-fleet
report=$dir/report
[ -x "$fleet" ] || fail 69 "there is no $fleet: download.sh puts it there"

# With a pids limit of five the binary was seen to hang, with fewer to be aborted: all of a pipe are there at once.
(: | : | : | : | : | : | : | :) 2>/dev/null || fail 69 "there is no room for eight processes here (pids.max, ulimit -u)"

# A runner that is a service of the system is not told where its user's manager is. Where there is none only root can have
# a sandbox.
answers() { env "XDG_RUNTIME_DIR=$1" timeout -k 1 10 systemctl --user show --property=Version >/dev/null 2>&1; }
root=''
runtime=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
if [ "$(id -u)" -ne 0 ]; then
	if answers "$runtime"; then
		export XDG_RUNTIME_DIR="$runtime"
	elif sudo -n true 2>/dev/null; then
		root='sudo -n'
	fi
fi

# One that was killed may have left root's.
rm -rf "$report" 2>/dev/null || $root rm -rf "$report" || fail 73 "cannot remove $report, of a run before: it is another user's"
(umask 077 && mkdir "$report") || fail 73 "cannot write in $dir"

child='' cancelled=0
# shellcheck disable=SC2317 # by the trap
cancel() {
	[ -n "$child" ] || exit 143
	cancelled=$((cancelled + 1))
	# What is root's only root may tell; and sudo hands on no signal of its own process group.
	kill -TERM "$child" 2>/dev/null || $root setsid kill -TERM "$child" || :
}
trap cancel HUP INT TERM

"$fleet" doctor --pre -o markdown >"$report/doctor.md" || :
cat "$report/doctor.md" || :

$root "$fleet" canary "$@" -o json --report "$report/evidence" >"$report/canary.json" &
child=$!
status=0
while :; do
	before=$cancelled ended=0
	wait "$child" || ended=$?
	# 127 of one that ended just when it was told: it has been waited for.
	[ "$ended" -ne 127 ] || [ "$before" -eq 0 ] || break
	status=$ended
	# Cut short by a signal, it is still there.
	[ "$cancelled" -ne "$before" ] || break
done
trap : HUP INT TERM # what is left takes no second, and is what the run was for
[ -z "$root" ] || [ ! -e "$report/evidence" ] || $root chown -R "$(id -u):$(id -g)" "$report/evidence"

verdict=$(sed -n 's/^  "verdict": "\([a-z-]*\)",\{0,1\}$/\1/p' "$report/canary.json")
if [ -z "$verdict" ]; then
	# It has printed no report: wrong words in MOSAIC_ARGS, or a defect. It has said so itself, unless they ask for its help.
	verdict=none
	rm -f "$report/canary.json"
	[ "$status" -ne 0 ] || {
		status=64
		printf 'canary.sh: with these MOSAIC_ARGS nothing is tried: %s\n' "$*" >&2
	}
else
	format=human
	[ -z "${GITHUB_ACTIONS:-}" ] || format=github
	"$fleet" canary --from "$report/canary.json" -o "$format" || :
	"$fleet" canary --from "$report/canary.json" -o junit >"$report/canary.xml" || :
fi
# Where these cannot be written, the shell says so; what the canary came to is still what the job ends with.
[ -z "${GITHUB_OUTPUT:-}" ] || printf 'verdict=%s\nreport=%s\n' "$verdict" "$report" >>"$GITHUB_OUTPUT" || :
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
	# Of more than 1 MiB GitHub shows nothing: the canary's page is not lost for doctor's.
	if [ "$(cat "$GITHUB_STEP_SUMMARY" "$report/doctor.md" 2>/dev/null | wc -c)" -le 1048576 ]; then
		cat "$report/doctor.md" >>"$GITHUB_STEP_SUMMARY" || :
	else
		echo "canary.sh: doctor's page has no room in the step summary (1 MiB): it is in the report" >&2
	fi
fi
exit "$status"
