//! Redis is killed, frozen, restarted, restored: values stay right and quick.

use std::time::{Duration, Instant};

use cache::Cache;
use deadpool_redis::redis::{self, Commands};
use uuid::Uuid;

use crate::{PRODUCTS, Source, list, redis_server::RedisServer, until};

#[tokio::test]
async fn without_redis_every_value_comes_from_its_source() {
    let nowhere = Cache::connect("redis://127.0.0.1:9").await.unwrap();
    assert!(!nowhere.is_up());
    let source = Source::default();
    for value in 0..10 {
        source.set(value);
        assert_eq!(source.through(&nowhere, &list(Uuid::now_v7())).await, value);
        nowhere.invalidate(Uuid::now_v7(), PRODUCTS).await;
    }
    assert!(Cache::connect("http://127.0.0.1:9").await.is_err());
}

#[tokio::test]
async fn a_killed_redis_costs_nothing_per_request_and_comes_back_by_itself() {
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
    until("the cache is in use again", || cache.is_up()).await;
    source.through(&cache, &key).await;
    let reads = source.reads();
    source.through(&cache, &key).await;
    assert_eq!(source.reads(), reads);
}

#[tokio::test]
async fn a_frozen_redis_delays_three_requests_at_most() {
    let redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let source = Source::default();
    let key = list(Uuid::now_v7());
    source.through(&cache, &key).await;
    redis.freeze();
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
    redis.thaw();
    until("the cache is in use again", || cache.is_up()).await;
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

    redis.freeze();
    while here.is_up() {
        source.through(&here, &key).await;
    }
    source.set(1);
    here.invalidate(tenant, PRODUCTS).await;
    assert_eq!(
        source.through(&here, &key).await,
        1,
        "not the old page, although Redis holds it"
    );
    redis.thaw();
    until("the cache is in use again", || here.is_up()).await;
    assert_eq!(source.through(&here, &key).await, 1);
    assert_eq!(
        source.through(&there, &key).await,
        1,
        "the other process sees it too"
    );
}

#[tokio::test]
async fn too_many_invalidations_drop_the_whole_cache() {
    let redis = RedisServer::start();
    let (here, there) = (
        Cache::connect(&redis.url()).await.unwrap(),
        Cache::connect(&redis.url()).await.unwrap(),
    );
    let source = Source::default();
    let last = Uuid::now_v7();
    source.through(&there, &list(last)).await;
    redis.freeze();
    for _ in 0..10_000 {
        here.invalidate(Uuid::now_v7(), PRODUCTS).await;
    }
    source.set(1);
    here.invalidate(last, PRODUCTS).await;
    redis.thaw();
    until("the cache is in use again", || here.is_up()).await;
    until("and there", || there.is_up()).await;
    assert_eq!(source.through(&there, &list(last)).await, 1);
}

#[tokio::test]
async fn entries_restored_from_an_old_snapshot_are_not_believed() {
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
        "the old page is back"
    );
    assert_eq!(source.through(&cache, &list(tenant)).await, 1);
    until("the cache is in use again", || cache.is_up()).await;
    assert_eq!(source.through(&cache, &list(tenant)).await, 1);
}
