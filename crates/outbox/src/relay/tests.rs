use super::*;

fn looked(outbox: &OutboxId, found: Drained) -> Look {
    Look {
        outbox: outbox.clone(),
        found,
    }
}

/// The next outbox in line, waiting for pauses to end.
async fn next(rounds: &mut Rounds) -> Option<OutboxId> {
    loop {
        if let Some(outbox) = rounds.next() {
            return Some(outbox);
        }
        let due = rounds.delays.next().await?;
        rounds.due(due.into_inner());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stuck_outbox_comes_back_again_and_again() {
    let (mut rounds, acme) = (Rounds::default(), OutboxId::from("acme"));
    rounds.enqueue(acme.clone());
    for _ in 0..20 {
        assert_eq!(next(&mut rounds).await.as_ref(), Some(&acme));
        rounds.finished(Ok(looked(
            &acme,
            Drained::Stuck("kafka is away".to_owned()),
        )));
        rounds.enqueue(acme.clone()); // a nudge does not bring it forward
        assert!(rounds.ready.is_empty());
    }
    assert_eq!(next(&mut rounds).await.as_ref(), Some(&acme));
    rounds.finished(Ok(looked(&acme, Drained::Empty)));
    assert_eq!(next(&mut rounds).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_busy_outbox_is_looked_at_again_shortly() {
    let (mut rounds, acme) = (Rounds::default(), OutboxId::from("acme"));
    rounds.enqueue(acme.clone());
    rounds.next();
    rounds.finished(Ok(looked(&acme, Drained::Busy)));
    assert_eq!(next(&mut rounds).await, Some(acme));
}

#[tokio::test(start_paused = true)]
async fn a_nudge_during_a_look_asks_for_another_one() {
    let (mut rounds, acme) = (Rounds::default(), OutboxId::from("acme"));
    rounds.enqueue(acme.clone());
    rounds.next();
    rounds.enqueue(acme.clone());
    rounds.finished(Ok(looked(&acme, Drained::Empty)));
    assert_eq!(rounds.next(), Some(acme));
}

#[tokio::test(start_paused = true)]
async fn a_flooding_outbox_goes_to_the_end_of_the_line() {
    let mut rounds = Rounds::default();
    let (loud, quiet) = (OutboxId::from("loud"), OutboxId::from("quiet"));
    rounds.enqueue(loud.clone());
    rounds.enqueue(quiet.clone());
    assert_eq!(rounds.next().as_ref(), Some(&loud));
    rounds.finished(Ok(looked(&loud, Drained::More)));
    assert_eq!(rounds.next(), Some(quiet));
    assert_eq!(rounds.next(), Some(loud));
}
