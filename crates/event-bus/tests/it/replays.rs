//! Letters replayed: who sees them, what they carry, and when they are not.

use event_bus::dlq::{
    ActKind, DeadLetterState, Discard, Outcome, Replay, ReplayTo, Report, Selection,
};
use rdkafka::Message;

use crate::{
    letters::{
        Clinic, acts, all, any_state, count_of, dead_letters, list, open, opens, per_second,
        publish, put_letter, replay_all, states,
    },
    world::{World, eventually, header, run, tenant},
};

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
    assert_eq!(states(&letters).await, [DeadLetterState::Replayed]);
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
    let state = DeadLetterState::Replayed;
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
