# shellcheck shell=sh
# Where things are on this device.

find_places() {
    [ "$(id -u)" = 0 ] || die 5 'this must run as root' 'on the device: expert, then sudo su; elsewhere a rehearsal works under: unshare -r'
    if [ -n "$root" ]; then
        find_real "$root" || die 2 "--root '$root' is not a directory" 'name the top of the device tree'
        root=${real%/}
    fi
    quoted "$root"
    root_option=${root:+" --root $swapped"}
    # A copy has no pmtool, or one that must not run: what is typed next leaves it alone, too.
    [ "$restart" = yes ] || root_option=${root_option:+"$root_option --no-restart"}
    find_dir /etc/sf
    resolve "${resolved#"$root"}/ims.conf"
    ims_conf=$resolved
    find_dir /var/sf
    state=$resolved/sftunnel-bundler
    work=$state/work journal=$state/journal
    find_dir "${resolved#"$root"}/peers"
    peers=$resolved
    # A rehearsal on a copy, run on an appliance, must leave the live tunnel alone.
    if [ -n "$root" ] && [ -e /etc/sf/ims.conf ] && [ "$restart" = yes ]; then
        restart=no
        warn "rehearsal in '$root' on a live appliance: sftunnel will not be restarted"
    fi
}

# find_real DIR: sets $real, its path without links.
find_real() { cd -P -- "$1" 2>/dev/null && real=$PWD && { cd -- "${OLDPWD-}" 2>/dev/null || :; }; }

# find_dir PATH: sets $resolved.
find_dir() {
    resolve "$1"
    [ -d "$resolved" ] || resolve "/ngfw$1"
    [ -d "$resolved" ] || die 5 "there is no directory '$root$1'" 'this does not look like an FTD or FMC; in a rehearsal, --root names the top of the copied tree'
}

# resolve PATH: sets $resolved, following links (on FTD /var/sf is one), none of which leads out of --root.
resolve() {
    resolved=$root rest=$1/ links=0
    while [ -n "$rest" ] && [ "$links" -lt 40 ]; do
        name=${rest%%/*} rest=${rest#*/}
        case $name in
        '' | .) ;;
        ..) [ "$resolved" = "$root" ] || resolved=${resolved%/*} ;;
        *)
            resolved=$resolved/$name
            [ -L "$resolved" ] || continue
            links=$((links + 1)) link=$(readlink "$resolved")
            case $link in /*) resolved=$root ;; *) resolved=${resolved%/*} ;; esac
            rest=$link/$rest ;;
        esac
    done
    [ -z "$rest" ] || resolved=/nonexistent
}

is_uuid() {
    case $1 in
    *[!0-9a-f-]*) return 1 ;;
    ????????-????-????-????-????????????) return 0 ;;
    *) return 1 ;;
    esac
}

# find_command NAME: sets $command_path. PATH is short after sudo su, and a rehearsal has its own.
find_command() {
    for dir in "$root/ngfw/usr/local/sf/bin" "$root/usr/local/sf/bin"; do
        command_path=$dir/$1
        [ ! -x "$command_path" ] || return 0
    done
    command_path=$(command -v "$1" 2>/dev/null) && [ -n "$command_path" ]
}
