# shellcheck shell=bash
# Controls the supervisord of a stack.

sctl() { supervisorctl -c "$home/conf/supervisord.conf" "$@" 8>&- 9>&-; }

# The process id file may be stale after a crash: the process must be supervisord with this stack's configuration.
supervisor_pid() {
    local pid
    pid=$(cat "$home/run/supervisord.pid" 2>/dev/null) || return 1
    [[ -n $pid ]] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -e "$home/conf/supervisord.conf" && echo "$pid"
}
supervised() { supervisor_pid >/dev/null; }

# With a clean environment, independent of what the calling shell exports.
start_supervisor() {
    local try name
    local -a clean=("PATH=$PATH" "HOME=$HOME" "LANG=C.UTF-8")
    for name in RUST_LOG RUST_BACKTRACE OTEL_EXPORTER_OTLP_ENDPOINT CARGO_TARGET_DIR; do
        [[ -z ${!name:-} ]] || clean+=("$name=${!name}")
    done
    rm -f "$(supervisor_socket)" "$home/run/supervisord.pid"
    (cd "$home/run" && env -i "${clean[@]}" supervisord -c "$home/conf/supervisord.conf") 8>&- 9>&- ||
        die "supervisord did not start; see $home/logs/supervisord.log"
    for ((try = 0; try < 100; try++)); do
        supervised && sctl pid >/dev/null 2>&1 && return
        sleep 0.1
    done
    die "supervisord does not respond; see $home/logs/supervisord.log"
}

# Prints `part STATE pid` for every part.
part_states() {
    local name state pid rest
    while read -r name state rest; do
        pid=
        [[ $rest =~ ^pid\ ([0-9]+) ]] && pid=${BASH_REMATCH[1]}
        echo "${name#*:} $state $pid"
    done < <(sctl status 2>/dev/null || true)
}

stop_supervisor() {
    local pid from
    if pid=$(supervisor_pid); then
        from=$(now)
        sctl shutdown >/dev/null 2>&1 || kill -s TERM "$pid" 2>/dev/null || true
        while kill -0 "$pid" 2>/dev/null; do
            (($(now) - from < 90000)) || { kill -s KILL "$pid" 2>/dev/null && break; }
            sleep 0.1
        done
    fi
    local -a parts
    read -ra parts <<<"$(parts_of "$stack")"
    local part
    for part in "${parts[@]}"; do end_orphans "$part"; done
    rm -f "$home"/run/*.pid "$home"/run/*.sock
}
