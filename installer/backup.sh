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
    backup_id=$(printf '%04d-%s' $((${last:-0} + 1)) "$(date -u +%Y%m%dT%H%M%SZ)")
    new=$work/backup
    why=$({ mkdir -p "$state/backups" "$new" && fill_backup && mv "$new" "$state/backups/$backup_id" && flush "$state/backups" "$state" "${state%/*}"; } 2>&1) ||
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
    # shellcheck disable=SC2086
    (cd "$new" && mkdir $fmcs) || return 1
    for file in $present; do cp -p "$peers/$file" "$new/$file" || return 1; done
    saved='' printed=''
    # shellcheck disable=SC2086
    if [ -n "$present" ]; then
        saved=$(cd "$new" && sha256 $present) && [ "$saved" = "$(cd "$peers" && sha256 $present)" ] ||
            { echo 'a copy is not like its original'; return 1; }
        printed=$(cd "$peers" && stat -c '%a %u:%g' $present) || return 1
    fi
    # `undone` goes at the commit: a later rollback passes over what came to nothing.
    conf=$(backup_conf) && write_file "$new/backup.conf" "$conf" && cp "$script" "$new/rollback.sh" && seal "$new" && true >"$new/undone" && flush "$new"
}

backup_conf() {
    printf 'format=1\nbackup_id=%s\nverb=%s\nbundle_id=%s\n' "$backup_id" "$verb" "$bundle_id"
    printf 'device_name=%s\ndevice_uuid=%s\nnew_key=%s\n' "$device_name" "$device_uuid" "$new_key_sum"
    for fmc in $fmcs; do printf 'fmc=%s\n' "$fmc"; done
    for file in $present; do
        line=${saved%%"$nl"*} saved=${saved#*"$nl"}
        printf 'file=%s /var/sf/peers/%s %s %s\n' "$file" "$file" "${line%% *}" "${printed%%"$nl"*}"
        printed=${printed#*"$nl"}
    done
    for file in $missing; do printf 'absent=/var/sf/peers/%s\n' "$file"; done
}

# find_newest: sets $newest, of those that an install made and that was not undone at once.
find_newest() {
    newest=''
    for dir in "$state"/backups/[0-9][0-9][0-9][0-9]-*; do
        [ -f "$dir/backup.conf" ] && [ ! -e "$dir/undone" ] || continue
        grep -q '^verb=rollback$' "$dir/backup.conf" || newest=${dir##*/}
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
    why=$(set_modes "$backup" 2>&1) && is_in "$backup" || die 5 "cannot set owners and modes in '$work': $why" "$disk_hint"
    backup_id=$(sed -n 's/^backup_id=\([0-9TZ-]*\)$/\1/p' "$backup/backup.conf")
    script=$backup/rollback.sh
    step backup "$backup_id is as it was made"
}

set_modes() {
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
        tar -cf - "$name" | gzip -9 >"$export_part" && flush "$export_part" && gzip -dc "$export_part" | tar -xf - -C back && is_sealed "back/$name" &&
        mv -f "$export_part" "$to" && flush "$export_dir"; } 2>&1) ||
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
