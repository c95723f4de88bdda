# shellcheck shell=sh
# Step 6: the trio as it is now, kept in the state directory with all that putting it back needs.
# A backup is made in the work directory and renamed when whole and flushed: there are no half ones.

# back_up: a backup of every file that the plan names; sets $backup_id.
back_up() {
    last=0
    for dir in "$state"/backups/[0-9][0-9][0-9][0-9]-*; do [ ! -d "$dir" ] || last=${dir##*/}; done
    last=${last%%-*}
    last=${last#"${last%%[!0]*}"}
    # Numbered, because a device's clock may run backwards.
    backup_id=$(printf '%04d-%s' $((${last:-0} + 1)) "$(date -u +%Y%m%dT%H%M%SZ)")
    new=$work/backup
    why=$({ mkdir -p "$state/backups" "$new" && fill_backup && mv "$new" "$state/backups/$backup_id" && flush "$state/backups" "$state" "${state%/*}"; } 2>&1) ||
        die 5 "cannot make a backup in '$state/backups': ${why##*: }" "$disk_hint"
    backup_sums=$(sed -n 's|^file=\([^ ]*\) [^ ]* \([^ ]*\) .*|\2  \1|p' "$state/backups/$backup_id/backup.conf")
    unused_backup=$state/backups/$backup_id
    step backup "$backup_id, in $state/backups"
}

# fill_backup: the files, each compared with what it was copied from, and backup.conf.
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
    # `undone` goes at the commit: what came to nothing is not what a later rollback should undo.
    cp "$script" "$new/rollback.sh" && write_backup_conf >"$new/backup.conf" && : >"$new/undone" || return 1
    # shellcheck disable=SC2086
    (cd "$new" && flush $present rollback.sh backup.conf $fmcs .)
}

# write_backup_conf: a plan, see plan.sh.
write_backup_conf() {
    printf 'format=1\nbackup_id=%s\nverb=%s\nbundle_id=%s\n' "$backup_id" "$verb" "$bundle_id"
    printf 'device_name=%s\ndevice_uuid=%s\n' "$device_name" "$device_uuid"
    for fmc in $fmcs; do printf 'fmc=%s\n' "$fmc"; done
    for file in $present; do
        line=${saved%%"$nl"*} saved=${saved#*"$nl"}
        printf 'file=%s /var/sf/peers/%s %s %s\n' "$file" "$file" "${line%% *}" "${printed%%"$nl"*}"
        printed=${printed#*"$nl"}
    done
    for file in $missing; do printf 'absent=/var/sf/peers/%s\n' "$file"; done
}

# choose_backup: sets $backup_id: the one asked for, the one that this script lies in, or the newest
# that an install made and that was not undone at once. Makes it the plan.
choose_backup() {
    backup_id=$backup_wanted
    case $here in "$state"/backups/*) [ -n "$backup_id" ] || backup_id=${here##*/} ;; esac
    if [ -z "$backup_id" ]; then
        for dir in "$state"/backups/[0-9][0-9][0-9][0-9]-*; do
            [ -f "$dir/backup.conf" ] && [ ! -e "$dir/undone" ] || continue
            grep -q '^verb=rollback$' "$dir/backup.conf" || backup_id=${dir##*/}
        done
        [ -n "$backup_id" ] || die 5 "there is no backup in '$state/backups'" 'nothing was installed here by this product'
    fi
    case $backup_id in */* | .*) die 2 "'$backup_id' is no backup's name" 'status lists them' ;; esac
    backup=$state/backups/$backup_id
    [ -f "$backup/backup.conf" ] || die 2 "there is no backup '$backup_id'" 'status lists them'
    read_plan "$backup/backup.conf" && why='a file is not what was saved' && is_in "$backup" ||
        die 3 "backup '$backup_id' is damaged: $why" 'nothing was changed; status lists the other backups, --backup ID takes one'
    step backup "$backup_id is whole"
}
