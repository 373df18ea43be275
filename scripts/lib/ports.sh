# shellcheck shell=bash
# Ports: free ones are chosen at the first start and kept in the env file; new ones are chosen if another program has
# taken one meanwhile.

# Prints the program that listens on a port; fails if there is none. Any address counts, since a listener on 0.0.0.0 also
# blocks 127.0.0.1.
listener_on() {
    local line
    line=$(ss -Hltnp "sport = :$1" 2>/dev/null | head -n 1)
    [[ -n $line ]] || return 1
    if [[ $line =~ \(\(\"([^\"]*)\",pid=([0-9]+) ]]; then
        printf '%s (pid %s)' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    else
        printf "a program of another user"
    fi
}

# Chooses a block of 20 ports below the kernel's range for outgoing connections. The search starts at a hash of the path,
# so that two checkouts that start at once do not collide.
choose_ports() {
    local seed try base i taken listening
    seed=$((16#$(path_key "$home" | cut -c1-6)))
    listening=" $(ss -Hltn | awk '{ sub(/.*:/, "", $4); printf "%s ", $4 }')"
    for ((try = 0; try < 600; try++)); do
        base=$((20000 + (seed + try) % 600 * 20))
        taken=
        for ((i = 0; i < ${#parts_with_port[@]}; i++)); do
            [[ $listening == *" $((base + i)) "* ]] && taken=yes
        done
        [[ -n $taken ]] && continue
        for ((i = 0; i < ${#parts_with_port[@]}; i++)); do
            printf -v "TENANTRY_PORT_$(upper "${parts_with_port[i]}")" '%s' $((base + i))
        done
        return
    done
    die "no free block of ports between 20000 and 32000"
}

# Called while no part of this stack runs, so any listener on its ports is another program.
settle_ports() {
    local part who
    if [[ -z ${TENANTRY_PORT_POSTGRES:-} ]]; then
        choose_ports
        return
    fi
    for part in "${parts_with_port[@]}"; do
        [[ -n $(port_of "$part") ]] || { choose_ports && return; }
        who=$(listener_on "$(port_of "$part")") || continue
        say "  port $(port_of "$part") of $part is in use by $who: choosing new ports for this stack"
        choose_ports
        return
    done
}
