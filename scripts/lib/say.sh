# shellcheck shell=bash
# How the scripts talk: plain lines, progress that never falls silent, failures that name cause and log.

say() { printf '%s\n' "$*"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Seconds with one decimal since the given `now` value.
now() { date +%s%3N; }
since() {
    local ms=$(($(now) - $1))
    printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

# The last thing a log says, short enough for one line of a terminal.
last_words() { tail -c 400 "$1" 2>/dev/null | tr '\r' '\n' | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | grep -v '^[[:space:]]*$' | tail -n 1 | sed 's/^[[:space:]]*//' | cut -c1-72; }

# Prints what a long step is doing: a line that moves on a terminal, a new line every five seconds elsewhere.
# It watches the shell that started it, so that it never outlives it.
_ticker() {
    local what=$1 log=$2 parent=$3 from=$4 beat=5
    [[ -t 1 ]] && beat=1
    while sleep "$beat" && kill -0 "$parent" 2>/dev/null; do
        if [[ -t 1 ]]; then
            printf '\r\033[K  %s … %ss  %s' "$what" "$((($(now) - from) / 1000))" "$(last_words "$log")"
        else
            printf '  %s … %ss  %s\n' "$what" "$((($(now) - from) / 1000))" "$(last_words "$log")"
        fi
    done
}

# with_progress WHAT LOG COMMAND…: the command stays in the foreground, so that ctrl-C reaches it and not only us.
with_progress() {
    local what=$1 log=$2 from ticker rc=0
    shift 2
    mkdir -p "$(dirname "$log")"
    : >"$log"
    from=$(now)
    _ticker "$what" "$log" $$ "$from" 8>&- 9>&- & # its sleep must not keep our locks
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
