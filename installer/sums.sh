# shellcheck shell=sh
# A directory's SHA256SUMS: of a bundle, of a backup, of staged files.

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$@"
    else
        openssl dgst -sha256 -r "$@" | sed 's/ [ *]/  /'
    fi
}

# (Before coreutils 8.24 `sync` ignores the names and flushes everything, which serves as well.)
flush() { sync "$@"; }

# write_file FILE TEXT: in one go, so that no failure is overlooked.
write_file() { printf '%s\n' "$2" >"$1" || { printf "cannot write '%s'\n" "$1" >&2; return 1; }; }

# seal DIR: lists all that is in it, and flushes it.
seal() {
    # shellcheck disable=SC2046,SC2086
    (cd "$1" && names=$(find . -type f | sed 's|^\./||' | sort) && sums=$(sha256 $names) && write_file "$1/SHA256SUMS" "$sums" && flush $names $(find . ! -name . -type d) SHA256SUMS "$1")
}

# read_sums DIR: sets $names, the files that are listed.
read_sums() {
    grep -q . "$1/SHA256SUMS" 2>/dev/null && ! grep -Evq '^[0-9a-f]{64}  [A-Za-z0-9._/-]+$' "$1/SHA256SUMS" || return 1
    names=$(sed 's/^[0-9a-f]*  //' "$1/SHA256SUMS")
}

# changed_in DIR: of these files. (`sha256sum -c` overlooks garbled lines on some systems.)
changed_in() {
    # shellcheck disable=SC2086
    only_in "$(cat "$1/SHA256SUMS")" "$(cd "$1" && sha256 $names 2>/dev/null)" | sed 's/^[0-9a-f]*  //'
}

is_sealed() { read_sums "$1" && [ -z "$(changed_in "$1")" ]; }

# only_in LINES OTHERS: the LINES that are not among the OTHERS.
only_in() { printf '%s\n' "$1" "$2" "$2" | sort | uniq -u; }
