# shellcheck shell=sh
# Steps 9 and 10: restart sftunnel and see the tunnel come up. These never exit: the files are in place,
# and $why is told after the receipt is written.

# limited SECONDS COMMAND...: where the device has timeout.
limited() {
    if command -v timeout >/dev/null 2>&1; then timeout -s KILL "$@" </dev/null; else shift; "$@" </dev/null; fi
}

# answer_of COMMAND...: in a file, as a command that was ended may leave behind what holds a pipe open.
answer_of() { ({ [ -d "$work" ] || mkdir "$work"; } && limited "$status_timeout_s" "$@" >"$work/answer") 2>/dev/null; }

# sftunnel_pid: from a line like `sftunnel (normal) - Running 6209`.
sftunnel_pid() {
    answer_of "$pmtool" status || :
    sed -n 's/^sftunnel ([[:alnum:]_]*) - Running \([0-9][0-9]*\)[[:space:]]*$/\1/p' "$work/answer" 2>/dev/null | head -n 1
}

# restart_sftunnel: pmtool prints nothing, and its exit status is not documented: a new PID is the proof.
restart_sftunnel() {
    if [ "$restart" = no ]; then
        step restart 'skipped: the files take effect when sftunnel restarts'
        return
    fi
    why='pmtool was not found'
    find_command pmtool || return 1
    pmtool=$command_path
    pid_before=$(sftunnel_pid)
    # With what a daemon should inherit.
    (umask 022; trap - PIPE; unset SSL_CERT_DIR SSL_CERT_FILE; limited "$restart_timeout_s" "$pmtool" restartbyid sftunnel) >/dev/null 2>&1 || {
        why="'pmtool restartbyid sftunnel' failed with status $?, or took over $restart_timeout_s s"
        return 1
    }
    tries=0
    while pid_after=$(sftunnel_pid); [ -n "$pid_before" ] && [ "${pid_after:-$pid_before}" = "$pid_before" ]; do
        tries=$((tries + 1))
        why="sftunnel has not restarted: its PID was '$pid_before' and is '${pid_after:-none}'"
        [ "$tries" -lt 10 ] || return 1
        sleep 1
    done
    [ -n "$pid_after" ] || warn 'pmtool status names no PID for sftunnel, so that the restart could not be proven'
    step restart "sftunnel restarted${pid_after:+, PID ${pid_before:-none} -> $pid_after}"
}

confirm_tunnel() {
    # After a rollback the FMC seldom takes the old trio.
    case $verb$unfinished$cut_verb in rollback* | *yesrollback) : "${wait_s:=0}" ;; *) : "${wait_s:=60}" ;; esac
    [ "$restart" = yes ] && [ "$wait_s" -gt 0 ] || { step confirm 'tunnel not looked at'; return 0; }
    why='sftunnel_status.pl was not found, so that the tunnel could not be looked at'
    find_command sftunnel_status.pl || return 1
    # shellcheck disable=SC2086
    set -- $fmcs
    uptime_s
    deadline=$((uptime + wait_s))
    while count_tunnels; [ "$up" -lt $# ]; do
        tunnel=down
        [ "$up" = 0 ] || tunnel=partly-up
        why="the tunnel did not come up within $wait_s s"
        uptime_s
        [ "$uptime" -lt "$deadline" ] || return 1
        sleep 1
    done
    tunnel=up
    step confirm "tunnel up, connected to $connected"
    managers=0
    for dir in "$peers"/*; do [ ! -d "$dir" ] || ! is_uuid "${dir##*/}" || managers=$((managers + 1)); done
    [ "$up" -ge "$managers" ] || warn "this device has $managers managers and $up tunnels: make sure on the FMC that it is the right one"
}

# count_tunnels: sets $up and $connected. (`Registration: Completed.` is printed up or down.)
count_tunnels() {
    answer_of "$command_path" || :
    connected=$(sed -n "s/.*Peer channel .*type (CONTROL).* connected to '\\([0-9A-Za-z.:_%-]*\\)'.*/\\1/p" "$work/answer" 2>/dev/null) || :
    # shellcheck disable=SC2086
    set -- $connected
    up=$# connected=$*
}

# uptime_s: sets $uptime: a clock that nobody sets.
uptime_s() { IFS=. read -r uptime _ </proc/uptime; }
