//! Redis is killed, stopped, restarted or restored: values remain correct, and reads fast.

use std::time::{Duration, Instant};

use cache::Cache;
use deadpool_redis::redis::{self, Commands};
use uuid::Uuid;

use crate::{PRODUCTS, Source, eventually, list, redis_server::RedisServer};

#[tokio::test]
async fn without_redis_every_value_is_loaded_from_its_source() {
    let unreachable = Cache::connect("redis://127.0.0.1:9").await.unwrap();
    assert!(!unreachable.is_connected());
    let source = Source::default();
    for value in 0..10 {
        source.set(value);
        assert_eq!(
            source.through(&unreachable, &list(Uuid::now_v7())).await,
            value
        );
        unreachable.invalidate(Uuid::now_v7(), PRODUCTS).await;
    }
    assert!(Cache::connect("http://127.0.0.1:9").await.is_err());
}

#[tokio::test]
async fn a_killed_redis_delays_no_request_and_the_cache_reconnects() {
    let mut redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let source = Source::default();
    let key = list(Uuid::now_v7());
    source.through(&cache, &key).await;
    redis.kill();

    let began = Instant::now();
    for value in 1..=1000 {
        source.set(value);
        assert_eq!(source.through(&cache, &key).await, value);
    }
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );

    redis.restart();
    eventually("reconnecting", || cache.is_connected()).await;
    source.through(&cache, &key).await;
    let reads = source.reads();
    source.through(&cache, &key).await;
    assert_eq!(source.reads(), reads);
}

#[tokio::test]
async fn a_stopped_redis_delays_at_most_three_requests() {
    let redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let source = Source::default();
    let key = list(Uuid::now_v7());
    source.through(&cache, &key).await;
    redis.suspend();
    let began = Instant::now();
    for value in 1..=200 {
        source.set(value);
        assert_eq!(source.through(&cache, &key).await, value);
    }
    assert!(
        began.elapsed() < Duration::from_millis(600),
        "{:?}",
        began.elapsed()
    );
    redis.resume();
    eventually("reconnecting", || cache.is_connected()).await;
}

#[tokio::test]
async fn an_invalidation_during_an_outage_is_delivered_before_anything_is_served() {
    let redis = RedisServer::start();
    let (here, there) = (
        Cache::connect(&redis.url()).await.unwrap(),
        Cache::connect(&redis.url()).await.unwrap(),
    );
    let source = Source::default();
    let tenant = Uuid::now_v7();
    let key = list(tenant);
    source.through(&here, &key).await;

    redis.suspend();
    while here.is_connected() {
        source.through(&here, &key).await;
    }
    source.set(1);
    here.invalidate(tenant, PRODUCTS).await;
    assert_eq!(
        source.through(&here, &key).await,
        1,
        "the old entry is in Redis but not served"
    );
    redis.resume();
    eventually("reconnecting", || here.is_connected()).await;
    assert_eq!(source.through(&here, &key).await, 1);
    assert_eq!(
        source.through(&there, &key).await,
        1,
        "the invalidation reaches the other process"
    );
}

#[tokio::test]
async fn too_many_pending_invalidations_invalidate_the_whole_cache() {
    let redis = RedisServer::start();
    let (here, there) = (
        Cache::connect(&redis.url()).await.unwrap(),
        Cache::connect(&redis.url()).await.unwrap(),
    );
    let source = Source::default();
    let last = Uuid::now_v7();
    source.through(&there, &list(last)).await;
    redis.suspend();
    for _ in 0..10_000 {
        here.invalidate(Uuid::now_v7(), PRODUCTS).await;
    }
    source.set(1);
    here.invalidate(last, PRODUCTS).await;
    redis.resume();
    eventually("reconnecting", || here.is_connected()).await;
    eventually("reconnecting of the other process", || there.is_connected()).await;
    assert_eq!(source.through(&there, &list(last)).await, 1);
}

#[tokio::test]
async fn entries_restored_from_an_old_snapshot_are_invalid() {
    let mut redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let source = Source::default();
    let tenant = Uuid::now_v7();
    source.through(&cache, &list(tenant)).await;
    let () = redis::cmd("SAVE").query(&mut redis.client()).unwrap();
    source.set(1);
    cache.invalidate(tenant, PRODUCTS).await;
    redis.restart();
    assert!(
        redis
            .client()
            .exists::<_, bool>(list(tenant).as_str())
            .unwrap(),
        "the old entry is restored"
    );
    assert_eq!(source.through(&cache, &list(tenant)).await, 1);
    eventually("reconnecting", || cache.is_connected()).await;
    assert_eq!(source.through(&cache, &list(tenant)).await, 1);
}
