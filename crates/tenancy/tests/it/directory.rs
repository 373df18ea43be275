//! The directory of tenants: table, cache, source.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use sea_orm::DatabaseConnection;
use sqlx::PgPool;
use tenancy::{
    Directory, DirectoryError, NoTenantSource, SourceError, TenantSnapshot, TenantSource,
    TenantStatus,
};
use tokio::sync::Mutex;

use crate::world::{code, snapshot, world};

/// A tenant service that counts its requests.
#[derive(Default)]
struct CountingSource {
    tenants: Mutex<Vec<TenantSnapshot>>,
    unavailable: AtomicBool,
    requests: AtomicUsize,
    running: AtomicUsize,
    max_running: AtomicUsize,
}

#[async_trait::async_trait]
impl TenantSource for CountingSource {
    async fn fetch(&self, reference: &str) -> Result<Option<TenantSnapshot>, SourceError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.max_running.fetch_max(running, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2)).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        if self.unavailable.load(Ordering::SeqCst) {
            return Err(SourceError::new("unavailable"));
        }
        let tenants = self.tenants.lock().await;
        Ok(tenants
            .iter()
            .find(|t| t.code.as_str() == reference || t.tenant_id.to_string() == reference)
            .cloned())
    }
}

async fn apply(pool: &PgPool, snapshot: &TenantSnapshot) -> bool {
    let db = DatabaseConnection::from(pool.clone());
    Directory::apply(&db, snapshot).await.expect("stores")
}

#[tokio::test]
async fn older_events_never_replace_newer_ones() {
    world(async |world| {
        let pool = world.platform().await;
        let directory = Directory::new(pool.clone(), Arc::new(NoTenantSource));
        let mut acme = snapshot("acme", TenantStatus::Suspended, 3);
        assert!(apply(&pool, &acme).await);
        assert!(
            !apply(&pool, &acme).await,
            "the same version again is not stored"
        );
        acme.version = 2;
        acme.status = TenantStatus::Active;
        assert!(!apply(&pool, &acme).await);

        let found = directory.by_code(&acme.code).await.expect("answers");
        let found = found.expect("is there");
        assert_eq!((found.status, found.version), (TenantStatus::Suspended, 3));
        let by_id = directory.by_reference(&acme.tenant_id.to_string()).await;
        assert_eq!(by_id.expect("answers"), Some(found));
        let upper_case = acme.tenant_id.to_string().to_uppercase();
        let by_other_spelling = directory.by_reference(&upper_case).await;
        assert_eq!(by_other_spelling.expect("answers"), None);
    })
    .await;
}

#[tokio::test]
async fn a_suspension_takes_effect_within_a_second_on_every_replica() {
    world(async |world| {
        let pool = world.platform().await;
        let replicas = [(); 2].map(|()| Directory::new(pool.clone(), Arc::new(NoTenantSource)));
        let mut acme = snapshot("acme", TenantStatus::Active, 1);
        apply(&pool, &acme).await;
        for replica in &replicas {
            let found = replica.by_code(&acme.code).await.expect("answers");
            assert_eq!(found.expect("is there").status, TenantStatus::Active);
        }
        acme.status = TenantStatus::Suspended;
        acme.version = 2;
        apply(&pool, &acme).await;
        replicas[0].invalidate(acme.tenant_id, &acme.code).await;
        let found = replicas[0].by_code(&acme.code).await.expect("answers");
        assert_eq!(found.expect("is there").status, TenantStatus::Suspended);
        tokio::time::sleep(Directory::CACHE_TTL + Duration::from_millis(100)).await;
        let found = replicas[1].by_code(&acme.code).await.expect("answers");
        assert_eq!(found.expect("is there").status, TenantStatus::Suspended);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_tenant_is_fetched_once_and_stored() {
    world(async |world| {
        let pool = world.platform().await;
        let source = Arc::new(CountingSource::default());
        let acme = snapshot("acme", TenantStatus::Active, 5);
        source.tenants.lock().await.push(acme.clone());
        let directory = Directory::new(pool.clone(), source.clone());
        let found = join_all((0..100).map(|_| directory.by_code(&acme.code))).await;
        for one in found {
            assert_eq!(one.expect("answers").expect("is there").id, acme.tenant_id);
        }
        assert_eq!(source.requests.load(Ordering::SeqCst), 1);

        let replica = Directory::new(pool, Arc::new(NoTenantSource));
        let found = replica.by_id(acme.tenant_id).await.expect("answers");
        assert_eq!(found.expect("was stored").version, 5);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_is_not_unknown_while_the_source_is_unreachable() {
    world(async |world| {
        let pool = world.platform().await;
        let source = Arc::new(CountingSource::default());
        source.unavailable.store(true, Ordering::SeqCst);
        let directory = Directory::new(pool.clone(), source.clone());
        for _ in 0..10 {
            let outcome = directory.by_code(&code("acme")).await;
            assert!(matches!(outcome, Err(DirectoryError::Unreachable(_))));
        }
        assert_eq!(
            source.requests.load(Ordering::SeqCst),
            1,
            "the failure is cached"
        );

        // A stored tenant needs no source.
        let globex = snapshot("globex", TenantStatus::Active, 1);
        apply(&pool, &globex).await;
        let found = directory.by_code(&globex.code).await.expect("answers");
        assert!(found.is_some());

        source.unavailable.store(false, Ordering::SeqCst);
        tokio::time::sleep(Directory::CACHE_TTL + Duration::from_millis(100)).await;
        assert_eq!(
            directory.by_code(&code("acme")).await.expect("answers"),
            None
        );
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_unknown_codes_stays_small() {
    world(async |world| {
        let source = Arc::new(CountingSource::default());
        let directory = Directory::new(world.platform().await, source.clone());
        let flood = join_all((0..1_000).map(|n| {
            let directory = &directory;
            async move { directory.by_code(&code(&format!("nobody-{n}"))).await }
        }))
        .await;
        let unknown = flood.iter().filter(|one| matches!(one, Ok(None))).count();
        assert!(unknown > 900, "{unknown}");
        assert!(source.max_running.load(Ordering::SeqCst) <= 16);

        let requests = source.requests.load(Ordering::SeqCst);
        directory
            .by_code(&code("nobody-999"))
            .await
            .expect("cached");
        assert_eq!(source.requests.load(Ordering::SeqCst), requests);

        assert!(directory.cached_lookups().await <= Directory::CACHE_CAPACITY);
        tokio::time::sleep(Directory::CACHE_TTL + Duration::from_millis(100)).await;
        assert_eq!(
            directory.cached_lookups().await,
            0,
            "every lookup has expired"
        );
    })
    .await;
}

#[tokio::test]
async fn active_tenants_come_in_pages() {
    world(async |world| {
        let pool = world.platform().await;
        let directory = Directory::new(pool.clone(), Arc::new(NoTenantSource));
        for n in 0..7 {
            apply(
                &pool,
                &snapshot(&format!("shop-{n}"), TenantStatus::Active, 1),
            )
            .await;
        }
        apply(&pool, &snapshot("closed", TenantStatus::Suspended, 1)).await;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = directory.active(after, 3).await.expect("answers");
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            seen.extend(page.iter().map(|tenant| tenant.code.to_string()));
        }
        let expected: Vec<String> = (0..7).map(|n| format!("shop-{n}")).collect();
        assert_eq!(seen, expected);
    })
    .await;
}
