#!/bin/sh
# @COMMAND@ @VERSION@, for Linux on x86-64 with glibc @GLIBC@ or newer: a program in one file. This
# script ends at the line "payload"; a .tar.gz follows with the program and the Python that runs it.
#
# It unpacks that into a directory of its own, mode 0700, on a file system that allows execution,
# and becomes the program: same process, same exit status, signals reach it directly. The directory
# is removed when the process has ended, however it ended. Where this file may not be executed (a
# stick mounted noexec): sh @COMMAND@ ...
#
# TMPDIR names another place to unpack in.
set -eu
mask=$(umask)
umask 077
# tar and gzip would take words from these.
unset CDPATH TAR_OPTIONS GZIP
command=@COMMAND@
glibc=@GLIBC@
# Where the payload begins, how long the whole file is, and how much room the program takes.
payload_at=@PAYLOAD_AT@
file_bytes=@FILE_BYTES@
unpacked_kib=@UNPACKED_KIB@
other_way='@OTHER_WAY@'

# die MESSAGE HINT: nothing was done. 5: the machine does not suit; 4: the file is damaged.
die() {
    printf 'error: %s\nhint: %s\n' "$2" "$3" >&2
    exit "$1"
}

# whole: the file is as long as it was made; what a stick or a download cut off shows here.
whole() {
    [ "$(wc -c <"$0" 2>/dev/null || :)" -eq "$file_bytes" ] 2>/dev/null
}

# safe PLACE: nobody but root and this user can rename what is made there. The owner of / counts as
# root, which has another number in a user namespace.
safe() {
    path=$1
    set -- /
    while [ "$path" != / ] && [ -n "$path" ]; do
        set -- "$@" "$path"
        path=${path%/*}
    done
    # shellcheck disable=SC2012 # what is read of it is a number
    root=$(ls -ldn / | { read -r _ _ owner _ && printf %s "$owner"; })
    open=$(find "$@" -prune \( \
        ! -user 0 ! -user "$root" ! -user "$(id -u)" -o \
        \( -perm -0002 -o -perm -0020 \) ! -perm -1000 \) -print) && [ -z "$open" ]
}

# sweep PLACE: removes what runs left there that were killed together with their watch. The name has
# the process, the pipe tells that it is one of ours.
sweep() {
    for left in "$1/$command".[0-9]*.????????; do
        [ -p "$left/alive" ] || continue
        [ -n "$(find "$left" -prune -type d -user "$(id -u)" -print 2>/dev/null)" ] || continue
        pid=${left#"$1/$command".}
        pid=${pid%%.*}
        case $pid in *[!0-9]*) continue ;; esac
        kill -0 "$pid" 2>/dev/null || rm -rf "$left"
    done
}

# executes: this directory allows execution. Asked of the kernel: mount options tell only half.
executes() {
    printf '#!/bin/sh\nexit 0\n' >"$directory/try" && chmod 700 "$directory/try" || return 1
    "$directory/try" 2>/dev/null && rm -f "$directory/try"
}

# unpack: the payload into the directory. The gzip's checksum is heeded, not only tar's opinion.
unpack() {
    {
        tail -c "+$payload_at" "$0" | { gzip -dc || : >"$directory/damaged"; } |
            tar -x -o -f - -C "$directory" || return 1
    } 2>/dev/null
    [ ! -e "$directory/damaged" ]
}

# settle PLACE: sets directory, with the program in it; or says why not and leaves nothing.
settle() {
    [ -n "$1" ] && place=$(cd -P "$1" 2>/dev/null && pwd) && safe "$place" || return 1
    sweep "$place"
    directory=$(mktemp -d "$place/$command.$$.XXXXXXXX" 2>/dev/null) || return 1
    mkfifo "$directory/alive" 2>/dev/null && executes && unpack && return
    rm -rf "$directory"
    directory=
    return 1
}

main() {
    machine=$(uname -sm)
    [ "$machine" = 'Linux x86_64' ] ||
        die 5 "this executable is for \"Linux x86_64\", and this is \"$machine\"" "$other_way"
    whole || die 4 "\"$0\" is not as long as it was made" \
        "copy it again, and compare it with SHA256SUMS"

    directory=
    trap '[ -z "$directory" ] || rm -rf "$directory"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    for candidate in "${TMPDIR:-}" /tmp /var/tmp /dev/shm "${XDG_RUNTIME_DIR:-}" /run \
        "${HOME:-/root}"; do
        settle "$candidate" && break
    done
    if [ -z "$directory" ]; then
        tail -c "+$payload_at" "$0" | gzip -t 2>/dev/null ||
            die 4 "\"$0\" is damaged" "copy it again, and compare it with SHA256SUMS"
        die 5 'no directory was found to unpack this program in' \
            "set TMPDIR to one that allows execution, has $unpacked_kib KiB free, and that others cannot write in"
    fi
    "$directory/probe" 2>/dev/null ||
        die 5 "this executable needs the GNU C library $glibc or newer, for 64 bits" "$other_way"

    # The watch reads the pipe until the process that holds its other end, 9, has ended. Both ends
    # are open before anything else can happen.
    exec 9<>"$directory/alive"
    (
        trap - EXIT
        trap '' HUP INT QUIT TERM
        exec 8<"$directory/alive" 9>&-
        read -r _ <&8 || :
        rm -rf "$directory"
    ) </dev/null >/dev/null 2>&1 &
    trap - EXIT HUP INT TERM
    umask "$mask"
    # The installer looks for a bundle beside the file that was started.
    SFTUNNEL_STARTED_AS=$0
    export SFTUNNEL_STARTED_AS
    # mksh and ksh close what is above 2 at an exec, unless it is named.
    exec "$directory/$command" "$@" 9<&9
}

main "$@"
exit
# payload
