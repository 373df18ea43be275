# shellcheck shell=bash
# The env file of a stack: ports, addresses and secrets. Created at the first start and kept; new names are added.
# Lines are NAME=value, quoted for a shell if necessary.

# Names in the order of the file.
env_names=()

# put NAME VALUE: sets a variable in this shell and in the file.
put() {
    printf -v "$1" '%s' "$2"
    env_names+=("$1")
}

# keep NAME COMMAND…: keeps the value of the file, or else takes the output of the command.
keep() {
    local name=$1
    shift
    put "$name" "${!name:-$("$@")}"
}

secret() { openssl rand -hex 24; }

# Removes variables of another stack that the caller's shell may have exported.
unset_env() {
    local name
    for name in $(compgen -v TENANTRY_); do unset "$name"; done
}

# Reads the env file and selects the profile recorded in it.
read_env() {
    unset_env
    if [[ -f $home/env ]]; then
        # shellcheck disable=SC1091
        . "$home/env"
    fi
    use_profile "${TENANTRY_PROFILE:-dev}"
}

write_env() {
    local name value
    (
        umask 077
        for name in "${env_names[@]}"; do
            value=${!name}
            [[ $value =~ ^[A-Za-z0-9_./:@=,+-]*$ ]] || value="'${value//\'/\'\\\'\'}'"
            printf '%s=%s\n' "$name" "$value"
        done >"$home/env.new"
    )
    mv "$home/env.new" "$home/env"
}

# Sets all variables of the stack. Ports must be chosen before.
compose_env() {
    local s host=127.0.0.1 pg name docs=
    put TENANTRY_HOME "$home"
    for s in "${parts_with_port[@]}"; do
        name=TENANTRY_PORT_$(upper "$s")
        put "$name" "${!name}"
    done
    for s in admin registry "${services[@]}"; do keep "TENANTRY_PASSWORD_$(upper "$s")" secret; done
    for s in "${services[@]}"; do
        name=TENANTRY_PORT_$(upper "$s")
        put "TENANTRY_URL_$(upper "$s")" "http://$host:${!name}"
        docs+=,$s=/api/docs/$s/openapi.json
    done

    pg=$host:$TENANTRY_PORT_POSTGRES
    put TENANTRY_POSTGRES_ADMIN "postgres://tenantry_admin:$TENANTRY_PASSWORD_ADMIN@$pg/postgres"
    put TENANTRY_KAFKA "$host:$TENANTRY_PORT_KAFKA"
    put TENANTRY_REGISTRY "http://$host:$TENANTRY_PORT_REGISTRY/apis/ccompat/v7"
    put TENANTRY_REDIS "redis://$host:$TENANTRY_PORT_REDIS/0"
    put TENANTRY_PUBLIC_URL "http://$host:$TENANTRY_PORT_INGRESS"
    put TENANTRY_USER_URL "$TENANTRY_URL_USER"
    put TENANTRY_TENANT_URL "$TENANTRY_URL_TENANT"
    put TENANTRY_JWKS_URL "$TENANTRY_URL_USER/.well-known/jwks.json"
    put TENANTRY_REGIONS eu=eu-1
    put TENANTRY_TEMPLATE tenantry_template
    put TENANTRY_DOCS "${docs#,}"
    put TENANTRY_MAIL_DIR "$home/mail"
    put TENANTRY_SIGNING_KEY_FILE "$home/signing-key.pem"
    keep TENANTRY_SERVICE_MASTER secret
    put_service_secrets
    keep TENANTRY_LANDLORD_EMAIL echo landlord@tenantry.localhost
    keep TENANTRY_LANDLORD_PASSWORD secret
    put TENANTRY_ORDER_PAYMENT_TTL_SECONDS "$payment_ttl"

    # For tests that start and stop a broker, a registry or a Redis of their own.
    put TENANTRY_KAFKA_CLASSPATH "$kafka_jars"
    put TENANTRY_REGISTRY_DIR "$registry_dir"
    put TENANTRY_JAVA "$(command -v java)"
    put TENANTRY_REDIS_SERVER "$(command -v redis-server)"
    # The Python environment of the interoperability tests (`scripts/install test`).
    put TENANTRY_INTEROP_PYTHON "$cache/interop/bin/python"
    put TENANTRY_PROFILE "$profile"
    put TENANTRY_BINARIES "$binaries"

    if [[ ! -s $TENANTRY_SIGNING_KEY_FILE ]]; then
        (umask 077 && openssl genpkey -algorithm ed25519 -out "$TENANTRY_SIGNING_KEY_FILE")
    fi
}

# A service's secret is the HMAC-SHA256 of its name with the master secret, so the user service can derive all of them.
# Computed in Python, because the command line of `openssl dgst -hmac` would expose the key.
put_service_secrets() {
    local name value
    while read -r name value; do put "TENANTRY_SERVICE_SECRET_$(upper "$name")" "$value"; done < <(
        TENANTRY_SERVICE_MASTER=$TENANTRY_SERVICE_MASTER python3 - "${services[@]}" <<'PYTHON'
import hashlib, hmac, os, sys

master = os.environ["TENANTRY_SERVICE_MASTER"].encode()
for name in sys.argv[1:]:
    print(name, hmac.new(master, name.encode(), hashlib.sha256).hexdigest())
PYTHON
    )
}
