# shellcheck shell=bash
# Output of the scripts: messages, errors, and progress of long commands.

say() { printf '%s\n' "$*"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# `now` prints milliseconds; `since` prints the seconds since such a value, with one decimal.
now() { date +%s%3N; }
since() {
    local ms=$(($(now) - $1))
    printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

# Prints the last line of a log, shortened for a terminal.
last_line() { tail -c 400 "$1" 2>/dev/null | tr '\r' '\n' | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | grep -v '^[[:space:]]*$' | tail -n 1 | sed 's/^[[:space:]]*//' | cut -c1-72; }

# Prints the progress of a long command: one updated line on a terminal, a new line every five seconds elsewhere.
# Ends with the shell that started it.
_ticker() {
    local what=$1 log=$2 parent=$3 from=$4 beat=5
    [[ -t 1 ]] && beat=1
    while sleep "$beat" && kill -0 "$parent" 2>/dev/null; do
        if [[ -t 1 ]]; then
            printf '\r\033[K  %s … %ss  %s' "$what" "$((($(now) - from) / 1000))" "$(last_line "$log")"
        else
            printf '  %s … %ss  %s\n' "$what" "$((($(now) - from) / 1000))" "$(last_line "$log")"
        fi
    done
}

# with_progress WHAT LOG COMMAND…: runs the command in the foreground, so that Ctrl-C reaches it.
with_progress() {
    local what=$1 log=$2 from ticker rc=0
    shift 2
    mkdir -p "$(dirname "$log")"
    : >"$log"
    from=$(now)
    _ticker "$what" "$log" $$ "$from" 8>&- 9>&- & # its sleep must not inherit the locks
    ticker=$!
    "$@" >"$log" 2>&1 </dev/null || rc=$?
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    [[ -t 1 ]] && printf '\r\033[K'
    if ((rc != 0)); then
        printf 'error: %s failed (exit %d) after %s s. The end of %s:\n' "$what" "$rc" "$(since "$from")" "$log" >&2
        tail -n 30 "$log" | sed 's/^/    /' >&2
        return "$rc"
    fi
    say "  $what … done in $(since "$from") s"
}
