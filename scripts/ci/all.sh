#!/bin/sh
# all.sh: prepare.sh, download.sh and canary.sh, one after another: the one command of a plain container.
# Called by the snippet in docs/ci/container.md. The environment is theirs. Exits as the first that fails.
set -eu
trap 'exit 143' HUP INT TERM # the first process of a container ends by no signal that it does not take
here=$(dirname "$0")
sh "$here/prepare.sh"
sh "$here/download.sh"
exec sh "$here/canary.sh"
