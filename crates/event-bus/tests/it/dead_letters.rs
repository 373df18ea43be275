//! Letters listed, found, given up and counted, as an operator does.

use std::time::Duration;

use event_bus::dlq::{
    ActKind, DeadLetterAdmin, DeadLetterError, DeadLetterFilter, DeadLetterState, Discard, Outcome,
    Replay, Selection,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    letters::{
        Clinic, acts, all, any_state, count_of, dead_letters, list, open, opens, put, put_letter,
        replay_all, states,
    },
    world::{World, run, tenant},
};

/// The open letters, but for this change.
fn filter(change: impl FnOnce(&mut DeadLetterFilter)) -> DeadLetterFilter {
    let mut filter = DeadLetterFilter::default();
    change(&mut filter);
    filter
}

#[tokio::test]
async fn letters_are_found_by_each_part_of_their_story() {
    let world = World::with_partitions(3).await;
    let acme = tenant().id.to_string();
    let text = |text: &str| Some(text.to_owned());
    put_letter(&world, 0, &[("ce_tenantid", &acme)]).await;
    put_letter(&world, 1, &[("ce_type", "order.paid")]).await;
    put_letter(&world, 2, &[("dlq-error", "No Such Shelf: 7")]).await;
    put_letter(&world, 0, &[("dlq-error-class", "permanent")]).await;
    put_letter(&world, 1, &[("dlq-group", "mailer")]).await;
    let dead = "order.events.dlq";
    put(&world, dead, 0, &acme, b"\xff", &[("dlq-group", "x")]).await;
    let letters = dead_letters(&world);

    let tenant = Some(acme.parse().unwrap());
    let cases: [(DeadLetterFilter, &[&str]); 7] = [
        (filter(|of| of.tenant = tenant), &["0/0", "0/2"]), // by header, by key
        (filter(|of| of.event_type = text("order.paid")), &["1/0"]),
        (filter(|of| of.error = text("such shelf")), &["2/0"]),
        (filter(|of| of.class = text("permanent")), &["0/1"]),
        (filter(|of| of.group = text("mailer")), &["1/1"]),
        (
            filter(|of| (of.tenant, of.group) = (tenant, text("c"))),
            &["0/0"],
        ),
        (
            filter(|of| of.topics = vec!["order.events".to_owned()]),
            &["0/0", "0/1", "0/2", "1/0", "1/1", "2/0"],
        ),
    ];
    for (filter, places) in cases {
        let found = list(&letters, &filter).await.into_iter();
        let found: Vec<_> = found.map(|letter| letter.place.to_string()).collect();
        let expected: Vec<_> = places
            .iter()
            .map(|place| format!("{dead}/{place}"))
            .collect();
        assert_eq!(found, expected, "{filter}");
    }
}

#[tokio::test]
async fn letters_are_found_by_time_and_state() {
    let world = World::with_partitions(2).await;
    put_letter(&world, 0, &[]).await;
    put_letter(&world, 1, &[]).await;
    let now = OffsetDateTime::now_utc();
    let failed = now.format(&Rfc3339).unwrap();
    put_letter(&world, 1, &[("dlq-last-failure", &failed)]).await;
    put_letter(&world, 0, &[("dlq-last-failure", "")]).await;
    let letters = dead_letters(&world);
    let found = async |filter: DeadLetterFilter| -> Vec<String> {
        let found = list(&letters, &filter).await.into_iter();
        found.map(|letter| letter.place.to_string()).collect()
    };

    let since = found(filter(|of| of.from = Some(now))).await;
    assert_eq!(since, ["order.events.dlq/1/1"]);
    let before = found(filter(|of| of.to = Some(now))).await;
    assert_eq!(before, ["order.events.dlq/0/0", "order.events.dlq/1/0"]);
    let one = Selection::Letters(vec!["order.events.dlq/1/0".parse().unwrap()]);
    let discard = Discard::by("ann", "old");
    letters.discard(&one, &discard).await.unwrap();
    let discarded = found(filter(|of| of.state = Some(DeadLetterState::Discarded))).await;
    assert_eq!(discarded, ["order.events.dlq/1/0"]);
    assert_eq!(found(DeadLetterFilter::default()).await.len(), 3);
    assert_eq!(found(any_state()).await.len(), 4);
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page() {
    let world = World::with_partitions(3).await;
    for number in 0..7 {
        put_letter(&world, number % 3, &[]).await;
    }
    let letters = dead_letters(&world);
    letters
        .discard(
            &Selection::Letters(vec!["order.events.dlq/1/0".parse().unwrap()]),
            &Discard::by("ann", "old"),
        )
        .await
        .unwrap();
    let (mut places, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = letters
            .list(&DeadLetterFilter::default(), after.as_ref(), 2)
            .await
            .unwrap();
        pages += 1;
        places.extend(page.letters.into_iter().map(|letter| letter.place));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((places.len(), pages), (6, 4));
    assert!(places.is_sorted());

    let first = letters
        .replay(&all(), &Replay::by("ann").limit(4))
        .await
        .unwrap();
    assert_eq!((first.done(), first.next.is_some()), (4, true));
    let rest = Selection::Matching {
        filter: DeadLetterFilter::default(),
        after: first.next,
    };
    assert_eq!(
        letters
            .replay(&rest, &Replay::by("ann"))
            .await
            .unwrap()
            .done(),
        2
    );
    assert!(open(&letters).await.is_empty());
}

#[tokio::test]
async fn a_letter_given_up_needs_a_reason_and_is_replayed_by_force_only() {
    let world = World::with_partitions(1).await;
    put_letter(&world, 0, &[]).await;
    let letters = dead_letters(&world);
    let unreasoned = letters
        .discard(&all(), &Discard::by("ann", " "))
        .await
        .unwrap_err();
    assert_eq!(unreasoned.to_string(), "reason: should say something");

    let report = letters
        .discard(&all(), &Discard::by("ann", "a test order"))
        .await
        .unwrap();

    assert_eq!(report.done(), 1);
    assert_eq!(states(&letters).await, [DeadLetterState::Discarded]);
    let acts = acts(&letters).await;
    assert_eq!((acts.len(), &acts[0].kind), (1, &ActKind::Discarded));
    assert_eq!(acts[0].reason.as_deref(), Some("a test order"));
    let place = &report.letters[0].letter.place;
    let again = letters
        .replay(&place.clone().into(), &Replay::by("ann"))
        .await
        .unwrap();
    let state = DeadLetterState::Discarded;
    assert_eq!(again.letters[0].outcome, Outcome::NotOpen { state });
    let forced = Replay::by("ann").forced();
    let forced = letters
        .replay(&place.clone().into(), &forced)
        .await
        .unwrap();
    assert_eq!(forced.done(), 1);
    assert_eq!(states(&letters).await, [DeadLetterState::Replayed]);
    let shown = letters.show(place).await.unwrap();
    assert_eq!(shown.acts.len(), 2);
    assert_eq!(shown.payload.unwrap()["number"], 1);
}

#[tokio::test]
async fn a_broker_that_is_away_is_an_error_in_time() {
    let mut settings = World::without_topics().settings;
    "127.0.0.1:1".clone_into(&mut settings.bootstrap);
    let letters = DeadLetterAdmin::new(&settings, Duration::from_secs(1)).unwrap();

    let listed = letters.list(&DeadLetterFilter::default(), None, 10).await;
    let replayed = letters.replay(&all(), &Replay::by("ann")).await;

    assert!(matches!(listed, Err(DeadLetterError::Bus(_))));
    assert!(matches!(replayed, Err(DeadLetterError::Bus(_))));
}

#[tokio::test]
async fn what_is_not_there_or_makes_no_sense_is_named() {
    let world = World::with_partitions(1).await;
    put_letter(&world, 0, &[]).await;
    let letters = dead_letters(&world);
    replay_all(&letters).await;
    for place in [
        "order.events.dlq/0/9",
        "order.events.dlq/7/0",
        "nothing.dlq/0/0",
        "order.events.dlq/0/1",
    ] {
        let place = place.parse().unwrap();
        let shown = letters.show(&place).await.unwrap_err();
        assert!(
            matches!(shown, DeadLetterError::NotFound(_)),
            "{place}: {shown}"
        );
        let replayed = letters
            .replay(&place.clone().into(), &Replay::by("ann"))
            .await;
        let replayed = replayed.unwrap_err();
        assert!(
            matches!(replayed, DeadLetterError::NotFound(_)),
            "{place}: {replayed}"
        );
    }
    let topics = vec!["nothing".to_owned()];
    let filter = DeadLetterFilter {
        topics,
        ..DeadLetterFilter::default()
    };
    let unknown = letters.list(&filter, None, 10).await.unwrap_err();
    assert_eq!(unknown.to_string(), "topic: there is no topic nothing.dlq");
    let now = OffsetDateTime::now_utc();
    let filter = DeadLetterFilter {
        from: Some(now),
        to: Some(now),
        ..DeadLetterFilter::default()
    };
    let empty = letters.list(&filter, None, 10).await.unwrap_err();
    assert_eq!(empty.to_string(), "to: should be after from");
    let none = letters
        .list(&DeadLetterFilter::default(), None, 0)
        .await
        .unwrap_err();
    assert_eq!(none.to_string(), "limit: should be 1 to 1000");
}

#[tokio::test]
async fn what_a_publisher_says_of_dead_letters_is_not_believed() {
    let world = World::with_partitions(1).await;
    let consumer = run(world.consumer("c"), Clinic::default().handler());
    let lies = [
        ("dlq-act", "discarded"),
        ("dlq-error", "nothing at all"),
        ("dlq-group", "nobody"),
    ];
    put(&world, "order.events", 0, "key", b"no event", &lies).await;

    let letter = opens(&dead_letters(&world), 1).await.remove(0);

    consumer.stop().await;
    assert_eq!(letter.group.as_deref(), Some("c"));
    assert_eq!(letter.class.as_deref(), Some("undecodable"));
    let dead = world.dead_letters().await;
    assert_eq!(count_of(&dead[0], "dlq-act"), 0);
}

#[tokio::test]
async fn acts_are_counted_by_kind() {
    let world = World::with_partitions(1).await;
    put_letter(&world, 0, &[]).await;
    put_letter(&world, 0, &[]).await;
    let letters = dead_letters(&world);
    let counted = |act: &str| -> f64 {
        let families = prometheus::gather();
        let acts = families
            .iter()
            .find(|family| family.name() == "event_bus_dead_letter_acts_total");
        let metrics = acts.map_or(&[][..], |family| family.get_metric());
        let of_act = metrics
            .iter()
            .filter(|metric| metric.get_label().iter().any(|label| label.value() == act));
        of_act.map(|metric| metric.get_counter().get_value()).sum()
    };
    let before = ["replaying", "replayed", "discarded"].map(counted);

    letters
        .replay(&all(), &Replay::by("ann").limit(1))
        .await
        .unwrap();
    letters
        .discard(&all(), &Discard::by("ann", "old"))
        .await
        .unwrap();

    // Other tests count in the same process.
    let after = ["replaying", "replayed", "discarded"].map(counted);
    assert!(
        before
            .iter()
            .zip(after)
            .all(|(before, after)| after >= before + 1.0)
    );
}
