//! The database goes away and comes back.

use std::time::{Duration, Instant};

use tenancy::{DatasourceError, DatasourceSettings};

use crate::{
    proxy::{Proxy, Wire},
    world::{TestEnvironment, world},
};

/// Settings by which the order service goes through the proxy.
fn through(world: &TestEnvironment, proxy: &Proxy) -> DatasourceSettings {
    let url = format!("postgres://{}_order:secret@{}", world.name, proxy.address);
    DatasourceSettings {
        connections_per_pool: 3,
        acquire_timeout: Duration::from_secs(1),
        ..world.settings_at(url)
    }
}

async fn comes_and_goes(wire: Wire) {
    world(async |world| {
        let proxy = Proxy::to(world.admin.get_host(), world.admin.get_port()).await;
        let tenant = world.tenant("acme").await;
        let databases = world.datasources(&through(world, &proxy));
        databases.begin(&tenant).await.expect("works");

        proxy.set(wire);
        // Longer than an idle connection is trusted.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let mut slowest_later = Duration::ZERO;
        for attempt in 0..20 {
            let begin = Instant::now();
            let error = databases.begin(&tenant).await.expect_err("is away");
            let took = begin.elapsed();
            assert!(
                matches!(error, DatasourceError::Unavailable { .. }),
                "{error:?}"
            );
            assert!(error.retry_after().is_some());
            assert!(took < Duration::from_millis(1500), "{took:?}");
            if attempt > 0 {
                slowest_later = slowest_later.max(took);
            }
        }
        assert!(
            slowest_later < Duration::from_millis(100),
            "{slowest_later:?}"
        );

        proxy.set(Wire::Open);
        let back = Instant::now();
        while let Err(error) = databases.begin(&tenant).await {
            assert!(back.elapsed() < Duration::from_secs(4), "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        databases.close_all().await;
    })
    .await;
}

#[tokio::test]
async fn a_database_out_of_reach_is_said_so_at_once_and_recovers() {
    comes_and_goes(Wire::Cut).await;
}

#[tokio::test]
async fn a_database_that_hangs_is_given_up_soon_and_recovers() {
    comes_and_goes(Wire::Hung).await;
}

#[tokio::test]
async fn connections_that_died_while_idle_are_not_noticed_by_requests() {
    world(async |world| {
        let tenant = world.tenant("acme").await;
        let databases = world.datasources(&world.settings());
        for _ in 0..3 {
            let all = futures::future::join_all((0..5).map(|_| databases.begin(&tenant))).await;
            assert!(all.iter().all(Result::is_ok));
            drop(all);
            tokio::time::sleep(Duration::from_millis(100)).await;
            world.terminate_connections().await;
            for _ in 0..10 {
                let mut tx = databases.begin(&tenant).await.expect("another one works");
                sqlx::query("SELECT 1")
                    .execute(&mut *tx)
                    .await
                    .expect("works");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_busy_tenant_is_told_so_in_time() {
    world(async |world| {
        let tenant = world.tenant("acme").await;
        let settings = DatasourceSettings {
            connections_per_pool: 2,
            acquire_timeout: Duration::from_millis(500),
            ..world.settings()
        };
        let databases = world.datasources(&settings);
        let held = databases.begin(&tenant).await.expect("works");
        let also = databases.begin(&tenant).await.expect("works");
        let begin = Instant::now();
        let error = databases.begin(&tenant).await.expect_err("none is left");
        assert!(error.retry_after().is_some(), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(1));
        drop((held, also));
        tokio::time::sleep(Duration::from_millis(600)).await;
        databases.begin(&tenant).await.expect("free again");
    })
    .await;
}
