# shellcheck shell=sh
# Step 4: does each trio of the bundle hang together, by this device's own openssl and clock?
# Exit 3 if not. The plaintext key goes only through pipes here, never into a file or a variable.

# check_trios: for every FMC of the bundle.
check_trios() {
    check_clock
    for fmc in $fmcs; do
        trio=$bundle/payload/$fmc
        check_chain
        check_dates
        get_passphrase
        check_key
        step trio "FMC $fmc: CA, certificate and key belong together, valid until ${not_after#notAfter=}"
    done
}

# check_clock: a device clock that is behind the bundle's making is wrong, and dates will look wrong.
check_clock() {
    clock_note=''
    now=$(date -u +%Y%m%d%H%M%S)
    made=$(printf '%s' "$created" | tr -cd 0-9)
    if [ "${#made}" -eq 14 ] && [ "$now" -lt "$made" ]; then
        clock_note="; this device's clock says $(date -u +%Y-%m-%dT%H:%M:%SZ), but the bundle was made $created: set the clock first"
        warn "the device's clock is wrong$clock_note"
    fi
}

# check_chain: the certificate was issued by the CA. openssl 1.0.2 exits 0 for a failed verification:
# only the exact output counts.
check_chain() {
    verdict=$(cd "$trio" && openssl verify -purpose sslclient -CAfile cacert.pem sftunnel-cert.pem 2>&1) || :
    [ "$verdict" != 'sftunnel-cert.pem: OK' ] || return 0
    case $verdict in
    *'error 10 '*) die 3 "a certificate for FMC '$fmc' has expired" "run generate_certs.pl on the FMC and build again$clock_note" ;;
    *'error 9 '*) die 3 "a certificate for FMC '$fmc' is not valid yet, by this device's clock" "compare \`date -u\` with a watch$clock_note" ;;
    *) die 3 "the certificate for FMC '$fmc' was not issued by the CA beside it" 'build the bundle again from one generate_certs.pl run' ;;
    esac
}

# check_dates: again by another command, for the openssl versions that overlook an expired CA.
check_dates() {
    for name in cacert.pem sftunnel-cert.pem; do
        openssl x509 -checkend 0 -noout -in "$trio/$name" >/dev/null 2>&1 ||
            die 3 "'$name' for FMC '$fmc' has expired" "run generate_certs.pl on the FMC and build again$clock_note"
    done
    not_after=$(openssl x509 -noout -enddate -in "$trio/sftunnel-cert.pem")
}

# is_encrypted FILE
is_encrypted() { grep -q '^-----BEGIN ENCRYPTED PRIVATE KEY-----' "$1"; }

# get_passphrase: once a run, from --passphrase-file or the terminal.
get_passphrase() {
    is_encrypted "$trio/sftunnel-key.pem" && [ -z "$passphrase" ] || return 0
    if [ -n "$passphrase_file" ]; then
        { IFS= read -r passphrase || [ -n "$passphrase" ]; } 2>/dev/null <"$passphrase_file" ||
            die 3 "no passphrase can be read from '$passphrase_file'" 'its first line must be the passphrase'
    elif is_interactive; then
        ask_secret "Passphrase of the key for $device_name (not shown):"
        passphrase=$answer answer=''
    else
        die 3 'the key is encrypted and there is no terminal to ask for its passphrase on' 'give --passphrase-file FILE'
    fi
    # A carriage return at the end would make it wrong.
    passphrase=${passphrase%"$(printf '\r')"}
}

# put_passphrase: through a pipe from a builtin: not in argv, not in a here-document's temporary file.
# mksh has no printf of its own, but print.
# shellcheck disable=SC3044
put_passphrase() {
    if [ -n "${KSH_VERSION-}" ]; then print -r -- "$passphrase"; else printf '%s\n' "$passphrase"; fi
}

# plain_key FILE: the key's plaintext, to standard output.
plain_key() {
    if is_encrypted "$1"; then put_passphrase | openssl pkey -in "$1" -passin stdin 2>/dev/null; else cat "$1"; fi
}

# check_key: it opens to exactly what the builder saw, is sound, and is the certificate's.
check_key() {
    key=$trio/sftunnel-key.pem
    wanted_hash "/var/sf/peers/$fmc/sftunnel-key.pem"
    hash=$(plain_key "$key" | sha256) || :
    [ "${hash%% *}" = "$wanted" ] || die 3 \
        "the key for FMC '$fmc' does not open: wrong passphrase, or a damaged key" \
        "the passphrase is the one that the build listed for '$device_name'; letters are lower case"
    # `openssl rsa -check` exits 0 for a damaged key: only its output counts.
    [ "$(plain_key "$key" | openssl rsa -check -noout 2>/dev/null)" = 'RSA key ok' ] ||
        die 3 "the key for FMC '$fmc' is damaged" 'build the bundle again'
    [ "$(plain_key "$key" | openssl pkey -pubout 2>/dev/null)" = "$(openssl x509 -noout -pubkey -in "$trio/sftunnel-cert.pem")" ] ||
        die 3 "the key for FMC '$fmc' is not the certificate's" 'build the bundle again'
}

# wanted_hash TARGET: sets $wanted to the checksum that the plan says must land there.
wanted_hash() {
    wanted=$(sed -n "s|^file=[^ ]* $1 \\([0-9a-f]\\{64\\}\\) .*|\\1|p" "$plan")
}
