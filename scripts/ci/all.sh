#!/bin/sh
# all.sh: prepare.sh, download.sh and canary.sh, one after another: the one command of a plain container.
# Called by the snippet in docs/ci/container.md. The environment is theirs. Exits as the first that fails.
set -eu
here=$(dirname "$0")
sh "$here/prepare.sh"
sh "$here/download.sh"
sh "$here/canary.sh"
