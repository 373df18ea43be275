//! Events parked behind one that could not be handled, and released, as an operator does.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use event_bus::{
    Batch, BatchFailure, ConsumerBuilder, Failure, Handler, OffsetReset, ProcessingOrder,
    RawRecord, Received, Router, TenantRef,
    admin::TopicSpec,
    dlq::{
        DeadLetterError, MAX_PAGE,
        parked::{
            MarkKind, Parked, ParkedFilter, ParkedOrders, ParkedOutcome, ParkedReport,
            ParkedSelection, ParkedSequence,
        },
    },
};
use rdkafka::Message;

use crate::world::{Placed, Running, Seen, World, eventually, header, run, start, tenant};

/// Handles orders in turn, but for the events that are bad, until they are mended.
#[derive(Clone, Default)]
struct Ward {
    seen: Seen,
    bad: Arc<Mutex<HashSet<(String, i64)>>>,
    stuck: Arc<Mutex<HashSet<(String, i64)>>>,
    begun: Arc<Mutex<HashSet<(String, i64)>>>,
}

impl Ward {
    fn with_bad(subject: &str, number: i64) -> Self {
        let ward = Self::default();
        ward.breaks(subject, number);
        ward
    }

    fn breaks(&self, subject: &str, number: i64) {
        self.bad
            .lock()
            .unwrap()
            .insert((subject.to_owned(), number));
    }

    /// The handler does not come back from it until it is let go.
    fn sticks(&self, subject: &str, number: i64) {
        self.stuck
            .lock()
            .unwrap()
            .insert((subject.to_owned(), number));
    }

    /// Whether it began with it.
    fn begun(&self, subject: &str, number: i64) -> bool {
        self.begun
            .lock()
            .unwrap()
            .contains(&(subject.to_owned(), number))
    }

    fn lets_go(&self) {
        self.stuck.lock().unwrap().clear();
    }

    fn mend(&self) {
        self.bad.lock().unwrap().clear();
        self.stuck.lock().unwrap().clear();
    }

    fn is_stuck(&self, name: &(String, i64)) -> bool {
        self.stuck.lock().unwrap().contains(name)
    }

    async fn treat(&self, event: &Received<Placed>) -> Result<(), Failure> {
        let name = (event.envelope.subject.clone(), event.data.number);
        if self.bad.lock().unwrap().contains(&name) {
            return Err(Failure::permanent(format!("no luck with {}", name.1)));
        }
        self.begun.lock().unwrap().insert(name.clone());
        while self.is_stuck(&name) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.seen.note(event);
        Ok(())
    }

    fn handler(&self) -> impl Handler + use<> {
        let ward = self.clone();
        Router::new().on::<Placed>(move |event: Received<Placed>| {
            let ward = ward.clone();
            async move { ward.treat(&event).await }
        })
    }

    fn numbers(&self, subject: &str) -> Vec<i64> {
        self.seen.numbers_of(subject)
    }

    async fn has(&self, subject: &str, numbers: impl IntoIterator<Item = i64>) {
        let numbers: Vec<i64> = numbers.into_iter().collect();
        eventually(|| async { self.numbers(subject).len() >= numbers.len() }).await;
        assert_eq!(self.numbers(subject), numbers, "of {subject}");
    }
}

fn parking(world: &World) -> ConsumerBuilder {
    world.consumer("c").park().drain(Duration::from_millis(500))
}

fn parked(world: &World) -> Parked {
    Parked::new(&world.settings, Duration::from_secs(15)).expect("the registry's address")
}

async fn list(world: &World) -> Vec<ParkedSequence> {
    let all = ParkedFilter::default();
    let page = parked(world).list(&all, None, MAX_PAGE).await;
    page.expect("a list").sequences
}

/// How many records are parked of each sequence, by name.
async fn counts(world: &World) -> Vec<(String, usize)> {
    let listed = list(world).await.into_iter();
    let counts = listed.map(|found| {
        let (_, subject) = found.place.sequence.split_once('/').unwrap_or_default();
        (subject.to_owned(), found.records)
    });
    let mut counts: Vec<_> = counts.collect();
    counts.sort_unstable();
    counts
}

/// Waits until so many records are parked of the only sequence.
async fn reaches(world: &World, records: usize) -> ParkedSequence {
    eventually(|| async {
        // Before the consumer's start there is no topic.
        let page = parked(world).list(&ParkedFilter::default(), None, 10).await;
        page.is_ok_and(|page| {
            page.sequences
                .iter()
                .map(|found| found.records)
                .sum::<usize>()
                == records
        })
    })
    .await;
    list(world).await.remove(0)
}

async fn release_all(world: &World) -> ParkedReport {
    let all = ParkedSelection::Matching(ParkedFilter::default());
    let orders = ParkedOrders::by("ann").reason("mended");
    parked(world)
        .release(&all, &orders)
        .await
        .expect("released")
}

async fn nothing_left(world: &World) {
    eventually(|| async { list(world).await.is_empty() }).await;
}

async fn committed(world: &World, offset: i64) {
    eventually(|| async { world.committed("c").await == offset }).await;
}

/// The originals' offsets in the order in which they lie in the parked topic, marks left out.
async fn log(world: &World) -> Vec<i64> {
    let mut log = world.log("order.events.c.parked").await;
    log.sort_by_key(|record| (record.partition(), record.offset()));
    log.iter()
        .filter(|record| record.payload().is_some())
        .map(|record| header(record, "dlq-original-offset").parse().unwrap())
        .collect()
}

async fn world_with(
    partitions: i32,
    events: impl IntoIterator<Item = (&str, i64)>,
) -> (World, TenantRef) {
    let (world, acme) = (World::with_partitions(partitions).await, tenant());
    for (subject, number) in events {
        world.publish(&acme, subject, [number]).await;
    }
    (world, acme)
}

fn consume(world: &World, ward: &Ward) -> Running {
    run(parking(world), ward.handler())
}

#[tokio::test]
async fn what_comes_behind_a_failed_event_is_parked_in_order_and_released_as_a_whole() {
    let world = World::with_partitions(3).await;
    let (acme, other) = (tenant(), tenant());
    let ward = Ward::with_bad("a", 1);
    let consumer = consume(&world, &ward);
    world.publish(&acme, "a", 0..12).await;
    world.publish(&acme, "b", 0..5).await;
    world.publish(&other, "x", 0..5).await;

    let sequence = reaches(&world, 11).await;

    ward.has("b", 0..5).await;
    ward.has("x", 0..5).await;
    assert_eq!(ward.numbers("a"), [0]);
    committed(&world, 22).await;
    assert!(world.dead_letters().await.is_empty());
    assert_eq!(sequence.place.topic, "order.events.c.parked");
    assert_eq!(sequence.place.sequence, format!("{}/a", acme.id));
    assert_eq!(
        (sequence.topic.as_str(), sequence.group.as_deref()),
        ("order.events", Some("c"))
    );
    assert_eq!(sequence.tenant, Some(acme.id));
    assert!(!sequence.is_releasing && sequence.failed.is_none() && sequence.since.is_some());
    let head = &sequence.head;
    assert_eq!(head.error.as_deref(), Some("no luck with 1"));
    assert_eq!(
        (head.class.as_deref(), head.attempts),
        (Some("permanent"), Some(1))
    );
    assert_eq!(head.original_partition, Some(sequence.place.partition));
    let shown = parked(&world)
        .show(&sequence.place, MAX_PAGE)
        .await
        .unwrap();
    let offsets: Vec<_> = shown
        .records
        .iter()
        .map(|letter| letter.original_offset)
        .collect();
    assert!(offsets.is_sorted() && offsets.len() == 11, "{offsets:?}");
    let second = &shown.records[1];
    assert_eq!(
        (second.class.as_deref(), second.attempts),
        (Some("parked"), Some(0))
    );
    let behind = format!("waits behind {}", head.original());
    assert_eq!(second.error.as_deref(), Some(behind.as_str()));
    assert!(shown.marks.is_empty());

    ward.mend();
    let report = release_all(&world).await;
    assert!(report.is_complete() && report.done() == 1, "{report:?}");
    world.publish(&acme, "a", 12..20).await;

    ward.has("a", 0..20).await;
    nothing_left(&world).await;
    let gone = parked(&world).show(&sequence.place, 1).await.unwrap_err();
    assert!(matches!(gone, DeadLetterError::NotParked(_)), "{gone}");
    consumer.stop().await;
    assert_eq!(world.committed("c").await, 30);
}

#[tokio::test]
async fn a_release_that_fails_again_keeps_the_rest_and_tells_why() {
    let events = (0..8).map(|number| ("a", number));
    let (world, acme) = world_with(1, events).await;
    let ward = Ward::with_bad("a", 0);
    let consumer = consume(&world, &ward);
    reaches(&world, 8).await;
    ward.mend();
    ward.breaks("a", 2);

    release_all(&world).await;

    ward.has("a", 0..2).await;
    eventually(|| async {
        list(&world)
            .await
            .first()
            .is_some_and(|found| found.failed.is_some())
    })
    .await;
    let sequence = reaches(&world, 6).await;
    assert!(!sequence.is_releasing);
    assert_eq!(sequence.head.original_offset, Some(2));
    let failed = sequence.failed.as_ref().unwrap();
    assert_eq!(
        (failed.kind.clone(), failed.by.as_str()),
        (MarkKind::Failed, "c")
    );
    assert_eq!(failed.reason.as_deref(), Some("no luck with 2"));
    assert_eq!(
        (failed.class.as_deref(), failed.attempts),
        (Some("permanent"), Some(1))
    );
    world.publish(&acme, "a", [8]).await;
    reaches(&world, 7).await;
    assert_eq!(ward.numbers("a"), [0, 1]);
    let shown = parked(&world).show(&sequence.place, 2).await.unwrap();
    assert_eq!(shown.records.len(), 2);
    let kinds: Vec<_> = shown
        .marks
        .iter()
        .map(|mark| mark.kind.to_string())
        .collect();
    assert_eq!(kinds, ["release", "done", "done", "failed"]);
    assert_eq!(
        (shown.marks[0].by.as_str(), shown.marks[0].reason.as_deref()),
        ("ann", Some("mended"))
    );

    ward.mend();
    release_all(&world).await;
    ward.has("a", 0..9).await;
    nothing_left(&world).await;
    consumer.stop().await;
}

#[tokio::test]
async fn a_discarded_head_lets_the_rest_go_on_when_that_is_released() {
    let (world, acme) = world_with(1, (0..4).map(|number| ("a", number))).await;
    let ward = Ward::with_bad("a", 0);
    let consumer = consume(&world, &ward);
    let sequence = reaches(&world, 4).await;
    let (parked, head) = (parked(&world), sequence.head.place.offset);
    let orders = ParkedOrders::by("ann").reason("a test order");

    let wrong = parked
        .discard_head(&sequence.place, &ParkedOrders::by("ann"))
        .await;
    assert!(matches!(
        wrong,
        Err(DeadLetterError::Invalid {
            field: "reason",
            ..
        })
    ));
    let other = orders.clone().if_head(head + 1);
    let other = parked.discard_head(&sequence.place, &other).await.unwrap();
    assert_eq!(
        other.sequences[0].outcome,
        ParkedOutcome::OtherHead { head }
    );
    let planned = orders.clone().if_head(head).dry_run();
    let planned = parked
        .discard_head(&sequence.place, &planned)
        .await
        .unwrap();
    assert!(planned.dry_run && planned.done() == 1);
    assert_eq!(reaches(&world, 4).await.head.place.offset, head);
    let done = parked
        .discard_head(&sequence.place, &orders.if_head(head))
        .await
        .unwrap();

    assert!(done.is_complete());
    let rest = reaches(&world, 3).await;
    assert_eq!(
        (rest.head.original_offset, rest.is_releasing),
        (Some(1), false)
    );
    world.publish(&acme, "a", [4]).await;
    reaches(&world, 4).await;
    release_all(&world).await;
    ward.has("a", 1..5).await;
    nothing_left(&world).await;
    consumer.stop().await;
}

#[tokio::test]
async fn what_is_parked_stays_so_across_a_restart() {
    let (world, acme) = world_with(2, (0..3).map(|number| ("a", number))).await;
    let ward = Ward::with_bad("a", 0);
    let first = consume(&world, &ward);
    reaches(&world, 3).await;
    first.stop().await;
    ward.mend();

    let second = consume(&world, &ward);
    world.publish(&acme, "a", 3..6).await;
    world.publish(&acme, "b", 0..3).await;

    ward.has("b", 0..3).await;
    reaches(&world, 6).await;
    assert!(ward.numbers("a").is_empty());
    second.stop().await;
    // Released while nobody runs.
    release_all(&world).await;
    let third = consume(&world, &ward);
    ward.has("a", 0..6).await;
    nothing_left(&world).await;
    third.stop().await;
}

#[tokio::test]
async fn a_rebalance_keeps_the_order() {
    let world = World::with_partitions(4).await;
    let tenants: Vec<TenantRef> = (0..8).map(|_| tenant()).collect();
    let ward = Ward::default();
    for number in 0..8 {
        ward.breaks(&format!("s{number}"), 2);
    }
    let publish = async |numbers: std::ops::Range<i64>| {
        for (number, tenant) in tenants.iter().enumerate() {
            world
                .publish(tenant, format!("s{number}"), numbers.clone())
                .await;
        }
    };
    let first = consume(&world, &ward);
    publish(0..6).await;
    reaches(&world, 8 * 4).await;

    let second = consume(&world, &ward);
    publish(6..10).await;
    eventually(|| async { !second.control.status().partitions.is_empty() }).await;
    publish(10..12).await;
    reaches(&world, 8 * 10).await;
    ward.mend();
    release_all(&world).await;
    first.stop().await;
    publish(12..14).await;

    for number in 0..8 {
        let subject = format!("s{number}");
        eventually(|| async { ward.numbers(&subject).contains(&13) }).await;
        let mut numbers = ward.numbers(&subject);
        // One whose mark was not written before its partition went is handled again.
        numbers.dedup();
        assert_eq!(numbers, (0..14).collect::<Vec<_>>(), "{subject}");
    }
    nothing_left(&world).await;
    second.stop().await;
}

#[tokio::test]
async fn what_was_parked_and_not_committed_is_not_parked_twice() {
    let (world, _) = world_with(1, (0..6).map(|number| ("a", number))).await;
    let ward = Ward::with_bad("a", 0);
    let first = consume(&world, &ward);
    reaches(&world, 6).await;
    first.stop().await;

    // All come again, as after a crash before anything was committed.
    let again = run(
        parking(&world).rewind(OffsetReset::Earliest),
        ward.handler(),
    );
    world.publish(&tenant(), "z", [0]).await;
    ward.has("z", [0]).await;
    committed(&world, 7).await;

    assert_eq!(log(&world).await, [0, 1, 2, 3, 4, 5]);
    ward.mend();
    release_all(&world).await;
    ward.has("a", 0..6).await;
    again.stop().await;
}

#[tokio::test]
async fn a_release_that_was_broken_off_goes_on_with_the_next_owner() {
    let (world, acme) = world_with(1, (0..8).map(|number| ("a", number))).await;
    let ward = Ward::with_bad("a", 0);
    let first = consume(&world, &ward);
    reaches(&world, 8).await;
    ward.mend();
    ward.sticks("a", 3);
    release_all(&world).await;
    ward.has("a", 0..3).await;
    first.abandon();
    let sequence = list(&world).await.remove(0);
    assert!(sequence.is_releasing);
    let again = release_all(&world).await;
    assert_eq!(again.sequences[0].outcome, ParkedOutcome::Releasing);
    ward.mend();

    let second = consume(&world, &ward);
    world.publish(&acme, "a", 8..10).await;

    eventually(|| async { ward.numbers("a").contains(&9) }).await;
    let mut numbers = ward.numbers("a");
    numbers.dedup();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
    nothing_left(&world).await;
    second.stop().await;
}

#[tokio::test]
async fn a_late_writers_copies_are_dropped_or_go_on_by_themselves() {
    let (world, _) = world_with(1, (0..3).map(|number| ("a", number))).await;
    let ward = Ward::with_bad("a", 0);
    let first = consume(&world, &ward);
    reaches(&world, 3).await;
    first.stop().await;
    let before = world.log("order.events.c.parked").await;
    ward.mend();
    // Of what is parked still; and a mark of a kind nobody knows.
    let copy = before.iter().find(|record| record.offset() == 1).unwrap();
    put(&world, copy, "order.events.c.parked").await;
    let strange = RawRecord {
        topic: "order.events.c.parked".to_owned(),
        partition: Some(0),
        headers: vec![("dlq-act".into(), Some(b"newer".to_vec()))],
        ..RawRecord::default()
    };
    world.producer().publish_raw(strange).await.unwrap();

    release_all(&world).await;
    let second = consume(&world, &ward);

    ward.has("a", 0..3).await;
    nothing_left(&world).await;
    // Of what was released long ago: the inbox knows it.
    put(&world, copy, "order.events.c.parked").await;
    ward.has("a", [0, 1, 2, 1]).await;
    nothing_left(&world).await;
    second.stop().await;
}

/// Puts a record on a topic as it is.
async fn put(world: &World, record: &rdkafka::message::OwnedMessage, topic: &str) {
    use rdkafka::message::Headers;
    let headers = record.headers().into_iter().flat_map(Headers::iter);
    let record = RawRecord {
        topic: topic.to_owned(),
        partition: Some(record.partition()),
        key: record.key().map(<[u8]>::to_vec),
        value: record.payload().map(<[u8]>::to_vec),
        headers: headers
            .map(|header| {
                (
                    header.key.to_owned().into(),
                    header.value.map(<[u8]>::to_vec),
                )
            })
            .collect(),
    };
    world.producer().publish_raw(record).await.unwrap();
}

#[tokio::test]
async fn a_parked_log_is_cut_when_nothing_is_parked_in_it() {
    let (world, _) = world_with(1, [("a", 0), ("a", 1)]).await;
    let ward = Ward::with_bad("a", 0);
    let consumer = consume(&world, &ward);
    reaches(&world, 2).await;
    let old = RawRecord {
        topic: "order.events.c.parked".to_owned(),
        partition: Some(0),
        headers: vec![("dlq-act".into(), Some(b"old".to_vec()))],
        ..RawRecord::default()
    };
    let olds = world.producer().publish_raw_batch(&vec![old; 1_500]).await;
    assert!(olds.iter().all(Result::is_ok));
    let topic = world
        .admin
        .describe("order.events.c.parked")
        .await
        .unwrap()
        .unwrap();
    let marks = async || world.admin.watermarks(&topic).await.unwrap()[0];
    // Longer than it takes to look for what may be cut.
    let looked = tokio::time::Instant::now() + Duration::from_secs(6);
    eventually(|| async { tokio::time::Instant::now() > looked }).await;
    assert_eq!(marks().await.1, 0, "something is parked");

    ward.mend();
    release_all(&world).await;

    ward.has("a", 0..2).await;
    eventually(|| async {
        let (_, low, end) = marks().await;
        low == end && end > 1_500
    })
    .await;
    consumer.stop().await;
    ward.breaks("a", 2);
    let again = consume(&world, &ward);
    world.publish(&tenant(), "a", [2]).await;
    reaches(&world, 1).await;
    again.stop().await;
}

#[tokio::test]
async fn ordered_by_tenant_the_whole_tenant_is_parked() {
    let (world, acme) = world_with(1, [("a", 0), ("b", 1), ("c", 2), ("a", 3)]).await;
    let ward = Ward::with_bad("b", 1);
    let by_tenant = || parking(&world).order_by(ProcessingOrder::Tenant);
    let consumer = run(by_tenant(), ward.handler());
    world.publish(&tenant(), "x", 0..2).await;
    let sequence = reaches(&world, 3).await;
    assert_eq!(sequence.place.sequence, acme.id.to_string());
    ward.has("x", 0..2).await;
    assert_eq!(ward.numbers("a"), [0]);
    consumer.stop().await;
    // Another order of lanes does not forget what is parked.
    let consumer = consume(&world, &ward);
    world.publish(&acme, "c", [4]).await;
    reaches(&world, 4).await;
    consumer.stop().await;
    ward.mend();

    release_all(&world).await;
    let consumer = run(by_tenant(), ward.handler());

    ward.seen.reaches(7).await;
    let seen = ward
        .seen
        .all()
        .into_iter()
        .filter(|(subject, _)| subject != "x");
    let numbers: Vec<i64> = seen.map(|(_, number)| number).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    consumer.stop().await;
}

#[tokio::test]
async fn batches_leave_out_what_is_parked() {
    let events = (0..6).flat_map(|number| [("a", number), ("b", number)]);
    let (world, acme) = world_with(1, events).await;
    let ward = Ward::with_bad("a", 2);
    let batches = |world: &World, ward: &Ward| {
        let ward = ward.clone();
        let handler = Batch::of(move |events: Vec<Received<Placed>>| {
            let ward = ward.clone();
            async move {
                for (handled, event) in events.iter().enumerate() {
                    let done = ward.treat(event).await;
                    done.map_err(|failure| BatchFailure::after(handled, failure))?;
                }
                Ok::<(), BatchFailure>(())
            }
        });
        // One place: both orders share a lane.
        start(
            parking(world)
                .parallel(1)
                .batches(handler, 5, Duration::ZERO),
        )
    };
    let consumer = batches(&world, &ward);
    reaches(&world, 4).await;
    ward.has("b", 0..6).await;
    assert_eq!(ward.numbers("a"), [0, 1]);
    ward.mend();

    release_all(&world).await;
    world.publish(&acme, "a", 6..8).await;

    ward.has("a", 0..8).await;
    consumer.stop().await;
}

#[tokio::test]
async fn when_as_much_is_parked_as_may_be_the_next_waits_for_a_release() {
    let (world, _) = world_with(1, (0..6).map(|number| ("a", number))).await;
    let ward = Ward::with_bad("a", 0);
    let consumer = run(
        parking(&world).max_parked(3).parallel(2).in_flight(4),
        ward.handler(),
    );
    world.publish(&tenant(), "x", 0..3).await;
    reaches(&world, 3).await;
    // The other tenant goes on.
    ward.has("x", 0..3).await;
    assert_eq!(counts(&world).await, [("a".to_owned(), 3)]);
    ward.mend();

    release_all(&world).await;

    ward.has("a", 0..6).await;
    nothing_left(&world).await;
    committed(&world, 9).await;
    consumer.stop().await;
}

#[tokio::test]
async fn what_has_no_sequence_becomes_a_dead_letter() {
    let (world, acme) = world_with(1, []).await;
    let ward = Ward::default();
    let consumer = consume(&world, &ward);
    let noise = RawRecord {
        topic: "order.events".to_owned(),
        partition: Some(0),
        key: Some(acme.id.to_string().into_bytes()),
        value: Some(b"noise".to_vec()),
        ..RawRecord::default()
    };
    world.producer().publish_raw(noise).await.unwrap();
    world.publish(&acme, "a", [0]).await;
    ward.has("a", [0]).await;
    eventually(|| async { world.dead_letters().await.len() == 1 }).await;
    assert!(list(&world).await.is_empty());
    consumer.stop().await;
}

#[tokio::test]
async fn a_paused_tenant_is_not_released_until_it_is_resumed() {
    let (world, acme) = world_with(1, (0..3).map(|number| ("a", number))).await;
    let ward = Ward::with_bad("a", 0);
    let consumer = consume(&world, &ward);
    reaches(&world, 3).await;
    ward.mend();
    consumer.control.pause_tenant(acme.id).await;
    release_all(&world).await;
    world.publish(&tenant(), "x", 0..3).await;
    ward.has("x", 0..3).await;
    assert!(ward.numbers("a").is_empty());
    consumer.control.resume_tenant(acme.id);
    ward.has("a", 0..3).await;
    consumer.stop().await;
}

#[tokio::test]
async fn the_parked_topic_grows_with_its_topic() {
    let (world, acme) = world_with(1, [("a", 0)]).await;
    let ward = Ward::with_bad("a", 0);
    let first = consume(&world, &ward);
    reaches(&world, 1).await;
    first.stop().await;
    let parked_topic = world
        .admin
        .describe("order.events.c.parked")
        .await
        .unwrap()
        .unwrap();
    let settings = world.admin.settings_of(&parked_topic).await.unwrap();
    assert_eq!(settings["retention.ms"], "-1");
    assert_eq!(
        settings["max.message.bytes"],
        (1_048_588 + (64 << 10)).to_string()
    );

    world.admin.grow("order.events", 3).await.unwrap();
    let second = consume(&world, &ward);
    for number in 0..9 {
        ward.breaks(&format!("s{number}"), 0);
        world.publish(&tenant(), format!("s{number}"), [0]).await;
    }
    reaches(&world, 10).await;
    let grown = world
        .admin
        .describe("order.events.c.parked")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(grown.partitions.len(), 3);
    let page = ParkedFilter {
        tenant: Some(acme.id),
        ..ParkedFilter::default()
    };
    let page = parked(&world).list(&page, None, 5).await.unwrap();
    assert_eq!(page.sequences.len(), 1);
    let mut places = HashSet::new();
    let mut after = None;
    loop {
        let page = parked(&world)
            .list(&ParkedFilter::default(), after.as_ref(), 3)
            .await
            .unwrap();
        places.extend(page.sequences.into_iter().map(|found| found.place));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(places.len(), 10, "pages go on where the last ended");
    second.stop().await;
}

#[tokio::test]
async fn filters_choose_by_topic_and_group_and_wrong_ones_are_told() {
    let (world, _) = world_with(1, [("a", 0)]).await;
    world
        .admin
        .create_topics(&[TopicSpec::new("order", 1)])
        .await
        .unwrap();
    let ward = Ward::with_bad("a", 0);
    let consumer = consume(&world, &ward);
    reaches(&world, 1).await;
    let found = async |topic: &str, group: &str| {
        let filter = ParkedFilter {
            topics: vec![topic.to_owned()],
            group: Some(group.to_owned()),
            tenant: None,
        };
        parked(&world)
            .list(&filter, None, 10)
            .await
            .map(|page| page.sequences.len())
    };
    assert_eq!(found("order.events", "c").await.unwrap(), 1);
    assert_eq!(found("order.events", "d").await.unwrap(), 0);
    assert_eq!(found("order", "events.c").await.unwrap(), 0);
    let error = found("nowhere", "c").await.unwrap_err().to_string();
    assert!(error.contains("there is no topic nowhere"), "{error}");
    let place = "order.events.c.parked/7/-/a".parse().unwrap();
    let error = parked(&world).show(&place, 1).await.unwrap_err();
    assert!(matches!(error, DeadLetterError::NotParked(_)), "{error}");
    consumer.stop().await;
}

#[test]
fn a_group_that_no_topic_can_be_named_for_is_told_so() {
    let world = World::without_topics();
    let built = |group: &str| {
        let consumer = world.consumer(group).park().handler(Router::new()).build();
        consumer.err().expect("refused").to_string()
    };
    assert!(
        built("my group").contains("name the group with letters"),
        "{}",
        built("my group")
    );
    assert!(built(&"g".repeat(240)).contains("shorten the group's name"));
}

#[tokio::test]
async fn a_stop_lets_the_record_that_is_being_released_end_and_the_next_goes_on_behind_it() {
    let (world, _) = world_with(1, (0..4).map(|number| ("a", number))).await;
    let ward = Ward::with_bad("a", 0);
    let slow = || parking(&world).drain(Duration::from_secs(20));
    let first = run(slow(), ward.handler());
    reaches(&world, 4).await;
    ward.mend();
    ward.sticks("a", 1);
    release_all(&world).await;
    eventually(|| async { ward.begun("a", 1) }).await;

    let mut stopped = tokio::spawn(first.stop());
    eventually(|| async { list(&world).await[0].records == 3 }).await;
    let waited = tokio::time::timeout(Duration::from_secs(3), &mut stopped).await;
    assert!(waited.is_err(), "it stopped without waiting");
    ward.lets_go();
    stopped.await.unwrap();

    ward.has("a", 0..2).await;
    assert_eq!(list(&world).await[0].records, 2, "the mark was written");
    let second = run(slow(), ward.handler());
    ward.has("a", 0..4).await;
    nothing_left(&world).await;
    second.stop().await;
}

/// What [`a_member_is_killed_in_the_middle_of_a_release`] runs in a process of its own.
#[tokio::test]
#[ignore = "a part of another test"]
async fn a_member_to_be_killed() {
    let Ok(prefix) = std::env::var("PARKING_PREFIX") else {
        return;
    };
    let mut world = World::without_topics();
    world.settings.topic_prefix = prefix;
    let ward = Ward::default();
    ward.sticks("a", 3);
    let consumer = consume(&world, &ward);
    consumer.ends().await;
}

/// A process that does not outlive its test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("gone");
    }
}

#[tokio::test]
async fn a_member_is_killed_in_the_middle_of_a_release() {
    let (world, acme) = world_with(1, (0..8).map(|number| ("a", number))).await;
    let ward = Ward::with_bad("a", 0);
    let first = consume(&world, &ward);
    reaches(&world, 8).await;
    first.stop().await;
    ward.mend();
    release_all(&world).await;
    let test = std::env::current_exe().expect("this test");
    let child = std::process::Command::new(test)
        .args(["--exact", "--ignored", "parking::a_member_to_be_killed"])
        .env("PARKING_PREFIX", &world.settings.topic_prefix)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("a process");
    let child = Killed(child);
    // Three are handled there, the fourth never ends.
    reaches(&world, 5).await;
    drop(child);

    let second = consume(&world, &ward);
    world.publish(&acme, "a", 8..10).await;

    eventually(|| async { ward.numbers("a").contains(&9) }).await;
    assert_eq!(ward.numbers("a"), (3..10).collect::<Vec<_>>());
    nothing_left(&world).await;
    second.stop().await;
}
