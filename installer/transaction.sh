# shellcheck shell=sh
# Steps 7 and 8: the one place that writes in a peer directory.
#
# Three files cannot be renamed as one, so: (a) the new files are written beside the old ones and
# flushed; (b) a journal says `commit` and names the backup, and is flushed; (c) all files are
# renamed; (d) the directories are flushed and what lies there is compared with the plan; (e) the
# journal is replaced by one that says `restart`. That rename is the commit point. Whoever finds a
# journal that says `commit`, this run or any later one, puts the backup back: the whole old trio.
# Whoever finds `restart` leaves the whole new trio and restarts sftunnel. Putting back is the same
# (a), (c), (d) with the backup as its plan, may be cut off and repeated any number of times, and
# ends with the removal of the journal.

# stage DIR: (a) for the files of $plan, whose contents are in DIR. Sets $why and returns 1 on failure.
stage() {
    while IFS='= ' read -r key source target sha mode owner; do
        [ "$key" = file ] || continue
        on_device "$target"
        beside=${path%/*}/.${path##*/}$staged_suffix
        why=$({ cp -p "$1/$source" "$beside" && chown "$owner" "$beside" && chmod "$mode" "$beside"; } 2>&1) || return 1
        why="'$beside' is not what was written"
        hash_of "$beside"
        [ "$hash" = "$sha" ] || return 1
    done <"$plan"
    flush_peers
}

# flush_peers: the staged files, if any are left, and the peer directories.
flush_peers() {
    for fmc in $fmcs; do
        why=$(cd "$peers/$fmc" && set -- .*"$staged_suffix" && { [ -e "$1" ] || shift; } && flush "$@" . 2>&1) || return 1
    done
}

# rename_all: (c). A file that the plan calls absent is removed.
rename_all() {
    while IFS='= ' read -r key source target sha mode owner; do
        case $key in file | absent) on_device "$target" ;; *) continue ;; esac
        case $key in
        file) why=$(mv -f "${path%/*}/.${path##*/}$staged_suffix" "$path" 2>&1) || return 1 ;;
        absent) why=$(rm -f "$path" 2>&1) || return 1 ;;
        esac
    done <"$plan"
}

# is_landed: (d).
is_landed() {
    flush_peers || return 1
    why='what lies in the peer directory is not what was written'
    holds
}

# write_journal PHASE: (b) and (e).
write_journal() {
    why=$({ printf 'format=1\nverb=%s\nphase=%s\nbackup=%s\n' "$verb" "$1" "$backup_id" >"$journal.new" &&
        flush "$journal.new" && mv -f "$journal.new" "$journal" && flush "$state"; } 2>&1)
}

remove_journal() { rm -f "$journal" && flush "$state"; }

# commit: (b) to (e). Signals wait until it is over: the whole takes a fraction of a second.
commit() {
    trap '' HUP INT TERM
    committing=yes
    if ! write_journal commit; then
        remove_journal
        committing=no
        die 5 "cannot write the journal in '$state': $why" 'nothing was changed; look at the free space'
    fi
    if ! { rename_all && is_landed && write_journal restart; }; then
        failure=$why
        put_back
        die 6 "the files could not be replaced: $failure" 'the old trio is back in place, whole; nothing else was changed'
    fi
    committing=no
    trap 'die_after_commit' INT TERM
    step commit 'replaced, read back and compared'
}

# A signal after the commit point cannot mean "nothing happened". (The console going away, HUP, is
# ignored from here on: the restart must still be done.)
die_after_commit() {
    die 8 'interrupted after the new trio was put in place' "sftunnel may not have been restarted: sh '$state/backups/$backup_id/rollback.sh' recover, which finishes it"
}

# put_back: the trio of backup $backup_id, after a commit that failed or was cut off.
put_back() {
    rm -rf "$work"
    plan=$state/backups/$backup_id/backup.conf
    stage "${plan%/*}" && rename_all && is_landed || die 7 \
        "THE TRIO MAY BE A MIX of old and new files, and could not be put back: $why" \
        "do not restart sftunnel; mend the cause, then run: sh '${plan%/*}/rollback.sh' recover; or copy the files in '${plan%/*}' to '$peers' by hand, 644 root:root"
    : >"${plan%/*}/undone" || :
    remove_journal
    committing=no
}

# finish_interrupted: what an earlier run left. Sets $unfinished to yes if only its restart is missing.
finish_interrupted() {
    unfinished=no
    sweep
    rm -f "$journal.new"
    [ -f "$journal" ] || return 0
    read_journal
    if [ "$phase" = commit ]; then
        read_fmcs "$state/backups/$backup_id/backup.conf"
        committing=yes
        put_back
        step recovered "an interrupted $cut_verb was undone: the whole old trio is back in place"
    else
        unfinished=yes
        step recovered "an interrupted $cut_verb had put the whole new trio in place"
    fi
}

# read_journal: sets $cut_verb, $phase and $backup_id.
read_journal() {
    cut_verb='' phase='' backup_id=''
    while IFS='=' read -r key value; do
        case $key in verb) cut_verb=$value ;; phase) phase=$value ;; backup) backup_id=$value ;; esac
    done <"$journal"
    case $phase in commit | restart) ;; *) phase='' ;; esac
    [ -n "$phase" ] && [ -f "$state/backups/$backup_id/backup.conf" ] || die 7 \
        "'$journal' names no usable backup" "compare the files in '$peers' with those in '$state/backups' by hand, then remove the journal"
}

# read_fmcs CONF: sets $fmcs.
read_fmcs() { fmcs=$(sed -n 's/^fmc=\([0-9a-f-]*\).*/\1/p' "$1" | tr '\n' ' '); }
