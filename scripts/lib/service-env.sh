# shellcheck shell=bash
# The environment of one service, with the least it needs: no administrator's password and no other service's.

# Prints NAME=value lines for a service.
service_env() {
    local s=$1 role=tenantry_${1//-/_} password secret server name
    password=TENANTRY_PASSWORD_$(upper "$s")
    secret=TENANTRY_SERVICE_SECRET_$(upper "$s")
    server=postgres://$role:${!password}@127.0.0.1:$TENANTRY_PORT_POSTGRES
    echo "TENANTRY_BIND=127.0.0.1:$(port_of "$s")"
    echo "TENANTRY_DATABASE=$server/$role"
    echo "TENANTRY_SERVICE_SECRET=${!secret}"

    local -a given=(KAFKA REGISTRY REDIS PUBLIC_URL USER_URL TENANT_URL JWKS_URL)
    case $s in
        tenant | order | billing | analytics)
            echo "TENANTRY_CLUSTERS=eu-1=$server"
            given+=(TEMPLATE)
            ;;&
        tenant) given+=(REGIONS DOCS) ;;
        user) given+=(SERVICE_MASTER SIGNING_KEY_FILE LANDLORD_EMAIL LANDLORD_PASSWORD) ;;
        order) given+=(ORDER_PAYMENT_TTL_SECONDS) ;;
        notification) given+=(MAIL_DIR) ;;
    esac
    for name in "${given[@]}"; do
        name=TENANTRY_$name
        echo "$name=${!name}"
    done
}
