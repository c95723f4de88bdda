# shellcheck shell=sh
# Steps 7 and 8: the one place that writes in a peer directory.
#
# Three files cannot be renamed as one, so: (a) the new ones are written beside the old; (b) a journal
# says `commit`, and names the backup and what is meant to land; (c) all are renamed; (d) what lies there
# is compared with the plan; (e) a journal that says `restart` replaces the first: the commit point. Each
# is flushed before the next. Whoever finds `commit` puts the whole old trio back: (a), (c), (d) with the
# backup as plan, for the files that differ, until the journal can go. Whoever finds `restart` leaves the
# new trio and restarts sftunnel. What somebody else put there since is not overwritten.

# stage DIR: (a), from DIR. These return 1 with $why.
stage() {
    said=''
    for fmc in $fmcs; do
        case " $pending" in *" $fmc/"*) ;; *) continue ;; esac
        why=$(exec cp -Rp "$1/$fmc" "$peers/$fmc/$beside" 2>&1) || { why="'$peers/$fmc/$beside': $why"; return 1; }
        # busybox's cp ends well where it could not set a mode.
        said=$said$why
    done
    why='what was written beside the old files is not what was meant'
    [ -z "$said" ] || why=$said
    is_in "$peers" "$pending" "$beside/" && flush_peers
}

flush_peers() {
    set --
    for fmc in $fmcs; do
        set -- "$@" "$peers/$fmc"
        for file in "$peers/$fmc/$beside" "$peers/$fmc/$beside"/*; do [ ! -e "$file" ] || set -- "$@" "$file"; done
    done
    why=$(exec sync "$@" 2>&1)
}

# (c)
rename_all() {
    unremoved=''
    for fmc in $fmcs; do
        set --
        for file in $pending; do [ "${file%/*}" != "$fmc" ] || set -- "$@" "$peers/$fmc/$beside/${file#*/}"; done
        [ $# = 0 ] || why=$(exec mv -f "$@" "$peers/$fmc" 2>&1) || return 1
        # sftunnel is to find nothing there that it does not know. (Tried again at the end.)
        [ ! -d "$peers/$fmc/$beside" ] || said=$(exec rmdir "$peers/$fmc/$beside" 2>&1) || unremoved=$said
    done
    for file in $absent; do
        why=$(exec rm -f "$peers/$file" 2>&1) || return 1
    done
}

# (d)
is_landed() {
    flush_peers || return 1
    holds || { why="what lies in the peer directory is not what was written: '$odd'"; return 1; }
}

# write_journal PHASE [VERB BACKUP]: (b), (e)
write_journal() {
    why=$(exec 2>&1
        write_file "$journal.new" "format=1${nl}verb=${2:-$verb}${nl}phase=$1${nl}backup=${3:-$backup_id}$nl$meant" &&
            sync "$journal.new" "$state/backups" "$state" "${state%/*}" && mv -f "$journal.new" "$journal" && exec sync "$state") || { why="'$journal': $why"; return 1; }
}

remove_journal() { rm -f "$journal" && sync "$state" 2>/dev/null; }

# reset_journal: an earlier run may still owe a restart.
reset_journal() {
    if [ "$unfinished" = yes ]; then write_journal restart "$cut_verb" "$cut_backup"; else remove_journal; fi
}

# commit: (b) to (e), a fraction of a second, for which signals wait.
commit() {
    trap '' HUP INT TERM
    committing=yes
    swap "$sums" "$nl" "${nl}new="
    meant=${sums:+new=${swapped%"${nl}new="}}
    if ! write_journal commit; then
        failure=$why
        reset_journal || { write_receipt 7 "$verb"; die 7 "cannot write or remove '$journal': $failure" 'the old trio is in place; remove that file by hand'; }
        committing=no
        die 5 "cannot write the journal in '$state': $failure" "$disk_hint"
    fi
    unused_backup=''
    if ! { rename_all && is_landed && { [ "$verb" = rollback ] || remember; } && write_journal restart; }; then
        failure=$why
        # It may say `restart` by now.
        write_journal commit || :
        put_back "$verb"
        write_receipt 6 "$verb"
        die 6 "the files could not be replaced: $failure" 'the old trio is back in place, whole'
    fi
    committing=no committed=yes
    count_backup
    [ -z "$unremoved" ] || warn "an empty directory could not be removed before sftunnel's restart: $unremoved"
    trap 'die_after_commit' INT TERM
    step commit 'replaced, flushed, read back and compared'
}

# count_backup: as one that a rollback may take.
count_backup() {
    undone=$state/backups/$backup_id/undone
    rm -f "$undone" || rm -f "$undone" || warn "'$undone' could not be removed: rollback takes this backup only with --backup $backup_id"
}

# After the commit point a signal cannot mean that nothing happened. (HUP, a lost console, is ignored.)
die_after_commit() {
    trap '' INT TERM
    write_receipt 8 "$verb"
    (die 8 "interrupted after $landed was put in place" "sftunnel may not have been restarted; this finishes it: $undo recover") || :
    clean_up 8
}

# put_back VERB: the trio of backup $backup_id.
put_back() {
    sweep || :
    backup=$state/backups/$backup_id
    why='a file is not what was saved'
    is_sealed "$backup" && read_plan "$backup/backup.conf" && find_odd "$peers" "$files" && pending=$odd && stage "$backup" && rename_all && is_landed || {
        write_receipt 7 "$1"
        quoted "$backup/rollback.sh"
        die 7 "THE TRIO MAY BE A MIX of old and new files, and could not be put back: $why" \
            "do not restart sftunnel; mend the cause, then run: sh $swapped$root_option recover; or copy the files below '$backup' to '$peers' by hand"
    }
    # Even if that cannot be flushed.
    reset_journal || :
    committing=no
}

# finish_interrupted: $unfinished is yes if only the restart is missing.
finish_interrupted() {
    # What is swept away may be the only copy of the new key.
    [ ! -f "$journal" ] || ! read_journal || ! read_plan "$state/backups/$backup_id/backup.conf" || begin_receipt
    sweep || die 5 "cannot remove what an earlier run left in '$state': $why" "$disk_hint"
    [ -f "$journal" ] || return 0
    read_journal || die 7 \
        "'$journal' names no usable backup" "compare the files in '$peers' with those in '$state/backups' by hand, then remove the journal"
    cut_backup=$backup_id
    if [ "$phase" = commit ]; then
        check_foreign
        trap '' HUP INT TERM
        committing=yes
        put_back recover
        sweep || :
        heed_signals
        step recovered "an interrupted $cut_verb was undone: the whole old trio is back in place; if this device was switched off meanwhile, sftunnel wants a restart, too"
        write_receipt 0 recover
        ended=''
    else
        unfinished=yes
        count_backup
        step recovered "the files of an earlier $cut_verb are in place, whole; that sftunnel came up with them was not seen"
    fi
    keep_log "$backup_id-recovered"
}

read_journal() {
    cut_verb='' phase='' backup_id='' meant=''
    while IFS='=' read -r key value; do
        case $key in verb) cut_verb=$value ;; phase) phase=$value ;; backup) backup_id=$value ;; new) meant=$meant$value$nl ;; esac
    done <"$journal"
    case $phase in commit | restart) ;; *) phase='' ;; esac
    [ -n "$phase" ] && [ -f "$state/backups/$backup_id/backup.conf" ] || { phase=unusable; return 1; }
}

check_foreign() {
    [ -n "$meant" ] || return 0
    read_plan "$state/backups/$backup_id/backup.conf" || return 0
    for file in $files $absent; do
        [ -s "$peers/$file" ] || continue
        sum=$(cd "$peers" && sha256sum "$file") || sum=''
        quoted "$journal"
        case $nl$meant$sums in *"$nl$sum$nl"*) ;; *) die 7 \
            "an earlier $cut_verb was cut off in its commit, and '$peers/$file' has been changed by something else since" \
            "keep what is there with: rm $swapped; or move that file away, then run recover, which puts the old trio back" ;; esac
    done
}
