# shellcheck shell=bash
# A part's stamp is a hash of its binary, configuration and environment. `run-part` writes it at the start; `up` compares
# it and restarts parts that are out of date.
part_stamp() {
    local part=$1
    {
        case $part in
            postgres) cat "$home/conf/postgresql.conf" ;;
            redis) cat "$home/conf/redis.conf" ;;
            kafka) cat "$home/conf/kafka.properties" "$cache/.verified" ;;
            registry) cat "$cache/.verified" && echo "$TENANTRY_PORT_REGISTRY $TENANTRY_PORT_POSTGRES" ;;
            ingress) cat "$home/conf/nginx.conf" ;;
            *) stat -c '%i %Y %s' "$(binary_of "$part")" && service_env "$part" ;;
        esac
        cat "$root/scripts/run-part"
    } | sha256sum | cut -d' ' -f1
}
