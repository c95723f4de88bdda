# shellcheck shell=sh
# Steps 7 and 8: the one place that writes in a peer directory.
#
# Three files cannot be renamed as one, so: (a) the new files are written beside the old ones and
# flushed; (b) a journal says `commit`, names the backup, lists what is meant to land, and is flushed;
# (c) all files are renamed; (d) the directories are flushed and what lies there is compared with the plan; (e) the
# journal is replaced by one that says `restart`. That rename is the commit point. Whoever finds a
# journal that says `commit`, this run or any later one, puts the backup back: the whole old trio.
# Whoever finds `restart` leaves the whole new trio and restarts sftunnel. Putting back is the same
# (a), (c), (d) with the backup as its plan, for the files that differ from it; it may be cut off and
# repeated any number of times, and ends with the removal of the journal. Only what somebody else put
# there since, which is neither old nor meant, is not overwritten.

# stage DIR: (a) for the pending files, as they must land, in DIR. Sets $why and returns 1 on failure.
stage() {
    for file in $pending; do
        beside=$peers/${file%/*}/.${file#*/}$staged_suffix
        why=$(cp -p "$1/$file" "$beside" 2>&1) || { why="'$beside': $why"; return 1; }
    done
    why='what was written beside the old files is not what was meant'
    is_in "$peers" . "$staged_suffix" && flush_peers
}

# flush_peers: the staged files, if any are left, and the peer directories.
flush_peers() {
    why=$(cd "$peers" && set -- && for fmc in $fmcs; do
        set -- "$@" "$fmc"
        for beside in "$fmc"/.*"$staged_suffix"; do [ ! -e "$beside" ] || set -- "$@" "$beside"; done
    done && flush "$@" 2>&1)
}

# rename_all: (c).
rename_all() {
    for file in $pending; do
        why=$(mv -f "$peers/${file%/*}/.${file#*/}$staged_suffix" "$peers/$file" 2>&1) || { why="'$peers/$file': $why"; return 1; }
    done
    for file in $absent; do
        why=$(rm -f "$peers/$file" 2>&1) || return 1
    done
}

# is_landed: (d).
is_landed() {
    flush_peers || return 1
    odd=$(unlike)
    why="what lies in the peer directory is not what was written: '$odd'"
    [ -z "$odd" ]
}

# write_journal PHASE [VERB BACKUP]: (b) and (e).
write_journal() {
    why=$({ write_file "$journal.new" "format=1${nl}verb=${2:-$verb}${nl}phase=$1${nl}backup=${3:-$backup_id}$nl$meant" &&
        flush "$journal.new" && mv -f "$journal.new" "$journal" && flush "$state"; } 2>&1) || { why="'$journal': $why"; return 1; }
}

remove_journal() { rm -f "$journal" && flush "$state" 2>/dev/null; }

# reset_journal: to what this run found: an earlier run may still owe a restart.
reset_journal() {
    if [ "$unfinished" = yes ]; then write_journal restart "$cut_verb" "$cut_backup"; else remove_journal; fi
}

# commit: (b) to (e). Signals wait until it is over: the whole takes a fraction of a second.
commit() {
    trap '' HUP INT TERM
    committing=yes
    # What is being put in place, so that a later run can tell it from what somebody else put there.
    meant=$(printf '%s' "$sums" | sed 's/^/new=/')
    if ! write_journal commit; then
        failure=$why
        reset_journal || die 7 "cannot write or remove '$journal': $failure" 'the old trio is in place; remove that file by hand'
        committing=no
        die 5 "cannot write the journal in '$state': $failure" "$disk_hint"
    fi
    unused_backup=''
    if ! { rename_all && is_landed && { [ "$verb" = rollback ] || remember; } && write_journal restart; }; then
        failure=$why
        # It may say `restart` by now.
        write_journal commit || :
        put_back
        die 6 "the files could not be replaced: $failure" 'the old trio is back in place, whole'
    fi
    committing=no committed=yes
    count_backup
    trap 'die_after_commit' INT TERM
    step commit 'replaced, flushed, read back and compared'
}

# count_backup: from now on it is one that a rollback may take.
count_backup() {
    undone=$state/backups/$backup_id/undone
    # Tried again: without it the last line of this run would promise what a plain rollback does not do.
    rm -f "$undone" || rm -f "$undone" || warn "'$undone' could not be removed: rollback takes this backup only with --backup $backup_id"
}

# A signal after the commit point cannot mean that nothing happened. (HUP, the console going away, is
# ignored from there on: the restart must still be done.)
die_after_commit() {
    die 8 "interrupted after $landed was put in place" "sftunnel may not have been restarted; this finishes it: $undo recover"
}

# put_back: the trio of backup $backup_id, after a commit that failed or was cut off. The caller has
# made signals wait.
put_back() {
    rm -rf "$work" || :
    backup=$state/backups/$backup_id
    why='a file is not what was saved'
    is_sealed "$backup" && read_plan "$backup/backup.conf" && pending=$(differing "$peers") && stage "$backup" && rename_all && is_landed || die 7 \
        "THE TRIO MAY BE A MIX of old and new files, and could not be put back: $why" \
        "do not restart sftunnel; mend the cause, then run: sh $(quoted "$backup/rollback.sh")$root_option recover; or copy the files below '$backup' to '$peers' by hand"
    # Even if that cannot be flushed.
    reset_journal || :
    committing=no
}

# finish_interrupted: what an earlier run left. Sets $unfinished to yes if only its restart is missing.
finish_interrupted() {
    why=$(sweep 2>&1) || die 5 "cannot remove what an earlier run left in '$state': $why" "$disk_hint"
    [ -f "$journal" ] || return 0
    read_journal || die 7 \
        "'$journal' names no usable backup" "compare the files in '$peers' with those in '$state/backups' by hand, then remove the journal"
    cut_backup=$backup_id
    if [ "$phase" = commit ]; then
        check_foreign
        trap '' HUP INT TERM
        committing=yes
        put_back
        heed_signals
        step recovered "an interrupted $cut_verb was undone: the whole old trio is back in place; if this device was switched off meanwhile, sftunnel wants a restart, too"
    else
        unfinished=yes
        count_backup
        step recovered "the files of an earlier $cut_verb are in place, whole; that sftunnel came up with them was not seen"
    fi
    keep_log "$backup_id-recovered"
}

# read_journal: sets $cut_verb, $phase and $backup_id.
read_journal() {
    cut_verb='' phase='' backup_id='' meant=''
    while IFS='=' read -r key value; do
        case $key in verb) cut_verb=$value ;; phase) phase=$value ;; backup) backup_id=$value ;; new) meant=$meant$value$nl ;; esac
    done <"$journal"
    case $phase in commit | restart) ;; *) phase='' ;; esac
    [ -n "$phase" ] && [ -f "$state/backups/$backup_id/backup.conf" ] || { phase=unusable; return 1; }
}

# check_foreign: after a cut commit each file is the old or the new one, or gone. Another one was put
# there by somebody else since, maybe with a tunnel that works: that is not for us to overwrite.
check_foreign() {
    [ -n "$meant" ] || return 0
    read_plan "$state/backups/$backup_id/backup.conf" || return 0
    for file in $files $absent; do
        [ -s "$peers/$file" ] || continue
        sum=$(cd "$peers" && sha256 "$file") || sum=''
        case $nl$meant$sums in *"$nl$sum$nl"*) ;; *) die 7 \
            "an earlier $cut_verb was cut off in its commit, and '$peers/$file' has been changed by something else since" \
            "keep what is there with: rm $(quoted "$journal"); or move that file away, then run recover, which puts the old trio back" ;; esac
    done
}
