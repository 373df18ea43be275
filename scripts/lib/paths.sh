# shellcheck shell=bash
# shellcheck disable=SC2034  # these names are read by the scripts that source this file
# Paths of the checkout. All state of the project is under .tenantry. Needs say.sh.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
state=$root/.tenantry
cache=$state/cache
kafka_jars=$cache/kafka
registry_dir=$cache/registry-app

# use_profile PROFILE: selects the Cargo profile whose binaries the stack runs.
use_profile() {
    local folder
    case $1 in
        dev) folder=debug ;;
        release) folder=release ;;
        *) die "PROFILE must be 'dev' or 'release', not '$1'" ;;
    esac
    profile=$1
    binaries=${CARGO_TARGET_DIR:-$root/target}/$folder
}
use_profile dev

# PostgreSQL's server programs are not on the PATH in Debian; the newest version is used.
postgres_bin() {
    local dirs
    dirs=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1) || true
    if [[ -n $dirs ]]; then dirname "$dirs"; else dirname "$(command -v initdb 2>/dev/null || echo missing/initdb)"; fi
}

# A short stable name for a path, for files that cannot be placed under it.
path_key() { printf '%s' "$1" | sha256sum | cut -c1-12; }
