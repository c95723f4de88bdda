# shellcheck shell=sh
# Step 1: one run at a time, and nothing left behind. The lock is a symbolic link, made in one system
# call, whose target says who holds it: PID and start time, so that neither a reused PID nor a reboot
# can look like the holder.

# started_at PID: its start time in clock ticks since boot (proc(5), field 22), or nothing.
started_at() {
    { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    # Split the fields behind the command name, which may hold anything.
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    shift 19
    printf '%s' "$1"
}

# is_held: $holder, the lock's target, is a process that lives.
is_held() { [ "$(started_at "${holder%%:*}")" = "${holder#*:}" ]; }

# take_lock: makes the state directory if need be; exit 5 if another run is at work.
take_lock() {
    [ ! -L "$state" ] || die 5 "'$state' is a symbolic link" 'remove it: it is not of our making'
    if [ ! -d "$state" ]; then
        why=$(mkdir "$state" 2>&1) || die 5 "cannot make '$state': $why" "$disk_hint"
        made_state=yes
    fi
    # Keys will lie there.
    chmod 700 "$state" || :
    me=$$:$(started_at $$)
    if why=$(ln -s "$me" "$state/lock" 2>&1); then locked=yes; return; fi
    holder=$(readlink "$state/lock") || die 5 "cannot take the lock in '$state': $why" "$disk_hint"
    ! is_held || die 5 "another run is at work on this device: process '${holder%%:*}'" 'wait for it, or look at it with ps'
    break_lock
}

# break_lock: removes the lock of a $holder that is gone. Two runs may find it at once, and the slower
# may move the faster one's new lock away: it sees that, and puts it back. Should a third run come
# just between, still_locked stops the faster one.
break_lock() {
    mv "$state/lock" "$state/lock.$$" 2>/dev/null || die 5 'another run took the lock' 'wait for it to end'
    moved=$(readlink "$state/lock.$$") || moved=''
    rm -f "$state/lock.$$"
    if [ "$moved" = "$holder" ]; then
        if ln -s "$me" "$state/lock" 2>/dev/null; then locked=yes; fi
    else
        ln -s "$moved" "$state/lock" 2>/dev/null || :
    fi
    [ "$locked" = yes ] || die 5 'another run took the lock' 'wait for it to end'
}

# still_locked: looked at once more before the commit.
still_locked() { [ "$(readlink "$state/lock")" = "$me" ] || die 5 'another run took the lock' 'nothing was changed; wait for it to end'; }

# clean_up: the EXIT trap. Leaves nothing of this run but its results, whatever its end.
clean_up() {
    code=$?
    trap - EXIT
    trap '' HUP INT TERM
    [ -z "$tty_settings" ] || stty "$tty_settings" || :
    if [ "$code" -ne 0 ] && [ "$code" -lt 128 ] && [ "$died" = no ]; then
        (die 1 "the installer failed unexpectedly, with status $code" 'report this with all that is on the screen; sh install.sh status shows how things stand') || :
        code=1
    fi
    if [ "$locked" = yes ]; then
        # A commit that was broken off keeps its files and its journal, for recover.
        if [ "$committing" = no ]; then
            sweep || :
            [ -z "$unused_backup" ] || rm -rf "$unused_backup" "$log" || :
        else
            code=7
        fi
        [ "$(readlink "$state/lock")" != "$me" ] || rm -f "$state/lock" || :
    fi
    [ -n "$unused_backup" ] || record "ended $(date -u +%Y-%m-%dT%H:%M:%SZ), exit $code"
    [ "$made_state" = no ] || rmdir "$state/backups" "$state/logs" "$state" 2>/dev/null || :
    exit "$code"
}

# sweep: what an interrupted run may have left: work files, a plaintext key among them, and staged files.
sweep() {
    rm -rf "$work" "$journal.new" "$state"/lock.* || return 1
    for name in $trio_names; do
        for beside in "$peers"/*/".$name$staged_suffix"; do [ ! -e "$beside" ] || rm -f "$beside" || return 1; done
    done
}
