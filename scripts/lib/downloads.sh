# shellcheck shell=bash
# Kafka and the schema registry from Maven Central: versions are pinned by kafka/pom.xml, contents by kafka/SHA256SUMS.

install_downloads() {
    local want stamp=$cache/.verified fresh=$cache/incoming
    want=$(cat "$root/kafka/pom.xml" "$root/kafka/SHA256SUMS" | sha256sum | cut -d' ' -f1)
    # The stamp is written last, after everything was verified and moved into place.
    [[ $(cat "$stamp" 2>/dev/null) == "$want" && -d $kafka_jars && -d $registry_dir ]] && return

    rm -rf "$stamp" "$fresh"
    with_progress "Kafka and the schema registry" "$state/logs/maven.log" fetch kafka "$fresh"
    verify kafka "$fresh"
    mkdir "$fresh/registry-app"
    tar -xzf "$fresh/registry/"*.tar.gz -C "$fresh/registry-app"
    rm -rf "$kafka_jars" "$registry_dir"
    mv "$fresh/kafka" "$kafka_jars"
    mv "$fresh/registry-app" "$registry_dir"
    rm -rf "$fresh"
    echo "$want" >"$stamp"
}

# fetch FOLDER INTO: downloads the artifacts of FOLDER/pom.xml, with retries.
fetch() {
    local pom=$root/$1/pom.xml into=$2 try
    for try in 1 2 3 4; do
        # -U: otherwise Maven caches a failed lookup for a day.
        mvn --batch-mode -U --file "$pom" -Ddownloads="$into" package && return
        echo "attempt $try failed"
        ((try == 4)) || sleep $((try * 3))
    done
    return 1
}

# verify FOLDER DIR: the files in DIR are exactly those pinned by FOLDER/SHA256SUMS.
verify() {
    local sums=$1/SHA256SUMS dir=$2 strange
    (cd "$dir" && sha256sum --check --strict --quiet "$root/$sums") >"$state/logs/checksums.log" 2>&1 || {
        sed 's/^/    /' "$state/logs/checksums.log" >&2
        die "a download does not match $sums; nothing was installed. The files are in $dir"
    }
    strange=$(comm -13 <(sed 's/^[0-9a-f]*  //' "$root/$sums" | LC_ALL=C sort) \
        <(cd "$dir" && find . -type f -printf '%P\n' | LC_ALL=C sort))
    [[ -z $strange ]] || die "downloaded files that $sums does not pin: ${strange//$'\n'/, }"
}

# write_checksums FOLDER DIR: writes the checksums of the files in DIR to FOLDER/SHA256SUMS.
write_checksums() {
    local sums=$1/SHA256SUMS dir=$2
    (cd "$dir" && find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum) >"$root/$sums"
    say "$sums is updated: review the difference before you commit it"
}

write_sums() {
    local fresh=$cache/incoming
    rm -rf "$fresh"
    with_progress "Kafka and the schema registry" "$state/logs/maven.log" fetch kafka "$fresh"
    write_checksums kafka "$fresh"
}
