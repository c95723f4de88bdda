# shellcheck shell=sh
# Step 6: the trio as it is now, with all that putting it back needs; renamed when whole and flushed.

# back_up: sets $backup_id; $script will be its rollback.sh.
back_up() {
    last=0
    for dir in "$state"/backups/[0-9][0-9][0-9][0-9]-*; do [ ! -d "$dir" ] || last=${dir##*/}; done
    last=${last%%-*}
    last=${last#"${last%%[!0]*}"}
    [ "${last:-0}" -lt 9999 ] || die 5 "there is no number left for a backup in '$state/backups'" 'nothing was changed; remove old backups, and what is none'
    # Numbered, because a device's clock may run backwards.
    number=000$((${last:-0} + 1))
    swap "$started" '[:-]' ''
    backup_id=${number#"${number%????}"}-$swapped
    new=$work/backup
    # The journal flushes the new name.
    why=$(exec 2>&1; fill_backup && exec mv "$new" "$state/backups/$backup_id") ||
        die 5 "cannot make a backup in '$state/backups': $why" "$disk_hint"
    unused_backup=$state/backups/$backup_id
    step backup "$backup_id, in $state/backups: each file compared with its original"
    [ -z "$export_dir" ] || export_backup "$unused_backup"
    keep_log "$backup_id-$verb"
}

fill_backup() {
    present='' missing=''
    for file in $files $absent; do
        if [ -e "$peers/$file" ]; then present="$present $file"; else missing="$missing $file"; fi
    done
    set -- "$state/backups"
    # And for later. (What cannot be used there is told then, and stops nothing.)
    for dir in logs receipts ${signer:+signers}; do [ -e "$state/$dir" ] || [ -L "$state/$dir" ] || set -- "$@" "$state/$dir"; done
    for fmc in $fmcs; do set -- "$@" "$new/$fmc"; done
    mkdir -p "$@" || return 1
    for fmc in $fmcs; do
        set --
        for file in $present; do [ "${file%/*}" != "$fmc" ] || set -- "$@" "$peers/$file"; done
        [ $# = 0 ] || cp -p "$@" "$new/$fmc/" || return 1
    done
    saved='' printed=''
    # shellcheck disable=SC2086
    [ -z "$present" ] || { saved=$(cd "$peers" && sha256sum $present)$nl && printed=$(cd "$peers" && exec stat -c '%a %u:%g' $present); } || return 1
    # `undone` goes at the commit: a later rollback passes over what came to nothing.
    listed=$saved
    backup_conf
    write_file "$new/backup.conf" "$conf" && cp "$script" "$new/rollback.sh" && true >"$new/undone" || return 1
    # shellcheck disable=SC2086
    seal "$new" $present backup.conf rollback.sh || return 1
    case $sealed in "$listed"*) ;; *) echo 'a copy is not like its original'; return 1 ;; esac
}

# backup_conf: sets $conf.
backup_conf() {
    conf="format=1${nl}backup_id=$backup_id${nl}verb=$verb${nl}bundle_id=$bundle_id${nl}device_name=$device_name${nl}device_uuid=$device_uuid${nl}new_key=$new_key_sum"
    for fmc in $fmcs; do conf="$conf${nl}fmc=$fmc"; done
    for file in $present; do
        line=${saved%%"$nl"*} saved=${saved#*"$nl"}
        conf="$conf${nl}file=$file /var/sf/peers/$file ${line%% *} ${printed%%"$nl"*}"
        printed=${printed#*"$nl"}
    done
    for file in $missing; do conf="$conf${nl}absent=/var/sf/peers/$file"; done
}

# find_newest: sets $newest, of those that an install made and that was not undone at once.
find_newest() {
    newest=''
    for dir in "$state"/backups/[0-9][0-9][0-9][0-9]-*; do
        [ -f "$dir/backup.conf" ] && [ ! -e "$dir/undone" ] || continue
        value_of verb "$dir/backup.conf"
        [ "$value" = rollback ] || newest=${dir##*/}
    done
}

# choose_backup: the one asked for, or that this script lies in (maybe on a stick), or the newest: a copy
# of it, $backup, is the plan.
choose_backup() {
    case $backup_wanted in */* | .*) die 2 "'$backup_wanted' is no backup's name" 'status lists them' ;; esac
    chosen=$state/backups/$backup_wanted
    if [ -z "$backup_wanted" ] && [ -f "$here/backup.conf" ]; then
        chosen=$here
    elif [ -z "$backup_wanted" ]; then
        find_newest
        [ -n "$newest" ] || die 5 "there is no backup in '$state/backups'" 'nothing was installed here by this product'
        chosen=$state/backups/$newest
    fi
    [ -f "$chosen/backup.conf" ] || die 2 "there is no backup '$backup_wanted'" 'status lists them'
    backup=$work/chosen
    why=$({ mkdir -p "$work" && cp -Rp "$chosen" "$backup"; } 2>&1) || die 5 "cannot copy the backup to '$work': $why" "$disk_hint"
    why='a file is not what was saved'
    is_sealed "$backup" && read_plan "$backup/backup.conf" ||
        die 3 "backup '${chosen##*/}' is damaged: $why" 'nothing was changed; status lists the other backups, --backup ID takes one'
    # A stick has no owners and modes of its own.
    is_in "$backup" "$files" || { why=$(set_modes "$backup" 2>&1) && is_in "$backup" "$files"; } || die 5 "cannot set owners and modes in '$work': $why" "$disk_hint"
    value_of backup_id "$backup/backup.conf"
    backup_id=${value##*[!0-9TZ-]*}
    script=$backup/rollback.sh
    step backup "$backup_id is as it was made"
}

set_modes() {
    # The directories are copied beside the old files, too.
    chmod 700 "$1"/*/ && chown 0:0 "$1"/*/ &&
        printf '%s' "$modes" | while read -r mode owner file; do chmod "$mode" "$1/$file" && chown "$owner" "$1/$file" || return 1; done
}

# export_backup DIR: as one .tar.gz.
export_backup() {
    name=sftunnel-backup-${device_uuid%%-*}-$backup_id
    to=${export_dir%/}/$name.tar.gz
    [ ! -e "$to" ] || die 5 "'$to' is already there" 'move it away, or export to another directory'
    rm -rf "$work/export"
    export_part=$to.part
    why=$({ mkdir -p "$work/export/back" && cp -Rp "$1" "$work/export/$name" && rm -f "$work/export/$name/undone" && cd "$work/export" &&
        tar -cf - "$name" | gzip -9 >"$export_part" && sync "$export_part" && gzip -dc "$export_part" | tar -xf - -C back && is_sealed "back/$name" &&
        mv -f "$export_part" "$to" && sync "$export_dir"; } 2>&1) ||
        die 5 "cannot export the backup to '$to': ${why:-it reads back changed}" 'nothing was changed; look at the free space there, and at whether it can be written'
    step '' "exported to $to, read back and compared; it holds a private key"
}

# prune: keeps the newest, and always the one that rollback would take.
prune() {
    find_newest
    set -- "$state"/backups/[0-9][0-9][0-9][0-9]-*/backup.conf
    surplus=$(($# - keep))
    for dir; do
        dir=${dir%/*}
        [ "$surplus" -gt 0 ] || break
        surplus=$((surplus - 1))
        [ "${dir##*/}" != "$newest" ] || continue
        mv "$dir" "$work/old-${dir##*/}" 2>/dev/null || { warn "the old backup '$dir' could not be removed"; continue; }
        step prune "backup ${dir##*/} removed: --keep $keep"
    done
}
