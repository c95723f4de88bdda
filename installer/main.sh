# shellcheck shell=sh
# The verbs. Each reads as what the operator would tell of the job.

do_check() {
    verify_bundle "$here"
    check_device
    check_trios
    check_run
    if holds; then say "already installed: nothing to do for $device_name"; return; fi
    check_ready
    report_interrupted
    say "ready to install on $device_name: nothing was changed"
}

do_install() {
    take_lock                            # 1
    finish_interrupted
    check_bundle_form "$here"            # 2
    copy_bundle
    verify_bundle "$work/bundle"
    check_device                         # 3
    check_trios                          # 4
    check_run
    if holds; then finish_restart; say "already installed: nothing to do for $device_name"; return; fi
    check_ready                          # 5
    agree "Install on $device_name now"
    back_up                              # 6
    unlock_bundle
    if [ "$stage_only" = yes ]; then keep_staged; return; fi
    replace_trio "$work/new"             # 7 to 10
}

do_activate() {
    take_lock
    finish_interrupted
    [ -f "$state/staged/bundle.conf" ] || die 5 'nothing is staged on this device' 'install --stage-only does that'
    read_bundle_conf "$state/staged/bundle.conf"
    signer=$(cat "$state/staged/signer") && backup_id=$(cat "$state/staged/backup")
    check_device
    check_ready
    agree "Activate on $device_name now"
    mkdir "$work"
    plan=$state/backups/$backup_id/backup.conf
    if ! holds; then plan=$state/staged/bundle.conf; back_up; fi
    plan=$state/staged/bundle.conf
    replace_trio "$state/staged"
    rm -rf "$state/staged"
}

do_rollback() {
    take_lock
    finish_interrupted
    choose_backup
    check_device
    if holds; then finish_restart; say "already as in backup $backup_id: nothing to do for $device_name"; return; fi
    check_ready
    agree "Put backup $backup_id back on $device_name now"
    mkdir "$work"
    back_up
    replace_trio "$backup"
    say 'note: these are the old files. An FMC that has run generate_certs.pl since has a new CA and will not accept them.'
}

do_recover() {
    take_lock
    finish_interrupted
    finish_restart
    say 'nothing is left unfinished'
}

# verify_bundle DIR: all of step 2; the bundle in DIR may be believed afterwards.
verify_bundle() {
    check_bundle_form "$1"
    check_signature
    check_checksums
    read_bundle_conf "$bundle/bundle.conf"
}

# unlock_bundle: the files as they must land, the key in plaintext, in the work directory.
unlock_bundle() {
    for fmc in $fmcs; do
        from=$bundle/payload/$fmc to=$work/new/payload/$fmc
        mkdir -p "$to" && cp "$from/cacert.pem" "$from/sftunnel-cert.pem" "$to/" &&
            plain_key "$from/sftunnel-key.pem" >"$to/sftunnel-key.pem" ||
            die 5 "cannot write in '$work'" 'nothing was changed; look at the free space'
    done
    cp "$plan" "$work/new/bundle.conf"
}

# keep_staged: for activate; replaces what was staged before.
keep_staged() {
    printf '%s\n' "$signer" >"$work/new/signer"
    printf '%s\n' "$backup_id" >"$work/new/backup"
    rm -rf "$state/staged"
    mv "$work/new" "$state/staged" && flush "$state"
    say "staged on $device_name: nothing in the peer directory has changed; activate does the rest"
}

# replace_trio DIR: steps 7 to 10, for $plan with its files in DIR.
replace_trio() {
    first_fmc=${fmcs# }
    first_fmc=${first_fmc%% *}
    stage "$1" || die 5 "cannot write beside the old files: $why" 'nothing was changed; look at the free space and the permissions'
    step stage 'new files written beside the old ones, flushed'
    commit
    [ "$verb" = rollback ] || remember
    result=0
    restart_sftunnel && confirm_tunnel || result=8
    write_receipt "$result"
    undo="sh '$state/backups/$backup_id/rollback.sh'"
    [ "$result" = 0 ] || die "$result" "the new trio is in place, but $why" "look at /ngfw/var/log/messages and on the FMC; to undo: $undo"
    remove_journal
    say "done: $verb on $device_name. To undo: $undo"
}

# finish_restart: what an interrupted run left to do after its commit.
finish_restart() {
    [ "$unfinished" = yes ] || return 0
    read_fmcs "$state/backups/$backup_id/backup.conf"
    restart_sftunnel && confirm_tunnel || die 8 "the new trio is in place, but $why" 'look at /ngfw/var/log/messages and on the FMC'
    remove_journal
}

# agree QUESTION: the last chance to turn back, where there is somebody to ask.
agree() {
    is_interactive || return 0
    ask "$1? sftunnel will ${restart:+be restarted, which drops its tunnels}. [yes/no]"
    [ "$answer" = yes ] || die 2 'not confirmed: nothing was changed' 'answer yes, in full, to go on'
}

main() {
    died=0 locked=no made_state=no committing=no tty_settings='' passphrase='' yes=no
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap '' PIPE
    here=$(cd -P -- "$(dirname -- "$0")" && pwd -P)
    script=$here/${0##*/}
    started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    default_verb=install
    [ "${0##*/}" != rollback.sh ] || default_verb=rollback
    parse_options "$@"
    find_places
    "do_$verb"
    exit 0
}

main "$@"
