use proptest::prelude::*;

use super::*;

fn due() -> Due {
    Due {
        order_id: OrderId(Uuid::now_v7()),
        buyer_id: UserId::generate(),
        amount: Money::new(1999, "EUR".parse().unwrap()),
    }
}

fn payment() -> Payment {
    Payment::ask(due(), "test", OffsetDateTime::UNIX_EPOCH)
}

/// Each status, reached by the steps that lead there.
fn at(status: Status) -> Payment {
    let (mut payment, now) = (payment(), OffsetDateTime::UNIX_EPOCH);
    match status {
        Status::Pending => {}
        Status::Succeeded => assert_eq!(payment.settle(now), Ok(Change::Made)),
        Status::Cancelled => assert_eq!(payment.end(now), End::Cancelled),
        Status::Refunded => {
            assert_eq!(payment.settle(now), Ok(Change::Made));
            assert_eq!(payment.end(now), End::Refunded);
        }
    }
    assert_eq!(payment.status, status);
    payment
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Settle,
    End,
}

proptest! {
    /// Whatever comes in whatever order, however often: every change is a step that the diagram has, a refusal changes
    /// nothing, the version counts the changes, and money in is money out or kept.
    #[test]
    fn a_payment_only_takes_steps_of_its_diagram_and_balances(
        steps in prop::collection::vec(prop_oneof![Just(Step::Settle), Just(Step::End)], 0..12),
        first_ended: bool,
    ) {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut payment = if first_ended { Payment::never_due(due(), "test", now) } else { payment() };
        let (mut taken, mut returned) = (0, 0);
        for step in steps {
            let before = payment.clone();
            let changed = match step {
                Step::Settle => payment.settle(now) == Ok(Change::Made),
                Step::End => payment.end(now) != End::Before,
            };
            if changed {
                prop_assert!(before.status.can_become(payment.status));
                prop_assert_eq!(payment.version, before.version + 1);
                match payment.status {
                    Status::Succeeded => taken += payment.amount.amount,
                    Status::Refunded => returned += payment.amount.amount,
                    Status::Pending | Status::Cancelled => {}
                }
            } else {
                prop_assert_eq!(&payment, &before);
            }
            let kept = if payment.status == Status::Succeeded { payment.amount.amount } else { 0 };
            prop_assert_eq!(taken, returned + kept);
            prop_assert!(taken <= payment.amount.amount);
        }
    }
}

#[test]
fn every_status_reads_back() {
    for status in Status::ALL {
        assert_eq!(status.as_str().parse::<Status>().unwrap(), status);
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
    assert!("PAID".parse::<Status>().is_err());
}

#[test]
fn every_step_is_taken_exactly_where_the_diagram_has_it() {
    let now = OffsetDateTime::UNIX_EPOCH;
    for from in Status::ALL {
        let mut settled = at(from);
        let made = settled.settle(now) == Ok(Change::Made);
        assert_eq!(made, from.can_become(Status::Succeeded), "{from} settles");
        let mut ended = at(from);
        match ended.end(now) {
            End::Cancelled => assert!(from.can_become(Status::Cancelled)),
            End::Refunded => assert!(from.can_become(Status::Refunded)),
            End::Before => {
                assert!(!from.can_become(Status::Cancelled) && !from.can_become(Status::Refunded));
            }
        }
        for to in Status::ALL {
            assert!(
                !(from.can_become(to) && to.can_become(from)),
                "{from} ⇄ {to}"
            );
        }
    }
}

#[test]
fn a_cancelled_payment_is_never_taken() {
    let mut payment = at(Status::Cancelled);
    assert_eq!(payment.settle(OffsetDateTime::UNIX_EPOCH), Err(Refused));
    assert_eq!(payment.status, Status::Cancelled);
}

#[test]
fn what_went_back_is_not_taken_again() {
    let mut payment = at(Status::Refunded);
    assert_eq!(payment.settle(OffsetDateTime::UNIX_EPOCH), Ok(Change::None));
    assert_eq!(payment.status, Status::Refunded);
}
