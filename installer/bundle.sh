# shellcheck shell=sh
# Step 2: is this bundle whole, and by somebody whom the operator trusts? Only then bundle.conf is read.

# check_form: it holds exactly the files that SHA256SUMS lists.
check_form() {
    [ -f "$bundle/SHA256SUMS" ] && [ -f "$bundle/SHA256SUMS.sig" ] && [ -f "$bundle/signer.pem" ] ||
        die 4 "'$bundle' is not a whole bundle: SHA256SUMS, SHA256SUMS.sig or signer.pem is missing" 'unpack the whole .tar.gz and run the install.sh inside it'
    read_sums "$bundle" || { check_line_ends SHA256SUMS; die 4 'SHA256SUMS is not a list of checksums' "$carry_hint"; }
    # What is a link, or no plain file, stands there twice.
    odd=$nl$(cd "$bundle" && exec find . ! -type d -print \( ! -type f -o -links +1 \) -print)$nl lacking=''
    for name in $names SHA256SUMS SHA256SUMS.sig; do
        case $odd in
        *"$nl./$name$nl"*) odd=${odd%%"$nl./$name$nl"*}$nl${odd#*"$nl./$name$nl"} ;;
        *) lacking="$lacking $name" ;;
        esac
    done
    [ "$odd$lacking" != "$nl" ] || return 0
    found=$(cd "$bundle" && find . ! -type f ! -type d -o -type f -links +1)
    [ -z "$found" ] || die 4 "the bundle holds a link, or what else is no plain file: '$found'" "$carry_hint"
    odd=$(printf '%s' "$odd" | sed 's|^\./||; /^$/d')
    case /$odd in *[/"$nl"]._* | *[/"$nl"].DS_Store*) die 4 \
        "macOS has put files of its own into the bundle: '$odd'" 'carry the .tar.gz itself and unpack it on the device' ;; esac
    [ -z "$odd" ] || die 4 \
        "the bundle holds what SHA256SUMS does not list: '$odd'" 'unpack the .tar.gz into an empty directory; nothing may be added to it'
    for name in $lacking; do
        [ -f "$bundle/$name" ] || die 4 "the bundle lacks what SHA256SUMS lists: '${lacking# }'" 'unpack the whole .tar.gz again'
    done
    die 4 'SHA256SUMS lists a file twice' "$carry_hint"
}

# check_line_ends FILE...: no text of a bundle holds a CR.
check_line_ends() {
    ! (cd "$bundle" && grep -q "$(printf '\r')" "$@" 2>/dev/null) ||
        die 4 "line ends were changed on the way, in '$*'" 'carry the .tar.gz itself, as a binary file, and unpack it on the device'
}

# copy_bundle: from here on the stick may be pulled out.
copy_bundle() {
    check_space
    why=$(exec cp -R "$bundle" "$work" 2>&1) || die 5 "cannot copy the bundle to '$work': $why" "$disk_hint"
    bundle=$work
}

# check_signature: with --digest alone nobody's, and $signer stays empty.
check_signature() {
    need_openssl
    signer=''
    if [ -n "$digest" ]; then
        found=$(sha256sum <"$bundle/SHA256SUMS")
        [ "${found%% *}" = "$digest" ] ||
            die 4 "SHA256SUMS is another one: wanted SHA-256 '$digest', found '${found%% *}'" 'take the digits from the printed runbook of this bundle; if they are the same, it is not that bundle'
        step bundle "SHA256SUMS has the SHA-256 given with --digest"
        [ -n "$signers" ] || return 0
    fi
    found=$(exec 2>/dev/null; openssl pkey -pubin -in "$bundle/signer.pem" -outform DER | sha256sum
        openssl dgst -sha256 -verify "$bundle/signer.pem" -signature "$bundle/SHA256SUMS.sig" "$bundle/SHA256SUMS") || found=''
    signer=${found%% *} verdict=${found#*"$nl"}
    [ "$verdict" = 'Verified OK' ] || die 4 'the signature does not fit: SHA256SUMS, its signature or signer.pem is damaged' "$carry_hint"
    step bundle "SHA256SUMS is signed by signer.pem: $verdict"
    trust_signer
    step '' "signer $signer, $trusted_by"
}

# trust_signer: the fingerprint of a key that came with the bundle must have come another way, too.
trust_signer() {
    stranger_hint='compare both with the printed runbook; do not go on unless you know whose key it is'
    if [ -n "$signers" ]; then
        trusted_by='as given with --signer'
        case "$signers " in
        *" $signer "*) ;;
        *) die 4 "the bundle is signed by another key: wanted '${signers# }', found '$signer'" "$stranger_hint" ;;
        esac
    elif [ -f "$state/signers/$signer" ]; then
        value_of pinned "$state/signers/$signer"
        trusted_by="pinned $value by the install of bundle "
        value_of bundle "$state/signers/$signer"
        trusted_by=$trusted_by$value
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

check_checksums() {
    signed=$nl$listed
    changed_in "$bundle"
    # shellcheck disable=SC2086
    [ -z "$odd" ] || check_line_ends $odd
    [ -z "$odd" ] || die 4 "damaged, as its checksum is not the signed one: '$odd'" "$carry_hint"
    # shellcheck disable=SC2086
    set -- $names
    step '' "$# files have the checksums that it lists"
    is_showable "$bundle/bundle.conf" || die 4 'bundle.conf is not usable: it holds what a terminal would obey' "$rebuild_hint"
    read_plan "$bundle/bundle.conf" || die 4 "bundle.conf is not usable: $why" "$rebuild_hint"
}

# forget_signer: and what it had signed, if that is staged.
forget_signer() {
    pin=$state/signers/$forgotten
    of_staged=$(cat "$state/staged/signer" 2>/dev/null) || of_staged=''
    [ -f "$pin" ] || [ "$of_staged" = "$forgotten" ] || die 2 "no signer '$forgotten' is pinned here" 'status lists the pinned signers'
    if [ -f "$pin" ]; then
        why=$(exec 2>&1; rm -f "$pin" && exec sync "$state/signers") || die 5 "cannot remove '$pin': $why" "$disk_hint"
    fi
    if [ "$of_staged" = "$forgotten" ]; then
        drop_staged
        [ -d "$state/staged" ] || say 'what this signer had signed is no longer staged'
    fi
    say "signer $forgotten is no longer trusted here"
}
