# shellcheck shell=sh
# Where things are on this device, and what lies there.

# find_places: sets root (empty for /), ims_conf, peers, state and the paths in it.
find_places() {
    [ "$(id -u)" = 0 ] || die 5 'this must run as root' 'on the device: expert, then sudo su; elsewhere a rehearsal works under: unshare -r'
    if [ -n "$root" ]; then
        wanted=$root
        root=$(cd -P -- "$wanted" 2>/dev/null && pwd -P) || die 2 "--root '$wanted' is not a directory" 'name the top of the device tree'
        [ "$root" != / ] || root=''
    fi
    root_option=''
    [ -z "$root" ] || root_option=" --root '$root'"
    resolve_dir /etc/sf
    ims_conf=$resolved/ims.conf
    resolve_dir /var/sf
    state=$resolved/sftunnel-bundler
    work=$state/work journal=$state/journal
    resolve_dir /var/sf/peers
    peers=$resolved
    # A rehearsal on a copy, run on an appliance, must leave the live tunnel alone.
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
        die 5 "there is no directory '$root$1'" 'this does not look like an FTD or FMC; in a rehearsal, --root names the top of the copied tree'
    case $resolved in
    "$root"/*) ;;
    *) die 5 "'$root$1' leads out of --root, to '$resolved'" 'copy the tree with the directories that its links point to' ;;
    esac
}

# sha256 [FILE...]: lines as sha256sum prints them; openssl stands in where that is missing.
sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$@"
    else
        openssl dgst -sha256 -r "$@" | sed 's/ [ *]/  /'
    fi
}

# is_uuid TEXT
is_uuid() {
    case $1 in
    *[!0-9a-f-]*) return 1 ;;
    ????????-????-????-????-????????????) return 0 ;;
    *) return 1 ;;
    esac
}

# find_command NAME: sets $command_path; the appliance's own directories first, as PATH is often
# short after sudo su, and a rehearsal has its own.
find_command() {
    for command_path in "$root/ngfw/usr/local/sf/bin/$1" "$root/usr/local/sf/bin/$1"; do
        [ ! -x "$command_path" ] || return 0
    done
    command_path=$(command -v "$1" 2>/dev/null) && [ -n "$command_path" ]
}

# flush FILE-OR-DIR...: on disk, or a failure. (Before coreutils 8.24 `sync` ignores the names and
# flushes everything, which serves as well.)
flush() { sync "$@"; }
