# shellcheck shell=sh
# Put in the place of the last line of install.sh: all of it but that the verb `check` judges the
# bundle once more for every line of standard input, each time in a subshell, and prints with what
# exit status it ended. So the script is read once, and the options and places are found once.
#
# The line says whether openssl is to be asked `afresh`, or to be asked and remembered (`learn`), or
# may answer as it did then (`remembered`): whoever writes it vouches that what the signature is
# about has not changed since. What it said to the words of a call lies in a file of that name.

do_check() {
    set +e
    while IFS= read -r judge_mode; do
        (
            set -e
            trap clean_up EXIT
            do_check_once
        ) </dev/null >/dev/null 2>&1
        printf '%s\n' "$?"
    done
}

openssl() {
    judge_note=$JUDGE_NOTES/$*
    if [ "$judge_mode" = remembered ] && [ -f "$judge_note" ]; then
        cat "$judge_note"
        return
    fi
    [ "$judge_mode" = learn ] || { command openssl "$@"; return; }
    mkdir -p "${judge_note%/*}"
    command openssl "$@" >"$judge_note" || { rm "$judge_note"; return 1; }
    cat "$judge_note"
}

main "$@"
