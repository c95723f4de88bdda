# shellcheck shell=sh
# Step 5: can it work? Everything that would stop the commit half way is looked for here. Exit 5.

# check_ready: space, targets, permissions and commands.
check_ready() {
    check_space
    while IFS='= ' read -r key source target sha mode owner; do
        case $key in file | absent) ;; *) continue ;; esac
        on_device "$target"
        [ ! -L "$path" ] || die 5 "'$path' is a symbolic link" 'sftunnel makes plain files: find out who made the link, then remove it'
        [ ! -e "$path" ] || [ -f "$path" ] || die 5 "'$path' is not a file" 'find out what made it, then move it away'
        [ -w "${path%/*}" ] || die 5 "'${path%/*}' is not writable" 'is the file system mounted read-only'
    done <"$plan"
    check_flags
    [ "$restart" = no ] || find_command pmtool ||
        die 5 'pmtool was not found, so sftunnel could not be restarted' 'run as root in expert mode; or add --no-restart and restart sftunnel yourself'
    step preflight "root, $free_kib KiB free, targets are plain files${command_path:+, $command_path}"
}

# check_space: sets free_kib of the file system under /var/sf.
check_space() {
    free_kib=''
    # The figure before the percentage; a mount point with blanks comes after it.
    # shellcheck disable=SC2046
    for field in $(df -P -k "${state%/*}" 2>/dev/null | tail -n 1); do
        case $field in *%) break ;; esac
        free_kib=$field
    done
    case $free_kib in '' | *[!0-9]*) die 5 "cannot tell the free space of '$peers'" 'look with: df -k' ;; esac
    [ "$free_kib" -ge "$needed_kib" ] ||
        die 5 "too little space under '$peers': wanted $needed_kib KiB, found $free_kib" 'remove old files from that file system, not from the peer directories'
}

# check_flags: an immutable or append-only file cannot be replaced, nor anything in such a directory.
check_flags() {
    command -v lsattr >/dev/null 2>&1 || return 0
    for fmc in $fmcs; do
        # shellcheck disable=SC2086
        flags=$(cd "$peers/$fmc" && lsattr -d . $trio_names 2>/dev/null) || :
        flagged=$(printf '%s\n' "$flags" | sed -n 's/^[^ ]*[ia][^ ]* *//p' | tr '\n' ' ')
        [ -z "$flagged" ] || die 5 "immutable in '$peers/$fmc': '${flagged% }'" "find out who set the flag, then: chattr -i -a, in that directory"
    done
}

# find_command NAME: sets $command_path; the appliance's own directories first, as PATH is often
# short after sudo su, and a rehearsal has its own.
find_command() {
    for command_path in "$root/ngfw/usr/local/sf/bin/$1" "$root/usr/local/sf/bin/$1"; do
        [ ! -x "$command_path" ] || return 0
    done
    command_path=$(command -v "$1" 2>/dev/null) && [ -n "$command_path" ]
}

# holds: every file of $plan is on the device as planned: content, mode and owner, or absence.
holds() {
    while IFS='= ' read -r key source target sha mode owner; do
        case $key in file | absent) ;; *) continue ;; esac
        on_device "$target"
        if [ "$key" = absent ]; then
            [ ! -e "$path" ] || return 1
            continue
        fi
        hash_of "$path"
        [ "$hash" = "$sha" ] && [ ! -L "$path" ] || return 1
        is_owned "$path" "$mode" "$owner" || return 1
    done <"$plan"
}

# is_owned FILE MODE OWNER: root:root is 0:0.
is_owned() {
    case $3 in root:root) set -- "$1" "$2" 0:0 ;; esac
    [ "$(stat -c '%a %u:%g' "$1")" = "$2 $3" ]
}

# check_run: a bundle of an older generate_certs.pl run than the device has had is refused.
check_run() {
    [ "$allow_older" = no ] && [ -f "$state/runs" ] || return 0
    while IFS='= ' read -r key fmc run rest; do
        [ "$key" = fmc ] || continue
        known=$(sed -n "s/^$fmc //p" "$state/runs")
        [ -z "$known" ] || [ "$run" -ge "$known" ] || die 3 \
            "the bundle is of generate_certs.pl run '$run', and this device has had run '$known' of FMC '$fmc'" \
            'the FMC no longer accepts the older trio: take the newer kit (or add --allow-older)'
    done <"$plan"
}
