# shellcheck shell=bash
# Builds rdkafka_performance, librdkafka's benchmark program, from the source that the Rust client is built from.

install_rivals() {
    local version source rivals=$state/rivals
    local stamp=$rivals/rdkafka_performance.version build=$rivals/librdkafka
    # shellcheck disable=SC2154  # root and state come from paths.sh
    read -r version source < <(rdkafka_source)
    [[ -n ${source:-} ]] || die "rdkafka-sys is not in Cargo.lock; rdkafka_performance is built from its source"
    [[ -x $rivals/rdkafka_performance && $(cat "$stamp" 2>/dev/null) == "$version" ]] && return

    rm -rf "$stamp" "$build"
    mkdir -p "$rivals"
    cp -R "$source/librdkafka" "$build"
    # The copy in Cargo's registry may be read-only.
    chmod -R u+w "$build"
    with_progress "rdkafka_performance of rdkafka-sys $version" "$state/logs/rivals.log" build_librdkafka "$build"
    # Under another name first: a running program cannot be overwritten.
    cp "$build/examples/rdkafka_performance" "$rivals/rdkafka_performance.new"
    mv "$rivals/rdkafka_performance.new" "$rivals/rdkafka_performance"
    rm -rf "$build"
    # The stamp is written last, after everything is in place.
    echo "$version" >"$stamp"
}

# Prints the version of rdkafka-sys in Cargo.lock, and the folder of its source.
rdkafka_source() {
    cargo metadata --locked --format-version 1 --manifest-path "$root/Cargo.toml" |
        jq -r '.packages[] | select(.name == "rdkafka-sys") | .version + " " + (.manifest_path | rtrimstr("/Cargo.toml"))'
}

build_librdkafka() {
    local -a make=(make --directory "$1" --jobs "$(nproc)")
    (cd "$1" && ./configure) && "${make[@]}" libs && "${make[@]}" --directory examples rdkafka_performance
}
