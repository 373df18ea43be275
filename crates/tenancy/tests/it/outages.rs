//! The database becomes unavailable and recovers.

use std::time::{Duration, Instant};

use tenancy::{DatasourceError, DatasourceSettings};

use crate::{
    proxy::{ProxyMode, TcpProxy},
    world::{TestEnvironment, world},
};

/// Settings with which the order service connects through the proxy.
fn through(world: &TestEnvironment, proxy: &TcpProxy) -> DatasourceSettings {
    let url = format!("postgres://{}_order:secret@{}", world.name, proxy.address);
    DatasourceSettings {
        connections_per_pool: 3,
        acquire_timeout: Duration::from_secs(1),
        ..world.settings_at(url)
    }
}

async fn fails_fast_and_recovers(mode: ProxyMode) {
    world(async |world| {
        let proxy = TcpProxy::start(world.admin.get_host(), world.admin.get_port()).await;
        let tenant = world.tenant("acme").await;
        let databases = world.datasources(&through(world, &proxy));
        databases.begin(&tenant).await.expect("works");

        proxy.set(mode);
        // Longer than idle connections are used without a test.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let mut slowest_later = Duration::ZERO;
        for attempt in 0..20 {
            let begin = Instant::now();
            let error = databases.begin(&tenant).await.expect_err("is unavailable");
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

        proxy.set(ProxyMode::Forward);
        let recovery = Instant::now();
        while let Err(error) = databases.begin(&tenant).await {
            assert!(recovery.elapsed() < Duration::from_secs(4), "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        databases.close_all().await;
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_database_fails_fast_and_recovers() {
    fails_fast_and_recovers(ProxyMode::Refuse).await;
}

#[tokio::test]
async fn a_stalled_database_fails_fast_and_recovers() {
    fails_fast_and_recovers(ProxyMode::Stall).await;
}

#[tokio::test]
async fn requests_skip_connections_that_broke_while_idle() {
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
async fn requests_of_a_busy_tenant_fail_in_time() {
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
