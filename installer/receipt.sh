# shellcheck shell=sh
# What this run did: a line of JSON, its keys sorted, and a line with its signature (RSA, SHA-256, base64)
# by the device's new sftunnel key. And what the device remembers.

# write_receipt CODE
write_receipt() {
    receipt=$state/receipts/$backup_id-$verb.json
    # After a rollback it is in the backup just made.
    new_key=$peers/$first_fmc/sftunnel-key.pem
    [ "$verb" != rollback ] || new_key=$state/backups/$backup_id/$first_fmc/sftunnel-key.pem
    # In a subshell, or what a trap says would be lost in the redirection.
    (
        mkdir -p "$state/receipts" && said=$(receipt_json "$1") && write_file "$receipt" "$said" &&
            signature=$(openssl dgst -sha256 -sign "$new_key" "$receipt" | openssl base64 -A) && [ -n "$signature" ] && write_file "$receipt" "$said$nl$signature"
    ) 2>/dev/null || {
        rm -f "$receipt" || :
        warn 'no receipt could be written'
        return 0
    }
    step receipt "$receipt"
    to=$receipt_dir
    if [ -z "$to" ]; then
        to=${here%/*}
        case ${to:=/} in "$state"*) return 0 ;; esac
        [ -w "$to" ] || return 0
    fi
    to=${to%/}/sftunnel-receipt-${device_uuid%%-*}-${receipt##*/}
    if cp "$receipt" "$to" 2>/dev/null; then step '' "$to"; else warn "the receipt could not be copied to '$to'"; fi
}

# receipt_json CODE. One substitution a command: bash 5.2 stumbles over a trap that comes between two.
receipt_json() {
    after=$(json_hashes "$sums")
    before=$(json_hashes "$backup_sums")
    name=$(json_text "$device_name")
    printf '{"after":{%s},"backup":"%s","before":{%s},"bundle":"%s","device":"%s","device_name":%s,' \
        "$after" "$backup_id" "$before" "$bundle_id" "$device_uuid" "$name"
    printf '"ended":"%s","exit":%s,"format":1,"pid_after":"%s","pid_before":"%s","started":"%s","tunnel":"%s","verb":"%s"}\n' \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$pid_after" "$pid_before" "$started" "$tunnel" "$verb"
}

# json_hashes LINES
json_hashes() { printf '%s' "$1" | sed 's/^\([0-9a-f]*\)  \(.*\)$/"\2":"\1"/' | sort | tr '\n' ',' | sed 's/,$//'; }

remember() {
    { mkdir -p "$state/signers" && write_file "$state/signers/$signer" "bundle=$bundle_id${nl}pinned=$started" && flush "$state/signers/$signer" "$state/signers"; } 2>/dev/null ||
        warn "the signer could not be pinned in '$state/signers'"
    known=$(newest_runs)
    { write_file "$state/runs.new" "$known" && flush "$state/runs.new" && mv -f "$state/runs.new" "$state/runs"; } 2>/dev/null ||
        warn "the generate_certs.pl run could not be remembered in '$state/runs'"
}

newest_runs() {
    {
        for run in $runs; do printf '%s %s\n' "${run%%:*}" "${run#*:}"; done
        cat "$state/runs" 2>/dev/null || :
    } | sort -k 1,1 -k 2,2nr | while read -r fmc run; do
        [ "$fmc" = "${last-}" ] || printf '%s %s\n' "$fmc" "$run"
        last=$fmc
    done
}
