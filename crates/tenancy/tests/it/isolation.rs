//! Isolation: no role reaches a database or schema of another service.

use sqlx::Connection as _;
use tenancy::provision::ProvisionError;

use crate::world::{SERVICES, TestEnvironment, code, world};

/// SQLSTATE `insufficient_privilege`.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

fn sqlstate<T>(outcome: Result<T, sqlx::Error>) -> Option<String> {
    let error = outcome.err()?;
    let error = error.as_database_error().expect("the database answers");
    error.code().map(Into::into)
}

async fn connects(world: &TestEnvironment, role: &str, database: &str) -> bool {
    match world.as_role(role, database).await {
        Ok(conn) => {
            conn.close().await.expect("closes");
            true
        }
        Err(error) => {
            assert_eq!(
                sqlstate(Err::<(), _>(error)).as_deref(),
                Some(INSUFFICIENT_PRIVILEGE),
                "{role} × {database}"
            );
            false
        }
    }
}

#[tokio::test]
async fn every_role_is_refused_by_every_database_that_is_not_its_own() {
    world(async |world| {
        for tenant in ["acme", "globex-eu"] {
            world.tenant(tenant).await;
        }
        let n = &world.name;
        let mut off_diagonal = 0;
        for role in ["tenant", "order", "billing"] {
            for platform in ["tenant", "order", "billing"] {
                let allowed = connects(world, role, &format!("{n}_{platform}")).await;
                assert_eq!(allowed, role == platform, "{role} × platform of {platform}");
                off_diagonal += usize::from(allowed && role != platform);
            }
            for tenant in ["acme", "globex_eu"] {
                let allowed = connects(world, role, &format!("{n}_{tenant}")).await;
                assert_eq!(allowed, SERVICES.contains(&role), "{role} × {tenant}");
            }
        }
        assert_eq!(off_diagonal, 0);
    })
    .await;
}

#[tokio::test]
async fn a_role_of_another_product_cannot_connect_to_a_tenants_database() {
    world(async |world| {
        world.tenant("acme").await;
        let other_product = format!("{}_other_product", world.name);
        world
            .sql(format!(
                "CREATE ROLE {other_product} LOGIN PASSWORD 'secret'"
            ))
            .await;
        let connected = connects(world, "other_product", &format!("{}_acme", world.name)).await;
        world.sql(format!("DROP ROLE {other_product}")).await;
        assert!(!connected);
    })
    .await;
}

#[tokio::test]
async fn a_service_cannot_read_another_services_schema_of_the_same_tenant() {
    world(async |world| {
        world.tenant("acme").await;
        let database = format!("{}_acme", world.name);
        let mut billing = world.as_role("billing", &database).await.expect("its own");
        sqlx::raw_sql("INSERT INTO billing.secret VALUES ('canary')")
            .execute(&mut billing)
            .await
            .expect("its own schema");

        let mut order = world.as_role("order", &database).await.expect("its own");
        for attempt in [
            "SELECT * FROM billing.secret",
            "INSERT INTO billing.secret VALUES ('forged')",
            "CREATE TABLE billing.mine (x int)",
            "CREATE TABLE public.mine (x int)",
            "CREATE SCHEMA mine",
            "CREATE TEMPORARY TABLE mine (x int)",
            "DROP SCHEMA billing CASCADE",
        ] {
            let outcome = sqlx::raw_sql(attempt).execute(&mut order).await;
            assert_eq!(
                sqlstate(outcome).as_deref(),
                Some(INSUFFICIENT_PRIVILEGE),
                "{attempt}"
            );
        }
        let set_role = format!("SET ROLE {}_billing", world.name);
        let outcome = sqlx::raw_sql(sqlx::AssertSqlSafe(set_role))
            .execute(&mut order)
            .await;
        assert_eq!(sqlstate(outcome).as_deref(), Some(INSUFFICIENT_PRIVILEGE));
    })
    .await;
}

#[tokio::test]
async fn an_incomplete_database_accepts_no_connections() {
    world(async |world| {
        let n = &world.name;
        // The state after a crash right after CREATE DATABASE.
        world
            .sql(format!(
                "CREATE DATABASE {n}_acme OWNER {n}_tenant TEMPLATE {n}_template ALLOW_CONNECTIONS false"
            ))
            .await;
        for role in ["tenant", "order", "billing"] {
            let outcome = world.as_role(role, &format!("{n}_acme")).await;
            assert_eq!(sqlstate(outcome).as_deref(), Some("55000"), "{role}");
        }
        assert!(!world.provisioner.exists(&code("acme")).await.expect("queries"));
    })
    .await;
}

#[tokio::test]
async fn a_database_without_grants_accepts_no_connections() {
    world(async |world| {
        let n = &world.name;
        for service in SERVICES {
            let revoke = format!("REVOKE ALL ON DATABASE {n}_template FROM {n}_{service}");
            world.sql(revoke).await;
        }
        let outcome = world.provisioner.create(&code("acme")).await;
        assert!(matches!(outcome, Err(ProvisionError::NoServiceRoles(_))));
        for role in ["tenant", "order", "billing"] {
            let outcome = world.as_role(role, &format!("{n}_acme")).await;
            assert_eq!(sqlstate(outcome).as_deref(), Some("55000"), "{role}");
        }
    })
    .await;
}
