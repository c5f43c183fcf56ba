#!/bin/sh
# test-fleet-units.sh [FOLDER]: checks the syntax of the fleet's units in FOLDER (assets/ unless told), and what they and
# their scripts must be to each other. One line a check, "ok" or "FAIL", what is wrong below it. Needs no running
# manager and changes nothing. Called by test/e2e/fleet-units.test.ts, and people.
# Exits 0: all hold, 1: one does not, 66: no units in FOLDER, 69: systemd-analyze is not installed.
# shellcheck disable=SC2317 # check calls them
set -u

folder=${1:-${0%/*}/../assets}
holder=$folder/mosaic-tmux-holder.service
agent=$folder/mosaic-agent@.service
for file in "$holder" "$agent"; do
	[ -f "$file" ] || {
		printf 'test-fleet-units: %s is not there\n' "$file" >&2
		exit 66
	}
done
command -v systemd-analyze >/dev/null || {
	echo 'test-fleet-units: systemd-analyze is not installed: sudo apt-get install systemd' >&2
	exit 69
}
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && trap 'exit 1' HUP INT TERM || exit 1

# A check is a command that says what is wrong. Silence is health.
failed=0
check() {
	title=$1
	shift
	"$@" >"$work/complaints" 2>&1
	if [ -s "$work/complaints" ]; then
		failed=1
		echo "FAIL $title"
		sed 's/^/     /' "$work/complaints"
	else
		echo "ok   $title"
	fi
}

# Lines as their reader sees them: whole where a backslash continues them, without comments.
lines() { awk '/^[ \t]*[#;]/ { next } /\\$/ { sub(/\\$/, " "); kept = kept $0; next } { print kept $0; kept = "" }' "$1"; }

# settings FILE KEY: the values of a key, a line each. An empty assignment takes back those before it.
settings() {
	lines "$1" | awk -v key="$2" '
		{ at = index($0, "="); name = substr($0, 1, at - 1); value = substr($0, at + 1) }
		{ gsub(/^[ \t]+|[ \t]+$/, "", name); gsub(/^[ \t]+|[ \t]+$/, "", value) }
		at && name == key { if (value == "") count = 0; else values[++count] = value }
		END { for (i = 1; i <= count; i++) print values[i] }'
}
last() { settings "$1" "$2" | tail -n 1; }

is() { # FILE KEY VALUE, of a key whose last assignment counts
	[ "$(last "$1" "$2")" = "$3" ] || echo "${1##*/}: $2= is '$(last "$1" "$2")', not '$3'"
}
lists() { # FILE KEY WORD, of a key whose assignments add up
	settings "$1" "$2" | tr ' ' '\n' | grep -qxF -- "$3" || echo "${1##*/}: $2= does not list $3"
}
at_least() { # FILE KEY NUMBER, infinity being enough
	value=$(last "$1" "$2")
	case ${value%%:*} in
	infinity) ;;
	'' | *[!0-9]*) echo "${1##*/}: $2= is '$value', not a number" ;;
	*) [ "${value%%:*}" -ge "$3" ] || echo "${1##*/}: $2= is $value, which is less than $3" ;;
	esac
}

verify() {
	home=$work/home
	mkdir -p "$home/.config/systemd/user" "$home/.config/mosaic/tools/fleet" "$work/run"
	cp "$folder"/*.service "$home/.config/systemd/user"
	cp "$folder"/*.sh "$home/.config/mosaic/tools/fleet"
	# Its exit status says nothing: 0 for a key that it does not know. A home of its own keeps the user's drop-ins out.
	env -i PATH="$PATH" HOME="$home" XDG_RUNTIME_DIR="$work/run" SYSTEMD_COLORS=0 \
		systemd-analyze --user --man=no verify mosaic-tmux-holder.service mosaic-agent@name.service 2>&1 |
		sed "s|$home/||"
}

no_binds_to() {
	for file in "$folder"/*.service "$folder"/*/*.conf; do
		[ -f "$file" ] && settings "$file" BindsTo | sed "s|^|${file##*/}: BindsTo=|"
	done
}

bounded_starts() {
	burst=$(last "$agent" StartLimitBurst)
	case $burst in
	'' | *[!0-9]*) echo "StartLimitBurst= is '$burst', not a number" ;;
	*) [ "$burst" -ge 3 ] && [ "$burst" -le 50 ] || echo "StartLimitBurst= is $burst, not 3 to 50: one crash of the server may cost two" ;;
	esac
	case $(last "$agent" StartLimitIntervalSec) in '' | 0 | 0[!0-9]* | infinity) echo "StartLimitIntervalSec= sets no interval" ;; esac
}

# What the fleet runs, "FILE: LINE": the units' commands, the scripts and tmux.conf. What a script merely says to its
# user is left out.
commands() {
	for file in "$folder"/*.service "$folder"/*.sh "$folder/tmux.conf"; do
		lines "$file" | case $file in
		*.service) sed -n 's/^Exec[A-Za-z]*=//p' ;;
		*) sed -E 's/(^|[[:space:]])(fail [0-9]+|refuse [0-9]+|say) "([^"`$]|\$[^(])*"//' ;;
		esac | sed "s|^|${file##*/}: |"
	done
}
commands >"$work/commands"

no_kill_server() { grep -F kill-server "$work/commands"; }

scripts_exist() {
	grep -oE '[A-Za-z0-9_-]+\.sh' "$work/commands" | sort -u | while read -r script; do
		[ -f "$folder/$script" ] || echo "$script is called and is not there"
	done
}

scripts_are_sh() {
	for script in "$folder"/*.sh; do
		sh -n "$script" 2>&1 | sed "s|$folder/||g"
	done
}

# Without = a target matches by prefix: "code" ends "coder-2". The exact targets without it are a pane's id, which
# tmux.conf hands to agent-pane-died.sh, and $target of start-agent-session.sh: a pane's id, or "=NAME:".
exact_targets() {
	grep -E '(^|[^-A-Za-z0-9_/.])tmux |[a-z]-(session|window|pane|client|message|option|shell|key|hook|buffer|environment)' "$work/commands" |
		grep -oE '^[^:]*:|[[:space:]]-[A-Za-z]*t[[:space:]]*[^[:space:]]+' | awk '
			/^[^ \t]*:$/ { file = $0; next }
			/-[glno]t[ \t]/ { next } # a comparison of the shell
			file == "start-agent-session.sh:" && $0 ~ /-t ["\047]\$target["\047]$/ { next } # also within what if-shell runs
			file == "agent-pane-died.sh:" && $0 ~ /-t "\$pane"$/ { next }
			$0 !~ /-[A-Za-z]*t[ \t]*\\?["\047]?=/ { print file $0 }'
}

# A client without -N founds a server where none is: in an agent's unit, or a login's scope. A script may have its own
# tmux(), which has the -N.
only_holder_founds() {
	awk '
		{ file = $1; line = $0; sub(/^[^:]*: /, "", line) }
		line ~ /^[ \t]*tmux\(\)/ { wrapped[file] = 1 }
		{
			while (match(line, /(^|[^-A-Za-z0-9_\/.])([^ \t"\047]*\/)?tmux([ \t]+-[^ \t]+([ \t]+"\$[^"]*")?)*[ \t]+[-a-z"$]/)) {
				call = substr(line, RSTART)
				before = substr(line, 1, RSTART)
				options = substr(line, RSTART, RLENGTH)
				line = substr(line, RSTART + RLENGTH)
				if (options ~ /[ \t]-[A-Za-z]*N/) continue
				if (file == "start-tmux-holder.sh:" && call ~ /[ \t]start-server([ \t]|$)/) continue
				if (wrapped[file] && before !~ /(timeout .*|command|exec|env.*|nohup|setsid)[ \t]+$/) continue
				print file " " call
			}
		}' "$work/commands"
}

check "systemd finds no fault in the units" verify
check "the agent requires the holder" lists "$agent" Requires mosaic-tmux-holder.service
check "the agent starts after the holder" lists "$agent" After mosaic-tmux-holder.service
check "nothing is bound to the holder (BindsTo=)" no_binds_to
check "the agent's cgroup is delegated" is "$agent" Delegate yes
check "the agent is of Type=forking" is "$agent" Type forking
check "the agent has no guessed main process" is "$agent" GuessMainPID no
check "the agent always comes back" is "$agent" Restart always
check "the agent's starts are bounded" bounded_starts
check "the agent is wanted by default.target" lists "$agent" WantedBy default.target
check "the holder is of Type=forking" is "$holder" Type forking
check "the holder outlives a pane that runs out of memory" is "$holder" OOMPolicy continue
check "the holder always comes back" is "$holder" Restart always
check "the holder's starts are not limited" is "$holder" StartLimitIntervalSec 0
check "the holder may open a file for every pane" at_least "$holder" LimitNOFILE 65536
check "the holder is wanted by default.target" lists "$holder" WantedBy default.target
check "every script that is called is there" scripts_exist
check "every script is clean sh" scripts_are_sh
check "nothing runs kill-server" no_kill_server
check "every tmux target is exact" exact_targets
check "only the holder founds a tmux server" only_holder_founds
exit "$failed"
