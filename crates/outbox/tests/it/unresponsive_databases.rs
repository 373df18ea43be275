//! Databases that accept connections and do not respond.

use std::{sync::Arc, time::Duration};

use outbox::{Relay, RelaySettings};
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use crate::{
    tcp_proxy::TcpProxy,
    test_env::{TestEnv, counter, increment, variable},
};

/// Few permits and long intervals, so that a lost wake-up or permit fails the test.
fn settings() -> RelaySettings {
    RelaySettings {
        concurrency: 2,
        database_timeout: Duration::from_secs(1),
        dirty_sweep_interval: Duration::from_hours(1),
        full_sweep_interval: Duration::from_hours(1),
        ..RelaySettings::default()
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("unresponsive{n}")).collect()
}

async fn proxy() -> TcpProxy {
    let url: PgConnectOptions = variable("TENANTRY_POSTGRES_ADMIN").parse().expect("a URL");
    TcpProxy::start(format!("{}:{}", url.get_host(), url.get_port())).await
}

#[tokio::test]
async fn unresponsive_databases_delay_no_other_outbox_and_recover() {
    let proxy = proxy().await;
    let port = proxy.port;
    let unresponsive = names(30);
    let mut all: Vec<&str> = unresponsive.iter().map(String::as_str).collect();
    all.push("acme");
    let env = TestEnv::with_relay_options(&all, |name, options| {
        if name == "acme" {
            options
        } else {
            options.host("127.0.0.1").port(port)
        }
    })
    .await;
    let (relay, waker) = Relay::new(Arc::clone(&env.outboxes) as _, env.producer(), settings());
    let stop = CancellationToken::new();
    let task = tokio::spawn(relay.run(stop.clone()));

    // Half of the pools have a connection when the proxy pauses.
    let mut counters = Vec::new();
    for name in &unresponsive {
        counters.push(counter(env.pool(name)).await);
    }
    for (name, counter) in unresponsive.iter().zip(&counters).take(15) {
        increment(env.pool(name), *counter).await;
        waker.wake(name.as_str().into());
    }
    env.received(15).await;
    proxy.pause();
    for (name, counter) in unresponsive.iter().zip(&counters) {
        increment(env.pool(name), *counter).await;
        waker.wake(name.as_str().into());
    }

    let one = counter(env.pool("acme")).await;
    for number in 1..=10 {
        increment(env.pool("acme"), one).await;
        waker.wake("acme".into());
        // One at a time, so that each event requires a permit.
        env.received(15 + number).await;
    }
    assert_eq!(env.numbers_of(one), (1..=10).collect::<Vec<_>>());

    proxy.resume();
    env.received(15 + 10 + 30).await;
    for (n, counter) in counters.iter().enumerate() {
        let wanted: &[i64] = if n < 15 { &[1, 2] } else { &[1] };
        assert_eq!(env.numbers_of(*counter), wanted);
    }
    stop.cancel();
    task.await.expect("the relay does not panic");
}

#[tokio::test]
async fn locked_outboxes_delay_no_other_outbox() {
    let locked = names(6);
    let mut all: Vec<&str> = locked.iter().map(String::as_str).collect();
    all.push("acme");
    let env = TestEnv::with(&all).await;
    // No timeout occurs here: slow attempts must release their primary permits.
    let patient = RelaySettings {
        database_timeout: Duration::from_mins(2),
        ..settings()
    };
    let (relay, waker) = Relay::new(Arc::clone(&env.outboxes) as _, env.producer(), patient);
    let stop = CancellationToken::new();
    let task = tokio::spawn(relay.run(stop.clone()));
    let mut holders = Vec::new();
    for name in &locked {
        let pool = env.pool(name);
        let one = counter(pool).await;
        increment(pool, one).await;
        let mut holder = pool.begin().await.expect("PostgreSQL answers");
        sqlx::query("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
            .execute(&mut *holder)
            .await
            .expect("the table is locked");
        holders.push(holder);
        waker.wake(name.as_str().into());
    }

    let one = counter(env.pool("acme")).await;
    for number in 1..=10 {
        increment(env.pool("acme"), one).await;
        waker.wake("acme".into());
        env.received(number).await;
    }
    assert_eq!(env.numbers_of(one), (1..=10).collect::<Vec<_>>());

    for holder in holders {
        holder.rollback().await.expect("PostgreSQL answers");
    }
    env.received(16).await;
    stop.cancel();
    task.await.expect("the relay does not panic");
}
