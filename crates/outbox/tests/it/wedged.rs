//! Databases that take a connection and never answer.

use std::{sync::Arc, time::Duration};

use outbox::{Relay, RelaySettings};
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use crate::{
    gate::Gate,
    world::{World, count_and_commit, counter, variable},
};

/// Few places, and long waits: whoever waits in vain has the test fail.
fn settings() -> RelaySettings {
    RelaySettings {
        parallel: 2,
        patience: Duration::from_secs(1),
        sweep_marked: Duration::from_hours(1),
        sweep_all: Duration::from_hours(1),
        ..RelaySettings::default()
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("wedged{n}")).collect()
}

async fn gate() -> Gate {
    let url: PgConnectOptions = variable("TENANTRY_POSTGRES_ADMIN").parse().expect("a URL");
    Gate::before(format!("{}:{}", url.get_host(), url.get_port())).await
}

#[tokio::test]
async fn silent_databases_more_than_there_are_places_delay_no_other_and_come_back_by_themselves() {
    let gate = gate().await;
    let port = gate.port;
    let wedged = names(30);
    let mut all: Vec<&str> = wedged.iter().map(String::as_str).collect();
    all.push("acme");
    let world = World::reached(&all, |name, options| {
        if name == "acme" {
            options
        } else {
            options.host("127.0.0.1").port(port)
        }
    })
    .await;
    let (relay, nudge) = Relay::new(
        Arc::clone(&world.outboxes) as _,
        world.producer(),
        settings(),
    );
    let stop = CancellationToken::new();
    let task = tokio::spawn(relay.run(stop.clone()));

    // Half of them have a connection already when their server falls silent.
    let mut counters = Vec::new();
    for name in &wedged {
        counters.push(counter(world.pool(name)).await);
    }
    for (name, counter) in wedged.iter().zip(&counters).take(15) {
        count_and_commit(world.pool(name), *counter).await;
        nudge.nudge(name.as_str().into());
    }
    world.hears(15).await;
    gate.hold();
    for (name, counter) in wedged.iter().zip(&counters) {
        count_and_commit(world.pool(name), *counter).await;
        nudge.nudge(name.as_str().into());
    }

    let one = counter(world.pool("acme")).await;
    for number in 1..=10 {
        count_and_commit(world.pool("acme"), one).await;
        nudge.nudge("acme".into());
        // Each by itself, so that it needs a place each time.
        world.hears(15 + number).await;
    }
    assert_eq!(world.heard_of(one), (1..=10).collect::<Vec<_>>());

    gate.open();
    world.hears(15 + 10 + 30).await;
    for (n, counter) in counters.iter().enumerate() {
        let wanted: &[i64] = if n < 15 { &[1, 2] } else { &[1] };
        assert_eq!(world.heard_of(*counter), wanted);
    }
    stop.cancel();
    task.await.expect("the relay ends in peace");
}

#[tokio::test]
async fn locked_outboxes_more_than_there_are_places_delay_no_other() {
    let locked = names(6);
    let mut all: Vec<&str> = locked.iter().map(String::as_str).collect();
    all.push("acme");
    let world = World::with(&all).await;
    // Nobody runs out of patience here: that slow looks give their places up is enough.
    let patient = RelaySettings {
        patience: Duration::from_mins(2),
        ..settings()
    };
    let (relay, nudge) = Relay::new(Arc::clone(&world.outboxes) as _, world.producer(), patient);
    let stop = CancellationToken::new();
    let task = tokio::spawn(relay.run(stop.clone()));
    let mut holders = Vec::new();
    for name in &locked {
        let pool = world.pool(name);
        let one = counter(pool).await;
        count_and_commit(pool, one).await;
        let mut holder = pool.begin().await.expect("PostgreSQL answers");
        sqlx::query("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
            .execute(&mut *holder)
            .await
            .expect("it is free");
        holders.push(holder);
        nudge.nudge(name.as_str().into());
    }

    let one = counter(world.pool("acme")).await;
    for number in 1..=10 {
        count_and_commit(world.pool("acme"), one).await;
        nudge.nudge("acme".into());
        world.hears(number).await;
    }
    assert_eq!(world.heard_of(one), (1..=10).collect::<Vec<_>>());

    for holder in holders {
        holder.rollback().await.expect("PostgreSQL answers");
    }
    world.hears(16).await;
    stop.cancel();
    task.await.expect("the relay ends in peace");
}
