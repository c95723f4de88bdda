#!/bin/sh
# What `build` is measured against: a kit made with openssl, sha256sum and tar, as a careful engineer
# would write it who had no other program.
#
#   shell_loop.sh TREE FAILED_PUSH PARTS OUT [locked]
#
# PARTS holds signing-key.pem, signer.pem, install.sh, and RUNBOOK.in with @NAME@ and @UUID@ in it.
# With `locked` each key is encrypted with a random passphrase of its own.
set -eu
umask 077
# Only the CA that is named counts, not those of this machine.
export LC_ALL=C SSL_CERT_DIR=/nonexistent SSL_CERT_FILE=/nonexistent
tree=$1 failed_push=$2 parts=$3 out=$4 keys=${5:-plain}
created=$(date -u +%Y-%m-%dT%H:%M:%SZ)

die() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

# check_ca: is it the FMC's own, strong enough, and does it hold now?
check_ca() {
    facts=$(openssl x509 -in "$ca" -noout -text -nameopt RFC2253 -checkend 0) || die "$ca has expired"
    case $facts in *'sha256WithRSAEncryption'*'Public-Key: (2048 bit)'*) ;; *) die "$ca is weak" ;; esac
    case $facts in *"Subject:"*"CN=$fmc,"*) ;; *) die "$ca is of another FMC" ;; esac
    [ "$(openssl verify -check_ss_sig -CAfile "$ca" "$ca")" = "$ca: OK" ] || die "$ca does not hold"
}

# check_trio: do certificate and key hold, belong to each other, to the CA and to this device?
# Leaves the key as openssl writes it in key.pem of the bundle.
check_trio() {
    facts=$(openssl x509 -in "$cert" -noout -text -nameopt RFC2253 -pubkey -checkend 0) ||
        die "$cert has expired"
    case $facts in *'sha256WithRSAEncryption'*'Public-Key: (2048 bit)'*) ;; *) die "$cert is weak" ;; esac
    case $facts in *"Subject:"*"title=$uuid,"*) ;; *) die "$cert is of another device" ;; esac
    for purpose in sslclient sslserver; do
        [ "$(openssl verify -purpose "$purpose" -CAfile "$ca" "$cert")" = "$cert: OK" ] ||
            die "$cert does not hold"
    done
    # Its status says nothing: what it prints does.
    sound=$(openssl rsa -in "$key" -check -pubout 2>/dev/null) || die "$key is no RSA key"
    case $sound in 'RSA key ok'*) ;; *) die "$key is damaged" ;; esac
    case $facts in *"${sound#*ok
}"*) ;; *) die "$key is not that of $cert" ;; esac
    openssl pkey -in "$key" -out "$payload/sftunnel-key.pem"
}

# plan: what must land where, as lines of data.
plan() {
    printf 'format=1\ndevice_name=%s\ndevice_uuid=%s\ndevice_address=%s\ncreated=%s\n' \
        "$name" "$uuid" "$address" "$created"
    (cd "$top" && sha256sum "payload/$fmc"/*) | while read -r digest source; do
        printf 'file=%s /var/sf/peers/%s/%s %s 644 root:root\n' \
            "$source" "$fmc" "${source##*/}" "$digest"
    done
}

# lock_key: encrypts the key for the journey; the passphrase stands beside the kit, never in it.
lock_key() {
    passphrase=$(openssl rand -hex 12)
    openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 100000 -passout stdin \
        -in "$payload/sftunnel-key.pem" -out "$top/locked.pem" <<END
$passphrase
END
    mv "$top/locked.pem" "$payload/sftunnel-key.pem"
    printf '%s  %s  %s\n' "$uuid" "$passphrase" "$name" >>"$out-passphrases.txt"
}

# pack: what was gathered in $top, listed, signed, and as one file with its checksum beside it.
pack() {
    (
        cd "$top"
        sha256sum install.sh bundle.conf "payload/$fmc"/* RUNBOOK.txt signer.pem >SHA256SUMS
        openssl dgst -sha256 -sign "$parts/signing-key.pem" -out SHA256SUMS.sig SHA256SUMS
    )
    cd "$out/bundles"
    tar --sort=name --owner=root:0 --group=root:0 --mtime="$created" --format=ustar -cf - \
        "${top##*/}" | gzip -9n >"${top##*/}.tar.gz"
    sha256sum "${top##*/}.tar.gz" >"${top##*/}.tar.gz.sha256"
    rm -r "$top"
    cd - >/dev/null
}

build_device() {
    cert=$tree/var/sf/peers/$uuid/certs_pushed/sftunnel-cert.pem
    key=$tree/var/sf/peers/$uuid/certs_pushed/sftunnel-key.pem
    top=$out/bundles/sftunnel-$name-${uuid%%-*}
    payload=$top/payload/$fmc
    mkdir -p "$payload"
    check_trio
    cp "$ca" "$cert" "$payload/"
    plan >"$top/bundle.conf"
    [ "$keys" = plain ] || lock_key
    cp "$parts/install.sh" "$parts/signer.pem" "$top/"
    sed "s/@NAME@/$name/g; s/@UUID@/$uuid/g" "$parts/RUNBOOK.in" >"$top/RUNBOOK.txt"
    pack
}

mkdir -p "$out/bundles"
ca=$tree/etc/sf/ca_root/cacert.pem
read -r _ _ _ _ target <"$failed_push"
fmc=${target#/var/sf/peers/}
fmc=${fmc%%/*}
check_ca
# A device has three lines; the one of its key stands for all.
while read -r uuid name address source _; do
    case $source in *sftunnel-key.pem) build_device ;; esac
done <"$failed_push"
cd "$out"
sha256sum bundles/* >SHA256SUMS
openssl dgst -sha256 -sign "$parts/signing-key.pem" -out SHA256SUMS.sig SHA256SUMS
