# shellcheck shell=sh
# Where the stand-in commands find their device, and whether its sftunneld runs. Each of them sets
# $bin, the directory that it lies in, and then reads this file, whose names it uses.
# shellcheck disable=SC2034,SC2154 # So what is set here looks unused, and $bin looks unset.

LC_ALL=C
export LC_ALL
root=${bin%/usr/local/sf/bin}
peers=$root/var/sf/peers
tunnels=$root/etc/sf/lab-tunnels # lines: FMC UUID, loopback address, port
run=$root/var/run/sftunnel-lab

# run_mark: names the run directory itself, so that the pid file in a copied tree counts for
# nothing, while a daemon started in a chroot is known from outside as well.
run_mark() { stat -c '%d:%i' "$run"; }

# is_alive PID: it runs, and is no zombie that nobody has waited for.
is_alive() {
    kill -0 "$1" 2>/dev/null || return 1
    if read -r process_stat 2>/dev/null <"/proc/$1/stat"; then
        case ${process_stat##*) } in Z*) return 1 ;; esac
    fi
}

# find_daemon: sets daemon_pid; fails unless the sftunneld of this very tree runs.
find_daemon() {
    daemon_pid='' daemon_mark=''
    read -r daemon_pid daemon_mark 2>/dev/null <"$run/pid" || return 1
    [ "$daemon_mark" = "$(run_mark)" ] && is_alive "$daemon_pid"
}

# is_up UUID: its client runs and the FMC, having accepted it, has greeted it.
is_up() {
    client_pid=''
    read -r client_pid 2>/dev/null <"$run/$1.pid" || return 1
    is_alive "$client_pid" && grep -q '^sftunnel ' "$run/$1.greeting" 2>/dev/null
}

# find_tunnel UUID: sets host and port; fails where lab-tunnels does not name a loopback address.
find_tunnel() {
    host='' port=''
    while read -r tunnel_uuid host port; do
        [ "$tunnel_uuid" = "$1" ] || continue
        case $host in 127.*) return 0 ;; *) return 1 ;; esac
    done <"$tunnels"
    return 1
}
