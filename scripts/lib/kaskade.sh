# shellcheck shell=bash
# kaskade, a terminal UI for Kafka, in a Python environment of its own. Its two views, the cluster and the records of one
# topic, are separate commands; the functions here switch between them.

_kaskade=$root/.tenantry/cache/kaskade

# shellcheck source=venv.sh
. "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

install_kaskade() { install_venv kaskade "$root/kafka/kaskade.lock"; }

# Shows records from the beginning, with payloads decoded by the schema of their registry id.
kaskade_records() {
    "$_kaskade/bin/kaskade" consumer --bootstrap-servers "$TENANTRY_KAFKA" --topic "$1" --earliest \
        --key string --value registry --registry "url=$TENANTRY_REGISTRY"
}

kaskade_from_overview() {
    local topic
    while true; do
        "$_kaskade/bin/kaskade" admin --bootstrap-servers "$TENANTRY_KAFKA"
        say "Topics: $(kcat -L -J -b "$TENANTRY_KAFKA" | jq -r '[.topics[].topic | select(startswith("_") | not)] | sort | join("  ")')"
        read -rp 'Show records of topic (empty to quit): ' topic || return 0
        [[ -n $topic ]] || return 0
        kaskade_records "$topic"
    done
}
