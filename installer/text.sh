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

# to_base64 HEX N: sets $text, in base64 whose A has the number N.
to_base64() {
    left=$1 escaped=''
    while [ -n "$left" ]; do
        end=''
        case $left in ?) left=${left}00 end='=' ;; ??) left=${left}0 end='==' ;; esac
        bits=$((0x${left%"${left#???}"})) left=${left#???}
        for n in $((bits >> 6)) $((bits & 63)); do
            n=$((n < 26 ? n + $2 : n < 52 ? n + 71 : n < 62 ? n - 4 : 4 * n - 205))
            escaped=$escaped\\$((n / 64))$((n / 8 % 8))$((n % 8))
        done
        [ "$end" != '=' ] || escaped=${escaped%????}
        escaped=$escaped$end
    done
    # shellcheck disable=SC2059
    printf "$escaped" >coded.new && read_text coded.new
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

# read_text FILE: sets $text, without the line end at its end.
read_text() {
    text=''
    while line='' && { IFS= read -r line || [ -n "${line-}" ]; }; do text=$text$nl$line; done <"$1"
    text=${text#"$nl"}
}

# value_of KEY FILE: sets $value, empty if the file does not say.
value_of() {
    value=''
    [ -f "$2" ] || return 0
    while line='' && { IFS= read -r line || [ -n "${line-}" ]; }; do case $line in "$1="*) value=${line#*=} ;; esac; done <"$2"
}
