# shellcheck shell=bash
# Orphaned processes: children of a supervisor or nginx that was killed.

# Every part records its process id, which is also its process group. The kernel reuses process ids, so the process must
# also have its working directory in this home, or name it in its command line.
_belongs_here() {
    local pid=$1 cwd data
    data=$(postgres_data)
    cwd=$(readlink "/proc/$pid/cwd" 2>/dev/null) || return 1
    [[ $cwd == "$home" || $cwd == "$home"/* || $cwd == "$data" || $cwd == "$data"/* ]] && return
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -e "$home/" -e "$data"
}

# Prints the running processes of a part's recorded group, except the caller.
orphans_of() {
    local noted pid
    noted=$(cat "$home/run/$1.pid" 2>/dev/null) || return 0
    for pid in $(ps -eo pid=,pgid= | awk -v g="$noted" '$2 == g || $1 == g { print $1 }'); do
        if [[ $pid != "$$" ]] && _belongs_here "$pid"; then echo "$pid"; fi
    done
}

# end_orphans PART: terminates them, and kills them after ten seconds.
end_orphans() {
    local part=$1 signal=TERM try
    local -a pids
    mapfile -t pids < <(orphans_of "$part")
    ((${#pids[@]} > 0)) || return 0
    say "  $part: ending processes of an earlier run (pid ${pids[*]})"
    [[ $part != postgres ]] || signal=INT
    kill -s "$signal" "${pids[@]}" 2>/dev/null || true
    for ((try = 0; try < 100; try++)); do
        mapfile -t pids < <(orphans_of "$part")
        ((${#pids[@]} > 0)) || return 0
        sleep 0.1
    done
    kill -s KILL "${pids[@]}" 2>/dev/null || true
    sleep 0.3
}
