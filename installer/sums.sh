# shellcheck shell=sh
# A directory's SHA256SUMS: of a bundle, of a backup, of staged files.

command -v sha256sum >/dev/null 2>&1 || sha256sum() { openssl dgst -sha256 -r "$@" | sed 's/ [ *]/  /'; }

# write_file FILE TEXT: in one go, so that no failure is overlooked.
write_file() { printf '%s\n' "$2" >"$1" || { printf "cannot write '%s'\n" "$1" >&2; return 1; }; }

# seal DIR FILE...: lists these in SHA256SUMS, sets $sealed to that list, and flushes all. Leaves the shell
# in DIR. (Before coreutils 8.24 `sync` ignores names and flushes everything, which serves as well.)
seal() {
    cd "$1" || return 1
    shift
    # shellcheck disable=SC2086
    sealed=$(sha256sum "$@") && write_file "$PWD/SHA256SUMS" "$sealed" && sync "$@" $fmcs SHA256SUMS "$PWD"
}

# read_sums DIR: sets $names, the files that are listed, and $listed, the lines.
read_sums() {
    names='' listed=''
    [ -f "$1/SHA256SUMS" ] || return 1
    while IFS= read -r line; do
        sum=${line%%  *} name=${line#*  }
        case $sum in *[!0-9a-f]*) return 1 ;; esac
        case $name in '' | -* | *[!A-Za-z0-9._/-]* | *../*) return 1 ;; esac
        [ "${#sum}" = 64 ] && [ "$sum  $name" = "$line" ] || return 1
        names="$names $name" listed=$listed$line$nl
    done <"$1/SHA256SUMS"
    [ -n "$listed" ] && [ -z "${line-}" ]
}

# changed_in DIR: sets $odd, those of these files. (`sha256sum -c` overlooks garbled lines on some systems.)
changed_in() {
    # shellcheck disable=SC2086
    odd='' found=$nl$(cd "$1" && sha256sum $names 2>/dev/null)$nl || :
    # shellcheck disable=SC2086
    set -- $names
    for name; do
        line=${listed%%"$nl"*} listed=${listed#*"$nl"}
        case $found in *"$nl$line$nl"*) ;; *) odd="$odd $name" ;; esac
    done
    odd=${odd# }
}

is_sealed() { read_sums "$1" && changed_in "$1" && [ -z "$odd" ]; }
