# shellcheck shell=bash
# Processes that outlived their parent: children of a supervisor that was killed, workers of an nginx that was.

# Every part notes its process id, which is its process group as well. A number alone proves nothing, since the kernel
# gives it out again: the process must also work in this home, or name it in its command line.
_is_ours() {
    local pid=$1 cwd data
    data=$(postgres_data)
    cwd=$(readlink "/proc/$pid/cwd" 2>/dev/null) || return 1
    [[ $cwd == "$home" || $cwd == "$home"/* || $cwd == "$data" || $cwd == "$data"/* ]] && return
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -e "$home/" -e "$data"
}

# Prints the living processes of a part's noted group, the caller excepted.
leftovers_of() {
    local noted pid
    noted=$(cat "$home/run/$1.pid" 2>/dev/null) || return 0
    for pid in $(ps -eo pid=,pgid= | awk -v g="$noted" '$2 == g || $1 == g { print $1 }'); do
        if [[ $pid != "$$" ]] && _is_ours "$pid"; then echo "$pid"; fi
    done
}

# end_leftovers PART: asks, waits up to ten seconds, then insists.
end_leftovers() {
    local part=$1 signal=TERM try
    local -a pids
    mapfile -t pids < <(leftovers_of "$part")
    ((${#pids[@]} > 0)) || return 0
    say "  $part: ending what an earlier run left behind (pid ${pids[*]})"
    [[ $part != postgres ]] || signal=INT
    kill -s "$signal" "${pids[@]}" 2>/dev/null || true
    for ((try = 0; try < 100; try++)); do
        mapfile -t pids < <(leftovers_of "$part")
        ((${#pids[@]} > 0)) || return 0
        sleep 0.1
    done
    kill -s KILL "${pids[@]}" 2>/dev/null || true
    sleep 0.3
}
