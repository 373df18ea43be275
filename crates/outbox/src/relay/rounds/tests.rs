use super::*;
use crate::RelaySettings;

struct House {
    rounds: Rounds,
    slots: Slots,
}

impl House {
    fn new() -> Self {
        Self {
            rounds: Rounds::default(),
            slots: Slots::new(&RelaySettings::default()),
        }
    }

    fn next(&mut self) -> Option<OutboxId> {
        let (turn, _freed) = self.rounds.next(&self.slots)?;
        Some(turn.outbox)
    }

    /// The next outbox in line, waiting for pauses to end.
    async fn next_after_pauses(&mut self) -> OutboxId {
        loop {
            if let Some(outbox) = self.next() {
                return outbox;
            }
            self.rounds.pause_over().await;
        }
    }

    fn drained(&mut self, outbox: &OutboxId, drained: Drained) {
        self.found(outbox, Found::Drained(drained));
    }

    fn found(&mut self, outbox: &OutboxId, found: Found) {
        self.rounds.finished(task::id(), outbox.clone(), found);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stuck_outbox_comes_back_again_and_again() {
    tokio::spawn(async {
        let (mut house, acme) = (House::new(), OutboxId::from("acme"));
        house.rounds.enqueue(acme.clone());
        for _ in 0..20 {
            assert_eq!(house.next_after_pauses().await, acme);
            house.drained(&acme, Drained::Stuck("kafka is away".to_owned()));
            house.rounds.enqueue(acme.clone()); // a nudge does not bring it forward
            assert!(house.next().is_none());
        }
        assert_eq!(house.next_after_pauses().await, acme);
        house.drained(&acme, Drained::Empty);
        assert_eq!(house.next(), None);
        assert!(house.rounds.delays.is_empty());
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_busy_outbox_is_looked_at_again_shortly() {
    tokio::spawn(async {
        let (mut house, acme) = (House::new(), OutboxId::from("acme"));
        house.rounds.enqueue(acme.clone());
        house.next();
        house.drained(&acme, Drained::Busy);
        assert_eq!(house.next_after_pauses().await, acme);
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_nudge_during_a_look_asks_for_another_one() {
    tokio::spawn(async {
        let (mut house, acme) = (House::new(), OutboxId::from("acme"));
        house.rounds.enqueue(acme.clone());
        house.next();
        house.rounds.enqueue(acme.clone());
        house.drained(&acme, Drained::Empty);
        assert_eq!(house.next(), Some(acme));
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_flooding_outbox_goes_to_the_end_of_the_line() {
    tokio::spawn(async {
        let mut house = House::new();
        let (loud, quiet) = (OutboxId::from("loud"), OutboxId::from("quiet"));
        house.rounds.enqueue(loud.clone());
        house.rounds.enqueue(quiet.clone());
        assert_eq!(house.next().as_ref(), Some(&loud));
        assert!(!house.rounds.nobody_waits());
        house.drained(&loud, Drained::More);
        assert_eq!(house.next(), Some(quiet));
        assert!(!house.rounds.nobody_waits());
        assert_eq!(house.next(), Some(loud));
        assert!(house.rounds.nobody_waits());
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn outboxes_that_did_not_answer_take_no_place_from_the_others_until_they_do() {
    tokio::spawn(async {
        let mut house = House::new();
        let wedged: Vec<_> = (0..100).map(|n| OutboxId::from(format!("w{n}"))).collect();
        for outbox in &wedged {
            house.rounds.enqueue(outbox.clone());
            house.next();
            house.found(outbox, Found::Unreachable("no answer".to_owned()));
        }
        for _ in &wedged {
            house.rounds.pause_over().await;
        }
        // All of them are in line now, and hold every place they can get.
        let mut held = Vec::new();
        while let Some(turn) = house.rounds.next(&house.slots) {
            held.push(turn);
        }
        assert_eq!(held.len(), RelaySettings::default().parallel_retries);

        house.rounds.enqueue("quick".into());
        assert_eq!(house.next(), Some("quick".into()));

        // One that answers is one like any other again.
        let (turn, slot) = held.pop().unwrap();
        drop(slot);
        house.drained(&turn.outbox, Drained::More);
        assert!(house.rounds.ready.contains(&turn.outbox));
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn kafka_being_away_makes_no_outbox_a_suspect() {
    tokio::spawn(async {
        let mut house = House::new();
        house.rounds.enqueue("acme".into());
        house.next();
        house.drained(&"acme".into(), Drained::Stuck("kafka is away".to_owned()));
        house.rounds.pause_over().await;
        assert!(house.rounds.suspects.is_empty() && house.rounds.ready.len() == 1);
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn only_a_wide_sweep_has_what_was_set_aside_counted() {
    let mut house = House::new();
    house.rounds.swept("all".into(), Sweep::All);
    house.rounds.swept("marked".into(), Sweep::Marked);
    let census = |house: &mut House| house.rounds.next(&house.slots).unwrap().0.census;
    assert_eq!(census(&mut house), Census::Take);
    assert_eq!(census(&mut house), Census::Skip);
}
