# shellcheck shell=sh
# Step 1: one run at a time, and nothing left behind. The lock is a symbolic link to the holder's PID and
# start time. One whose holder is gone is not taken away, as two runs could find it at once, but followed
# by a link lock.after-<its target>, which only one of them can make.

# started_at PID: sets $ticks, since boot (proc(5), field 22), empty for a dead process.
started_at() {
    ticks=''
    { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    case $1 in Z | X) return 0 ;; esac
    shift 19
    ticks=$1
}

# find_holder: follows the links; sets $holder, whom the last names, $chain, the links, $tail, the next.
find_holder() {
    tail=$state/lock chain='' holder=''
    while [ -L "$tail" ] && next=$(exec readlink "$tail" 2>/dev/null); do
        chain="$chain ${tail##*/}" holder=$next tail=$state/lock.after-$next
    done
}

is_held() { [ -n "$holder" ] && started_at "${holder%%:*}" && [ "$ticks" = "${holder#*:}" ]; }

take_lock() {
    [ ! -L "$state" ] || die 5 "'$state' is a symbolic link" 'remove it: it is not of our making'
    if [ ! -d "$state" ]; then
        if why=$(exec mkdir -m 700 "$state" 2>&1); then made_state=yes; else [ -d "$state" ] || die 5 "cannot make '$state': $why" "$disk_hint"; fi
    fi
    [ "$made_state" = yes ] || why=$(exec chmod 700 "$state" 2>&1) || die 5 "cannot keep others out of '$state': $why" "$disk_hint"
    started_at $$
    me=$$:$ticks tries=0
    find_holder
    while [ "$holder" != "$me" ]; do
        ! is_held || die 5 "another run is at work on this device: process '${holder%%:*}'" 'wait for it, or look at it with ps'
        tries=$((tries + 1))
        [ "$tries" -lt 9 ] || die 5 "cannot take the lock in '$state': $why" "$disk_hint"
        link=$tail
        why=$(exec ln -s "$me" "$link" 2>&1) || case $why in *exists*) find_holder; continue ;; *) die 5 "cannot take the lock in '$state': $why" "$disk_hint" ;; esac
        # What it follows may have been given up just now.
        # (In what is a directory, ln makes a link all the same.)
        if [ -n "$chain" ] || [ ! -L "$link" ]; then find_holder; else holder=$me chain=' lock'; fi
        [ "$holder" = "$me" ] || { rm -f "$link" 2>/dev/null || :; find_holder; }
    done
}

# clean_up [CODE]: the trap of EXIT, and of signals (mksh loses an `exit` in a trap if another has begun).
clean_up() {
    code=$? signalled=${1-}
    trap - EXIT
    trap '' HUP INT TERM
    # A signal may have come at a question, which is read with another.
    IFS=" $nl"
    [ -z "$signalled" ] || code=$signalled died=yes
    [ -z "$tty_settings" ] || stty "$tty_settings" || :
    if [ "$code" -ne 0 ] && [ "$died" = no ]; then
        (die 1 "the installer failed unexpectedly, with status $code" 'report this with all that is on the screen; sh install.sh status shows how things stand, recover finishes or undoes what was begun') || :
        code=1
        [ "$committed" = no ] || code=8
    fi
    [ -z "$export_part" ] || rm -f "$export_part" || :
    give_up_lock
    [ -z "$log" ] || [ -n "$unused_backup" ] || record "ended ${ended:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}, exit $code"
    [ "$made_state$committed" != yesno ] || rmdir "$state"/* "$state" 2>/dev/null || :
    exit "$code"
}

give_up_lock() {
    find_holder
    [ -n "$me" ] && [ "$holder" = "$me" ] || return 0
    # A commit that was broken off keeps its files and its journal, for recover.
    # The first one first: without it the others mean nothing.
    set --
    for link in $chain; do set -- "$@" "$state/$link"; done
    if [ "$committing" = no ]; then
        [ -z "$unused_backup" ] || rm -rf "$unused_backup" "$state/logs/$backup_id-$verb.log" || :
        sweep "$@" || printf '%s\n' "$why" >&2 || :
    else
        code=7
        rm -f "$@" || :
    fi
}

# sweep LAST...: what an interrupted run may have left, a plaintext key among it; then these.
sweep() {
    for left in "$work" "$state"/*.new "$state"/lock.after-* "$peers"/*/"$beside"; do
        case "$chain " in *" ${left##*/} "*) ;; *) [ ! -e "$left" ] && [ ! -L "$left" ] || set -- "$left" "$@" ;; esac
    done
    [ $# = 0 ] || why=$(exec rm -rf "$@" 2>&1)
}
