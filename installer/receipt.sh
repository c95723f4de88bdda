# shellcheck shell=sh
# What this run did, for the operator: one line of JSON with sorted keys, and its signature
# (RSA, SHA-256, base64) with the device's new sftunnel key on the second line. Also what the device
# itself remembers: the signer, and which generate_certs.pl run it has had.

# json TEXT: a JSON string.
json() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g' | tr -d '\000-\037')"; }

# write_receipt CODE: never fails the run.
write_receipt() {
    receipt=$state/receipts/$backup_id-$verb.json
    ended=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    # The new key is in place after an install, and in the backup just made after a rollback.
    new_key=$peers/$first_fmc/sftunnel-key.pem
    [ "$verb" != rollback ] || new_key=$state/backups/$backup_id/$first_fmc/sftunnel-key.pem
    {
        mkdir -p "$state/receipts" && receipt_json "$1" >"$receipt" &&
            signature=$(openssl dgst -sha256 -sign "$new_key" "$receipt" 2>/dev/null | openssl base64 -A) &&
            printf '%s\n' "$signature" >>"$receipt"
    } 2>/dev/null || { warn 'no receipt could be written'; return 0; }
    deliver_receipt
}

# receipt_json CODE
receipt_json() {
    printf '{"backup":%s,"bundle":%s,"device":%s,"device_name":%s,"ended":"%s","exit":%s,"files":[' \
        "$(json "$backup_id")" "$(json "$bundle_id")" "$(json "$device_uuid")" "$(json "$device_name")" "$ended" "$1"
    comma=''
    while IFS='= ' read -r key source target sha mode owner; do
        case $key in file) ;; absent) sha='' ;; *) continue ;; esac
        printf '%s["%s","%s","%s"]' "$comma" "$target" "$(saved_hash "$target")" "$sha"
        comma=,
    done <"$plan"
    printf '],"format":1,"pid_after":"%s","pid_before":"%s","started":"%s","tunnel":%s,"verb":"%s"}\n' \
        "$pid_after" "$pid_before" "$started" "$(json "$tunnel")" "$verb"
}

# saved_hash TARGET: its checksum before this run, from the backup.
saved_hash() { sed -n "s|^file=[^ ]* $1 \\([0-9a-f]*\\) .*|\\1|p" "$state/backups/$backup_id/backup.conf"; }

# deliver_receipt: a copy to --receipt-dir, or beside the bundle, where the operator finds it.
deliver_receipt() {
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

# remember: the signer, so that the next bundle of the same kit needs no --signer, and the runs.
remember() {
    mkdir -p "$state/signers" && printf 'bundle=%s\npinned=%s\n' "$bundle_id" "$started" >"$state/signers/$signer" || warn 'the signer could not be pinned'
    [ -f "$state/runs" ] || : >"$state/runs"
    while IFS='= ' read -r key fmc run rest; do
        [ "$key" = fmc ] || continue
        known=$(sed -n "s/^$fmc //p" "$state/runs")
        [ "${known:-0}" -lt "$run" ] || continue
        { grep -v "^$fmc " "$state/runs" || :; printf '%s %s\n' "$fmc" "$run"; } >"$state/runs.new" &&
            mv -f "$state/runs.new" "$state/runs"
    done <"$plan"
}
