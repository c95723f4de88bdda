# shellcheck shell=sh
# Does what lies there have the checksums that a list says? SHA256SUMS lists the files of a directory:
# those of a bundle signed, and those of a backup or of staged files to find damage.

# sha256 [FILE...]: lines as sha256sum prints them; openssl stands in where that is missing.
sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$@"
    else
        openssl dgst -sha256 -r "$@" | sed 's/ [ *]/  /'
    fi
}

# flush FILE-OR-DIR...: on disk, or a failure. (Before coreutils 8.24 `sync` ignores the names and
# flushes everything, which serves as well.)
flush() { sync "$@"; }

# write_file FILE TEXT: in one go, as in a loop or a group only the last status would count.
write_file() { printf '%s\n' "$2" >"$1" || { printf "cannot write '%s'\n" "$1" >&2; return 1; }; }

# seal DIR: lists the checksums of all that lies in it, and flushes everything to disk.
seal() {
    # shellcheck disable=SC2046,SC2086
    (cd "$1" && names=$(find . -type f | sed 's|^\./||' | sort) && sums=$(sha256 $names) && write_file "$1/SHA256SUMS" "$sums" && flush $names $(find . ! -name . -type d) SHA256SUMS "$1")
}

# read_sums DIR: sets $names, the files that DIR/SHA256SUMS lists, if it is such a list.
read_sums() {
    grep -q . "$1/SHA256SUMS" 2>/dev/null && ! grep -Evq '^[0-9a-f]{64}  [A-Za-z0-9._/-]+$' "$1/SHA256SUMS" || return 1
    names=$(sed 's/^[0-9a-f]*  //' "$1/SHA256SUMS")
}

# changed_in DIR: the files that have not the checksums that SHA256SUMS lists. (Not by `sha256sum -c`,
# which takes a garbled line among good ones differently from system to system.)
changed_in() {
    # shellcheck disable=SC2086
    only_in "$(cat "$1/SHA256SUMS")" "$(cd "$1" && sha256 $names 2>/dev/null)" | sed 's/^[0-9a-f]*  //'
}

# is_sealed DIR: it holds what it held when it was sealed.
is_sealed() { read_sums "$1" && [ -z "$(changed_in "$1")" ]; }

# only_in LINES OTHERS: the LINES that are not among the OTHERS.
only_in() { printf '%s\n' "$1" "$2" "$2" | sort | uniq -u; }
