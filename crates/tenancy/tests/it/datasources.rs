//! Connection pools by tenant: one each, bounded in number.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use sqlx::error::DatabaseError;
use tenancy::{DatasourceError, DatasourceSettings, Directory, NoTenantSource, Tenant};
use tokio_util::sync::CancellationToken;

use crate::world::world;

#[tokio::test]
async fn fifty_first_requests_open_one_pool() {
    world(async |world| {
        let tenant = world.tenant("acme").await;
        let databases = world.datasources(&world.settings());
        let all = join_all((0..50).map(|_| async {
            let mut tx = databases.begin(&tenant).await.expect("works");
            sqlx::query("SELECT pg_sleep(0.02)")
                .execute(&mut *tx)
                .await
                .expect("works");
            tx.commit().await.expect("commits");
        }));
        all.await;
        assert_eq!(databases.open_pools().await, 1);
        assert!(world.connections().await <= 5);
    })
    .await;
}

#[tokio::test]
async fn other_spellings_of_a_code_open_no_pool() {
    world(async |world| {
        world.tenant("acme").await;
        let directory = Directory::new(world.platform().await, Arc::new(NoTenantSource));
        let databases = world.datasources(&world.settings());
        let spellings = (0..200).map(|n| match n % 8 {
            0 => format!("ACME{n}").replace(&n.to_string(), ""),
            1 => format!("{}acme", " ".repeat(n)),
            2 => format!("acme{}", " ".repeat(n)),
            3 => format!("Acme-{n}"),
            4 => format!("acme--{n}"),
            5 => format!("acme_{n}"),
            6 => format!("acme%{n:02X}"),
            _ => format!("acme/{n}"),
        });
        for spelling in spellings {
            let found = directory.by_reference(&spelling).await.expect("answers");
            assert_eq!(found, None, "{spelling}");
        }
        assert_eq!(directory.cached_lookups().await, 0);
        assert_eq!(databases.open_pools().await, 0);
        assert_eq!(world.connections().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_session_uses_its_services_schema_and_time_limits() {
    world(async |world| {
        let tenant = world.tenant("acme").await;
        let settings = DatasourceSettings {
            statement_timeout: Duration::from_millis(300),
            ..world.settings()
        };
        let databases = world.datasources(&settings);
        let mut tx = databases.begin(&tenant).await.expect("works");
        sqlx::query("INSERT INTO secret VALUES ('x')")
            .execute(&mut *tx)
            .await
            .expect("finds the table without naming a schema");
        let path: String = sqlx::query_scalar("SHOW search_path")
            .fetch_one(&mut *tx)
            .await
            .expect("shows");
        assert_eq!(path, "\"order\"");
        let slow = sqlx::query("SELECT pg_sleep(5)").execute(&mut *tx).await;
        let code = slow.expect_err("is ended");
        let code = code.as_database_error().and_then(DatabaseError::code);
        assert_eq!(code.as_deref(), Some("57014"));
    })
    .await;
}

#[tokio::test]
async fn an_evicted_pool_does_not_disturb_running_transactions() {
    world(async |world| {
        let (acme, globex) = (world.tenant("acme").await, world.tenant("globex").await);
        let settings = DatasourceSettings {
            max_pools: 1,
            ..world.settings()
        };
        let databases = world.datasources(&settings);
        let mut tx = databases.begin(&acme).await.expect("works");
        sqlx::query("INSERT INTO secret VALUES ('kept')")
            .execute(&mut *tx)
            .await
            .expect("writes");
        databases
            .begin(&globex)
            .await
            .expect("evicts the other pool");
        assert_eq!(databases.open_pools().await, 1);
        tx.commit().await.expect("is not disturbed");

        let mut tx = databases.begin(&acme).await.expect("evicts it in turn");
        let word: String = sqlx::query_scalar("SELECT word FROM secret")
            .fetch_one(&mut *tx)
            .await
            .expect("reads");
        assert_eq!(word, "kept");
    })
    .await;
}

#[tokio::test]
async fn more_tenants_than_pools_are_all_served_and_connections_stay_bounded() {
    world(async |world| {
        let mut tenants = Vec::new();
        for name in ["aaa", "bbb", "ccc", "ddd", "eee", "fff"] {
            tenants.push(world.tenant(name).await);
        }
        let settings = DatasourceSettings {
            max_pools: 3,
            connections_per_pool: 2,
            // Time is not under test: on a busy machine this many new connections take long.
            acquire_timeout: Duration::from_secs(30),
            ..world.settings()
        };
        let databases = world.datasources(&settings);
        for _ in 0..5 {
            let outcomes = join_all(tenants.iter().flat_map(|tenant| {
                let databases = &databases;
                (0..4).map(async move |_| {
                    let mut tx = databases.begin(tenant).await?;
                    sqlx::query("SELECT pg_sleep(0.005)")
                        .execute(&mut *tx)
                        .await
                        .expect("works");
                    Ok::<_, DatasourceError>(())
                })
            }))
            .await;
            for outcome in outcomes {
                outcome.expect("every request is served");
            }
            assert!(databases.open_pools().await <= 3);
        }
        world.connections_fall_to(6).await;
        databases.close_all().await;
        world.connections_fall_to(0).await;
    })
    .await;
}

#[tokio::test]
async fn idle_pools_are_closed_by_the_sweep_and_others_on_request() {
    world(async |world| {
        let tenant = world.tenant("acme").await;
        let settings = DatasourceSettings {
            idle: Duration::from_millis(500),
            ..world.settings()
        };
        let databases = world.datasources(&settings);
        databases.begin(&tenant).await.expect("works");
        databases.close_pool(&tenant).await;
        assert_eq!(databases.open_pools().await, 0);
        world.connections_fall_to(0).await;

        let stop = CancellationToken::new();
        let sweeping = tokio::spawn({
            let (databases, stop) = (databases.clone(), stop.clone());
            async move { databases.sweep(stop).await }
        });
        databases.begin(&tenant).await.expect("works again");
        world.connections_fall_to(0).await;
        stop.cancel();
        sweeping.await.expect("ends");
    })
    .await;
}

#[tokio::test]
async fn closing_waits_for_running_transactions_and_refuses_new_ones() {
    world(async |world| {
        let tenant = world.tenant("acme").await;
        let databases = world.datasources(&world.settings());
        let mut tx = databases.begin(&tenant).await.expect("works");
        let closing = tokio::spawn({
            let databases = databases.clone();
            async move { databases.close_all().await }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!closing.is_finished());
        let refused = databases.begin(&tenant).await;
        assert!(matches!(refused, Err(DatasourceError::Closed)));
        sqlx::query("INSERT INTO secret VALUES ('x')")
            .execute(&mut *tx)
            .await
            .expect("still works");
        tx.commit().await.expect("still commits");
        closing.await.expect("ends");
        world.connections_fall_to(0).await;
    })
    .await;
}

#[tokio::test]
async fn a_tenant_without_a_known_cluster_is_an_error() {
    world(async |world| {
        let databases = world.datasources(&world.settings());
        let placed = world.tenant("acme").await;
        let unplaced = Tenant {
            cluster: None,
            ..Tenant::clone(&placed)
        };
        let error = databases.begin(&unplaced).await.expect_err("no database");
        assert!(matches!(error, DatasourceError::NotPlaced(_)));
        let elsewhere = Tenant {
            cluster: Some("us-1".parse().expect("a name")),
            ..Tenant::clone(&placed)
        };
        let error = databases.begin(&elsewhere).await.expect_err("no address");
        assert_eq!(
            error.to_string(),
            "no address for cluster us-1 in this service's settings"
        );
        assert_eq!(databases.open_pools().await, 0);
    })
    .await;
}
