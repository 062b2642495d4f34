
# People type `cargo xtask …`. Whatever completed `cargo` before still completes its other commands.
if [[ "$(complete -p cargo 2>/dev/null)" != *' -F _xtask_of_cargo '* ]]; then
    _xtask_cargo_before="$(complete -p cargo 2>/dev/null)"
fi

_xtask_of_cargo() {
    if [[ "${COMP_WORDS[1]}" == xtask && "$COMP_CWORD" -gt 1 ]]; then
        COMP_WORDS=("${COMP_WORDS[@]:1}")
        COMP_CWORD=$((COMP_CWORD - 1))
        _xtask xtask "$2" "$3"
    elif [[ "$_xtask_cargo_before" == *' -F '* ]]; then
        local before="${_xtask_cargo_before#* -F }"
        "${before%% *}" "$@"
    elif declare -F _completion_loader >/dev/null && [[ -z "$_xtask_cargo_before" ]]; then
        # bash-completion loads cargo's own file now, which takes our place: from now on we ask it.
        _completion_loader cargo
        _xtask_cargo_before="$(complete -p cargo 2>/dev/null)"
        [[ "$_xtask_cargo_before" == *' -F _xtask_of_cargo '* ]] && _xtask_cargo_before=none
        complete -F _xtask_of_cargo -o bashdefault -o default cargo
        return 124
    fi
}
complete -F _xtask_of_cargo -o bashdefault -o default cargo
