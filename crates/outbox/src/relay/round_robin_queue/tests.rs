use super::*;
use crate::RelaySettings;

struct Fixture {
    queue: RoundRobinQueue,
    limits: ConcurrencyLimits,
}

impl Fixture {
    fn new() -> Self {
        Self {
            queue: RoundRobinQueue::default(),
            limits: ConcurrencyLimits::new(&RelaySettings::default()),
        }
    }

    fn next(&mut self) -> Option<OutboxId> {
        let (attempt, _permit) = self.queue.next(&self.limits)?;
        Some(attempt.outbox)
    }

    /// The next queued outbox, waiting for delays to expire.
    async fn next_after_delays(&mut self) -> OutboxId {
        loop {
            if let Some(outbox) = self.next() {
                return outbox;
            }
            self.queue.delay_expired().await;
        }
    }

    fn drained(&mut self, outbox: &OutboxId, drained: DrainOutcome) {
        self.finished(outbox, AttemptOutcome::Drained(drained));
    }

    fn finished(&mut self, outbox: &OutboxId, outcome: AttemptOutcome) {
        self.queue.finished(task::id(), outbox.clone(), outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stuck_outbox_is_retried_until_it_is_drained() {
    tokio::spawn(async {
        let (mut fixture, acme) = (Fixture::new(), OutboxId::from("acme"));
        fixture.queue.enqueue(acme.clone());
        for _ in 0..20 {
            assert_eq!(fixture.next_after_delays().await, acme);
            fixture.drained(
                &acme,
                DrainOutcome::Stuck("kafka is unavailable".to_owned()),
            );
            fixture.queue.enqueue(acme.clone()); // a wake-up does not shorten the backoff
            assert!(fixture.next().is_none());
        }
        assert_eq!(fixture.next_after_delays().await, acme);
        fixture.drained(&acme, DrainOutcome::Empty);
        assert_eq!(fixture.next(), None);
        assert!(fixture.queue.delayed.is_empty());
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_busy_outbox_is_retried_shortly() {
    tokio::spawn(async {
        let (mut fixture, acme) = (Fixture::new(), OutboxId::from("acme"));
        fixture.queue.enqueue(acme.clone());
        fixture.next();
        fixture.drained(&acme, DrainOutcome::Busy);
        assert_eq!(fixture.next_after_delays().await, acme);
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_during_an_attempt_causes_another_one() {
    tokio::spawn(async {
        let (mut fixture, acme) = (Fixture::new(), OutboxId::from("acme"));
        fixture.queue.enqueue(acme.clone());
        fixture.next();
        fixture.queue.enqueue(acme.clone());
        fixture.drained(&acme, DrainOutcome::Empty);
        assert_eq!(fixture.next(), Some(acme));
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_outbox_with_more_rows_is_moved_to_the_end_of_the_queue() {
    tokio::spawn(async {
        let mut fixture = Fixture::new();
        let (loud, quiet) = (OutboxId::from("loud"), OutboxId::from("quiet"));
        fixture.queue.enqueue(loud.clone());
        fixture.queue.enqueue(quiet.clone());
        assert_eq!(fixture.next().as_ref(), Some(&loud));
        assert!(!fixture.queue.is_empty());
        fixture.drained(&loud, DrainOutcome::More);
        assert_eq!(fixture.next(), Some(quiet));
        assert!(!fixture.queue.is_empty());
        assert_eq!(fixture.next(), Some(loud));
        assert!(fixture.queue.is_empty());
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn unresponsive_outboxes_use_separate_permits_until_they_respond() {
    tokio::spawn(async {
        let mut fixture = Fixture::new();
        let unresponsive: Vec<_> = (0..100).map(|n| OutboxId::from(format!("w{n}"))).collect();
        for outbox in &unresponsive {
            fixture.queue.enqueue(outbox.clone());
            fixture.next();
            fixture.finished(
                outbox,
                AttemptOutcome::Unreachable("no response".to_owned()),
            );
        }
        for _ in &unresponsive {
            fixture.queue.delay_expired().await;
        }
        // All of them are queued for a retry. Acquire every retry permit.
        let mut held = Vec::new();
        while let Some(attempt) = fixture.queue.next(&fixture.limits) {
            held.push(attempt);
        }
        assert_eq!(held.len(), RelaySettings::default().retry_concurrency);

        fixture.queue.enqueue("quick".into());
        assert_eq!(fixture.next(), Some("quick".into()));

        // An outbox that responds returns to the primary queue.
        let (attempt, permit) = held.pop().unwrap();
        drop(permit);
        fixture.drained(&attempt.outbox, DrainOutcome::More);
        assert!(fixture.queue.ready.contains(&attempt.outbox));
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_kafka_outage_does_not_make_databases_unresponsive() {
    tokio::spawn(async {
        let mut fixture = Fixture::new();
        fixture.queue.enqueue("acme".into());
        fixture.next();
        fixture.drained(
            &"acme".into(),
            DrainOutcome::Stuck("kafka is unavailable".to_owned()),
        );
        fixture.queue.delay_expired().await;
        assert!(fixture.queue.retries.is_empty() && fixture.queue.ready.len() == 1);
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn only_a_full_sweep_refreshes_the_refused_count() {
    let mut fixture = Fixture::new();
    fixture.queue.enqueue_swept("all".into(), Sweep::All);
    fixture.queue.enqueue_swept("marked".into(), Sweep::Dirty);
    let refused_count =
        |fixture: &mut Fixture| fixture.queue.next(&fixture.limits).unwrap().0.refused_count;
    assert_eq!(refused_count(&mut fixture), RefusedCount::Refresh);
    assert_eq!(refused_count(&mut fixture), RefusedCount::Keep);
}
