# shellcheck shell=sh

do_check() {
    bundle=$here
    check_form
    check_signature
    check_checksums
    check_device
    find_interrupted
    warn_interrupted
    if holds; then say "already installed: nothing to do for $device_name"; return; fi
    check_trios "$bundle/payload"
    check_ready
    say "ready to install on $device_name: nothing was changed"
}

do_install() {
    take_lock                            # 1
    finish_interrupted
    bundle=$here                         # 2
    check_form
    copy_bundle
    check_form                           # of the copy: a stick could have shown another list
    check_signature
    check_checksums
    check_device                         # 3
    if holds; then already_so "already installed: nothing to do for $device_name"; return; fi
    check_trios "$bundle/payload"        # 4
    check_ready                          # 5
    if [ "$stage_only" = yes ]; then verb=stage; else agree "Install on $device_name now"; fi
    script=$bundle/install.sh
    make_ready
    if [ "$stage_only" = yes ]; then keep_staged; else replace_trio "$bundle/payload"; fi   # 6 to 10
}

do_activate() {
    take_lock
    finish_interrupted
    staged=$state/staged
    script=$staged/install.sh
    [ -f "$staged/bundle.conf" ] || die 5 'nothing is staged on this device' 'install --stage-only does that'
    why='a file is not what was staged'
    is_sealed "$staged" && read_plan "$staged/bundle.conf" && why='a file is not what was staged' && is_in "$staged" "$files" ||
        die 3 "what was staged is damaged: $why" 'nothing was changed; stage it again with install --stage-only'
    read_text "$staged/signer"
    signer=$text
    [ -z "$signers" ] || trust_signer
    check_device
    if holds; then drop_staged; already_so "already installed: nothing to do for $device_name"; return; fi
    check_trios "$staged"
    check_ready
    agree "Activate on $device_name now"
    replace_trio "$staged"
}

do_rollback() {
    take_lock
    finish_interrupted
    choose_backup
    check_device
    if holds; then already_so "already as in backup $backup_id: nothing to do for $device_name"; return; fi
    check_ready
    agree "Put backup $backup_id back on $device_name now"
    landed="the trio of backup $backup_id"
    replace_trio "$backup"
}

do_recover() {
    take_lock
    finish_interrupted
    finish_restart
    [ -z "$forgotten" ] || forget_signer
    [ -z "$export_dir" ] || { choose_backup; export_backup "$backup"; }
    say 'nothing is left unfinished'
}

# make_ready: the files as they must land. (check_key has seen the keys.)
make_ready() {
    for file in $files; do
        case $file in */sftunnel-key.pem) continue ;; esac
        sum=${sums%%"  $file$nl"*}
        case $signed in *"$nl${sum##*"$nl"}  payload/$file$nl"*) ;; *) die 4 \
            'a certificate or key of the bundle is not what bundle.conf says must land' "$rebuild_hint" ;; esac
    done
    # shellcheck disable=SC2086
    why=$(exec 2>&1; cd "$bundle/payload" && chmod 644 $files && exec chown 0:0 $files) || die 5 "cannot write in '$work': $why" "$disk_hint"
}

keep_staged() {
    # shellcheck disable=SC2086
    why=$(exec 2>&1
        { is_in "$bundle/payload" "$files" || ! echo "a file is not what was meant: '${odd% }'"; } &&
            mv "$bundle/bundle.conf" "$script" "$bundle/payload/" && write_file "$bundle/payload/signer" "$signer" && seal "$bundle/payload" $files bundle.conf install.sh signer &&
            { [ ! -e "$state/staged" ] || mv "$state/staged" "$work/staged"; } && mv "$bundle/payload" "$state/staged" && exec sync "$state" "${state%/*}") ||
        die 5 "cannot keep the staged files in '$state': $why" "$disk_hint"
    keep_log "staged-$bundle_id"
    quoted "$state/staged/install.sh"
    say "staged for $device_name: nothing in a peer directory has changed; in the window: sh $swapped activate$root_option"
}

drop_staged() { mkdir -p "$work" && mv "$state/staged" "$work/staged" || warn "'$state/staged' holds a key and could not be removed"; }

# replace_trio DIR: steps 6 to 10.
replace_trio() {
    if [ "$verb" != rollback ]; then new_key_sum=${sums%%"  $first_fmc/sftunnel-key.pem$nl"*} new_key_sum=${new_key_sum##*"$nl"}; fi
    back_up
    quoted "$state/backups/$backup_id/rollback.sh"
    undo="sh $swapped$root_option"
    stage "$1" || die 5 "cannot write beside the old files: $why" "$disk_hint"
    step stage 'written beside the old files, flushed, compared'
    find_holder
    [ "$holder" = "$me" ] || die 5 'somebody took the lock away' 'nothing was changed; look with ps whether another run is at work, then start again'
    begin_receipt
    commit
    value_of bundle_id "$state/staged/bundle.conf"
    [ "$verb" = rollback ] || [ "$bundle_id" != "$value" ] || drop_staged
    result=0
    restart_sftunnel && confirm_tunnel || result=8
    write_receipt "$result" "$verb"
    [ "$verb" != rollback ] || say 'note: these are older files. An FMC that has run generate_certs.pl since has a new CA and will not accept them'
    [ "$result" = 0 ] || die "$result" "$landed is in place, but $why" "look at /ngfw/var/log/messages, and at sftunnel_status.pl on the FMC; to undo: $undo"
    trap '' INT TERM
    remove_journal || warn "'$journal' could not be removed: the next run restarts sftunnel again"
    prune
    say "done: $verb on $device_name; to undo: $undo"
}

already_so() {
    finish_restart
    say "$1"
}

finish_restart() {
    [ "$unfinished" = yes ] || return 0
    read_plan "$state/backups/$cut_backup/backup.conf" || die 7 "backup '$cut_backup' is damaged: $why" "the files in '$peers' are whole; remove '$journal' and restart sftunnel by hand"
    restart_sftunnel && confirm_tunnel || { write_receipt 8 recover; die 8 "the trio is in place, but $why" 'look at /ngfw/var/log/messages, and at sftunnel_status.pl on the FMC'; }
    write_receipt 0 recover
    remove_journal || warn "'$journal' could not be removed: the next run restarts sftunnel again"
}

heed_signals() {
    trap 'clean_up 129' HUP
    trap 'clean_up 130' INT
    trap 'clean_up 143' TERM
}

main() {
    died=no me='' state='' made_state=no unused_backup='' committing=no committed=no unfinished=no cut_verb='' tty_settings='' passphrase='' ended='' free_kib='' bundle_kib=0
    verb='' root='' signers='' yes=no passphrase_file='' backup_wanted='' restart=yes wait_s=''
    stage_only=no allow_older=no receipt_dir='' pid_before='' pid_after='' tunnel=not-looked-at new_key=''
    landed='the new trio' bundle='' log='' told=''
    keep=5 export_dir='' export_part='' forgotten='' digest='' json=no
    trap clean_up EXIT
    heed_signals
    trap '' PIPE
    started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    told="$started installer $installer_version: $0 $*$nl"
    case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
    find_real "${here:-/}"
    here=$real
    default_verb=install
    [ "${0##*/}" != rollback.sh ] || default_verb=rollback
    parse_options "$@"
    find_places
    "do_$verb"
    exit 0
}

main "$@"
