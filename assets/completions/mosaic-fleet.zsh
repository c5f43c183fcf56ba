#compdef mosaic-fleet
# Completes mosaic-fleet in zsh: asks the program itself at every Tab. Printed by `mosaic-fleet completions zsh`.

_mosaic-fleet() {
	local -a answer candidates
	answer=("${(@f)$(command mosaic-fleet __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)}")
	case ${answer[1]} in
	file)
		compset -P '--*='
		_files
		;;
	folder)
		compset -P '--*='
		_files -/
		;;
	words)
		# VALUE<tab>what it is, as _describe has it: VALUE:what it is.
		candidates=("${(@)${(@)answer[2,-1]//:/\\:}/$'\t'/:}")
		candidates=("${(@)candidates%:}")
		_describe -V mosaic-fleet candidates
		;;
	esac
}

# In a folder of $fpath this is the function itself; sourced, it has yet to be told to zsh.
if [[ ${funcstack[1]} == _mosaic-fleet ]]; then
	_mosaic-fleet "$@"
else
	compdef _mosaic-fleet mosaic-fleet
fi
