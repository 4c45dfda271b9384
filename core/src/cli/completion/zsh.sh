#compdef glassbox
# zsh completion for glassbox: put it into a directory of $fpath as _glassbox, or source it after compinit
_glassbox() {
    local -a plain described
    local line directive=0 word
    while IFS= read -r line; do
        if [[ $line == :<-> ]]; then
            directive=${line#:}
        else
            word=${line%%$'\t'*}
            plain+=("$word")
            if [[ $line == *$'\t'* ]]; then
                described+=("${word//:/\\:}:${line#*$'\t'}")
            else
                described+=("${word//:/\\:}")
            fi
        fi
    done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    local -a options
    (( directive & 2 )) && options=(-S '')
    (( $#plain )) && _describe -t words word described plain "${options[@]}"
    (( directive & 4 )) || _files
    return 0
}
if [[ $funcstack[1] == _glassbox ]]; then _glassbox "$@"; else compdef _glassbox glassbox; fi
