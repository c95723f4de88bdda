#!/bin/sh
# install.sh: puts one bundle's sftunnel certificates on this device, and can put the old ones back: see
# sh install.sh --help. Read it from the bottom, where the verbs are. A trio is what trio_names says; a peer
# directory, /var/sf/peers/<FMC UUID>, holds one. Nothing of the bundle is sourced or evaluated.
# shellcheck disable=SC2015
#
# Is this file whole? Where line ends became CR LF, the CR of these lines is in a comment.
nl='
' #
[ ${#nl} = 1 ] || { printf 'error: install.sh is damaged: line ends were changed on the way\nhint: carry the .tar.gz itself, as a binary file, and unpack it on the device\n' >&2; exit 4; } #
# The last line of the file takes this trap away. mksh would run it for signals, too.
trap 'trap - EXIT; exit 129' HUP
trap 'trap - EXIT; exit 130' INT
trap 'trap - EXIT; exit 143' TERM
trap 'printf "error: install.sh is damaged: its end is missing\nhint: unpack the whole .tar.gz again, and compare its SHA-256 with the printed runbook\n" >&2; exit 4' EXIT

# Whatever the caller set: no tracing, which would print the passphrase, no export of all.
set +aCfx
set -eu
umask 077
export LC_ALL=C
# If exported by the caller, every command would get our value.
unset CDPATH passphrase answer new_key opened text line
# Else `openssl verify` trusts the system's own store, too.
export SSL_CERT_DIR=/nonexistent SSL_CERT_FILE=/nonexistent

installer_version=0.1.0
restart_timeout_s=60     # how long pmtool may take to restart sftunnel
status_timeout_s=20      # how long a question to pmtool or sftunnel_status.pl may take
needed_kib=1024          # backup, work files and staged trio, with room to spare
trio_names='cacert.pem sftunnel-cert.pem sftunnel-key.pem'
beside=.sftunnel-bundler   # the new NAME waits beside the old one as $beside/NAME
