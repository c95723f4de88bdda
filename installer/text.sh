# shellcheck shell=sh
# Work on texts by the shell alone: each process takes its time, and $(...) is one.

# swap TEXT PATTERN NEW: sets $swapped: TEXT with NEW for all that matches PATTERN.
swap() {
    swapped='' unswapped=$1
    # shellcheck disable=SC2254,SC2295
    while :; do
        case $unswapped in *$2*) ;; *) break ;; esac
        swapped=$swapped${unswapped%%$2*}$3 unswapped=${unswapped#*$2}
    done
    swapped=$swapped$unswapped
}

# lower_hex TEXT: sets $swapped: with a to f for A to F.
lower_hex() {
    swapped=$1
    for pair in Aa Bb Cc Dd Ee Ff; do swap "$swapped" "${pair%?}" "${pair#?}"; done
}

# hex_digits TEXT: sets $digits.
hex_digits() {
    swap "$1" '[[:space:]:]' ''
    lower_hex "$swapped"
    digits=$swapped
}

# printable TEXT: sets $swapped: with ? for all but printable ASCII.
printable() { swap "$1" '[! -~]' '?'; }

# quoted TEXT: sets $swapped: for pasting into a shell.
quoted() {
    swap "$1" "'" "'\\''"
    swapped="'$swapped'"
}

# value_of KEY FILE: sets $value, empty if the file does not say.
value_of() {
    value=''
    [ -f "$2" ] || return 0
    while line='' && { IFS= read -r line || [ -n "${line-}" ]; }; do case $line in "$1="*) value=${line#*=} ;; esac; done <"$2"
}
