//! The directory of tenants: table, memory, source.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use sqlx::PgPool;
use tenancy::{
    Directory, DirectoryError, NoTenantSource, SourceError, TenantFacts, TenantSource, TenantStatus,
};
use tokio::sync::Mutex;

use crate::world::{code, facts, world};

/// A tenant service that counts.
#[derive(Default)]
struct Landlord {
    tenants: Mutex<Vec<TenantFacts>>,
    away: AtomicBool,
    asked: AtomicUsize,
    asking: AtomicUsize,
    most_at_once: AtomicUsize,
}

#[async_trait::async_trait]
impl TenantSource for Landlord {
    async fn fetch(&self, reference: &str) -> Result<Option<TenantFacts>, SourceError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let now = self.asking.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2)).await;
        self.asking.fetch_sub(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(SourceError::new("away"));
        }
        let tenants = self.tenants.lock().await;
        Ok(tenants
            .iter()
            .find(|t| t.code.as_str() == reference || t.tenant_id.to_string() == reference)
            .cloned())
    }
}

async fn apply(pool: &PgPool, facts: &TenantFacts) -> bool {
    let mut conn = pool.acquire().await.expect("connects");
    Directory::apply(&mut conn, facts).await.expect("stores")
}

#[tokio::test]
async fn older_events_never_replace_newer_ones() {
    world(async |world| {
        let pool = world.platform().await;
        let directory = Directory::new(pool.clone(), Arc::new(NoTenantSource));
        let mut acme = facts("acme", TenantStatus::Suspended, 3);
        assert!(apply(&pool, &acme).await);
        assert!(!apply(&pool, &acme).await, "the same again is no news");
        acme.version = 2;
        acme.status = TenantStatus::Active;
        assert!(!apply(&pool, &acme).await);

        let found = directory.by_code(&acme.code).await.expect("answers");
        let found = found.expect("is there");
        assert_eq!((found.status, found.version), (TenantStatus::Suspended, 3));
        let by_id = directory.by_reference(&acme.tenant_id.to_string()).await;
        assert_eq!(by_id.expect("answers"), Some(found));
        let shouted = acme.tenant_id.to_string().to_uppercase();
        let by_other_spelling = directory.by_reference(&shouted).await;
        assert_eq!(by_other_spelling.expect("answers"), None);
    })
    .await;
}

#[tokio::test]
async fn a_suspension_bites_within_a_second_on_every_replica() {
    world(async |world| {
        let pool = world.platform().await;
        let replicas = [(); 2].map(|()| Directory::new(pool.clone(), Arc::new(NoTenantSource)));
        let mut acme = facts("acme", TenantStatus::Active, 1);
        apply(&pool, &acme).await;
        for replica in &replicas {
            let found = replica.by_code(&acme.code).await.expect("answers");
            assert_eq!(found.expect("is there").status, TenantStatus::Active);
        }
        acme.status = TenantStatus::Suspended;
        acme.version = 2;
        apply(&pool, &acme).await;
        replicas[0].forget(acme.tenant_id, &acme.code).await;
        let found = replicas[0].by_code(&acme.code).await.expect("answers");
        assert_eq!(found.expect("is there").status, TenantStatus::Suspended);
        tokio::time::sleep(Directory::FRESH + Duration::from_millis(100)).await;
        let found = replicas[1].by_code(&acme.code).await.expect("answers");
        assert_eq!(found.expect("is there").status, TenantStatus::Suspended);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_not_seen_yet_is_asked_for_once_and_kept() {
    world(async |world| {
        let pool = world.platform().await;
        let landlord = Arc::new(Landlord::default());
        let acme = facts("acme", TenantStatus::Active, 5);
        landlord.tenants.lock().await.push(acme.clone());
        let directory = Directory::new(pool.clone(), landlord.clone());
        let found = join_all((0..100).map(|_| directory.by_code(&acme.code))).await;
        for one in found {
            assert_eq!(one.expect("answers").expect("is there").id, acme.tenant_id);
        }
        assert_eq!(landlord.asked.load(Ordering::SeqCst), 1);

        let replica = Directory::new(pool, Arc::new(NoTenantSource));
        let found = replica.by_id(acme.tenant_id).await.expect("answers");
        assert_eq!(found.expect("was stored").version, 5);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_called_unknown() {
    world(async |world| {
        let pool = world.platform().await;
        let landlord = Arc::new(Landlord::default());
        landlord.away.store(true, Ordering::SeqCst);
        let directory = Directory::new(pool.clone(), landlord.clone());
        for _ in 0..10 {
            let outcome = directory.by_code(&code("acme")).await;
            assert!(matches!(outcome, Err(DirectoryError::Unreachable(_))));
        }
        assert_eq!(
            landlord.asked.load(Ordering::SeqCst),
            1,
            "not asked again at once"
        );

        // What is in the table needs nobody.
        let globex = facts("globex", TenantStatus::Active, 1);
        apply(&pool, &globex).await;
        let found = directory.by_code(&globex.code).await.expect("answers");
        assert!(found.is_some());

        landlord.away.store(false, Ordering::SeqCst);
        tokio::time::sleep(Directory::FRESH + Duration::from_millis(100)).await;
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
        let landlord = Arc::new(Landlord::default());
        let directory = Directory::new(world.platform().await, landlord.clone());
        let flood = join_all((0..1_000).map(|n| {
            let directory = &directory;
            async move { directory.by_code(&code(&format!("nobody-{n}"))).await }
        }))
        .await;
        let unknown = flood.iter().filter(|one| matches!(one, Ok(None))).count();
        assert!(unknown > 900, "{unknown}");
        assert!(landlord.most_at_once.load(Ordering::SeqCst) <= 16);

        let asked = landlord.asked.load(Ordering::SeqCst);
        directory
            .by_code(&code("nobody-999"))
            .await
            .expect("remembered");
        assert_eq!(landlord.asked.load(Ordering::SeqCst), asked);

        assert!(directory.remembered().await <= Directory::CAPACITY);
        tokio::time::sleep(Directory::FRESH + Duration::from_millis(100)).await;
        assert_eq!(directory.remembered().await, 0, "nothing is left of it");
    })
    .await;
}

#[tokio::test]
async fn active_tenants_come_in_pages() {
    world(async |world| {
        let pool = world.platform().await;
        let directory = Directory::new(pool.clone(), Arc::new(NoTenantSource));
        for n in 0..7 {
            apply(&pool, &facts(&format!("shop-{n}"), TenantStatus::Active, 1)).await;
        }
        apply(&pool, &facts("closed", TenantStatus::Suspended, 1)).await;
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
