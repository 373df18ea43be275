//! Gauges of the relay. They are process-wide, so relays of other tests write them when they start.

use std::{sync::Arc, time::Duration};

use event_bus::{EventParts, EventSchemas, OutboundRecord, Producer};
use outbox::{Relay, RelaySettings};
use tokio_util::sync::CancellationToken;

use crate::test_env::{Counted, TestEnv, counter, eventually, increment};

fn gauge(name: &str) -> f64 {
    let families = prometheus::gather();
    let family = families.iter().find(|family| family.name() == name);
    family.map_or(0.0, |family| {
        let metrics = family.get_metric().iter();
        metrics.map(|metric| metric.get_gauge().get_value()).sum()
    })
}

#[tokio::test]
async fn remaining_and_refused_events_are_exported() {
    let mut env = TestEnv::with(&["acme", "globex"]).await;
    let pool = env.pool("globex").clone();
    let one = counter(&pool).await;
    let large = OutboundRecord::of(EventParts::new("/test", one), &Counted { number: 1 });
    let large = OutboundRecord {
        datum: vec![0; 5 << 20],
        ..large.expect("a valid event")
    };
    let mut conn = pool.acquire().await.unwrap();
    outbox::append(&mut conn, &large).await.unwrap();
    outbox::drain_once(&mut conn, &env.producer(), 10)
        .await
        .unwrap();
    assert_eq!(outbox::count_refused(&mut conn).await.unwrap(), 1);

    "127.0.0.1:1".clone_into(&mut env.bus.bootstrap);
    let waiting = counter(env.pool("acme")).await;
    for _ in 0..7 {
        increment(env.pool("acme"), waiting).await;
    }
    *env.outboxes.all.lock().unwrap() = vec!["acme".into(), "globex".into()];
    let schemas = EventSchemas::new().with::<Counted>();
    let unavailable =
        Producer::with_deadline(&env.bus, schemas, Duration::from_millis(300)).unwrap();
    let settings = RelaySettings {
        dirty_sweep_interval: Duration::from_millis(50),
        full_sweep_interval: Duration::from_millis(50),
        ..RelaySettings::default()
    };
    let (relay, _waker) = Relay::new(
        Arc::clone(&env.outboxes) as _,
        Arc::new(unavailable),
        settings,
    );
    let stop = CancellationToken::new();
    let task = tokio::spawn(relay.run(stop.clone()));

    eventually("the gauges", || async {
        let seen = gauge("outbox_rows") >= 7.0
            && gauge("outbox_top_rows") >= 7.0
            && gauge("outbox_oldest_seconds") > 0.0
            && gauge("outbox_refused") >= 1.0;
        seen.then_some(())
    })
    .await;
    stop.cancel();
    task.await.expect("the relay does not panic");
}
