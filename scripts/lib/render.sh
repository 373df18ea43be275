# shellcheck shell=bash
# Configuration files of a stack, rendered from the templates in the repository.

# render TEMPLATE TARGET [NAME VALUE]…: replaces @NAME@ by its value.
render() {
    local template=$1 target=$2 text
    shift 2
    text=$(cat "$template")
    while (($# > 0)); do
        text=${text//"@$1@"/"$2"}
        shift 2
    done
    [[ ! $text =~ @[A-Z_]+@ ]] || die "$template: no value for ${BASH_REMATCH[0]}"
    printf '%s\n' "$text" >"$target.new"
    mv "$target.new" "$target"
}

# The path of a unix socket has at most 107 bytes, and supervisord first binds it with a process id appended.
supervisor_socket() {
    local path=$home/run/supervisor.sock dir
    if ((${#path} > 95)); then
        dir=/tmp/tenantry-$EUID-$(path_key "$home")
        mkdir -m 700 "$dir" 2>/dev/null || true
        [[ -O $dir && ! -L $dir ]] || die "$dir belongs to somebody else; remove it"
        path=$dir/supervisor.sock
    fi
    printf '%s' "$path"
}

render_all() {
    local conf=$home/conf as_root='' part wal=replica
    # Debezium reads the outbox from the write-ahead log.
    [[ $stack != bench ]] || wal=logical
    ((EUID != 0)) || as_root='user=root'
    render "$root/scripts/conf/postgresql.conf" "$conf/postgresql.conf" PORT "$TENANTRY_PORT_POSTGRES" WAL_LEVEL "$wal"
    render "$root/scripts/conf/redis.conf" "$conf/redis.conf" HOME "$home" PORT "$TENANTRY_PORT_REDIS"
    render "$root/kafka/server.properties" "$conf/kafka.properties" HOME "$home" \
        PORT "$TENANTRY_PORT_KAFKA" CONTROLLER_PORT "$TENANTRY_PORT_KAFKA_CONTROLLER"
    if [[ " $(parts_of "$stack") " == *" ingress "* ]]; then
        local -a ports=()
        for part in "${services[@]}"; do ports+=("$(upper "$part")" "$(port_of "$part")"); done
        render "$root/ingress/nginx.conf" "$conf/nginx.conf" HOME "$home" INGRESS "$TENANTRY_PORT_INGRESS" \
            AS_ROOT "${as_root:+user root;}" "${ports[@]}"
    fi
    render "$root/scripts/conf/supervisord.conf" "$conf/supervisord.conf" HOME "${home//%/%%}" \
        SOCKET "$(supervisor_socket)" AS_ROOT "$as_root"
    local -a parts
    read -ra parts <<<"$(parts_of "$stack")"
    for part in "${parts[@]}"; do program_section "$part"; done >>"$conf/supervisord.conf"
    {
        printf '[group:base]\nprograms=postgres,redis,kafka\npriority=10\n'
        [[ $stack != dev ]] || (IFS=, && printf '[group:services]\nprograms=%s\npriority=30\n' "${services[*]}")
    } >>"$conf/supervisord.conf"
}

# autostart is off because `up` starts parts in order; autorestart is on so that killed parts come back.
program_section() {
    local part=$1 signal=TERM wait=20 priority=20 here=${home//%/%%}
    case $part in
        postgres) signal=INT ;; # fast shutdown: disconnects sessions, loses nothing
        ingress) priority=40 wait=5 ;;
    esac
    cat <<SECTION
[program:$part]
command="${root//%/%%}/scripts/run-part" "$here" $part
directory=$here/run
autostart=false
autorestart=true
startsecs=1
startretries=10
priority=$priority
stopsignal=$signal
stopwaitsecs=$wait
killasgroup=true
redirect_stderr=true
stdout_logfile=$here/logs/$part.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1

SECTION
}
