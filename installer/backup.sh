# shellcheck shell=sh
# Step 6: the trio as it is now, kept in the state directory with all that putting it back needs.
# A backup is made in the work directory and renamed when whole and flushed: there are no half ones.

# back_up: a backup of every target of the plan; sets $backup_id.
back_up() {
    next_backup_id
    new=$work/backup
    why=$(mkdir -p "$state/backups" "$new" 2>&1) && copy_trios && cp "$script" "$new/rollback.sh" &&
        (cd "$new" && find . -type f | while IFS= read -r file; do flush "$file" || exit 1; done) &&
        mv "$new" "$state/backups/$backup_id" && flush "$state/backups" ||
        die 5 "cannot make a backup in '$state/backups': ${why##*: }" 'nothing was changed; look at the free space and at whether the file system is read-only'
    step backup "$backup_id, in $state/backups"
}

# copy_trios: the files, and backup.conf, which has a line a target as bundle.conf has.
copy_trios() {
    {
        printf 'format=1\nbackup_id=%s\nverb=%s\nbundle_id=%s\n' "$backup_id" "$verb" "$bundle_id"
        printf 'device_name=%s\ndevice_uuid=%s\n' "$device_name" "$device_uuid"
        for fmc in $fmcs; do printf 'fmc=%s\n' "$fmc"; done
    } >"$new/backup.conf" || return 1
    for fmc in $fmcs; do
        mkdir "$new/$fmc" || return 1
        for name in $trio_names; do copy_into_backup || return 1; done
    done
}

# copy_into_backup: $fmc/$name, compared with what it was copied from.
copy_into_backup() {
    target=/var/sf/peers/$fmc/$name
    on_device "$target"
    if [ ! -e "$path" ]; then
        printf 'absent=- %s\n' "$target" >>"$new/backup.conf"
        return
    fi
    why=$(cp -p "$path" "$new/$fmc/$name" 2>&1) || return 1
    hash_of "$path" && original=$hash && hash_of "$new/$fmc/$name" || return 1
    why="the copy of '$path' differs"
    [ -n "$hash" ] && [ "$hash" = "$original" ] || return 1
    printf 'file=%s %s %s %s\n' "$fmc/$name" "$target" "$hash" "$(stat -c '%a %u:%g' "$path")" >>"$new/backup.conf"
}

# next_backup_id: numbered, because a device's clock may run backwards.
next_backup_id() {
    last=0
    for dir in "$state"/backups/[0-9]*; do
        [ ! -d "$dir" ] || last=${dir##*/}
    done
    last=${last%%-*}
    last=${last#"${last%%[!0]*}"}
    backup_id=$(printf '%04d-%s' $((${last:-0} + 1)) "$(date -u +%Y%m%dT%H%M%SZ)")
}

# choose_backup: sets $backup_id and $backup: the one asked for, the one that this script lies in,
# or the newest that an install made and that was not undone at once.
choose_backup() {
    backup_id=$backup_wanted
    case $here in "$state"/backups/*) [ -n "$backup_id" ] || backup_id=${here##*/} ;; esac
    if [ -z "$backup_id" ]; then
        for dir in "$state"/backups/[0-9]*; do
            [ -f "$dir/backup.conf" ] && [ ! -e "$dir/undone" ] || continue
            grep -q '^verb=rollback$' "$dir/backup.conf" || backup_id=${dir##*/}
        done
        [ -n "$backup_id" ] || die 5 "there is no backup in '$state/backups'" 'nothing was installed here by this product'
    fi
    backup=$state/backups/$backup_id
    case $backup_id in */* | .*) backup='' ;; esac
    [ -f "$backup/backup.conf" ] || die 2 "there is no backup '$backup_id'" 'status lists them'
    read_backup_conf
}

# read_backup_conf: makes $backup the plan; it must be this device's, and whole.
read_backup_conf() {
    plan=$backup/backup.conf bundle_id='' device_name='' device_uuid='' fmcs=''
    while IFS='=' read -r key value; do
        case $key in
        bundle_id) bundle_id=$value ;;
        device_name) device_name=$value ;;
        device_uuid) device_uuid=$value ;;
        fmc) is_uuid "$value" && fmcs="$fmcs $value" ;;
        esac
    done <"$plan"
    while IFS='= ' read -r key source target sha mode owner; do
        [ "$key" = file ] || continue
        hash_of "$backup/$source"
        [ "$hash" = "$sha" ] || die 3 "backup '$backup_id' is damaged: '$source' is not what was saved" 'status lists the other backups; take one with --backup ID'
    done <"$plan"
    step backup "$backup_id is whole"
}
