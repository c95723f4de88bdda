#!/bin/sh
# Stand-in for the status script: says of each FMC, or of the one named by UUID or address, what is
# true of its connection at this moment. Named as on a device; it is no Perl.
set -eu

case $0 in */*) self=$0 ;; *) self=$(command -v "$0") ;; esac
bin=$(dirname "$(readlink -f "$self")")
# shellcheck source=builder/sftunnel_builder/lab/stand_ins/lab-places.sh
. "$bin/lab-places.sh"

# said FILE: what the daemon noted in it, or "unknown".
said() {
    said_text=''
    read -r said_text 2>/dev/null <"$run/$1" || :
    printf '%s' "${said_text:-unknown}"
}

print_peer() {
    printf '\n**RUN STATUS****%s*************\n' "$host"
    if [ "$running" = yes ] && is_up "$1"; then
        printf '\tRegistration: Completed.\n'
        printf "\tIPv4 Connection to peer '%s' Start Time: %s\n" "$host" "$(said "$1.attempted")"
        printf '\nPEER INFO:\n'
        for channel in 'A is valid type (CONTROL)' 'B is valid type (EVENT)'; do
            printf "\tPeer channel Channel-%s, using 'lo', connected to '%s' via '127.0.0.1'\n" \
                "$channel" "$host"
        done
    else
        printf '\tRegistration: Completed.\n'
        printf "\tConnection to peer '%s' Attempted at %s\n" "$host" "$(said "$1.attempted")"
        printf '\tLast disconnect reason : %s\n' "$(said "$1.reason")"
    fi
}

[ "$#" -le 1 ] || { printf 'usage: sftunnel_status.pl [PEER]\n' >&2 && exit 2; }
printf 'SFTUNNEL Status\n'
running=yes
find_daemon || running=no
[ "$running" = yes ] || printf 'RPC status :Failed\n'
for directory in "$peers"/*-*-*-*-*; do
    [ -d "$directory" ] || continue
    uuid=${directory##*/}
    find_tunnel "$uuid" || host=$(sed -n 's/^ *"host": "\(.*\)".*/\1/p' "$directory/sftunnel.json")
    case ${1:-$uuid} in "$uuid" | "$host") print_peer "$uuid" ;; esac
done
