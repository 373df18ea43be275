//! Letters listed, shown, replayed and given up, as an operator does.

use std::time::Duration;

use event_bus::dead_letters::{
    ActKind, DeadLetterError, DeadLetters, Discard, LetterFilter, LetterState, Outcome, Replay,
    ReplayTo, Report, Selection,
};
use rdkafka::{Message, message::Headers};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    letters::{
        Clinic, acts, all, any_state, dead_letters, list, open, opens, per_second, publish, put,
        put_letter, replay_all, states,
    },
    world::{World, eventually, header, run, tenant},
};

fn count_of(message: &impl Message, name: &str) -> usize {
    let headers = message.headers().expect("headers");
    headers.iter().filter(|header| header.key == name).count()
}

#[tokio::test]
async fn a_replayed_event_is_handled_by_the_group_that_failed_and_seen_by_no_other() {
    let world = World::with_partitions(2).await;
    let (broken, healthy, acme) = (Clinic::default(), Clinic::default(), tenant());
    healthy.mend();
    let a = run(world.consumer("a"), broken.handler());
    let b = run(world.consumer("b"), healthy.handler());
    publish(&world, &acme, &["bad", "good"]).await;
    let letters = dead_letters(&world);
    let letter = opens(&letters, 1).await.remove(0);
    assert_eq!(letter.tenant, Some(acme.id));
    assert_eq!(letter.event_type.as_deref(), Some("order.placed"));
    broken.mend();

    let report = letters
        .replay(
            &letter.place.clone().into(),
            &Replay::by("ann").reason("shelf mended"),
        )
        .await
        .unwrap();

    assert!(report.is_complete() && report.done() == 1, "{report:?}");
    eventually(|| async { broken.handled("bad") == 1 }).await;
    publish(&world, &acme, &["after"]).await;
    eventually(|| async { healthy.handled("after") == 1 && broken.handled("after") == 1 }).await;
    assert_eq!(healthy.handled("bad"), 1, "the other group saw it again");
    eventually(|| async { world.committed("b").await == 4 }).await;
    a.stop().await;
    b.stop().await;
    let (log, dead) = (world.log("order.events").await, world.dead_letters().await);
    let sent: Vec<_> = log
        .iter()
        .filter(|record| {
            header(record, "ce_id") == letter.envelope.as_ref().unwrap().id.to_string()
        })
        .collect();
    let [first, again] = sent[..] else {
        panic!("{} records of the event", sent.len())
    };
    assert_eq!(
        (first.key(), first.payload()),
        (again.key(), again.payload())
    );
    assert_eq!(first.partition(), again.partition());
    assert_eq!(header(again, "dlq-replay-group"), "a");
    assert_eq!(header(again, "dlq-replays"), "1");
    assert_eq!(count_of(again, "dlq-error"), 0, "an old story");
    assert_eq!(dead.len(), 3, "a letter, an announcement, an act");
    assert!(open(&letters).await.is_empty());
    assert_eq!(states(&letters).await, [LetterState::Replayed]);
    let acts = acts(&letters).await;
    let kinds: Vec<_> = acts.iter().map(|act| act.kind.clone()).collect();
    assert_eq!(kinds, [ActKind::Replaying, ActKind::Replayed]);
    assert!(
        acts.iter()
            .all(|act| act.id == report.id && act.by == "ann")
    );
    assert_eq!(acts[0].letters, Some(1));
    assert_eq!(acts[1].letter.as_ref(), Some(&letter.place));
    assert_eq!(acts[1].reason.as_deref(), Some("shelf mended"));
    assert_eq!(acts[1].group.as_deref(), Some("a"));
}

#[tokio::test]
async fn a_replay_to_all_groups_is_seen_by_all() {
    let world = World::with_partitions(1).await;
    let (broken, healthy) = (Clinic::default(), Clinic::default());
    healthy.mend();
    let a = run(world.consumer("a"), broken.handler());
    let b = run(world.consumer("b"), healthy.handler());
    publish(&world, &tenant(), &["bad"]).await;
    let letters = dead_letters(&world);
    opens(&letters, 1).await;
    broken.mend();

    let to_all = Replay::by("ann").to(ReplayTo::AllGroups);
    letters.replay(&all(), &to_all).await.unwrap();

    eventually(|| async { broken.handled("bad") == 1 && healthy.handled("bad") == 2 }).await;
    assert_eq!(healthy.effects(), 1, "and its inbox knows it");
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn what_fails_again_keeps_its_id_and_grows_its_trail_until_the_loop_is_stopped() {
    let world = World::with_partitions(1).await;
    let clinic = Clinic::default();
    let consumer = run(world.consumer("c"), clinic.handler());
    publish(&world, &tenant(), &["bad"]).await;
    let letters = dead_letters(&world);
    let first = opens(&letters, 1).await.remove(0);

    for round in 1..=3 {
        assert_eq!(replay_all(&letters).await.done(), 1);
        eventually(|| async { list(&letters, &any_state()).await.len() == round + 1 }).await;
        let again = opens(&letters, 1).await.remove(0);
        assert_eq!(
            again.envelope.unwrap().id,
            first.envelope.as_ref().unwrap().id
        );
        assert_eq!(again.replays as usize, round);
        assert_eq!(again.trail.len(), round);
    }

    let last = opens(&letters, 1).await.remove(0);
    assert_eq!(last.trail[0].letter, first.place);
    assert_eq!(last.trail[0].original, "order.events/0/0");
    assert_eq!(last.trail[2].original, "order.events/0/2");
    assert_eq!(last.original(), "order.events/0/3");
    let dead = world.dead_letters().await;
    let record = dead
        .iter()
        .find(|record| record.offset() == last.place.offset);
    for name in [
        "dlq-error",
        "dlq-group",
        "dlq-original-offset",
        "dlq-replays",
    ] {
        assert_eq!(count_of(record.unwrap(), name), 1, "{name}");
    }
    assert_eq!(count_of(record.unwrap(), "dlq-trail"), 3);
    assert_eq!(count_of(record.unwrap(), "dlq-replay-group"), 0);
    let stopped = replay_all(&letters).await;
    assert_eq!(
        stopped.letters[0].outcome,
        Outcome::LoopStopped { replays: 3 }
    );
    assert!(!stopped.is_complete());
    assert_eq!(world.log("order.events").await.len(), 4, "nothing was sent");

    clinic.mend();
    let forced = letters
        .replay(&all(), &Replay::by("ann").forced())
        .await
        .unwrap();
    assert_eq!(forced.done(), 1);
    eventually(|| async { clinic.handled("bad") == 1 }).await;
    consumer.stop().await;
    assert_eq!(clinic.effects(), 1);
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let world = World::with_partitions(1).await;
    put_letter(&world, 0, &[]).await;
    put_letter(&world, 0, &[("dlq-replays", "3")]).await;
    let letters = dead_letters(&world);

    let replay = letters
        .replay(&all(), &Replay::by("ann").dry_run())
        .await
        .unwrap();
    let discard = Discard::by("ann", "old").dry_run();
    let discard = letters.discard(&all(), &discard).await.unwrap();

    assert_eq!(world.log("order.events").await.len(), 0);
    assert_eq!(world.dead_letters().await.len(), 2, "no act either");
    let planned = |report: &Report| -> Vec<(String, Outcome)> {
        let letters = report.letters.iter();
        let to = |to: &Option<String>| to.clone().unwrap_or_default();
        letters
            .map(|treated| (to(&treated.to), treated.outcome.clone()))
            .collect()
    };
    let stopped = Outcome::LoopStopped { replays: 3 };
    let expected = [
        ("order.events/0".to_owned(), Outcome::Done),
        (String::new(), stopped),
    ];
    assert_eq!(planned(&replay), expected);
    assert_eq!(discard.done(), 2);
    let done = replay_all(&letters).await;
    assert_eq!(planned(&done), expected, "and then it is done so");
}

/// The open letters, but for this change.
fn filter(change: impl FnOnce(&mut LetterFilter)) -> LetterFilter {
    let mut filter = LetterFilter::default();
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
    let cases: [(LetterFilter, &[&str]); 7] = [
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
    let found = async |filter: LetterFilter| -> Vec<String> {
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
    let discarded = found(filter(|of| of.state = Some(LetterState::Discarded))).await;
    assert_eq!(discarded, ["order.events.dlq/1/0"]);
    assert_eq!(found(LetterFilter::default()).await.len(), 3);
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
            .list(&LetterFilter::default(), after.as_ref(), 2)
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
        filter: LetterFilter::default(),
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
async fn a_rate_spaces_the_records() {
    let world = World::with_partitions(1).await;
    for _ in 0..6 {
        put_letter(&world, 0, &[]).await;
    }
    let letters = dead_letters(&world);

    letters
        .replay(&all(), &Replay::by("ann").rate(per_second(20)))
        .await
        .unwrap();

    let acts = acts(&letters).await;
    let times: Vec<_> = acts.iter().map(|act| act.at).collect();
    // The clock of the acts runs from behind the first acknowledgement: one interval is not counted on.
    assert!(
        times[6] - times[1] >= time::Duration::milliseconds(200),
        "{times:?}"
    );
    assert_eq!(world.log("order.events").await.len(), 6);
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
    assert_eq!(states(&letters).await, [LetterState::Discarded]);
    let acts = acts(&letters).await;
    assert_eq!((acts.len(), &acts[0].kind), (1, &ActKind::Discarded));
    assert_eq!(acts[0].reason.as_deref(), Some("a test order"));
    let place = &report.letters[0].letter.place;
    let again = letters
        .replay(&place.clone().into(), &Replay::by("ann"))
        .await
        .unwrap();
    let state = LetterState::Discarded;
    assert_eq!(again.letters[0].outcome, Outcome::NotOpen { state });
    let forced = Replay::by("ann").forced();
    let forced = letters
        .replay(&place.clone().into(), &forced)
        .await
        .unwrap();
    assert_eq!(forced.done(), 1);
    assert_eq!(states(&letters).await, [LetterState::Replayed]);
    let shown = letters.show(place).await.unwrap();
    assert_eq!(shown.acts.len(), 2);
    assert_eq!(shown.payload.unwrap()["number"], 1);
}

#[tokio::test]
async fn a_replay_killed_on_its_way_leaves_letters_open_and_its_repetition_is_harmless() {
    let world = World::with_partitions(1).await;
    let (clinic, acme) = (Clinic::default(), tenant());
    let consumer = run(world.consumer("c"), clinic.handler());
    publish(&world, &acme, &["bad1", "bad2", "bad3"]).await;
    let letters = dead_letters(&world);
    opens(&letters, 3).await;
    clinic.mend();

    let killed = tokio::spawn({
        let letters = letters.clone();
        let slow = Replay::by("ann").rate(per_second(1));
        async move { letters.replay(&all(), &slow).await }
    });
    eventually(|| async { !acts(&letters).await.is_empty() }).await;
    killed.abort();
    let _ = killed.await;

    let announced = acts(&letters).await;
    assert_eq!(
        (announced[0].kind.clone(), announced[0].letters),
        (ActKind::Replaying, Some(3))
    );
    let left = open(&letters).await.len();
    assert!(left >= 1, "none is closed that was not sent");
    // As if the first had gone out and the act had not been written any more: everything is sent again.
    let forced = Selection::matching(any_state());
    assert_eq!(
        letters
            .replay(&forced, &Replay::by("ben").forced())
            .await
            .unwrap()
            .done(),
        3
    );
    eventually(|| async { clinic.effects() == 3 }).await;
    publish(&world, &acme, &["after"]).await;
    eventually(|| async { clinic.handled("after") == 1 }).await;
    consumer.stop().await;
    assert_eq!(clinic.effects(), 4, "each took effect once");
    assert!(open(&letters).await.is_empty());
}

#[tokio::test]
async fn two_who_replay_the_same_letters_do_no_harm_and_each_is_told() {
    let world = World::with_partitions(1).await;
    let clinic = Clinic::default();
    let consumer = run(world.consumer("c"), clinic.handler());
    let subjects: Vec<String> = (0..20).map(|number| format!("bad{number}")).collect();
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    publish(&world, &tenant(), &subjects).await;
    let letters = dead_letters(&world);
    opens(&letters, 20).await;
    clinic.mend();
    // One a second: she is on her way when he comes, and finds done what he did.
    let slow = Replay::by("ann").rate(per_second(1));
    let places = open(&letters).await.into_iter().map(|letter| letter.place);
    let selection = Selection::Letters(places.collect());

    let (ann, ben) = tokio::join!(letters.replay(&selection, &slow), async {
        eventually(|| async { acts(&letters).await.len() >= 2 }).await;
        letters.replay(&selection, &Replay::by("ben")).await
    });

    let (ann, ben) = (ann.unwrap(), ben.unwrap());
    let state = LetterState::Replayed;
    let is_told = |report: &Report| {
        let mut outcomes = report.letters.iter().map(|treated| &treated.outcome);
        outcomes.any(|outcome| *outcome == Outcome::NotOpen { state })
    };
    assert!(is_told(&ann) && is_told(&ben), "{ann:?} {ben:?}");
    eventually(|| async { clinic.effects() == 20 }).await;
    consumer.stop().await;
    assert_eq!(clinic.effects(), 20);
    assert!(open(&letters).await.is_empty());
}

#[tokio::test]
async fn a_broker_that_is_away_is_an_error_in_time() {
    let mut settings = World::without_topics().settings;
    "127.0.0.1:1".clone_into(&mut settings.bootstrap);
    let letters = DeadLetters::new(&settings, Duration::from_secs(1)).unwrap();

    let listed = letters.list(&LetterFilter::default(), None, 10).await;
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
    let filter = LetterFilter {
        topics,
        ..LetterFilter::default()
    };
    let unknown = letters.list(&filter, None, 10).await.unwrap_err();
    assert_eq!(unknown.to_string(), "topic: there is no topic nothing.dlq");
    let now = OffsetDateTime::now_utc();
    let filter = LetterFilter {
        from: Some(now),
        to: Some(now),
        ..LetterFilter::default()
    };
    let empty = letters.list(&filter, None, 10).await.unwrap_err();
    assert_eq!(empty.to_string(), "to: should be after from");
    let none = letters
        .list(&LetterFilter::default(), None, 0)
        .await
        .unwrap_err();
    assert_eq!(none.to_string(), "limit: should be 1 to 1000");
}

#[tokio::test]
async fn a_record_goes_back_to_the_partition_it_came_from_while_there_is_one() {
    let world = World::with_partitions(3).await;
    for _ in 0..6 {
        put_letter(&world, 0, &[("dlq-original-partition", "2")]).await;
    }
    put_letter(&world, 0, &[("dlq-original-partition", "9")]).await;

    let report = replay_all(&dead_letters(&world)).await;

    assert_eq!(report.done(), 7);
    let to = report.letters.iter().map(|treated| treated.to.as_deref());
    let mut expected = vec![Some("order.events/2"); 6];
    expected.push(Some("order.events"));
    assert_eq!(to.collect::<Vec<_>>(), expected);
    let log = world.log("order.events").await;
    let there = log.iter().filter(|record| record.partition() == 2);
    assert!(there.count() >= 6, "whatever their keys say");
    assert_eq!(log.len(), 7);
}
