//! Invalidation: no entry is served that is older than the last write.

use std::{convert::Infallible, sync::Arc, time::Duration};

use cache::{Cache, CacheKey, Name};
use deadpool_redis::redis;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{LIST, ORDERS, PRODUCTS, Source, TTL, list, redis_server::RedisServer};

#[tokio::test]
async fn an_invalidation_affects_all_entries_of_its_resource_only() {
    let redis = RedisServer::start();
    let (here, there) = (
        Cache::connect(&redis.url()).await.unwrap(),
        Cache::connect(&redis.url()).await.unwrap(),
    );
    let source = Source::default();
    let (acme, globex) = (Uuid::now_v7(), Uuid::now_v7());
    let dropped = [
        list(acme).arg(1),
        list(acme).arg(2),
        list(acme).user(globex),
        CacheKey::new(acme, PRODUCTS, Name::new("read")),
    ];
    let kept = [list(globex).arg(1), CacheKey::new(acme, ORDERS, LIST)];
    for key in dropped.iter().chain(&kept) {
        source.through(&here, key).await;
    }
    source.set(1);
    there.invalidate(acme, PRODUCTS).await;
    for key in &dropped {
        assert_eq!(source.through(&here, key).await, 1);
    }
    for key in &kept {
        assert_eq!(source.through(&here, key).await, 0);
    }
}

#[tokio::test]
async fn a_value_loaded_before_a_concurrent_write_is_not_served() {
    let redis = RedisServer::start();
    let (here, there) = (
        Cache::connect(&redis.url()).await.unwrap(),
        Cache::connect(&redis.url()).await.unwrap(),
    );
    let source = Source::default();
    let tenant = Uuid::now_v7();
    let key = list(tenant);
    let (has_read, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));

    let slow = here.get_or_load(&key, TTL, async || {
        let old = source.read();
        has_read.notify_one();
        go_on.notified().await;
        Ok::<_, Infallible>(old)
    });
    let writer = async {
        has_read.notified().await;
        source.set(1);
        there.invalidate(tenant, PRODUCTS).await;
        // A reader after the write does not join the load from before it.
        let after = tokio::time::timeout(Duration::from_secs(5), source.through(&here, &key)).await;
        assert_eq!(after, Ok(1));
        go_on.notify_one();
    };
    let (old, ()) = tokio::join!(slow, writer);
    assert_eq!(old, Ok(0));
    assert_eq!(source.through(&here, &key).await, 1);
    assert_eq!(source.through(&there, &key).await, 1);
}

#[tokio::test]
async fn a_value_loaded_before_a_flush_is_not_served() {
    let redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let source = Source::default();
    let tenant = Uuid::now_v7();
    let key = list(tenant);
    let flushed = cache
        .get_or_load(&key, TTL, async || {
            let old = source.read();
            source.set(1);
            cache.invalidate(tenant, PRODUCTS).await;
            let () = redis::cmd("FLUSHALL").query(&mut redis.client()).unwrap();
            Ok::<_, Infallible>(old)
        })
        .await;
    assert_eq!(flushed, Ok(0));
    assert_eq!(source.through(&cache, &key).await, 1);
}

#[tokio::test]
async fn an_invalidation_is_executed_even_if_its_future_is_dropped() {
    let redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let source = Source::default();
    let tenant = Uuid::now_v7();
    source.through(&cache, &list(tenant)).await;
    source.set(1);
    drop(cache.invalidate(tenant, PRODUCTS));
    let new_page = async {
        while source.through(&cache, &list(tenant)).await != 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(TTL / 2, new_page)
        .await
        .expect("the old entry is invalidated before its TTL expires");
}

/// Concurrent readers and writers in two processes: after an invalidation completed, no reader sees an older value.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_are_monotonic() {
    let redis = RedisServer::start();
    let caches = [
        Cache::connect(&redis.url()).await.unwrap(),
        Cache::connect(&redis.url()).await.unwrap(),
    ];
    let source = Source::default();
    let tenant = Uuid::now_v7();
    // The last value whose invalidation is complete, the lower bound of every read.
    let settled = Source::default();
    let mut tasks = Vec::new();
    for number in 0..8usize {
        let (cache, source, settled) =
            (caches[number % 2].clone(), source.clone(), settled.clone());
        tasks.push(tokio::spawn(async move {
            for round in 0..300u64 {
                if number == 0 {
                    source.set(round);
                    cache.invalidate(tenant, PRODUCTS).await;
                    settled.set(round);
                } else {
                    let at_least = settled.read();
                    let slow = async || {
                        let value = source.read();
                        tokio::time::sleep(Duration::from_micros(500 * number as u64)).await;
                        Ok::<_, Infallible>(value)
                    };
                    let seen = cache.get_or_load(&list(tenant), TTL, slow).await.unwrap();
                    assert!(seen >= at_least, "saw {seen} after {at_least}");
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}
