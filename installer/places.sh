# shellcheck shell=sh
# Where things are on this device: its root, its peer directories, our state directory.

# find_places: sets root (empty for /), peers, ims_conf, state and the paths inside it.
find_places() {
    [ "$(id -u)" = 0 ] || die 5 'this must run as root' 'on the device: expert, then sudo su'
    if [ -n "$root" ]; then
        wanted=$root
        root=$(cd -P -- "$wanted" 2>/dev/null && pwd -P) || die 2 "--root '$wanted' is not a directory" 'name the top of the device tree'
        [ "$root" != / ] || root=
    fi
    resolve_dir /etc/sf
    ims_conf=$resolved/ims.conf
    resolve_dir /var/sf
    state=$resolved/sftunnel-bundler
    peers=$resolved/peers
    work=$state/work
    journal=$state/journal
    # A rehearsal on a copy, run on the appliance itself, must leave the live tunnel alone.
    if [ -n "$root" ] && [ -e /etc/sf/ims.conf ] && [ "$restart" = yes ]; then
        restart=no
        warn "rehearsal in '$root' on a live appliance: sftunnel will not be restarted"
    fi
}

# resolve_dir PATH: sets $resolved to where the device's PATH really is. FTD reaches /var/sf through
# a link into /ngfw; in a copied tree an absolute link still means the copy, never the machine's own.
resolve_dir() {
    resolved=$root$1
    if [ -n "$root" ] && [ -L "$resolved" ]; then
        link=$(readlink "$resolved")
        case $link in /*) resolved=$root$link ;; esac
    fi
    [ -d "$resolved" ] || resolved=$root/ngfw$1
    resolved=$(cd -P -- "$resolved" 2>/dev/null && pwd -P) ||
        die 5 "there is no directory '$root$1'" 'this does not look like an FTD or FMC; in a rehearsal, name the top of the copied tree with --root'
    case $resolved in
    "$root"/*) ;;
    *) die 5 "'$root$1' leads out of --root, to '$resolved'" 'copy the tree with the directories that its links point to' ;;
    esac
}

# on_device TARGET: sets $path to where a plan's TARGET, /var/sf/peers/<FMC UUID>/NAME, really is.
on_device() { path=$peers/${1#/var/sf/peers/}; }

# sha256 [FILE...]: checksum lines; openssl stands in where sha256sum is missing.
sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum "$@"; else openssl dgst -sha256 -r "$@"; fi
}

# hash_of FILE: sets $hash; empty if it cannot be read.
hash_of() {
    hash=''
    [ ! -f "$1" ] || hash=$(sha256 <"$1" 2>/dev/null) || :
    hash=${hash%% *}
}

# is_uuid TEXT
is_uuid() {
    case $1 in
    *[!0-9a-f-]*) return 1 ;;
    ????????-????-????-????-????????????) return 0 ;;
    *) return 1 ;;
    esac
}

# flush FILE-OR-DIR...: on disk, or a failure. (Before coreutils 8.24 `sync` ignores the names and
# flushes everything, which serves as well.)
flush() { sync "$@"; }
