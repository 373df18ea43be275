# shellcheck shell=bash
# shellcheck disable=SC2034  # these names are read by the scripts that source this file
# The parts of a stack.

infra=(postgres redis kafka registry)
services=(tenant user billing order notification analytics event-store)
parts_with_port=(postgres redis kafka kafka-controller registry ingress "${services[@]}")

# Prints the parts of a stack: tests start services and an ingress themselves, and benchmarks need none.
parts_of() {
    if [[ $1 == dev ]]; then echo "${infra[@]}" "${services[@]}" ingress; else echo "${infra[@]}"; fi
}

is_service() { [[ " ${services[*]} " == *" $1 "* ]]; }

# event-store → EVENT_STORE, as in variable names.
upper() {
    local name=${1//-/_}
    printf '%s' "${name^^}"
}

port_of() {
    local name
    name=TENANTRY_PORT_$(upper "$1")
    printf '%s' "${!name}"
}

binary_of() {
    if [[ $1 == event-store ]]; then echo "$binaries/event-store-projector"; else echo "$binaries/$1-service"; fi
}

# Accepts aliases such as `order-service` and `event-store-projector`.
part_name() {
    local name=${1%-service}
    case $name in
        event-store-projector | projector) name=event-store ;;
        broker) name=kafka ;;
        nginx) name=ingress ;;
    esac
    printf '%s' "$name"
}

# The supervisor's name of a part. Parts of one group start at the same time.
supervised_name() {
    case $1 in
        postgres | redis | kafka) printf 'base:%s' "$1" ;;
        registry | ingress) printf '%s' "$1" ;;
        *) printf 'services:%s' "$1" ;;
    esac
}
