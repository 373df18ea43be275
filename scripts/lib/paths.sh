# shellcheck shell=bash
# shellcheck disable=SC2034  # these names are read by the scripts that source this file
# Where things lie. All of the project's state is under .tenantry in the checkout.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
state=$root/.tenantry
cache=$state/cache
kafka_jars=$cache/kafka
registry_dir=$cache/registry-app
binaries=${CARGO_TARGET_DIR:-$root/target}/debug

# PostgreSQL's server programs are not on the PATH in Debian; the newest version wins.
postgres_bin() {
    local dirs
    dirs=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1) || true
    if [[ -n $dirs ]]; then dirname "$dirs"; else dirname "$(command -v initdb 2>/dev/null || echo missing/initdb)"; fi
}

# A short stable name for a path, for what cannot lie under it.
path_key() { printf '%s' "$1" | sha256sum | cut -c1-12; }
