
# People type `cargo xtask …`; cargo's own completions stay.
function __fish_xtask_of_cargo
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test $words[2] = xtask
end
complete -c cargo -n __fish_xtask_of_cargo -f -a '(complete -C (string replace -r "^\s*cargo\s+" "" -- (commandline -cp)))'
