# shellcheck shell=bash
# Debian packages: installs only those whose program is missing, and starts none of their services.

_java_17() {
    local version
    version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p') || return 1
    [[ -n $version ]] && ((version >= 17))
}
_header() { compgen -G "/usr/include/$1" >/dev/null || compgen -G "/usr/include/*-linux-*/$1" >/dev/null; }

# Prints the missing packages.
missing_packages() {
    local pair
    # program:package
    for pair in redis-server:redis-server nginx:nginx-light supervisord:supervisor kcat:kcat mvn:maven gcc:gcc g++:g++ \
        make:make pkg-config:pkg-config cmake:cmake curl:curl python3:python3 jq:jq openssl:openssl ss:iproute2 \
        flock:util-linux ps:procps; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || echo "${pair#*:}"
    done
    [[ -x $(postgres_bin)/initdb ]] || echo postgresql
    _java_17 || echo openjdk-17-jre-headless
    _header openssl/ssl.h || echo libssl-dev
    _header zlib.h || echo zlib1g-dev
    # Debian's Python creates virtual environments only with this package.
    python3 -c 'import venv, ensurepip' 2>/dev/null || echo python3-venv
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]} == 0)) || apt_install "${missing[@]}"
    command -v cargo >/dev/null || [[ -x $HOME/.cargo/bin/cargo ]] ||
        die "cargo is missing: install Rust 1.95 or newer with rustup, then run the command again"
}

apt_install() {
    local -a as_root=()
    command -v apt-get >/dev/null ||
        die "missing packages: $*; this machine has no apt-get: install them manually, then run the command again"
    ((EUID == 0)) || as_root=(sudo)
    say "  missing packages: $*"
    if [[ ${#as_root[@]} -gt 0 ]]; then
        command -v sudo >/dev/null || die "installing packages needs root or sudo: apt-get install $*"
        sudo -v || die "installing packages needs sudo: apt-get install $*"
    fi
    with_progress "package lists" "$state/logs/apt-update.log" \
        "${as_root[@]}" apt-get update -o Acquire::Retries=3
    with_progress "packages" "$state/logs/apt-install.log" \
        "${as_root[@]}" "$root/scripts/apt-without-services" "$@"
}
