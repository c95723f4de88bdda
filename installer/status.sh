# shellcheck shell=sh
# What is on this device now, as text or, with --json, for programs. Reads only; takes no lock.

do_status() {
    read_identity
    if [ "$json" = yes ]; then
        status_json
        return
    fi
    step device "$this_uuid${this_model:+, $this_model}"
    for fmc in $(ls_peers); do
        step peer "FMC $fmc"
        show_trio
    done
    [ ! -f "$state/staged/bundle.conf" ] || step staged "bundle $(value_of bundle_id "$state/staged/bundle.conf") for $(value_of device_name "$state/staged/bundle.conf"): activate commits it"
    for dir in "$state"/backups/[0-9][0-9][0-9][0-9]-*; do
        [ ! -f "$dir/backup.conf" ] || step backup "${dir##*/}, made by $(value_of verb "$dir/backup.conf")$([ ! -e "$dir/undone" ] || printf ', which came to nothing')"
    done
    for file in "$state"/signers/*; do
        [ ! -f "$file" ] || step signer "${file##*/} is pinned since $(value_of pinned "$file")"
    done
    report_interrupted
}

# ls_peers: the FMCs that have a peer directory here.
ls_peers() {
    for dir in "$peers"/????????-????-????-????-????????????; do
        [ ! -d "$dir" ] || ! is_uuid "${dir##*/}" || printf '%s\n' "${dir##*/}"
    done
}

show_trio() {
    for name in cacert.pem sftunnel-cert.pem; do
        read_certificate || { step '' "$name: MISSING, OR NOT A CERTIFICATE"; continue; }
        step '' "$name: subject $subject"
        step '' "$name: SHA-256 fingerprint $fingerprint"
        if [ "$days_left" -lt 0 ]; then step '' "$name: EXPIRED, was valid until $not_after"; else step '' "$name: valid until $not_after, $days_left days left"; fi
    done
    read_key
    if [ "$key_is" = matching ]; then step '' "sftunnel-key.pem: the certificate's"; else step '' "sftunnel-key.pem: NOT THE CERTIFICATE'S ($key_is)"; fi
    ls_litter | while IFS= read -r litter; do step '' "also there: '$litter'"; done
}

# read_certificate: $name of FMC $fmc; sets subject, fingerprint, not_after and days_left.
read_certificate() {
    shown=$(openssl x509 -noout -subject -nameopt RFC2253 -enddate -fingerprint -sha256 -in "$peers/$fmc/$name" 2>/dev/null) || return 1
    subject=$(printf '%s\n' "$shown" | sed -n 's/^subject= *//p' | tr -c '\040-\176\n' '?')
    fingerprint=$(printf '%s\n' "$shown" | sed -n 's/.*Fingerprint=//p' | tr -d : | tr A-F a-f)
    not_after=$(printf '%s\n' "$shown" | sed -n 's/^notAfter=//p')
    # shellcheck disable=SC2046,SC2086
    set -- $(date -u '+%b %d %H:%M:%S %Y') $not_after
    count_days "$5" "$6" "$7" "$8"
    days_left=$days
    count_days "$1" "$2" "$3" "$4"
    days_left=$((days_left - days))
    # A day that has begun is not left any more.
    [ "$(printf '%s\n' "$3" "$7" | sort | head -n 1)" = "$3" ] || days_left=$((days_left - 1))
}

# read_key: sets $key_is: matching, another or unreadable.
read_key() {
    # With an empty passphrase, or a key that was left encrypted there would be asked for one.
    of_key=$(echo | openssl pkey -pubout -in "$peers/$fmc/sftunnel-key.pem" -passin stdin 2>/dev/null) || of_key=''
    of_cert=$(openssl x509 -noout -pubkey -in "$peers/$fmc/sftunnel-cert.pem" 2>/dev/null) || of_cert=none
    key_is=unreadable
    [ -z "$of_key" ] || key_is=another
    [ "$of_key" != "$of_cert" ] || key_is=matching
}

# ls_litter: names that only look like those of the trio: a paste leaves invisible bytes in them.
ls_litter() {
    for file in "$peers/$fmc"/*.pem?*; do
        [ ! -e "$file" ] || printf '%s\n' "$(printf '%s' "${file##*/}" | tr -c '\040-\176' '?')"
    done
}

# report_interrupted: for the verbs that never write.
report_interrupted() {
    find_interrupted
    case $phase in
    running) warn "another run is at work: process ${holder%%:*}" ;;
    commit) warn "an earlier $cut_verb was interrupted: recover puts the old trio back, as do install and rollback before anything else" ;;
    unusable) warn "'$journal' names no usable backup: compare the files in '$peers' with those in '$state/backups' by hand" ;;
    restart) warn "after an earlier $cut_verb sftunnel was not seen to come up: recover restarts it again" ;;
    esac
}

# find_interrupted: sets $phase: running, commit, restart, unusable, or nothing.
find_interrupted() {
    phase=''
    find_holder
    if is_held; then phase=running; elif [ -f "$journal" ]; then read_journal || :; fi
}
