#!/bin/sh
# start.sh: finds this device's bundle in the kit beside it, and runs the install.sh in it.
#
#   sh /mnt/usb/start.sh --signer FPR [any verb and option of install.sh]
#
# The bundle is copied to the device, the copy compared with the kit's signed list, unpacked and run
# there. `check` and `status` unpack in /tmp, as they write nothing in the device's own directories.
# What it says goes to standard error: the output is install.sh's. Read it from the bottom.
# `a && b || c` is meant as it reads; what only a trap calls is called.
# shellcheck disable=SC2015,SC2317
set -eu
umask 077
export LC_ALL=C
unset CDPATH

step() { printf '%-10s %s\n' "$1" "$2" >&2 || :; }
die() { printf 'error: %s\nhint: %s\n' "$(printf '%s' "$2" | tr '\001-\037\177' '?')" "$3" >&2 || :; exit "$1"; }
sha256() { openssl dgst -sha256 -r | cut -c 1-64; }

# read_options ARG...: what it must know itself; install.sh judges the rest.
read_options() {
    while [ $# -gt 0 ]; do
        case $1 in
        --?*=*) pair=$1; shift; set -- "${pair%%=*}" "${pair#*=}" "$@"; continue ;;
        check | status) reads_only=yes ;;
        --signer | --root | --passphrase-file | --backup | --wait | --receipt-dir | --keep | --export-backup | --forget-signer | --digest)
            [ $# -gt 1 ] && [ -n "$2" ] || die 2 "option '$1' needs a value" 'sh start.sh --signer FPR --help shows what each takes'
            case $1 in
            --signer)
                digits=$(printf '%s' "$2" | tr -d ' \t\r:' | tr A-F a-f)
                case $digits in *[!0-9a-f]*) digits='' ;; esac
                [ "${#digits}" -eq 64 ] || die 2 "$1 wants 64 hex digits, found '$2'" 'copy them from the printed runbook'
                signers="$signers $digits" ;;
            --root) root=$(cd -P -- "$2" 2>/dev/null && pwd -P) || die 2 "--root '$2' is not a directory" 'name the top of the device tree' ;;
            --receipt-dir) receipt_dir=given ;;
            esac
            shift ;;
        --help | -h) reads_only=yes help=yes ;;
        esac
        shift
    done
    [ -z "$help" ] || [ -n "$signers" ] || {
        printf 'usage: sh start.sh --signer FPR [any verb and option of install.sh]\n       sh start.sh --signer FPR --help lists them\n'
        exit 0
    }
    root=${root%/}
}

# find_dir PATH: sets $dir to the device's PATH, or that below /ngfw. No link leads out of a copied tree.
find_dir() {
    for dir in "$root$1" "$root/ngfw$1"; do
        dir=$(cd -P -- "$dir" 2>/dev/null && pwd -P) || continue
        case $dir in "$root"/*) return ;; esac
    done
    die 5 "there is no directory '$root$1'" 'this does not look like an FTD or FMC; in a rehearsal, --root names the top of the copied tree'
}

# find_device: sets $uuid, APPLIANCE_UUID of the device's own ims.conf, and $state.
find_device() {
    [ "$(id -u)" = 0 ] || die 5 'this must run as root' 'on the device: expert, then sudo su; elsewhere a rehearsal works under: unshare -r'
    command -v openssl >/dev/null 2>&1 || die 5 'openssl is missing on this device' 'look for it with: find / -name openssl -type f'
    find_dir /etc/sf
    ims_conf=$dir/ims.conf
    uuid=$(sed -n 's/^[[:space:]]*APPLIANCE_UUID[[:space:]]*=//p' "$ims_conf" 2>/dev/null | tail -n 1 | tr -d "\"' \\t\\r" | tr A-F a-f)
    case $uuid in *[!0-9a-f-]*) uuid='' ;; ????????-????-????-????-????????????) ;; *) uuid='' ;; esac
    [ -n "$uuid" ] || die 5 "'$ims_conf' holds no usable APPLIANCE_UUID" "look at it: grep APPLIANCE_UUID '$ims_conf'"
    find_dir /var/sf
    state=$dir/sftunnel-bundler
}

# make_work: a new directory in the state directory, or in /tmp; what a start.sh that was cut off left
# in either goes. /tmp is everybody's, so that only what is root's is taken for its leavings.
make_work() {
    base=/tmp
    if [ -z "$reads_only" ]; then
        [ ! -L "$state" ] || die 5 "'$state' is a symbolic link" 'remove it: it is not of our making'
        base=$state
        ! mkdir "$state" 2>/dev/null || made_state=yes
    fi
    for old in /tmp/sftunnel-start.* "$base"/sftunnel-start.*; do
        case ${old##*.} in *[!0-9]*) continue ;; esac
        [ -z "$(find "$old" -prune -type d -user 0 2>/dev/null)" ] ||
            { [ "${old##*.}" != $$ ] && kill -0 "${old##*.}" 2>/dev/null; } || rm -rf "$old"
    done
    why=$(mkdir "$base/sftunnel-start.$$" 2>&1) || die 5 "cannot write in '$base': $why" "$disk_hint"
    work=$base/sftunnel-start.$$
}

# find_kit: sets $kit, and copies its list: a stick might show another one the second time. Its signer
# must be trusted, as install.sh comes from it: with --signer, or by an earlier install.
find_kit() {
    kit=$here
    # What `usb` puts aside, .old, counts while it has nothing else there.
    for dir in "$here/sftunnel.old" "$here/sftunnel"; do [ ! -d "$dir" ] || kit=$dir; done
    for name in SHA256SUMS SHA256SUMS.sig signer.pem; do
        why=$(cp "$kit/$name" "$work/" 2>&1) || die 4 "there is no whole kit in '$kit': $why" "$carry_hint"
    done
    verdict=$(openssl dgst -sha256 -verify "$work/signer.pem" -signature "$work/SHA256SUMS.sig" "$work/SHA256SUMS" 2>/dev/null) || verdict=''
    [ "$verdict" = 'Verified OK' ] || die 4 'the signature of the kit does not fit: SHA256SUMS, its signature or signer.pem is damaged' "$carry_hint"
    signer=$(openssl pkey -pubin -in "$work/signer.pem" -outform DER 2>/dev/null | sha256)
    case "$signers " in
    *" $signer "*) trusted='as given with --signer' ;;
    ' ')
        [ -f "$state/signers/$signer" ] || die 4 "nothing says that the signer '$signer' is to be trusted" 'add --signer FINGERPRINT, from the printed runbook'
        trusted='pinned by an earlier install' ;;
    *) die 4 "the kit is signed by another key: wanted '${signers# }', found '$signer'" 'compare both with the printed runbook; do not go on unless you know whose key it is' ;;
    esac
    step kit "$kit: SHA256SUMS is signed by signer.pem: $verdict"
    step '' "signer $signer, $trusted"
}

# find_bundle: sets $bundle, the unpacked bundle of this device. Names have the first 8 digits of the
# UUID only: bundle.conf has it all.
find_bundle() {
    bundle=''
    sed -n "s|^\([0-9a-f]\{64\}\)  bundles/\([A-Za-z0-9._-]*-${uuid%%-*}\)\.tar\.gz\$|\1 \2|p" "$work/SHA256SUMS" >"$work/list"
    while read -r sum name; do
        why=$(cp "$kit/bundles/$name.tar.gz" "$work/packed" 2>&1) || die 5 "cannot copy '$name.tar.gz' to '$work': $why" "$disk_hint"
        [ "$(sha256 <"$work/packed")" = "$sum" ] || die 4 "'$name.tar.gz' is damaged: its SHA-256 is not the one in the kit's list" "$carry_hint"
        why=$(tar -xzf "$work/packed" -C "$work" 2>&1) || die 5 "cannot unpack '$name.tar.gz' in '$work': $why" "$disk_hint"
        ! grep -qx "device_uuid=$uuid" "$work/$name/bundle.conf" || { bundle=$work/$name; break; }
    done <"$work/list"
    [ -n "$bundle" ] || die 5 "the kit has no bundle for this device, '$uuid'" 'look into its runbooks/; a device that was reimaged has a new UUID and needs a new bundle'
    rm -f "$work/packed"
    step device "ims.conf says $uuid: its bundle is $name.tar.gz"
    step '' "copied, and its SHA-256 is the listed one, $sum"
}

# clean_up CODE: the only end once there is something to remove; mksh would lose the code of an `exit`.
clean_up() {
    trap - EXIT
    trap '' HUP INT TERM
    [ -z "$work" ] || rm -rf "$work"
    [ "$made_state" = no ] || rmdir "$state" 2>/dev/null || :
    exit "$1"
}

main() {
    disk_hint='nothing was changed; look at the free space, at the stick, and at whether the file system is read-only'
    carry_hint='copy the kit to the stick again, with sftunnel-bundler usb'
    root='' signers='' help='' reads_only='' receipt_dir='' work='' made_state=no
    case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
    here=$(cd -P -- "${here:-/}" && pwd -P)
    read_options "$@"
    find_device
    trap 'clean_up $?' EXIT
    trap 'clean_up 129' HUP
    trap 'clean_up 130' INT
    trap 'clean_up 143' TERM
    make_work
    find_kit
    find_bundle
    # The receipt goes to the stick, but not into the kit, which would not be whole then.
    beside=${kit%/*}
    # Tried, as busybox takes all for writable where root asks.
    if [ -z "$receipt_dir$reads_only" ] && mkdir "$beside/sftunnel.$$" 2>/dev/null; then
        rmdir "$beside/sftunnel.$$"
        set -- "$@" --receipt-dir "${beside:-/}"
    fi
    # The terminal's signals reach install.sh, too, which knows what to do; this waits for its end.
    trap : HUP INT TERM
    code=0
    sh "$bundle/install.sh" "$@" || code=$?
    exit "$code"
}

main "$@"
