# fish completion for glassbox: put it into ~/.config/fish/completions/glassbox.fish
function __glassbox_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l out (eval (string escape -- $words[1]) __complete (string escape -- $words[2..-1]) 2>/dev/null)
    set -l directive 0
    for line in $out
        if string match -qr '^:[0-9]+$' -- $line
            set directive (string sub -s 2 -- $line)
        else
            echo $line
        end
    end
    if test (math "bitand($directive, 4)") -eq 0
        __fish_complete_path (commandline -ct)
    end
end
complete -c glassbox -f -a '(__glassbox_complete)'
