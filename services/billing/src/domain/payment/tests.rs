use proptest::prelude::*;
use strum::IntoEnumIterator;

use super::*;

fn due() -> AmountDue {
    AmountDue {
        order_id: OrderId::generate(),
        buyer_id: UserId::generate(),
        amount: Money::parse(1999, "EUR").unwrap(),
    }
}

fn payment() -> Payment {
    Payment::new(due(), "test", OffsetDateTime::UNIX_EPOCH)
}

/// A payment with this status, reached by the transitions that lead there.
fn with_status(status: PaymentStatus) -> Payment {
    let (mut payment, now) = (payment(), OffsetDateTime::UNIX_EPOCH);
    match status {
        PaymentStatus::Pending => {}
        PaymentStatus::Succeeded => assert_eq!(payment.settle(now), Ok(Change::Made)),
        PaymentStatus::Cancelled => assert_eq!(payment.reverse(now), Reversal::Cancelled),
        PaymentStatus::Refunded => {
            assert_eq!(payment.settle(now), Ok(Change::Made));
            assert_eq!(payment.reverse(now), Reversal::Refunded);
        }
    }
    assert_eq!(payment.status, status);
    payment
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Settle,
    Reverse,
}

proptest! {
    /// For any sequence of steps: every change is an allowed transition, a refused step changes nothing, the version
    /// counts the changes, and the money received equals the money refunded plus the money kept.
    #[test]
    fn a_payment_only_makes_allowed_transitions_and_balances(
        steps in prop::collection::vec(prop_oneof![Just(Step::Settle), Just(Step::Reverse)], 0..12),
        reversed_first: bool,
    ) {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut payment = if reversed_first { Payment::new_cancelled(due(), "test", now) } else { payment() };
        let (mut received, mut refunded) = (0, 0);
        for step in steps {
            let before = payment.clone();
            let changed = match step {
                Step::Settle => payment.settle(now) == Ok(Change::Made),
                Step::Reverse => payment.reverse(now) != Reversal::AlreadyDone,
            };
            if changed {
                prop_assert!(before.status.can_become(payment.status));
                prop_assert_eq!(payment.version, before.version + 1);
                match payment.status {
                    PaymentStatus::Succeeded => received += payment.amount.amount,
                    PaymentStatus::Refunded => refunded += payment.amount.amount,
                    PaymentStatus::Pending | PaymentStatus::Cancelled => {}
                }
            } else {
                prop_assert_eq!(&payment, &before);
            }
            let kept = if payment.status == PaymentStatus::Succeeded { payment.amount.amount } else { 0 };
            prop_assert_eq!(received, refunded + kept);
            prop_assert!(received <= payment.amount.amount);
        }
    }
}

#[test]
fn every_status_round_trips_through_text() {
    for status in PaymentStatus::iter() {
        let text = status.to_string();
        assert_eq!(text.parse(), Ok(status));
        assert_eq!(serde_json::to_value(status).unwrap(), text);
    }
    assert!("PAID".parse::<PaymentStatus>().is_err());
}

#[test]
fn every_transition_is_made_exactly_where_it_is_allowed() {
    let now = OffsetDateTime::UNIX_EPOCH;
    for from in PaymentStatus::iter() {
        let mut settled = with_status(from);
        let made = settled.settle(now) == Ok(Change::Made);
        assert_eq!(
            made,
            from.can_become(PaymentStatus::Succeeded),
            "{from} settles"
        );
        let mut reversed = with_status(from);
        match reversed.reverse(now) {
            Reversal::Cancelled => assert!(from.can_become(PaymentStatus::Cancelled)),
            Reversal::Refunded => assert!(from.can_become(PaymentStatus::Refunded)),
            Reversal::AlreadyDone => {
                assert!(
                    !from.can_become(PaymentStatus::Cancelled)
                        && !from.can_become(PaymentStatus::Refunded)
                );
            }
        }
        for to in PaymentStatus::iter() {
            assert!(
                !(from.can_become(to) && to.can_become(from)),
                "{from} ⇄ {to}"
            );
        }
    }
}

#[test]
fn a_cancelled_payment_is_never_settled() {
    let mut payment = with_status(PaymentStatus::Cancelled);
    assert_eq!(
        payment.settle(OffsetDateTime::UNIX_EPOCH),
        Err(PaymentCancelled)
    );
    assert_eq!(payment.status, PaymentStatus::Cancelled);
}

#[test]
fn a_refunded_payment_is_not_settled_again() {
    let mut payment = with_status(PaymentStatus::Refunded);
    assert_eq!(payment.settle(OffsetDateTime::UNIX_EPOCH), Ok(Change::None));
    assert_eq!(payment.status, PaymentStatus::Refunded);
}
