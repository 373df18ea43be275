//! What the relay shows of its outboxes. Gauges are of the process: other tests' relays write them at their starts.

use std::{sync::Arc, time::Duration};

use event_bus::{EventParts, EventSchemas, OutboundRecord, Producer};
use outbox::{Relay, RelaySettings};
use tokio_util::sync::CancellationToken;

use crate::world::{Counted, World, count_and_commit, counter, eventually};

fn gauge(name: &str) -> f64 {
    let families = prometheus::gather();
    let family = families.iter().find(|family| family.name() == name);
    family.map_or(0.0, |family| {
        let metrics = family.get_metric().iter();
        metrics.map(|metric| metric.get_gauge().get_value()).sum()
    })
}

#[tokio::test]
async fn what_waits_and_what_was_set_aside_can_be_seen() {
    let mut world = World::with(&["acme", "globex"]).await;
    let pool = world.pool("globex").clone();
    let one = counter(&pool).await;
    let large = OutboundRecord::of(EventParts::new("/test", one), &Counted { number: 1 });
    let large = OutboundRecord {
        datum: vec![0; 5 << 20],
        ..large.expect("a valid event")
    };
    let mut conn = pool.acquire().await.unwrap();
    outbox::append(&mut conn, &large).await.unwrap();
    outbox::drain_once(&mut conn, &world.producer(), 10)
        .await
        .unwrap();
    assert_eq!(outbox::count_refused(&mut conn).await.unwrap(), 1);

    "127.0.0.1:1".clone_into(&mut world.bus.bootstrap);
    let waiting = counter(world.pool("acme")).await;
    for _ in 0..7 {
        count_and_commit(world.pool("acme"), waiting).await;
    }
    *world.outboxes.all.lock().unwrap() = vec!["acme".into(), "globex".into()];
    let schemas = EventSchemas::new().with::<Counted>();
    let away = Producer::with_deadline(&world.bus, schemas, Duration::from_millis(300)).unwrap();
    let settings = RelaySettings {
        sweep_marked: Duration::from_millis(50),
        sweep_all: Duration::from_millis(50),
        ..RelaySettings::default()
    };
    let (relay, _nudge) = Relay::new(Arc::clone(&world.outboxes) as _, Arc::new(away), settings);
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
    task.await.expect("the relay ends in peace");
}
