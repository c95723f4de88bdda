# shellcheck shell=sh
# What is on this device now. Reads only; takes no lock.

do_status() {
    read_identity
    step device "$this_uuid${this_model:+, $this_model}"
    for dir in "$peers"/????????-????-????-????-????????????; do
        [ -d "$dir" ] && is_uuid "${dir##*/}" || continue
        step peer "FMC ${dir##*/}"
        show_trio "$dir"
    done
    [ ! -f "$state/staged/bundle.conf" ] || step staged "bundle $(sed -n 's/^bundle_id=//p' "$state/staged/bundle.conf"): activate commits it"
    for dir in "$state"/backups/[0-9][0-9][0-9][0-9]-*; do
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
        shown=$(openssl x509 -noout -subject -nameopt RFC2253 -enddate -fingerprint -sha256 -in "$1/$name" 2>/dev/null) || shown='missing, or not a certificate'
        openssl x509 -noout -checkend 0 -in "$1/$name" >/dev/null 2>&1 || step '' "$name: EXPIRED OR UNREADABLE"
        printf '%s\n' "$shown" | while IFS= read -r line; do step '' "$name: $line"; done
    done
    of_cert=$(openssl x509 -noout -pubkey -in "$1/sftunnel-cert.pem" 2>/dev/null) || of_cert=none
    of_key=$(openssl pkey -pubout -in "$1/sftunnel-key.pem" 2>/dev/null) || of_key=unreadable
    if [ "$of_cert" = "$of_key" ]; then step '' "sftunnel-key.pem: the certificate's"; else step '' "sftunnel-key.pem: NOT THE CERTIFICATE'S"; fi
    # Names that only look like those of the trio: a paste leaves invisible bytes in them.
    for file in "$1"/*.pem?*; do
        [ ! -e "$file" ] || step '' "also there: '$(printf '%s' "${file##*/}" | tr -c '\040-\176' '?')'"
    done
}

# report_interrupted: for the verbs that never write.
report_interrupted() {
    if holder=$(readlink "$state/lock" 2>/dev/null) && is_held; then
        warn "another run is at work: process ${holder%%:*}"
    elif [ -f "$journal" ]; then
        read_journal
        if [ "$phase" = commit ]; then
            warn "an earlier $cut_verb was interrupted: recover puts the old trio back, as do install and rollback before anything else"
        else
            warn "after an earlier $cut_verb sftunnel was not seen to come up: recover restarts it again"
        fi
    fi
}
