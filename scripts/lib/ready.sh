# shellcheck shell=bash
# Is a part ready to be used? And waiting until it is, with a line for each, and the cause when one is not.

probe() {
    local part=$1 port
    port=$(port_of "$part")
    case $part in
        postgres) "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$port" -U tenantry_admin -d postgres ;;
        redis) [[ $(redis-cli -h 127.0.0.1 -p "$port" ping 2>/dev/null) == PONG ]] ;;
        # The broker answers for itself; an open port alone does not serve yet.
        kafka) kcat -L -m 2 -b "127.0.0.1:$port" >/dev/null 2>&1 ;;
        # Any answer will do: its own 404 for a path that nobody has.
        ingress) curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$port/" ;;
        *) curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:$port/health/ready" ;;
    esac
}

# wait_ready SECONDS BEGUN PART…, where BEGUN is the `now` of the start.
wait_ready() {
    local limit=$1 from=$2 part told asked state pid
    local -A last=() deaths=()
    shift 2
    local -a pending=("$@") still
    told=$from
    asked=$from
    while ((${#pending[@]} > 0)); do
        still=()
        for part in "${pending[@]}"; do
            if probe "$part"; then say "  $part … ready in $(since "$from") s"; else still+=("$part"); fi
        done
        pending=("${still[@]}")
        ((${#pending[@]} > 0)) || break
        if (($(now) - told > 5000)); then
            told=$(now)
            say "  waiting for ${pending[*]} … $(since "$from") s"
        fi
        if (($(now) - asked > 1500)); then
            asked=$(now)
            while read -r part state pid; do
                [[ " ${pending[*]} " == *" $part "* ]] || continue
                # Waiting between two tries, or another process than at the last look: it has died in between.
                [[ $state != BACKOFF && $pid == "${last[$part]:-$pid}" ]] || deaths[$part]=$((${deaths[$part]:-0} + 1))
                last[$part]=$pid
                [[ $state != FATAL && ${deaths[$part]:-0} -lt 5 ]] || blame "$part" "it ends again and again"
            done < <(part_states)
        fi
        (($(now) - from < limit * 1000)) || blame "${pending[0]}" "it was not ready after $limit s"
        sleep 0.2
    done
}

# Says which part failed, why, and where to read on; then ends.
blame() {
    local part=$1 what=$2 log=$home/logs/$1.log who
    printf 'error: %s did not come up: %s. The end of its log:\n' "$part" "$what" >&2
    tail -n 15 "$log" 2>/dev/null | cut -c1-240 | sed 's/^/    /' >&2
    who=$(listener_on "$(port_of "$part")") && printf '       on its port %s listens %s\n' "$(port_of "$part")" "$who" >&2
    is_service "$part" &&
        printf '       readiness: %s\n' "$(curl -s --max-time 2 "http://127.0.0.1:$(port_of "$part")/health/ready" | head -c 600)" >&2
    printf '       all of it: %s\n' "$log" >&2
    exit 1
}
