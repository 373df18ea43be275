use std::{io, time::Duration};

use event_bus::{Dependency, Failure, OnError, Received, RetryPolicy, Router};

use crate::world::{Counter, Placed, Seen, World, eventually, header, run, tenant};

const QUICK: Duration = Duration::from_millis(20);

/// A handler that notes and then fails as `failure` says, given the number of the attempt.
fn failing(
    seen: &Seen,
    tries: &Counter,
    failure: impl Fn(&Received<Placed>, usize) -> Option<Failure> + Clone + Send + Sync + 'static,
) -> impl Fn(Received<Placed>) -> futures::future::BoxFuture<'static, Result<(), Failure>>
+ Send
+ Sync
+ 'static {
    let (seen, tries) = (seen.clone(), tries.clone());
    move |event| {
        let (seen, tries, failure) = (seen.clone(), tries.clone(), failure.clone());
        Box::pin(async move {
            if let Some(failure) = failure(&event, tries.next()) {
                return Err(failure);
            }
            seen.note(&event);
            Ok(())
        })
    }
}

#[tokio::test]
async fn a_handler_has_its_own_policy_and_an_error_its_own_way() {
    let world = World::with_partitions(1).await;
    let (seen, tries) = (Seen::default(), Counter::default());
    let policy = RetryPolicy::new()
        .retry([QUICK; 5])
        .on_error::<io::Error>(OnError::Retry(vec![QUICK]))
        .on_error::<std::fmt::Error>(OnError::DeadLetter);
    let handler = failing(&seen, &tries, |event, _| {
        Some(match event.envelope.subject.as_str() {
            "io" => Failure::permanent(io::Error::other("disk")),
            "fmt" => Failure::unavailable(std::fmt::Error),
            _ => Failure::transient("lost a race"),
        })
    });
    let router = Router::new().on_with::<Placed>(policy, handler);
    // The consumer's own policy would not retry at all.
    let consumer = run(world.consumer("c").retry([]), router);
    for subject in ["io", "fmt", "other"] {
        world.publish(&tenant(), subject, [0]).await;
    }
    eventually(|| async { world.dead_letters().await.len() == 3 }).await;
    consumer.stop().await;
    let mut attempts: Vec<(String, String)> = world
        .dead_letters()
        .await
        .iter()
        .map(|letter| {
            let of = |name| header(letter, name).to_owned();
            (of("ce_subject"), of("dlq-attempts"))
        })
        .collect();
    attempts.sort();
    let expected = [("fmt", "1"), ("io", "2"), ("other", "6")];
    assert_eq!(
        attempts,
        expected.map(|(of, n)| (of.to_owned(), n.to_owned()))
    );
}

#[tokio::test]
async fn a_handler_past_its_deadline_failed_transiently() {
    let world = World::with_partitions(1).await;
    let (seen, tries) = (Seen::default(), Counter::default());
    let handler = {
        let (seen, tries) = (seen.clone(), tries.clone());
        move |event: Received<Placed>| {
            let (seen, tries) = (seen.clone(), tries.clone());
            async move {
                if tries.next() < 3 {
                    std::future::pending::<()>().await;
                }
                seen.note(&event);
                Ok::<(), Failure>(())
            }
        }
    };
    let policy = RetryPolicy::new()
        .retry([QUICK; 3])
        .deadline(Duration::from_millis(100));
    let consumer = run(
        world.consumer("c").policy(policy),
        Router::new().on::<Placed>(handler),
    );
    world.publish(&tenant(), "slow", [7]).await;
    seen.reaches(1).await;
    consumer.stop().await;
    assert_eq!(tries.get(), 3);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn what_all_need_is_probed_by_one_at_a_time_while_the_others_wait() {
    let world = World::with_partitions(1).await;
    let (seen, tries) = (Seen::default(), Counter::default());
    let smtp = Dependency::shared("smtp");
    let handler = failing(&seen, &tries, move |_, attempt| {
        (attempt <= 8).then(|| Failure::unavailable("no answer").of(smtp))
    });
    // Four may run at a time: each of them meets the outage once, then only probes do.
    let consumer = run(
        world.consumer("c").parallel(4).retry([]),
        Router::new().on::<Placed>(handler),
    );
    for _ in 0..20 {
        world.publish(&tenant(), "s", 0..5).await;
    }
    eventually(|| async { tries.get() >= 5 }).await;
    let away = consumer.control.status().unavailable;
    assert_eq!(away.first().map(|(dependency, _)| *dependency), Some(smtp));
    seen.reaches(100).await;
    eventually(|| async { world.committed("c").await == 100 }).await;
    assert!(consumer.control.status().unavailable.is_empty());
    consumer.stop().await;
    assert_eq!(
        tries.get(),
        108,
        "eight attempts met the outage, and none more"
    );
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn what_one_tenant_lacks_holds_up_that_tenant_only() {
    let world = World::with_partitions(1).await;
    let (down, up) = (tenant(), tenant());
    let (seen, tries) = (Seen::default(), Counter::default());
    let database = Dependency::of_tenant("postgres");
    let handler = failing(&seen, &Counter::default(), {
        let (tries, down) = (tries.clone(), down.id);
        move |event, _| {
            let of_down = event
                .envelope
                .tenant
                .as_ref()
                .is_some_and(|of| of.id == down);
            (of_down && tries.next() <= 6)
                .then(|| Failure::unavailable("connection refused").of(database))
        }
    });
    let consumer = run(
        world.consumer("c").parallel(4),
        Router::new().on::<Placed>(handler),
    );
    for aggregate in 0..10 {
        world.publish(&down, format!("down{aggregate}"), [0]).await;
    }
    world.publish(&up, "up", 0..50).await;
    seen.reaches(60).await;
    consumer.stop().await;
    let order: Vec<String> = seen.all().into_iter().map(|(subject, _)| subject).collect();
    assert!(
        order[..50].iter().all(|subject| subject == "up"),
        "the other tenant went on: {order:?}"
    );
    assert_eq!(
        tries.get(),
        16,
        "ten aggregates, six attempts that met the outage"
    );
}
