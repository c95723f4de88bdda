# shellcheck shell=sh
# Step 2: is this bundle whole, and made by somebody whom the operator trusts? Only then is
# bundle.conf read. Exit 4 on any doubt.

# check_form: $bundle holds exactly the files that SHA256SUMS lists, as plain files.
check_form() {
    [ -f "$bundle/SHA256SUMS" ] && [ -f "$bundle/SHA256SUMS.sig" ] && [ -f "$bundle/signer.pem" ] ||
        die 4 "'$bundle' is not a whole bundle: SHA256SUMS, SHA256SUMS.sig or signer.pem is missing" 'unpack the whole .tar.gz and run the install.sh inside it'
    grep -q . "$bundle/SHA256SUMS" && ! grep -Evq '^[0-9a-f]{64}  [A-Za-z0-9._/-]+$' "$bundle/SHA256SUMS" ||
        die 4 'SHA256SUMS is not a list of checksums; were line ends changed on the way' "$carry_hint"
    odd=$(cd "$bundle" && find . ! -type f ! -type d)
    [ -z "$odd" ] || die 4 "the bundle holds something that is not a plain file: '$odd'" "$carry_hint"
    names=$(sed 's/^[0-9a-f]*  //' "$bundle/SHA256SUMS")
    listed=$(printf '%s\n' "$names" SHA256SUMS SHA256SUMS.sig | sort)
    found=$(cd "$bundle" && find . -type f | sed 's|^\./||' | sort)
    [ "$listed" != "$found" ] || return 0
    odd=$(only_in "$found" "$listed")
    [ -z "$odd" ] || die 4 \
        "the bundle holds what SHA256SUMS does not list: '$odd'" 'unpack the .tar.gz into an empty directory; nothing may be added to it'
    odd=$(only_in "$listed" "$found")
    [ -z "$odd" ] || die 4 \
        "the bundle lacks what SHA256SUMS lists: '$odd'" 'unpack the whole .tar.gz again'
    die 4 'SHA256SUMS lists a file twice' "$carry_hint"
}

# only_in LINES OTHERS: the LINES that are not among the OTHERS.
only_in() { printf '%s\n' "$1" "$2" "$2" | sort | uniq -u; }

# copy_bundle: into the work directory, so that the stick may be pulled out from here on. It is the
# copy that gets verified and installed.
copy_bundle() {
    why=$({ mkdir "$work" "$work/bundle" && cp -R "$bundle/." "$work/bundle/"; } 2>&1) ||
        die 5 "cannot copy the bundle to '$work': ${why##*: }" "$disk_hint"
    bundle=$work/bundle
}

# check_signature: SHA256SUMS was signed by the key in signer.pem, and that key is trusted.
check_signature() {
    command -v openssl >/dev/null 2>&1 || die 5 'openssl is missing on this device' 'look for it with: find / -name openssl -type f'
    signer=$(openssl pkey -pubin -in "$bundle/signer.pem" -outform DER 2>/dev/null | sha256)
    signer=${signer%% *}
    verdict=$(openssl dgst -sha256 -verify "$bundle/signer.pem" -signature "$bundle/SHA256SUMS.sig" "$bundle/SHA256SUMS" 2>/dev/null) || verdict=''
    [ "$verdict" = 'Verified OK' ] || die 4 'the signature does not fit: SHA256SUMS, its signature or signer.pem is damaged' "$carry_hint"
    trust_signer
    step bundle "signed by $signer, $trusted_by"
}

# trust_signer: a key that came with the bundle proves nothing by itself. Its fingerprint must have
# come another way: --signer, pinned here by an earlier install, or typed from the printed runbook.
trust_signer() {
    stranger_hint='compare both with the printed runbook; do not go on unless you know whose key it is'
    if [ -n "$signers" ]; then
        trusted_by='as given with --signer'
        case "$signers " in
        *" $signer "*) ;;
        *) die 4 "the bundle is signed by another key: wanted '${signers# }', found '$signer'" "$stranger_hint" ;;
        esac
    elif [ -f "$state/signers/$signer" ]; then
        trusted_by='pinned by an earlier install'
    elif is_interactive; then
        trusted_by='as typed'
        say 'Whose bundle is this? Read the signer fingerprint from the PRINTED runbook, not from this device.'
        ask 'Type at least its first 20 digits:'
        hex_digits "$answer"
        [ "${#digits}" -ge 20 ] || die 4 "wanted at least 20 digits, found ${#digits}" 'read them from the printed runbook'
        case $signer in
        "$digits"*) ;;
        *) die 4 "the bundle is signed by another key: wanted '$digits', found '$signer'" "$stranger_hint" ;;
        esac
    else
        die 4 "nothing says that the signer '$signer' is to be trusted" 'add --signer FINGERPRINT, from the printed runbook'
    fi
}

# check_checksums: each listed file has its checksum. (Not by `sha256sum -c`, which takes a garbled
# line among good ones differently from system to system.)
check_checksums() {
    # shellcheck disable=SC2086
    found=$(cd "$bundle" && sha256 $names) || die 4 'a file of the bundle cannot be read' "$carry_hint"
    odd=$(only_in "$found" "$(cat "$bundle/SHA256SUMS")")
    [ -z "$odd" ] || die 4 "damaged, as its checksum is not the signed one: '$(printf '%s' "$odd" | sed 's/^[0-9a-f]*  //')'" "$carry_hint"
    step '' "$(printf '%s\n' "$found" | grep -c .) files have their signed checksums"
    read_plan "$bundle/bundle.conf" || die 4 "bundle.conf is not usable: $why" "$rebuild_hint"
}
