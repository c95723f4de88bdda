# shellcheck shell=sh
# All talk with people. Rules: what was done goes to standard output, one line a fact; trouble goes
# to standard error as two lines, `error:` with what is wrong and `hint:` with what to do; values in
# quotes, wanted before found, no full stop. A console that went away must not stop a commit half
# way: a failed write is ignored. All but questions and answers is kept for the log, too.

disk_hint='nothing was changed; look at the free space, and at whether the file system is read-only'
carry_hint='carry the bundle again, and compare its SHA-256 with the printed runbook before unpacking'
rebuild_hint='nothing was changed; build the bundle again'

say() { printf '%s\n' "$*" || :; record "$*"; }
step() { printf '%-10s %s\n' "$1" "$2" || :; record "${1:- }${1:+: }$2"; }
warn() { printf 'warning: %s\n' "$*" >&2 || :; record "warning: $*"; }

# die CODE MESSAGE HINT
die() {
    died=yes
    # One line, whatever the names in it hold: a terminal would obey an escape sequence.
    message=$(printf '%s' "$2" | tr '\n' ' ' | tr '\001-\037\177' '?')
    printf 'error: %s\nhint: %s\n' "$message" "$3" >&2 || :
    record "error: $message${nl}hint: $3"
    exit "$1"
}

# is_showable FILE: a terminal shows what it holds and obeys nothing of it: no control characters,
# those of Unicode in UTF-8 among them, nor marks of direction, line and paragraph.
is_showable() {
    ! printf '[\001-\011\013-\037\177]\n\302[\200-\237]\n\342\200[\216\217\250-\256]\n\342\201[\246-\251]\n' | grep -q -f - "$1"
}

# record LINE
record() {
    told=$told$1$nl
    [ -z "$log" ] || printf '%s\n' "$1" 2>/dev/null >>"$log" || give_up_log
}

# keep_log NAME: from here on what is told, and what was, is kept in the state directory. A run that
# ends before it changes anything leaves no log, as it leaves nothing else.
keep_log() {
    log=$state/logs/$1.log
    mkdir -p "${log%/*}" 2>/dev/null && printf '%s' "$told" 2>/dev/null >"$log" || give_up_log
}

give_up_log() {
    log=''
    warn "the log of this run could not be written in '$state/logs'"
}

# is_interactive: somebody sits at a terminal, and questions are wanted.
is_interactive() { [ "$yes" = no ] && [ -t 0 ]; }

# ask QUESTION: reads one line of the terminal into $answer.
ask() {
    printf '%s ' "$1" >&2
    IFS= read -r answer || die 2 'the terminal closed before an answer' 'give the answers as options: see --help'
}

# ask_secret QUESTION: as ask, without echo. The EXIT trap restores the terminal if it is cut short.
ask_secret() {
    tty_settings=$(stty -g) && stty -echo || die 5 'cannot switch off echo on this terminal' 'use --passphrase-file'
    ask "$1"
    stty "$tty_settings"
    tty_settings=''
    printf '\n' >&2
}
