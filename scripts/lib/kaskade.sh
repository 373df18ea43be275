# shellcheck shell=bash
# kaskade, a terminal UI for Kafka, in a Python environment of its own. It has two views: the cluster (topics, groups)
# and the records of one topic; we lead from one to the other.

_kaskade=$root/.tenantry/cache/kaskade

# shellcheck source=venv.sh
. "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

install_kaskade() { install_venv kaskade "$root/kafka/kaskade.lock"; }

# Records from the beginning, their payload decoded with the schema that their registry id names.
kaskade_records() {
    "$_kaskade/bin/kaskade" consumer --bootstrap-servers "$TENANTRY_KAFKA" --topic "$1" --earliest \
        --key string --value registry --registry "url=$TENANTRY_REGISTRY"
}

kaskade_from_overview() {
    local topic
    while true; do
        "$_kaskade/bin/kaskade" admin --bootstrap-servers "$TENANTRY_KAFKA"
        say "Topics: $(kcat -L -J -b "$TENANTRY_KAFKA" | jq -r '[.topics[].topic | select(startswith("_") | not)] | sort | join("  ")')"
        read -rp 'Records of which topic? (nothing: leave) ' topic || return 0
        [[ -n $topic ]] || return 0
        kaskade_records "$topic"
    done
}
