# shellcheck shell=sh
# Step 5: whatever would stop the commit half way.

check_ready() {
    [ -n "$free_kib" ] || check_space
    step preflight "root; $free_kib KiB free, $wanted_kib wanted"
    for file in $files $absent; do
        path=$peers/$file
        [ ! -L "$path" ] && { [ ! -e "$path" ] || [ -f "$path" ]; } ||
            die 5 "'$path' is not a plain file" 'sftunnel makes plain files: find out what made this one, then move it away'
        [ -w "${path%/*}" ] || die 5 "'${path%/*}' is not writable" 'is the file system mounted read-only'
    done
    [ -z "$linked" ] || warn "'${linked# }' in '$peers' has another name, a hard link, which will keep the old file"
    check_flags
    # shellcheck disable=SC2086
    set -- $files
    step '' "$# files to put in place: no link or directory stands there, no flag is set, and the directories are writable"
    command_path=''
    [ "$restart" = no ] || find_command pmtool ||
        die 5 'pmtool was not found, so that sftunnel could not be restarted' 'run as root in expert mode; or add --no-restart and restart sftunnel yourself'
    step '' "pmtool: ${command_path:-not wanted}"
}

check_space() {
    # The figure before the percentage: what comes later may hold blanks.
    found=$(exec df -P -k "${state%/*}" 2>/dev/null) || :
    for field in ${found##*"$nl"}; do
        case $field in *%) break ;; esac
        free_kib=$field
    done
    case $free_kib in '' | *[!0-9]*) die 5 "cannot tell the free space of '$peers'" 'look with: df -k' ;; esac
    [ -z "$bundle" ] || bundle_kib=$(du -sk "$bundle") bundle_kib=${bundle_kib%%[!0-9]*}
    wanted_kib=$((needed_kib + 2 * bundle_kib))
    [ "$free_kib" -ge "$wanted_kib" ] ||
        die 5 "too little space under '$peers': wanted $wanted_kib KiB, found $free_kib" 'make room on that file system, but not in the peer directories'
}

check_flags() {
    command -v lsattr >/dev/null 2>&1 || return 0
    # shellcheck disable=SC2046,SC2086
    set -- $(cd "$peers" && exec lsattr -d $fmcs $files 2>/dev/null)
    flagged=''
    while [ $# -gt 1 ]; do
        case $1 in *[ia]*) flagged="$flagged $2" ;; esac
        shift 2
    done
    [ -z "$flagged" ] || die 5 "immutable or append-only, in '$peers': '${flagged# }'" 'find out who set the flag; chattr -i -a takes it away'
}

agree() {
    is_interactive || return 0
    warned=''
    [ "$restart" = no ] || warned=' sftunnel will be restarted, which drops its tunnels.'
    ask "$1?$warned [yes/no]"
    [ "$answer" = yes ] || die 2 'not confirmed: nothing was changed' 'answer yes, in full, to go on'
}
