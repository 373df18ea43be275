# shellcheck shell=bash
# kaskade, a terminal UI for Kafka, in a Python environment of its own. It has two views: the cluster (topics, groups)
# and the records of one topic; we lead from one to the other.

_kaskade=$root/.tenantry/cache/kaskade

install_kaskade() {
    local lock=$root/kafka/kaskade.lock
    cmp -s "$lock" "$_kaskade/installed" && return
    rm -rf "$_kaskade"
    mkdir -p "$root/.tenantry/cache"
    python3 -m venv "$_kaskade"
    # Every file of it is pinned by its checksum.
    with_progress "kaskade, once" "$root/.tenantry/logs/kaskade.log" "$_kaskade/bin/pip" install \
        --disable-pip-version-check --retries 5 --only-binary :all: --require-hashes --requirement "$lock"
    cp "$lock" "$_kaskade/installed"
}

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
