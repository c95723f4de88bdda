# shellcheck shell=sh
# All talk with people. It is kept for the log, too; and as a console that went away must not stop a
# commit half way, failed writes are ignored.

disk_hint='nothing was changed; look at the free space, and at whether the file system is read-only'
carry_hint='carry the bundle again, and compare its SHA-256 with the printed runbook before unpacking'
rebuild_hint='nothing was changed; build the bundle again'

say() { printf '%s\n' "$*" || :; record "$*"; }
step() { printf '%-10s %s\n' "$1" "$2" || :; record "${1:- }${1:+: }$2"; }
warn() { printf 'warning: %s\n' "$*" >&2 || :; record "warning: $*"; }

# die CODE MESSAGE HINT
die() {
    died=yes
    # Whatever the names in it hold: a terminal obeys escape sequences.
    message=$(printf '%s' "$2" | tr '\n' ' ' | tr '\001-\037\177' '?')
    printf 'error: %s\nhint: %s\n' "$message" "$3" >&2 || :
    record "error: $message${nl}hint: $3"
    exit "$1"
}

# is_showable FILE: no control characters, those of Unicode among them, nor marks of direction.
is_showable() {
    read_text "$1"
    case $text in *[!"$nl"\ -~]*) ;; *) return 0 ;; esac
    ! printf '[\001-\011\013-\037\177]\n\302[\200-\237]\n\342\200[\216\217\250-\256]\n\342\201[\246-\251]\n' | grep -q -f - "$1"
}

record() {
    told=$told$1$nl
    [ -z "$log" ] || printf '%s\n' "$1" 2>/dev/null >>"$log" || give_up_log
}

# keep_log NAME: of what was told and will be. A run that changes nothing leaves no log.
keep_log() {
    log=$state/logs/$1.log
    { [ -d "$state/logs" ] || mkdir "$state/logs"; } 2>/dev/null && printf '%s' "$told" 2>/dev/null >"$log" || give_up_log
}

give_up_log() {
    log=''
    warn "the log of this run could not be written in '$state/logs'"
}

is_interactive() { [ "$yes" = no ] && [ -t 0 ]; }

# ask QUESTION: sets $answer.
ask() {
    printf '%s ' "$1" >&2
    IFS= read -r answer || die 2 'the terminal closed before an answer' 'give the answers as options: see --help'
}

# ask_secret QUESTION: without echo, which the EXIT trap brings back if this is cut short.
ask_secret() {
    tty_settings=$(stty -g) && stty -echo || die 5 'cannot switch off echo on this terminal' 'use --passphrase-file'
    ask "$1"
    stty "$tty_settings"
    tty_settings=''
    printf '\n' >&2
}
