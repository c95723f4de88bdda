# shellcheck shell=sh
# What this run did: a receipt and, for the telephone, a confirmation code, which only the new key can
# make, the bundle's for its first FMC. It is found by its SHA-256, `new_key` in backup.conf, and taken
# into memory before anything is renamed: putting the old trio back may overwrite the only copy. And what
# the device remembers. Nothing here changes how a run ends.

# begin_receipt: of a plan and backup $backup_id; sets $new_key, empty if it is gone.
begin_receipt() {
    of_backup=$backup_id of_bundle=$bundle_id of_device=$device_uuid of_fmc=$first_fmc of_key=$new_key_sum of_files="$files $absent" new_key=''
    look_around
    trio_before=$trio
    [ -z "$key_file" ] || { read_text "$key_file" || :; new_key=$text; }
}

# look_around: sets $trio, what sha256sum says of the plan's files, sorted, and $key_file, where the new key
# is, if anywhere.
look_around() {
    trio='' key_file=''
    found=$(cd "$peers"
        for file in */*.pem; do case "$of_files " in *" $file "*) set -- "$@" "$file" ;; esac; done
        sha256sum "$@" "$peers/$of_fmc/$beside/sftunnel-key.pem" "$state"/backups/*/"$of_fmc/sftunnel-key.pem" 2>/dev/null)$nl || :
    while line=${found%%"$nl"*} && [ -n "$line" ]; do
        found=${found#*"$nl"} file=${line#*  }
        case "$of_files " in *" $file "*) trio=$trio$line$nl file=$peers/$file ;; esac
        [ "${line%%  *}" != "$of_key" ] || key_file=$file
    done
}

# write_receipt CODE VERB
write_receipt() {
    [ -n "$new_key" ] || { warn "the new key is not on this device any more: there is no receipt of this $2"; return 0; }
    receipt=$state/receipts/$of_backup-$2.json
    ended=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    # In a subshell, or what a trap says would be lost in the redirection.
    shown=$(exec 2>/dev/null; make_receipt "$1" "$2") || { warn 'no receipt could be written'; return 0; }
    step receipt "$receipt"
    copy_receipt
    say "$shown"
}

# make_receipt CODE VERB: prints it for the screen, and ends this subshell.
make_receipt() {
    cd "$state" && look_around && { [ -d receipts ] || mkdir receipts; } || return 1
    coded=$2
    [ "$coded" != activate ] || coded=install
    write_file receipt.new "sftunnel-bundler code 1 $of_bundle" && sign && write_file receipt.new "$signature $coded $1" &&
        printf %s "$trio_before" >before.new && printf %s "$trio" >after.new && hashes=$(sha256sum receipt.new before.new after.new) || return 1
    to_base64 "${hashes%% *}" 97 && swap "$text" '[!a-hjkmnp-z2-9]' '' || return 1
    letters=${swapped%"${swapped#????????????}"}
    before=${hashes#*"$nl"}
    after=${before#*"$nl"}
    swap "{'after':'${after%% *}','backup':'$of_backup','before':'${before%% *}','bundle':'$of_bundle','device':'$of_device','ended':'$ended','exit':$1,\
'format':1,'installer':'$installer_version','pid_after':'$pid_after','pid_before':'$pid_before','started':'$started','tunnel':'$tunnel','verb':'$2'}" "'" '"'
    said=$swapped
    write_file receipt.new "$said" && sign && write_file receipt.new "$said$nl$signature" && sync receipt.new && mv -f receipt.new "$receipt" || return 1
    printf '%s\n' '-----BEGIN SFTUNNEL RECEIPT-----'
    left=$said.$signature row='????????????????'
    # shellcheck disable=SC2295
    while rest=${left#$row$row$row$row}; [ "$rest" != "$left" ]; do
        printf '%s\n' "${left%"$rest"}"
        left=$rest
    done
    printf '%s\n' ${left:+"$left"} "-----END SFTUNNEL RECEIPT-----${nl}confirmation code: $letters"
    exec sync receipts
}

# sign: sets $signature, of receipt.new.
sign() {
    if [ -n "$key_file" ]; then
        found=$(exec <"$key_file"; openssl dgst -sha256 -hex -sign /dev/stdin receipt.new)
    else
        found=$(put_secret "$new_key" | openssl dgst -sha256 -hex -sign /dev/stdin receipt.new)
    fi && to_base64 "${found##*= }" 65 && signature=$text
}

copy_receipt() {
    to=$receipt_dir
    if [ -z "$to" ]; then
        to=${here%/*}
        case ${to:=/}/ in "$state"/*) return 0 ;; esac
        [ -w "$to" ] || return 0
    fi
    to=${to%/}/sftunnel-receipt-${of_device%%-*}-${receipt##*/}
    # Whatever was there before, a link or a pipe among it, goes; what is cut off does, too.
    (exec 2>/dev/null; read_text "$receipt" && [ -n "$text" ] && { [ ! -e "$to" ] && [ ! -L "$to" ] || rm -f "$to"; } && set -C && write_file "$to" "$text" && exec sync "$to") && step '' "$to" ||
        { rm -f "$to" 2>/dev/null || :; warn "the receipt could not be copied to '$to'"; }
}

remember() {
    pin=$state/${signer:+signers/$signer}
    [ -z "$signer" ] || write_file "$pin" "bundle=$bundle_id${nl}pinned=$started" 2>/dev/null ||
        { warn "the signer could not be pinned in '$state/signers'"; pin=$state; }
    newest_runs
    { write_file "$state/runs.new" "${newest%"$nl"}" && sync "$pin" "${pin%/*}" "$state/runs.new" && mv -f "$state/runs.new" "$state/runs"; } 2>/dev/null ||
        warn "the generate_certs.pl run could not be remembered in '$state/runs'"
}

# newest_runs: sets $newest, lines of an FMC and the newest run that this device has had of it.
newest_runs() {
    newest=''
    for run in $runs; do
        known_run "${run%%:*}"
        [ "${known:-0}" -gt "${run#*:}" ] || known=${run#*:}
        newest="$newest${run%%:*} $known$nl"
    done
    [ ! -f "$state/runs" ] || while of_fmc='' && { read -r of_fmc known || [ -n "${of_fmc-}" ]; }; do
        case "$runs " in *" $of_fmc:"*) ;; *) newest="$newest$of_fmc $known$nl" ;; esac
    done <"$state/runs"
}
