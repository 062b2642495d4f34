
# People type `cargo xtask …`. Whatever completed `cargo` before still completes its other commands.
if [ "${_comps[cargo]}" != "_xtask_of_cargo" ]; then
    typeset -g _xtask_cargo_before="${_comps[cargo]}"
fi

_xtask_of_cargo() {
    if [[ "${words[2]}" == xtask && "$CURRENT" -gt 2 ]]; then
        shift words
        (( CURRENT-- ))
        _xtask
    else
        "${_xtask_cargo_before:-_default}" "$@"
    fi
}
compdef _xtask_of_cargo cargo
