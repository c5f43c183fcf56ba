# Completes mosaic-fleet in fish: asks the program itself at every Tab. Printed by `mosaic-fleet completions fish`.

function __mosaic_fleet_complete
    # Of a program that is gone fish itself complains, whatever stderr is.
    command --query mosaic-fleet; or return
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    set -l answer (command mosaic-fleet __complete $words "$current" 2>/dev/null </dev/null)
    set -l option (string match -r -- '^--[^=]*=' "$current")
    set -l value (string replace -r -- '^--[^=]*=' '' "$current")
    switch "$answer[1]"
        case file
            for path in (__fish_complete_path "$value")
                echo "$option$path"
            end
        case folder
            for path in (__fish_complete_directories "$value")
                echo "$option$path"
            end
        case words
            set -e answer[1]
            printf '%s\n' $answer
    end
end

complete --command mosaic-fleet --no-files --keep-order --arguments '(__mosaic_fleet_complete)'
