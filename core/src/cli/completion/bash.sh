# bash completion for glassbox: source it, or put it into /etc/bash_completion.d/glassbox
_glassbox() {
    local words=() glued="" word index
    # Readline splits at = and : as well; glassbox does not.
    for ((index = 1; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $word == [=:] && ${#words[@]} -gt 0 ]]; then
            words[-1]+=$word
            glued=yes
        elif [[ $glued == yes ]]; then
            words[-1]+=$word
            glued=""
        else
            words+=("$word")
        fi
    done
    local current=${words[-1]} line out=() directive=0
    while IFS= read -r line; do
        if [[ $line == :* ]]; then directive=${line#:}; else out+=("${line%%$'\t'*}"); fi
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
    # What readline took for words of their own is not to be typed twice.
    local prefix=""
    [[ $current == *[=:]* && $COMP_WORDBREAKS == *:* ]] && prefix=${current%"${current##*[=:]}"}
    COMPREPLY=()
    for word in "${out[@]}"; do
        [[ $word == "$current"* ]] && COMPREPLY+=("${word#"$prefix"}")
    done
    ((directive & 2)) && compopt -o nospace
    if ! ((directive & 4)); then
        compopt -o filenames
        while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "${current#"$prefix"}")
    fi
}
complete -F _glassbox glassbox
