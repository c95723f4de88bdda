# shellcheck shell=sh
# What this run did: a receipt and, for the telephone, a confirmation code, both of which only the new
# key can make: the one that the bundle brought for its first FMC. A backup.conf has its SHA-256,
# `new_key`, by which it is found. It is taken into memory before anything is renamed, because putting the
# old trio back may overwrite the only copy. And what the device remembers. Nothing here changes how a run
# ends.

# name_new_key: sets $new_key_sum, for a plan that is a bundle's.
name_new_key() {
    new_key_sum=${sums%%"  $first_fmc/sftunnel-key.pem$nl"*}
    new_key_sum=${new_key_sum##*"$nl"}
}

# begin_receipt: of a plan and backup $backup_id; sets $new_key, empty if it is gone.
begin_receipt() {
    of_backup=$backup_id of_bundle=$bundle_id of_device=$device_uuid of_files="$files $absent" new_key=''
    trio_now
    trio_before=$trio
    for file in "$peers/$first_fmc/.sftunnel-key.pem$staged_suffix" "$peers/$first_fmc/sftunnel-key.pem" "$state"/backups/*/"$first_fmc/sftunnel-key.pem"; do
        [ -f "$file" ] && found=$(sha256sum <"$file") && [ "${found%% *}" = "$new_key_sum" ] || continue
        new_key=$(cat "$file") || new_key=''
        break
    done
}

# trio_now: sets $trio, the SHA-256 of what sha256sum says of the plan's files that are there, sorted.
trio_now() {
    set --
    for dir in "$peers"/*; do
        for name in $trio_names; do
            case "$of_files " in *" ${dir##*/}/$name "*) set -- "$@" "${dir##*/}/$name" ;; esac
        done
    done
    trio=$(cd "$peers" && sha256sum "$@" 2>/dev/null </dev/null | sha256sum) || :
    trio=${trio%% *}
}

# write_receipt CODE VERB
write_receipt() {
    [ -n "$new_key" ] || { warn "the new key is not on this device any more: there is no receipt of this $2"; return 0; }
    receipt=$state/receipts/$of_backup-$2.json
    # In a subshell, or what a trap says would be lost in the redirection.
    shown=$(make_receipt "$1" "$2" 2>/dev/null) || { warn 'no receipt could be written'; return 0; }
    step receipt "$receipt"
    copy_receipt
    say "$shown"
}

# make_receipt CODE VERB: prints what the screen shows of it.
make_receipt() {
    draft=$state/receipt.new
    mkdir -p "$state/receipts" && write_file "$draft" "sftunnel-bundler code 1 $of_bundle" && sign "$draft" || return 1
    coded=$2
    [ "$coded" != activate ] || coded=install
    # shellcheck disable=SC2018,SC2019
    letters=$(printf '%s %s %s\n' "$signature" "$coded" "$1" | openssl dgst -sha256 -binary | openssl base64 -A | tr A-Z a-z)
    swap "$letters" '[!a-hjkmnp-z2-9]' ''
    letters=${swapped%"${swapped#????????????}"}
    receipt_json "$@"
    write_file "$draft" "$said" && sign "$draft" && write_file "$draft" "$said$nl$signature" && flush "$draft" && mv -f "$draft" "$receipt" && flush "$state/receipts" || return 1
    printf '%s\n' '-----BEGIN SFTUNNEL RECEIPT-----'
    printf '%s\n' "$said.$signature" | fold -w 64
    printf '%s\nconfirmation code: %s\n' '-----END SFTUNNEL RECEIPT-----' "$letters"
}

# sign FILE: sets $signature. The key goes through a pipe.
sign() { signature=$(put_secret "$new_key" | openssl dgst -sha256 -sign /dev/stdin "$1" | openssl base64 -A) && [ -n "$signature" ]; }

# receipt_json CODE VERB: sets $said. One substitution a command: bash 5.2 stumbles over a trap that comes between two.
receipt_json() {
    trio_now
    ended=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    swap "{'after':'$trio','backup':'$of_backup','before':'$trio_before','bundle':'$of_bundle','device':'$of_device','ended':'$ended','exit':$1,\
'format':1,'installer':'$installer_version','pid_after':'$pid_after','pid_before':'$pid_before','started':'$started','tunnel':'$tunnel','verb':'$2'}" "'" '"'
    said=$swapped
}

copy_receipt() {
    to=$receipt_dir
    if [ -z "$to" ]; then
        to=${here%/*}
        case ${to:=/}/ in "$state"/*) return 0 ;; esac
        [ -w "$to" ] || return 0
    fi
    to=${to%/}/sftunnel-receipt-${of_device%%-*}-${receipt##*/}
    # Whatever somebody put there before, a link or a pipe among it, goes; what is cut off does, too.
    if (rm -f "$to" && set -C && cat "$receipt" >"$to" && flush "$to") 2>/dev/null; then step '' "$to"; return 0; fi
    rm -f "$to" 2>/dev/null || :
    warn "the receipt could not be copied to '$to'"
}

remember() {
    [ -z "$signer" ] || { mkdir -p "$state/signers" && write_file "$state/signers/$signer" "bundle=$bundle_id${nl}pinned=$started" && flush "$state/signers/$signer" "$state/signers"; } 2>/dev/null ||
        warn "the signer could not be pinned in '$state/signers'"
    newest_runs
    { write_file "$state/runs.new" "${newest%"$nl"}" && flush "$state/runs.new" && mv -f "$state/runs.new" "$state/runs"; } 2>/dev/null ||
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
