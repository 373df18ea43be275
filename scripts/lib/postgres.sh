# shellcheck shell=bash
# PostgreSQL refuses to run as root. For root, it runs as the user `postgres`, which often cannot enter the checkout's
# folder (/root, a private temporary folder). In order of preference: the data folder as it is; with the capability
# dac_read_search; a data folder outside the checkout, which is reported.

# Prints the data folder, which settle_postgres chose.
postgres_data() { cat "$home/run/postgres.data" 2>/dev/null || echo "$home/data/postgres"; }

# Runs a command as the server's user.
as_postgres() {
    local -a words=()
    ((EUID == 0)) && mapfile -t words <"$home/run/postgres.as"
    "${words[@]}" "$@"
}

settle_postgres() {
    local data=$home/data/postgres
    if ((EUID != 0)); then
        mkdir -p "$data" && chmod 700 "$data"
        echo "$data" >"$home/run/postgres.data"
        return
    fi
    id postgres >/dev/null 2>&1 || die "the user 'postgres' is missing although PostgreSQL is installed"
    local -a plain=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    local -a passing=("${plain[@]}" --inh-caps=+dac_read_search --ambient-caps=+dac_read_search)
    # Tries to write, because access(2), which `test -w` uses, ignores capabilities.
    # shellcheck disable=SC2016
    local -a trial=(sh -c 'cd "$1" && : >trial && rm trial' sh "$data")
    mkdir -p "$data"
    chmod 700 "$data" && chown postgres: "$data"
    if "${plain[@]}" "${trial[@]}" 2>/dev/null; then
        printf '%s\n' "${plain[@]}" >"$home/run/postgres.as"
    elif "${passing[@]}" "${trial[@]}" 2>/dev/null; then
        printf '%s\n' "${passing[@]}" >"$home/run/postgres.as"
    else
        rmdir "$data"
        data=/var/tmp/tenantry-postgres-$(path_key "$home")
        say "  the user postgres cannot enter this checkout: its data is stored in $data"
        mkdir -p "$data"
        chmod 700 "$data" && chown postgres: "$data"
        printf '%s\n' "${plain[@]}" >"$home/run/postgres.as"
    fi
    echo "$data" >"$home/run/postgres.data"
}

# Creates the data folder once; an incomplete one is created again.
init_postgres() {
    local data password bin
    data=$(postgres_data)
    bin=$(postgres_bin)
    if [[ ! -e $data/tenantry-ready ]]; then
        find "$data" -mindepth 1 -delete
        password=$(mktemp)
        printf '%s' "$TENANTRY_PASSWORD_ADMIN" >"$password"
        ((EUID != 0)) || chown postgres: "$password"
        as_postgres "$bin/initdb" --pgdata "$data" --username tenantry_admin --pwfile "$password" \
            --auth scram-sha-256 --encoding UTF8 --locale C.UTF-8 >"$home/logs/initdb.log" 2>&1 ||
            { rm -f "$password" && tail -n 15 "$home/logs/initdb.log" >&2 && die "initdb failed; full log: $home/logs/initdb.log"; }
        rm -f "$password"
        as_postgres touch "$data/tenantry-ready"
    fi
    # The file that initdb wrote contains settings detected for this machine; ours is included after it.
    cp "$home/conf/postgresql.conf" "$data/tenantry.conf"
    ((EUID != 0)) || chown postgres: "$data/tenantry.conf"
    grep -qx "include 'tenantry.conf'" "$data/postgresql.conf" || echo "include 'tenantry.conf'" >>"$data/postgresql.conf"
}

# sql DATABASE [NAME VALUE]… FILE: runs a file of scripts/sql. Variables are passed on standard input, because command
# lines are visible to all users of the machine.
sql() {
    local database=$1 set=
    shift
    while (($# > 1)); do
        set+="\\set $1 '$2'"$'\n'
        shift 2
    done
    printf '%s' "$set" | cat - "$root/scripts/sql/$1" |
        PGPASSWORD=$TENANTRY_PASSWORD_ADMIN PGOPTIONS='-c client_min_messages=warning' psql --no-psqlrc --quiet \
            --no-align --tuples-only --set ON_ERROR_STOP=1 --output /dev/null --host 127.0.0.1 \
            --port "$TENANTRY_PORT_POSTGRES" --username tenantry_admin --dbname "$database" ||
        die "scripts/sql/$1 failed on database $database"
}

# Creates roles and databases. The files are idempotent.
bootstrap_postgres() {
    local s role password
    sql postgres close.sql
    sql template1 close.sql
    for s in registry "${services[@]}"; do
        role=tenantry_${s//-/_}
        password=TENANTRY_PASSWORD_$(upper "$s")
        sql postgres role "$role" password "${!password}" service.sql
        sql "$role" close.sql
    done
    sql postgres role tenantry_tenant template tenantry_template template.sql
    sql tenantry_template close.sql
    for s in order billing analytics; do
        sql tenantry_template role "tenantry_$s" schema "$s" template-schema.sql
    done
}
