use std::sync::{
    Arc, LazyLock, Mutex,
    atomic::{AtomicU32, Ordering},
};

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    AvroSchema, Batch, Event, EventParts, Failure, Received, RetryPolicy, Router, TenantRef,
};

#[derive(Clone, Serialize, Deserialize)]
struct Counted {
    by: i64,
}

impl Event for Counted {
    const TYPE: &'static str = "counter.counted";
    const TOPIC: &'static str = "counter.events";
    const AGGREGATE: &'static str = "counter";
    const SCOPE: Scope = Scope::Tenant;
    const VERSION: u32 = 1;

    fn schema() -> &'static AvroSchema {
        static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
            let json =
                r#"{"type":"record","name":"Counted","fields":[{"name":"by","type":"long"}]}"#;
            AvroSchema::parse(json).unwrap()
        });
        &SCHEMA
    }
}

fn parts(subject: &str) -> EventParts {
    EventParts::new("/test", subject).tenant(TenantRef {
        id: Uuid::now_v7(),
        region: "eu".to_owned(),
    })
}

fn counted(by: i64) -> Delivery {
    Delivery::of(parts("c"), &Counted { by }).unwrap()
}

/// Fails like this at the first so many attempts, then succeeds.
fn failing(times: u32, failure: fn() -> Failure) -> Router {
    let calls = Arc::new(AtomicU32::new(0));
    Router::new().on(move |_: Received<Counted>| {
        let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            if call <= times {
                Err(failure())
            } else {
                Ok(())
            }
        }
    })
}

#[tokio::test]
async fn each_failure_has_its_consequence() {
    let transient: fn() -> Failure = || Failure::transient("a lost race");
    let unavailable: fn() -> Failure = || Failure::unavailable("no database");
    let letter = |class, error: &str, attempts| Outcome::DeadLettered {
        class,
        error: error.to_owned(),
        attempts,
    };
    for (times, failure, outcome) in [
        (0, transient, Outcome::Handled { attempts: 1 }),
        (3, transient, Outcome::Handled { attempts: 4 }),
        (4, transient, letter("transient", "a lost race", 4)),
        (
            1,
            || Failure::permanent("no such order"),
            letter("permanent", "no such order", 1),
        ),
        (4, unavailable, Outcome::Handled { attempts: 5 }),
        (
            9,
            unavailable,
            Outcome::Waiting {
                error: "no database".to_owned(),
                attempts: 5,
            },
        ),
    ] {
        let kit = HandlerTest::new(failing(times, failure));
        assert_eq!(kit.deliver(&counted(1)).await, outcome);
    }
    let kit = HandlerTest::new(failing(1, transient)).policy(RetryPolicy::new().retry([]));
    assert_eq!(
        kit.deliver(&counted(1)).await,
        letter("transient", "a lost race", 1)
    );
}

#[tokio::test]
async fn a_panic_is_a_failure_that_is_tried_again() {
    let kit = HandlerTest::new(Router::new().on(|event: Received<Counted>| async move {
        assert!(event.attempt > 2, "not yet");
        Ok::<(), Failure>(())
    }));
    assert_eq!(
        kit.deliver(&counted(1)).await,
        Outcome::Handled { attempts: 3 }
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_cut_off_at_its_deadline() {
    let kit = HandlerTest::new(Router::new().on(|event: Received<Counted>| async move {
        if event.attempt == 1 {
            std::future::pending::<()>().await;
        }
        Ok::<(), Failure>(())
    }));
    assert_eq!(
        kit.deliver(&counted(1)).await,
        Outcome::Handled { attempts: 2 }
    );
}

#[tokio::test]
async fn a_batch_handler_and_a_letter_for_another_group_are_met_as_a_consumer_would() {
    let kit = HandlerTest::batch(Batch::of(|events: Vec<Received<Counted>>| async move {
        match events[0].data.by {
            0 => Err(Failure::permanent("nothing counted").into()),
            _ => Ok(()),
        }
    }))
    .group("counters");
    let letter = |by| counted(by).header("dlq-replay-group", "counters");
    assert!(kit.deliver(&letter(1)).await.is_handled());
    assert_eq!(
        kit.deliver(&letter(0)).await.dead_letter(),
        Some(("permanent", "nothing counted"))
    );
    let others = counted(1).header("dlq-replay-group", "others");
    assert_eq!(kit.deliver(&others).await, Outcome::PassedOver);
}

#[tokio::test]
async fn what_never_reaches_the_handler_is_told_like_on_the_broker() {
    let kit = HandlerTest::new(failing(0, || Failure::permanent("never called")));
    let class = |outcome: &Outcome| outcome.dead_letter().map(|(class, _)| class.to_owned());

    let no_tenant = counted(1)
        .without_header("ce_tenantid")
        .without_header("ce_region");
    assert_eq!(
        class(&kit.deliver(&no_tenant).await).as_deref(),
        Some("context")
    );
    let wrong_key = counted(1).key("another").without_header("ce_partitionkey");
    assert_eq!(
        class(&kit.deliver(&wrong_key).await).as_deref(),
        Some("context")
    );
    let no_id = counted(1).header("ce_id", "");
    assert_eq!(
        class(&kit.deliver(&no_id).await).as_deref(),
        Some("undecodable")
    );
    let broken = counted(1).value("not avro");
    assert_eq!(
        class(&kit.deliver(&broken).await).as_deref(),
        Some("undecodable")
    );
    // Whose schema nobody knows while the registry is away.
    let unknown = counted(1).value([0, 0, 0, 9, 9, 2]);
    assert!(matches!(
        kit.deliver(&unknown).await,
        Outcome::Waiting { .. }
    ));

    let unwanted = counted(1).header("ce_type", "counter.reset");
    assert_eq!(kit.deliver(&unwanted).await, Outcome::PassedOver);
}

#[tokio::test]
async fn json_and_events_from_elsewhere_are_read() {
    let sum = Arc::new(Mutex::new(0));
    let kit = HandlerTest::new(Router::new().on({
        let sum = Arc::clone(&sum);
        move |event: Received<Counted>| {
            *sum.lock().unwrap() += event.data.by;
            async { Ok::<(), Failure>(()) }
        }
    }));
    let tenant = Uuid::now_v7();
    let structured = json!({
        "specversion": "1.0", "id": Uuid::now_v7(), "type": Counted::TYPE, "source": "/elsewhere",
        "time": "2026-01-02T03:04:05Z", "subject": "c", "tenantid": tenant, "region": "eu",
        "datacontenttype": "application/json", "data": {"by": 40},
    });
    let structured = Delivery::cloud_event(Counted::TOPIC, &structured).key(tenant.to_string());
    assert!(kit.deliver(&structured).await.is_handled());
    let json = Delivery::json(parts("c"), &Counted { by: 2 }).unwrap();
    assert!(kit.deliver(&json).await.is_handled());
    assert_eq!(*sum.lock().unwrap(), 42);
}

#[tokio::test]
async fn a_duplicate_shows_a_handler_that_counts_twice() {
    let sum = Arc::new(Mutex::new(0));
    let kit = HandlerTest::new(Router::new().on({
        let sum = Arc::clone(&sum);
        move |event: Received<Counted>| {
            *sum.lock().unwrap() += event.data.by;
            async { Ok::<(), Failure>(()) }
        }
    }));
    let outcomes = kit.deliver_twice(&counted(21)).await;
    assert!(outcomes.iter().all(Outcome::is_handled));
    assert_eq!(*sum.lock().unwrap(), 42, "this handler has no inbox");
}

proptest! {
    #[test]
    fn mixed_events_keep_the_order_of_each_aggregate(
        seed: u64,
        subjects in prop::collection::vec(0..4_usize, 1..30),
    ) {
        let tenant = TenantRef { id: Uuid::now_v7(), region: "eu".to_owned() };
        let deliveries: Vec<Delivery> = subjects.iter().zip(0..).map(|(subject, by)| {
            let parts = EventParts::new("/test", subject).tenant(tenant.clone());
            Delivery::of(parts, &Counted { by }).unwrap()
        }).collect();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kit = HandlerTest::new(Router::new().on({
            let seen = Arc::clone(&seen);
            move |event: Received<Counted>| {
                seen.lock().unwrap().push((event.envelope.subject.clone(), event.data.by));
                async { Ok::<(), Failure>(()) }
            }
        }));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcomes = runtime.block_on(kit.deliver_mixed(seed, &deliveries));
        prop_assert_eq!(outcomes.len(), deliveries.len());
        let seen = seen.lock().unwrap();
        for subject in 0..4_usize {
            let subject = subject.to_string();
            let of: Vec<i64> = seen.iter().filter(|(s, _)| *s == subject).map(|(_, by)| *by).collect();
            prop_assert!(of.is_sorted());
        }
    }
}
