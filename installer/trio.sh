# shellcheck shell=sh
# Step 4: does each trio hang together, by this device's openssl and clock? Of openssl only the output
# counts: versions exit 0 for a certificate that does not verify and for a damaged key.

need_openssl() {
    command -v openssl >/dev/null 2>&1 || die 5 'openssl is missing on this device' 'look for it with: find / -name openssl -type f; sftunnel-installer needs none'
}

check_trios() {
    need_openssl
    check_clock
    ca_dates=''
    for fmc in $fmcs; do
        trio=$1/$fmc
        check_certificates
        check_key
    done
    check_run
}

check_clock() {
    in_order "$created" "$started" ||
        warn "this device's clock is wrong: it says $started, and the bundle was made $created"
}

# check_certificates: some versions overlook an expired CA, hence -checkend.
check_certificates() {
    clock_hint='compare date -u with a watch; if the clock is right, build again from the newest generate_certs.pl run'
    verdict=$(exec 2>&1; cd "$trio" && openssl verify -purpose sslclient -CAfile cacert.pem sftunnel-cert.pem) || :
    case $verdict in
    'sftunnel-cert.pem: OK') ;;
    *'error 10 '*) die 3 "a certificate for FMC '$fmc' has expired" "$clock_hint" ;;
    *'error 9 '*) die 3 "a certificate for FMC '$fmc' is not valid yet, by this device's clock" "$clock_hint" ;;
    *'error 26 '*) die 3 "the certificate for FMC '$fmc' is not made for a TLS client" "$rebuild_hint" ;;
    *) die 3 "the certificate for FMC '$fmc' was not issued by the CA beside it" "$rebuild_hint, from one generate_certs.pl run" ;;
    esac
    facts=$(exec 2>/dev/null; openssl x509 -checkend 0 -noout -startdate -in "$trio/cacert.pem") ||
        die 3 "a certificate for FMC '$fmc' has expired" "$clock_hint"
    count_start
    ca_dates="$ca_dates $fmc:$iso_time"
    facts=$(exec 2>/dev/null; openssl x509 -checkend 0 -noout -enddate -pubkey -in "$trio/sftunnel-cert.pem") ||
        die 3 "a certificate for FMC '$fmc' has expired" "$clock_hint"
    not_after=${facts#*notAfter=}
    step trio "FMC $fmc: the CA issued the certificate, as openssl verify says"
    step '' "both hold by this device's clock, $started, the certificate until ${not_after%%"$nl"*}"
}

is_encrypted() { IFS= read -r line <"$1" && [ "$line" = '-----BEGIN ENCRYPTED PRIVATE KEY-----' ]; }

# get_passphrase: once a run.
get_passphrase() {
    [ -z "$passphrase" ] || return 0
    if [ -n "$passphrase_file" ]; then
        { IFS= read -r passphrase <"$passphrase_file" || [ -n "$passphrase" ]; } 2>/dev/null ||
            die 3 "no passphrase can be read from '$passphrase_file'" 'its first line must be the passphrase'
    elif is_interactive; then
        ask_secret "Passphrase of the key for $device_name (not shown):"
        passphrase=$answer answer=''
    else
        die 3 'the key is encrypted, and there is nobody to ask for its passphrase' 'give --passphrase-file FILE'
    fi
    case $passphrase in *[[:cntrl:]]) passphrase=${passphrase%"$(printf '\r')"} ;; esac
}

# put_secret TEXT: from a builtin: not in argv, not in a here-document's temporary file. (mksh has no printf.)
# shellcheck disable=SC3044
put_secret() {
    if [ -n "${KSH_VERSION-}" ]; then print -r -- "$1"; else printf '%s\n' "$1"; fi
}

# check_key: and lays it open in its place. A check writes nothing: memory and pipes are enough for it.
check_key() {
    key=$trio/sftunnel-key.pem opened=''
    if is_encrypted "$key"; then
        get_passphrase
        opened=$(put_secret "$passphrase" | openssl pkey -in "$key" -passin stdin 2>/dev/null) || opened=''
    fi
    if [ "$verb" = check ] && [ -n "$opened" ]; then
        hash=$(put_secret "$opened" | sha256sum)
        verdict=$(put_secret "$opened" | openssl rsa -check -pubout 2>/dev/null) || :
    else
        # What sha256sum itself has to say, such as of a locale, is no part of it.
        hash=$(exec 2>&1; { [ -z "$opened" ] || put_secret "$opened" >"$key"; } && sha256sum <"$key" 2>/dev/null) || die 5 "cannot write in '$work': ${hash:-what was written cannot be read}" "$disk_hint"
        verdict=$(exec 2>/dev/null <"$key"; openssl rsa -check -pubout) || :
    fi
    hash=${hash%% *}
    case $sums in
    *"$hash  $fmc/sftunnel-key.pem$nl"*) ;;
    *) die 3 "the key for FMC '$fmc' does not open: wrong passphrase, or a damaged key" "the passphrase is the one that the build listed for '$device_name'" ;;
    esac
    # Its first line; the others are the public key.
    [ "${verdict%%"$nl"*}" = 'RSA key ok' ] || die 3 "the key for FMC '$fmc' is damaged" "$rebuild_hint"
    case $facts in
    *"${verdict#*"$nl"}"*) ;;
    *) die 3 "the key for FMC '$fmc' is not the certificate's" "$rebuild_hint" ;;
    esac
    step '' "the key has the planned SHA-256, $hash"
    step '' "${verdict%%"$nl"*}, says openssl rsa -check; its public key is the certificate's"
}

check_run() {
    for fmc in $fmcs; do
        run=${runs##*" $fmc:"}
        run=${run%% *}
        known_run "$fmc"
        [ "$run" -ge "${known:-0}" ] || [ "$allow_older" = yes ] || die 3 \
            "the bundle is of generate_certs.pl run '$run', and this device has had run '$known' of FMC '$fmc'" \
            'the FMC no longer accepts the older trio: take the newer kit (or add --allow-older)'
        step '' "generate_certs.pl run $run; the newest that this device has had is ${known:-unknown}"
        check_newer_ca
    done
}

# known_run FMC: sets $known, empty if the device has not had any.
known_run() {
    known=''
    [ -f "$state/runs" ] || return 0
    while of_fmc='' && { read -r of_fmc of_run || [ -n "${of_fmc-}" ]; }; do
        [ "$of_fmc" = "$1" ] || continue
        case $of_run in '' | *[!0-9]*) ;; *) [ "$of_run" -le "${known:-0}" ] || known=$of_run ;; esac
    done <"$state/runs"
}

# check_newer_ca: the FMC may have pushed a newer trio by itself.
check_newer_ca() {
    facts=$(exec 2>/dev/null; openssl x509 -noout -startdate -in "$peers/$fmc/cacert.pem") || return 0
    count_start
    known=$iso_time iso_time=${ca_dates##*" $fmc:"}
    iso_time=${iso_time%% *}
    in_order "$known" "$iso_time" || [ "$allow_older" = yes ] || die 3 \
        "this device has a newer CA of FMC '$fmc' than the bundle brings: made '$known', the bundle's '$iso_time'" \
        'the FMC has given it a newer trio since: there is nothing to install (or add --allow-older)'
}
