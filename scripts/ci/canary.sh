#!/bin/sh
# canary.sh: looks at the machine (doctor --pre), runs the canary, and leaves what a CI shows and keeps.
# Called by action.yml, by the snippets in docs/ci, and by all.sh. By the environment:
#   MOSAIC_DIR   where download.sh has put mosaic-fleet; .mosaic-fleet below the current folder unless told
#   MOSAIC_ARGS  what the canary is told, words with blanks or lines' ends between them; --sandbox where there is none
# In $MOSAIC_DIR/report: canary.json, canary.xml (JUnit), doctor.md, and where it does not end well the folder evidence, for a
# bug report. Where GitHub reads them: annotations, the page of the run, and the outputs verdict and report.
# Exits as the canary does: doctor only tells what it sees.
set -eu
unset MOSAIC_BASE_URL # which may hold a password: no agent and no report is to have it
# The words of MOSAIC_ARGS are words, and no patterns.
set -f
# shellcheck disable=SC2046 # words
set -- $(printf '%s' "${MOSAIC_ARGS:-}" | tr '\r' ' ')
[ $# -gt 0 ] || set -- --sandbox

dir=${MOSAIC_DIR:-.mosaic-fleet}
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
fleet=$dir/mosaic-fleet
report=$dir/report
[ -x "$fleet" ] || {
	printf 'canary.sh: there is no %s: download.sh puts it there\n' "$fleet" >&2
	exit 69
}
rm -rf "$report"
(umask 077 && mkdir "$report")

# On a runner whose user has no manager only root can have a sandbox.
root=''
manager=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/systemd/private
if [ "$(id -u)" -ne 0 ] && [ ! -S "$manager" ] && sudo -n true 2>/dev/null; then
	root='sudo -n'
fi

"$fleet" doctor --pre -o markdown >"$report/doctor.md" || :
cat "$report/doctor.md"

status=0
$root "$fleet" canary "$@" -o json --report "$report/evidence" >"$report/canary.json" || status=$?
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
[ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$report/doctor.md" >>"$GITHUB_STEP_SUMMARY" || :
exit "$status"
