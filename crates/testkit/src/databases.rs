//! A world's databases, made by the stack's administrator.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::Stack;

/// Services with tables of their own in each tenant's database.
pub(crate) const IN_TENANTS: [&str; 3] = ["order", "billing", "analytics"];

/// Makes the platform databases of `services` and the template, with the same owners and grants as the stack's own.
pub(crate) async fn create(stack: &Stack, prefix: &str, services: &[&str]) {
    let mut admin = connect(&stack.postgres_admin).await;
    for service in services {
        owned(
            &mut admin,
            &format!("{prefix}{service}"),
            &format!("tenantry_{service}"),
        )
        .await;
    }
    let template = format!("{prefix}template");
    owned(&mut admin, &template, "tenantry_tenant").await;
    let mut inside = connect(
        &stack
            .postgres_admin
            .replace("/postgres", &format!("/{template}")),
    )
    .await;
    run(&mut inside, "REVOKE ALL ON SCHEMA public FROM PUBLIC").await;
    for service in IN_TENANTS {
        run(
            &mut inside,
            &format!("GRANT CONNECT ON DATABASE {template} TO tenantry_{service}"),
        )
        .await;
        run(
            &mut inside,
            &format!("CREATE SCHEMA \"{service}\" AUTHORIZATION tenantry_{service}"),
        )
        .await;
    }
    inside
        .close()
        .await
        .expect("the template must not stay in use");
}

async fn owned(admin: &mut PgConnection, database: &str, role: &str) {
    run(admin, &format!("CREATE DATABASE {database} OWNER {role}")).await;
    run(
        admin,
        &format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"),
    )
    .await;
}

/// A connection, whoever it is for.
pub(crate) async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url)
        .await
        .expect("PostgreSQL of the test stack answers")
}

/// Runs a statement whose names the testkit made up itself.
pub(crate) async fn run(conn: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(conn)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}
