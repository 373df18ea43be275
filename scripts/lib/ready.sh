# shellcheck shell=bash
# Readiness probes, and waiting for them with a line per part and the cause of a failure.

probe() {
    local part=$1 port
    port=$(port_of "$part")
    case $part in
        postgres) "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$port" -U tenantry_admin -d postgres ;;
        redis) [[ $(redis-cli -h 127.0.0.1 -p "$port" ping 2>/dev/null) == PONG ]] ;;
        # A metadata request: an open port alone does not mean that the broker serves.
        kafka) kcat -L -m 2 -b "127.0.0.1:$port" >/dev/null 2>&1 ;;
        # Any response will do, such as the 404 for an unknown path.
        ingress) curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$port/" ;;
        *) curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:$port/health/ready" ;;
    esac
}

# wait_ready SECONDS BEGUN PART…: waits until all parts are ready; BEGUN is the start time (`now`).
wait_ready() {
    local limit=$1 from=$2 part last_report last_check state pid
    local -A last=() exits=()
    shift 2
    local -a pending=("$@") remaining
    last_report=$from
    last_check=$from
    while ((${#pending[@]} > 0)); do
        remaining=()
        for part in "${pending[@]}"; do
            if probe "$part"; then say "  $part … ready in $(since "$from") s"; else remaining+=("$part"); fi
        done
        pending=("${remaining[@]}")
        ((${#pending[@]} > 0)) || break
        if (($(now) - last_report > 5000)); then
            last_report=$(now)
            say "  waiting for ${pending[*]} … $(since "$from") s"
        fi
        if (($(now) - last_check > 1500)); then
            last_check=$(now)
            while read -r part state pid; do
                [[ " ${pending[*]} " == *" $part "* ]] || continue
                # In backoff, or with another process id than before: it has exited in between.
                [[ $state != BACKOFF && $pid == "${last[$part]:-$pid}" ]] || exits[$part]=$((${exits[$part]:-0} + 1))
                last[$part]=$pid
                [[ $state != FATAL && ${exits[$part]:-0} -lt 5 ]] || report_failure "$part" "it exits repeatedly"
            done < <(part_states)
        fi
        (($(now) - from < limit * 1000)) || report_failure "${pending[0]}" "it was not ready after $limit s"
        sleep 0.2
    done
}

# Reports which part failed, why, and where its log is, and exits.
report_failure() {
    local part=$1 what=$2 log=$home/logs/$1.log who
    printf 'error: %s did not start: %s. The end of its log:\n' "$part" "$what" >&2
    tail -n 15 "$log" 2>/dev/null | cut -c1-240 | sed 's/^/    /' >&2
    who=$(listener_on "$(port_of "$part")") && printf '       its port %s is in use by %s\n' "$(port_of "$part")" "$who" >&2
    is_service "$part" &&
        printf '       readiness: %s\n' "$(curl -s --max-time 2 "http://127.0.0.1:$(port_of "$part")/health/ready" | head -c 600)" >&2
    printf '       full log: %s\n' "$log" >&2
    exit 1
}
