# shellcheck shell=bash
# Debezium and Kafka Connect, against which the relay is measured, from Maven Central: versions are pinned by
# bench/rivals/debezium/pom.xml, contents by SHA256SUMS beside it. Needs say.sh, paths.sh and downloads.sh.

debezium_pins=bench/rivals/debezium
debezium_home=$state/rivals/debezium

# Installs into .tenantry/rivals/debezium: `connect` for the class path, `plugins` for Connect's plugin.path.
install_debezium() {
    local want stamp=$debezium_home/.verified fresh=$state/rivals/debezium-incoming
    want=$(cat "$root/$debezium_pins/pom.xml" "$root/$debezium_pins/SHA256SUMS" | sha256sum | cut -d' ' -f1)
    # The stamp is written last, after everything was verified and moved into place.
    [[ $(cat "$stamp" 2>/dev/null) == "$want" ]] && return

    rm -rf "$debezium_home" "$fresh"
    with_progress "Debezium" "$state/logs/maven-debezium.log" fetch "$debezium_pins" "$fresh"
    verify "$debezium_pins" "$fresh"
    mkdir "$fresh/plugins"
    tar -xzf "$fresh/connector/"*.tar.gz -C "$fresh/plugins"
    rm -r "$fresh/connector"
    mv "$fresh" "$debezium_home"
    echo "$want" >"$stamp"
}

write_debezium_sums() {
    local fresh=$state/rivals/debezium-incoming
    rm -rf "$fresh"
    with_progress "Debezium" "$state/logs/maven-debezium.log" fetch "$debezium_pins" "$fresh"
    write_checksums "$debezium_pins" "$fresh"
}
