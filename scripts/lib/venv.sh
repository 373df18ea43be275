# shellcheck shell=bash
# Programs in Python, each in an environment of its own under .tenantry/cache, every file of it pinned by its checksum.

# install_venv NAME LOCK: quick and silent when what the lock names is there already.
install_venv() {
    local name=$1 lock=$2 into=$root/.tenantry/cache/$1
    cmp -s "$lock" "$into/installed" && return
    rm -rf "$into"
    mkdir -p "$root/.tenantry/cache"
    python3 -m venv "$into"
    with_progress "$name, once" "$root/.tenantry/logs/$name.log" "$into/bin/pip" install \
        --disable-pip-version-check --retries 5 --only-binary :all: --require-hashes --requirement "$lock"
    cp "$lock" "$into/installed"
}
