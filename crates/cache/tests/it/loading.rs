//! Loading, sharing and storing of values.

use std::{convert::Infallible, time::Duration};

use cache::Cache;
use deadpool_redis::redis::{self, Commands};
use futures::future::join_all;
use uuid::Uuid;

use crate::{LIST, ORDERS, PRODUCTS, Source, TTL, list, redis_server::RedisServer};

#[tokio::test]
async fn a_value_is_loaded_once_for_all_processes() {
    let redis = RedisServer::start();
    let source = Source::default();
    let key = list(Uuid::now_v7()).arg(1).arg("search: a:b");
    source.set(7);
    for _ in 0..3 {
        let process = Cache::connect(&redis.url()).await.unwrap();
        assert!(process.is_connected());
        assert_eq!(source.through(&process, &key).await, 7);
    }
    assert_eq!(source.reads(), 1);
    let life: i64 = redis.client().ttl(key.as_str()).unwrap();
    assert!((1..=60).contains(&life));
}

#[tokio::test]
async fn values_are_separate_by_tenant_user_and_argument() {
    let redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let (acme, globex) = (Uuid::now_v7(), Uuid::now_v7());
    let keys = [
        list(acme),
        list(globex),
        list(acme).arg(1),
        list(acme).user(globex),
        list(acme).user(acme),
        list(acme).arg(acme),
        cache::CacheKey::new(acme, ORDERS, LIST),
    ];
    for _ in 0..2 {
        for (value, key) in (0u64..).zip(&keys) {
            let got = cache
                .get_or_load(key, TTL, async || Ok::<_, Infallible>(value))
                .await
                .unwrap();
            assert_eq!(got, value);
        }
    }
}

#[tokio::test]
async fn concurrent_reads_of_an_entry_share_a_load() {
    let redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let source = Source::default();
    let key = list(Uuid::now_v7());
    let slow = async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok::<_, Infallible>(source.read())
    };
    join_all((0..200).map(|_| cache.get_or_load(&key, TTL, slow))).await;
    // On a busy machine a command may time out, and its reader loads individually.
    assert!(source.reads() <= 10, "{} loads", source.reads());
}

#[tokio::test]
async fn if_the_load_is_cancelled_or_fails_the_other_readers_load_individually() {
    let redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let key = list(Uuid::now_v7());

    let never = cache.get_or_load(&key, TTL, async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        std::future::pending::<Result<u64, &str>>().await
    });
    let cancelled = tokio::time::timeout(Duration::from_millis(50), never);
    let waiting = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        cache
            .get_or_load(&key, TTL, async || Ok::<u64, &str>(5))
            .await
    };
    let (cancelled, waiting) = tokio::join!(cancelled, waiting);
    assert!(cancelled.is_err());
    assert_eq!(waiting, Ok(5));

    let key = list(Uuid::now_v7());
    let failing = async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err::<u64, _>("the database is unavailable")
    };
    let after = async |value: u64| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        cache
            .get_or_load(&key, TTL, async || Ok::<u64, &str>(value))
            .await
    };
    let answers = tokio::join!(cache.get_or_load(&key, TTL, failing), after(1), after(2));
    assert_eq!(answers, (Err("the database is unavailable"), Ok(1), Ok(2)));
    // An error is not cached.
    let next = cache
        .get_or_load(&key, TTL, async || Ok::<u64, &str>(3))
        .await;
    assert_eq!(next, Ok(3));
}

#[tokio::test]
async fn invalid_entries_are_replaced_from_the_source() {
    let redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let source = Source::default();
    source.set(7);
    let tenant = Uuid::now_v7();
    let key = list(tenant);
    assert_eq!(source.through(&cache, &key).await, 7);

    let mut client = redis.client();
    let good: Vec<u8> = client.get(key.as_str()).unwrap();
    let label = good.iter().position(|byte| *byte == b'\n').unwrap();
    let garbage: [Vec<u8>; 5] = [
        b"garbage".to_vec(),
        Vec::new(),
        [&good[..=label], b"{\"not\": \"a number\"}".as_slice()].concat(),
        [&good[..=label], b"\xff\xfe".as_slice()].concat(),
        good[..=label].to_vec(),
    ];
    for (reads, value) in (2..).zip(garbage) {
        let () = client.set(key.as_str(), value).unwrap();
        assert_eq!(source.through(&cache, &key).await, 7);
        assert_eq!(source.through(&cache, &key).await, 7);
        assert_eq!(source.reads(), reads);
    }
    // Redis values of another type, of the entry and of the generation.
    for name in [key.as_str().to_owned(), format!("{tenant}:products:#")] {
        let () = redis::pipe()
            .del(&name)
            .lpush(&name, 1)
            .query(&mut client)
            .unwrap();
        assert_eq!(source.through(&cache, &key).await, 7);
        assert!(cache.is_connected());
        // The next invalidation repairs it.
        cache.invalidate(tenant, PRODUCTS).await;
        source.through(&cache, &key).await;
        let reads = source.reads();
        assert_eq!(source.through(&cache, &key).await, 7);
        assert_eq!(source.reads(), reads);
    }
}

#[tokio::test]
async fn a_too_large_value_is_returned_but_not_cached() {
    let redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let key = list(Uuid::now_v7());
    let huge = "x".repeat(300 * 1024);
    let got = cache
        .get_or_load(&key, TTL, async || Ok::<_, Infallible>(huge.clone()))
        .await
        .unwrap();
    assert_eq!(got, huge);
    assert!(!redis.client().exists::<_, bool>(key.as_str()).unwrap());
}

#[tokio::test]
async fn the_futures_of_the_cache_are_send() {
    let redis = RedisServer::start();
    let cache = Cache::connect(&redis.url()).await.unwrap();
    let key = list(Uuid::now_v7());
    let answer = tokio::spawn(async move {
        let value = cache
            .get_or_load(&key, TTL, async || Ok::<_, Infallible>("a".to_owned()))
            .await;
        cache.invalidate(Uuid::now_v7(), PRODUCTS).await;
        value
    });
    assert_eq!(answer.await.unwrap(), Ok("a".to_owned()));
    let disabled = Cache::disabled();
    assert_eq!(
        Source::default()
            .through(&disabled, &list(Uuid::now_v7()))
            .await,
        0
    );
}
