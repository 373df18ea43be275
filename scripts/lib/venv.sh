# shellcheck shell=bash
# Python environments under .tenantry/cache, with every file pinned by its checksum.

# install_venv NAME LOCK: fast and silent if the locked versions are installed already.
install_venv() {
    local name=$1 lock=$2 into=$root/.tenantry/cache/$1
    cmp -s "$lock" "$into/installed" && return
    rm -rf "$into"
    mkdir -p "$root/.tenantry/cache"
    python3 -m venv "$into"
    with_progress "Python environment $name" "$root/.tenantry/logs/$name.log" "$into/bin/pip" install \
        --disable-pip-version-check --retries 5 --only-binary :all: --require-hashes --requirement "$lock"
    cp "$lock" "$into/installed"
}
