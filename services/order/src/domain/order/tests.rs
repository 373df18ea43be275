use proptest::prelude::*;

use strum::IntoEnumIterator;
use uuid::Uuid;

use super::*;

fn order() -> Order {
    let price = Money::new(1999, "EUR".parse().unwrap());
    Order {
        id: OrderId::generate(),
        buyer: Buyer {
            id: UserId::generate(),
            email: "ann@example.com".to_owned(),
        },
        status: Status::Created,
        items: vec![Item {
            product_id: ProductId(Uuid::now_v7()),
            name: "Anvil".to_owned(),
            quantity: 1,
            unit_price: price,
            total: price,
        }],
        total: price,
        payment: None,
        transaction_id: None,
        created_at: OffsetDateTime::UNIX_EPOCH,
        expires_at: OffsetDateTime::UNIX_EPOCH,
        updated_at: OffsetDateTime::UNIX_EPOCH,
        version: 1,
    }
}

fn payment(id: u128) -> Payment {
    Payment {
        id: PaymentId(Uuid::from_u128(id)),
        link: "http://pay".to_owned(),
        gateway: "test".to_owned(),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Await(u128),
    Pay(u128),
    Complete(&'static str),
    Cancel,
    Expire,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1u128..3).prop_map(Step::Await),
        (1u128..3).prop_map(Step::Pay),
        prop_oneof![Just("t1"), Just("t2")].prop_map(Step::Complete),
        Just(Step::Cancel),
        Just(Step::Expire),
    ];
    prop::collection::vec(step, 0..12)
}

proptest! {
    /// Whatever comes in whatever order: every change is a step that the diagram has, a refusal changes nothing, the
    /// version counts the changes, and nothing is completed that was not paid.
    #[test]
    fn an_order_only_takes_steps_of_its_diagram(steps in steps()) {
        let mut order = order();
        let mut was_paid = false;
        for step in steps {
            let before = order.clone();
            let now = OffsetDateTime::UNIX_EPOCH;
            let outcome = match step {
                Step::Await(id) => order.await_payment(payment(id), now),
                Step::Pay(id) => order.pay(PaymentId(Uuid::from_u128(id)), now),
                Step::Complete(id) => order.complete(id, now),
                Step::Cancel => order.cancel(now),
                Step::Expire => Ok(order.expire(now)),
            };
            was_paid |= order.status == Status::Paid;
            if let Ok(Change::Made) = outcome {
                prop_assert!(before.status.can_become(order.status));
                prop_assert_eq!(order.version, before.version + 1);
            } else {
                prop_assert_eq!(&order, &before);
            }
            prop_assert!(order.status != Status::Complete || was_paid);
        }
    }
}

#[test]
fn every_status_reads_back() {
    for status in Status::iter() {
        assert_eq!(status.to_string().parse::<Status>().unwrap(), status);
        assert_eq!(serde_json::to_value(status).unwrap(), status.to_string());
    }
}

#[test]
fn no_status_is_left_and_entered_again() {
    for from in Status::iter() {
        for to in Status::iter() {
            assert!(
                !(from.can_become(to) && to.can_become(from)),
                "{from} ⇄ {to}"
            );
        }
    }
}

#[test]
fn a_late_request_for_payment_does_not_take_a_paid_order_back() {
    let (mut order, now) = (order(), OffsetDateTime::UNIX_EPOCH);
    assert_eq!(order.await_payment(payment(1), now), Ok(Change::Made));
    assert_eq!(order.pay(payment(1).id, now), Ok(Change::Made));
    assert_eq!(order.await_payment(payment(1), now), Ok(Change::None));
    assert_eq!(
        order.await_payment(payment(2), now),
        Err(Refused::OtherPayment)
    );
    assert_eq!(order.status, Status::Paid);
}

#[test]
fn an_unpaid_order_is_not_completed() {
    let (mut order, now) = (order(), OffsetDateTime::UNIX_EPOCH);
    assert!(order.complete("t1", now).is_err());
    assert!(
        order.pay(payment(1).id, now).is_err(),
        "nothing to pay was asked for yet"
    );
}
