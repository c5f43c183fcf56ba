# shellcheck shell=bash
# Completes mosaic-fleet in bash: asks the program itself at every Tab. Printed by `mosaic-fleet completions bash`.

# Called by bash with the command, the word before the cursor, the word before that.
_mosaic_fleet() {
	local -a words=() answer=()
	local word last='' line index

	# bash cuts words at = and : as well; the program gets them whole.
	for ((index = 1; index <= COMP_CWORD; index++)); do
		word=${COMP_WORDS[index]}
		if [[ ${#words[@]} -gt 0 && ($word == [=:] || $last == [=:]) ]]; then
			words[-1]+=$word
		else
			words+=("${word//[\"\'\\]/}")
		fi
		last=$word
	done

	# What bash will put a candidate in the place of is only the end of the last word.
	local whole=${words[-1]} replaced=$2
	[[ $last == [=:] ]] && replaced=''
	local kept=${whole%"$replaced"}

	mapfile -t answer < <(command mosaic-fleet __complete "${words[@]}" 2>/dev/null </dev/null)
	COMPREPLY=()
	case ${answer[0]-} in
	file) compopt -o default ;;
	folder) compopt -o dirnames ;;
	words)
		for line in "${answer[@]:1}"; do
			word=${line%%$'\t'*}
			[[ $word == "$whole"* ]] && COMPREPLY+=("${word#"$kept"}")
		done
		;;
	esac
}

complete -F _mosaic_fleet mosaic-fleet
