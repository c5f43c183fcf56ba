#!/bin/sh
# download.sh: puts a release's mosaic-fleet into $MOSAIC_DIR. install.sh of that release does it: it holds the binary against
# the SHA-256 that is written in it, and where it can against the signature.
# Called by action.yml, by the snippets in docs/ci, and by all.sh. By the environment:
#   MOSAIC_BASE_URL  where the files of the release are: https://…, a server of this machine's own, or a folder; the word
#                    VERSION in it stands for the version
#   MOSAIC_VERSION   the version; that of the release which is there unless told
#   MOSAIC_DIR       where to; .mosaic-fleet below the current folder unless told
# Where GitHub reads them, the folder is added to the next steps' PATH. Exits as install.sh does: 64 wrong usage, 65 not the
# bytes of the release, 69 it cannot be had, 73 cannot write. Cancelled (HUP, INT, TERM), it ends what downloads, and leaves
# nothing of it.
set -eu

fail() {
	code=$1
	shift
	# On one line: what begins another one may be a command to GitHub.
	printf 'download.sh: %s\n' "$(printf '%s' "$*" | tr '\r\n' '  ')" | without_password >&2
	exit "$code"
}
# What is said, without the name and password that an address may hold.
without_password() { sed 's,\([Hh][Tt][Tt][Pp][Ss]*://\)[^/[:space:]]*@,\1,g'; }

base=${MOSAIC_BASE_URL:-}
version=${MOSAIC_VERSION:-}
version=${version#v}
unset MOSAIC_BASE_URL # no program that is started is to have it, but for install.sh
dir=${MOSAIC_DIR:-.mosaic-fleet}
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
[ -n "$base" ] || fail 64 "MOSAIC_BASE_URL is not set: where the files of the release are"
case $dir in *[[:cntrl:]]*) fail 64 "MOSAIC_DIR, or the current folder, has a line's end or the like in its name" ;; esac
case $version in
*VERSION* | *[!0-9A-Za-z.+-]*) known='' ;;
'' | [0-9]*.[0-9]*.[0-9]*) known=yes ;;
*) known='' ;;
esac
[ -n "$known" ] ||
	fail 64 "MOSAIC_VERSION is no version, such as 1.2.3: '$version'. Without one it is that of the release at MOSAIC_BASE_URL"
base=${base%/}
while :; do
	case $base in
	*VERSION*)
		[ -n "$version" ] || fail 64 "MOSAIC_BASE_URL has the word VERSION in it, and MOSAIC_VERSION is not set"
		base=${base%%VERSION*}$version${base#*VERSION}
		;;
	*) break ;;
	esac
done

# What came with install.sh is as good as the way that install.sh came: only one that proves whose it is will do.
case $base in
/*[[:cntrl:]]*) fail 64 "MOSAIC_BASE_URL is a folder with a line's end or the like in its name" ;;
/*) only='' ;;
*[[:space:][:cntrl:]?#\\]*) fail 64 "MOSAIC_BASE_URL has a blank, ?, # or \\ in it: in a password these are written as %20, %3F, %23, %5C" ;;
https://*) only='=https' ;;
http://*) only='=http' ;;
*) fail 64 "MOSAIC_BASE_URL is neither https://… nor the whole path of a folder" ;;
esac
if [ -n "$only" ]; then
	host=${base#*://}
	host=${host%%/*}
	host=${host##*@}
	case ${host##*]} in
	*:*[!0-9]*) fail 64 "MOSAIC_BASE_URL has no number as its port; in a password, / is written as %2F" ;;
	esac
	case $only$host in
	=https* | =http127.0.0.1 | =http127.0.0.1:* | =httplocalhost | =httplocalhost:*) ;;
	*) fail 64 "will not take install.sh from $base: https:// proves whose it is, http:// does not" ;;
	esac
fi

umask 077
mkdir -p "$dir" || fail 73 "cannot make $dir"
staging=$dir/.download.$$ child=''
installer=$staging/install.sh
clean_up() {
	# Again: what was forked just now may lose a signal.
	[ -z "$child" ] || while kill "$child" 2>/dev/null; do sleep 0.1; done
	rm -rf "$staging"
}
trap clean_up EXIT
trap 'exit 143' HUP INT TERM
rm -rf "$staging" # of one that was killed: in a container the next has its number
mkdir "$staging" || fail 73 "cannot write in $dir"

# Waits for what was started last; a signal, which a program in the foreground would hold up, cuts that short.
ended() {
	child=$! code=0
	wait "$child" || code=$?
	child=''
	return "$code"
}

if [ -z "$only" ]; then
	cp "$base/install.sh" "$installer" || fail 69 "there is no install.sh in $base"
	set -- --from "$base"
else
	# By curl alone: it holds every step of the way to https. The address, which may hold a password, comes on its stdin:
	# arguments can be read by every user of the machine.
	command -v curl >/dev/null 2>&1 || fail 69 "curl is not installed: prepare.sh installs it"
	printf 'url = "%s/install.sh"\n' "$(printf '%s' "$base" | sed 's/"/\\"/g')" |
		curl --fail --silent --show-error --location --proto "$only" --globoff --connect-timeout 20 --max-time 120 --retry 2 \
			--output "$installer" --config - >"$staging/log" 2>&1 &
	ended || fail 69 "cannot download $base/install.sh: $(cat "$staging/log")"
	set --
fi
# Half of one does nothing, and says nothing.
[ -n "$(sh "$installer" --help 2>/dev/null)" ] || fail 69 "$base/install.sh is no install.sh of a release, or not all of it"

MOSAIC_FLEET_BASE_URL=${only:+$base} sh "$installer" "$@" ${version:+--version "$version"} --dir "$dir" --no-doctor &
ended
is=$("$dir/mosaic-fleet" --version)
[ -z "$version" ] || [ "$is" = "$version" ] || fail 65 "asked for $version, got $is"
[ -z "${GITHUB_PATH:-}" ] || printf '%s\n' "$dir" >>"$GITHUB_PATH"
