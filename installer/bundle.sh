# shellcheck shell=sh
# Step 2: is this bundle whole, and made by somebody whom the operator trusts? Only then is
# bundle.conf read. Exit 4 on any doubt.

retry_hint='carry the bundle again, and compare its SHA-256 with the printed runbook before unpacking'

# check_bundle_form DIR: the directory holds exactly the files that SHA256SUMS lists, as plain files.
check_bundle_form() {
    bundle=$1
    [ -f "$bundle/SHA256SUMS" ] && [ -f "$bundle/SHA256SUMS.sig" ] && [ -f "$bundle/signer.pem" ] ||
        die 4 "'$bundle' is not a whole bundle: SHA256SUMS, SHA256SUMS.sig or signer.pem is missing" 'unpack the whole .tar.gz and run the install.sh inside it'
    grep -q . "$bundle/SHA256SUMS" || die 4 'SHA256SUMS is empty' "$retry_hint"
    ! grep -Evq '^[0-9a-f]{64}  [A-Za-z0-9._/-]+$' "$bundle/SHA256SUMS" ||
        die 4 'SHA256SUMS has a line that is no checksum; were line ends changed on the way' "$retry_hint"
    odd=$(cd "$bundle" && find . ! -type f ! -type d)
    [ -z "$odd" ] || die 4 "the bundle holds something that is not a plain file: '$odd'" "$retry_hint"
    names=$(sed 's/^[0-9a-f]*  //' "$bundle/SHA256SUMS")
    listed=$(printf '%s\n' "$names" SHA256SUMS SHA256SUMS.sig | sort)
    found=$(cd "$bundle" && find . -type f | sed 's|^\./||' | sort)
    [ "$listed" = "$found" ] || name_the_difference
}

# name_the_difference: between $listed and $found, which are sorted lists of names.
name_the_difference() {
    while IFS= read -r name; do
        printf '%s\n' "$listed" | grep -qxF -e "$name" ||
            die 4 "the bundle holds '$name', which SHA256SUMS does not list" 'unpack the bundle into an empty directory; nothing may be added to it'
    done <<END
$found
END
    while IFS= read -r name; do
        printf '%s\n' "$found" | grep -qxF -e "$name" ||
            die 4 "the bundle lacks '$name', which SHA256SUMS lists" 'unpack the whole .tar.gz again'
    done <<END
$listed
END
    die 4 'SHA256SUMS lists a file twice' "$retry_hint"
}

# check_signature: SHA256SUMS was signed by the key in signer.pem, and that key is trusted.
check_signature() {
    command -v openssl >/dev/null 2>&1 || die 5 'openssl is missing on this device' 'look for it with: find / -name openssl -type f'
    openssl pkey -pubin -in "$bundle/signer.pem" -noout 2>/dev/null || die 4 'signer.pem holds no public key' "$retry_hint"
    signer=$(openssl pkey -pubin -in "$bundle/signer.pem" -outform DER 2>/dev/null | sha256)
    signer=${signer%% *}
    verdict=$(openssl dgst -sha256 -verify "$bundle/signer.pem" -signature "$bundle/SHA256SUMS.sig" "$bundle/SHA256SUMS" 2>/dev/null) || verdict=''
    [ "$verdict" = 'Verified OK' ] || die 4 'the signature does not fit SHA256SUMS' "$retry_hint"
    trust_signer
    step bundle "signature good; signer $signer $trusted_by"
}

# trust_signer: a key that came with the bundle proves nothing by itself. Its fingerprint must have
# come another way: --signer, pinned here by an earlier install, or typed from the printed runbook.
trust_signer() {
    if [ -n "$signers" ]; then
        case " $signers " in
        *" $signer "*) trusted_by='(as given with --signer)' ;;
        *) die 4 "the bundle is signed by another key: wanted$signers, found '$signer'" 'compare both with the printed runbook; do not go on unless you know whose key it is' ;;
        esac
    elif [ -f "$state/signers/$signer" ]; then
        trusted_by='(pinned by an earlier install)'
    elif is_interactive; then
        say 'Whose bundle is this? Read the signer fingerprint from the PRINTED runbook, not from this screen.'
        ask 'Type at least its first 20 digits:'
        hex_digits "$answer"
        [ "${#digits}" -ge 20 ] || die 4 'fewer than 20 digits were typed' 'type at least the first 20 digits of the fingerprint in the printed runbook'
        case $signer in
        "$digits"*) trusted_by='(as typed)' ;;
        *) die 4 "the digits typed are not those of the signer, '$signer'" 'compare with the printed runbook; do not go on unless you know whose key it is' ;;
        esac
    else
        die 4 "nothing says that the signer '$signer' is to be trusted" 'add --signer FINGERPRINT, from the printed runbook'
    fi
}

# check_checksums: each listed file has its checksum. (Not `sha256sum -c`, which treats a garbled
# line among good ones differently from system to system.)
check_checksums() {
    # The names hold only [A-Za-z0-9._/-]: splitting them into words is safe.
    # shellcheck disable=SC2086
    actual=$(cd "$bundle" && sha256 $names | sed 's/ [ *]/  /')
    [ "$actual" = "$(cat "$bundle/SHA256SUMS")" ] || {
        while IFS= read -r line; do
            grep -qxF -e "$line" "$bundle/SHA256SUMS" || die 4 "'${line#*  }' is damaged: its checksum is not the signed one" "$retry_hint"
        done <<END
$actual
END
        die 4 'the checksums cannot be compared' "$retry_hint"
    }
    # shellcheck disable=SC2086
    set -- $names
    step '' "$# files match their signed checksums"
}

# read_bundle_conf FILE: sets format, bundle_id, device_name, device_uuid, created and fmcs, and
# refuses a plan that names anything but whole trios in peer directories.
read_bundle_conf() {
    plan=$1 format='' bundle_id='' device_name='' device_uuid='' created='' fmcs='' planned=''
    while IFS='=' read -r key value; do
        case $key in
        format) format=$value ;;
        bundle_id) bundle_id=$value ;;
        device_name) device_name=$value ;;
        device_uuid) device_uuid=$value ;;
        created) created=$value ;;
        fmc) fmcs="$fmcs ${value%% *}" ;;
        esac
    done <"$plan"
    [ "$format" = 1 ] || die 4 "wanted bundle format '1', found '$format'" 'use the installer that came with this bundle'
    is_uuid "$device_uuid" || die 4 "bundle.conf names no device: device_uuid is '$device_uuid'" 'build the bundle again'
    while IFS='= ' read -r key source target sha mode owner; do
        [ "$key" = file ] || continue
        check_plan_line
        planned="$planned $target"
    done <"$plan"
    for fmc in $fmcs; do
        for name in $trio_names; do
            case "$planned " in
            *" /var/sf/peers/$fmc/$name "*) ;;
            *) die 4 "bundle.conf has no '$name' for FMC '$fmc'" 'build the bundle again' ;;
            esac
        done
    done
    [ -n "$fmcs" ] || die 4 'bundle.conf names no FMC' 'build the bundle again'
}

# check_plan_line: $source $target $sha $mode $owner are a trio file of an FMC that the plan names.
check_plan_line() {
    fmc=${source#payload/}
    fmc=${fmc%%/*}
    name=${target##*/}
    case " $fmcs " in *" $fmc "*) ;; *) die 4 "bundle.conf names a file of an unknown FMC: '$source'" 'build the bundle again' ;; esac
    case " $trio_names " in *" $name "*) ;; *) die 4 "bundle.conf names a file that is not of the trio: '$target'" 'build the bundle again' ;; esac
    is_uuid "$fmc" && [ "$source" = "payload/$fmc/$name" ] && [ "$target" = "/var/sf/peers/$fmc/$name" ] &&
        [ "$mode $owner" = '644 root:root' ] && [ "${#sha}" -eq 64 ] && [ -f "${plan%/*}/$source" ] ||
        die 4 "bundle.conf has an unusable line for '$target'" 'build the bundle again'
    case "$planned " in *" $target "*) die 4 "bundle.conf names '$target' twice" 'build the bundle again' ;; esac
}

# copy_bundle: into the work directory, so that the stick may be pulled out from here on. What was
# copied is what gets verified and installed.
copy_bundle() {
    mkdir "$work" "$work/bundle" && cp -R "$bundle/." "$work/bundle/" ||
        die 5 "cannot copy the bundle to '$work'" 'look at the free space and at whether the file system is read-only'
}
