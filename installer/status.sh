# shellcheck shell=sh
# What is on this device now. Reads only; takes no lock.

do_status() {
    read_identity
    step device "$this_uuid${this_model:+, $this_model}"
    for dir in "$peers"/????????-????-????-????-????????????; do
        [ -d "$dir" ] && is_uuid "${dir##*/}" || continue
        step peer "FMC ${dir##*/}"
        show_trio "$dir"
        show_litter "$dir"
    done
    [ ! -f "$state/staged/bundle.conf" ] || step staged "$(sed -n 's/^bundle_id=//p' "$state/staged/bundle.conf"): activate commits it"
    for dir in "$state"/backups/[0-9]*; do
        [ ! -f "$dir/backup.conf" ] || step backup "${dir##*/}, made by $(sed -n 's/^verb=//p' "$dir/backup.conf")$([ ! -e "$dir/undone" ] || printf ', undone')"
    done
    for file in "$state"/signers/*; do
        [ ! -f "$file" ] || step signer "${file##*/} is pinned"
    done
    report_interrupted
}

# show_trio DIR
show_trio() {
    for name in cacert.pem sftunnel-cert.pem; do
        shown=$(openssl x509 -noout -enddate -fingerprint -sha256 -in "$1/$name" 2>/dev/null |
            sed 's/^notAfter=/valid until /; s/^.*Fingerprint=/SHA-256 /; s/://3g' | tr '\n' ' ') || shown=''
        [ -n "$shown" ] || shown='missing or not a certificate '
        openssl x509 -noout -checkend 0 -in "$1/$name" >/dev/null 2>&1 || shown="EXPIRED or unreadable; $shown"
        step '' "$name: ${shown% }"
    done
    of_cert=$(openssl x509 -noout -pubkey -in "$1/sftunnel-cert.pem" 2>/dev/null) || of_cert=none
    of_key=$(openssl pkey -pubout -in "$1/sftunnel-key.pem" 2>/dev/null) || of_key=unreadable
    if [ "$of_cert" = "$of_key" ]; then step '' "sftunnel-key.pem: the certificate's"; else step '' "sftunnel-key.pem: NOT the certificate's"; fi
}

# show_litter DIR: names that only look like those of the trio: a paste leaves invisible bytes in them.
show_litter() {
    for file in "$1"/*.pem?*; do
        [ -e "$file" ] || continue
        step '' "also there: '$(printf '%s' "${file##*/}" | tr -c '[:print:]' '?')'"
    done
}

# report_interrupted: for the verbs that never write.
report_interrupted() {
    if [ -L "$state/lock" ]; then
        holder=$(readlink "$state/lock")
        [ "$(started_at "${holder%%:*}")" != "${holder#*:}" ] || { warn "another run is at work: process ${holder%%:*}"; return 0; }
    fi
    [ -f "$journal" ] || return 0
    read_journal
    warn "an earlier $cut_verb was interrupted: run recover, install or rollback; recover does nothing else"
}
