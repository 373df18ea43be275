use std::collections::{HashMap, HashSet};

use auth::UserId;
use proptest::{prelude::*, sample};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::*;
use crate::domain::{OrderFact, OrderId, OrderTransition};

/// The possible status histories of an order.
const HISTORIES: [&[OrderStatus]; 7] = [
    &[OrderStatus::Created],
    &[OrderStatus::Created, OrderStatus::WaitingForPayment],
    &[
        OrderStatus::Created,
        OrderStatus::WaitingForPayment,
        OrderStatus::Paid,
    ],
    &[
        OrderStatus::Created,
        OrderStatus::WaitingForPayment,
        OrderStatus::Paid,
        OrderStatus::Complete,
    ],
    &[OrderStatus::Created, OrderStatus::Cancelled],
    &[
        OrderStatus::Created,
        OrderStatus::WaitingForPayment,
        OrderStatus::Expired,
    ],
    &[
        OrderStatus::Created,
        OrderStatus::WaitingForPayment,
        OrderStatus::Paid,
        OrderStatus::Refunded,
    ],
];

prop_compose! {
    fn history()(
        id: u128,
        buyer in 0..4_u128,
        amount in 0..1_000_000_i64,
        currency in sample::select(vec!["EUR", "USD", "JPY"]),
        statuses in sample::select(HISTORIES.to_vec()),
    ) -> Vec<OrderTransition> {
        let start = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        statuses.iter().zip(1..).map(|(status, version)| OrderTransition {
            order_id: OrderId(Uuid::from_u128(id)),
            buyer_id: UserId::from(Uuid::from_u128(buyer)),
            total: Money::parse(amount, currency).unwrap(),
            status: *status,
            version,
            at: start + Duration::minutes(version),
        }).collect()
    }
}

prop_compose! {
    /// The histories of several orders and a delivery of their transitions: shuffled, each at least once.
    fn delivered()(histories in prop::collection::vec(history(), 0..12))(
        repeated in prop::collection::vec(any::<sample::Index>(), 0..20),
        shuffled in Just(histories.iter().flatten().cloned().collect::<Vec<_>>()).prop_shuffle(),
        histories in Just(histories),
    ) -> (Vec<Vec<OrderTransition>>, Vec<OrderTransition>) {
        let mut delivery = shuffled.clone();
        for index in repeated {
            if !shuffled.is_empty() {
                let at = index.index(delivery.len());
                delivery.insert(at, shuffled[index.index(shuffled.len())].clone());
            }
        }
        (histories, delivery)
    }
}

/// The facts after a delivery.
fn merged(delivery: &[OrderTransition]) -> HashMap<OrderId, OrderFact> {
    let mut facts: HashMap<OrderId, OrderFact> = HashMap::new();
    for transition in delivery {
        facts
            .entry(transition.order_id)
            .and_modify(|known| known.merge(transition))
            .or_insert_with(|| OrderFact::new(transition));
    }
    facts
}

/// The group of a single order.
fn group(fact: &OrderFact) -> OrderGroup {
    OrderGroup {
        status: fact.status,
        sum: fact.total,
        orders: 1,
        paid: fact.paid_at.is_some().into(),
        completed: fact.completed_at.is_some().into(),
    }
}

fn revenue_of(histories: &[Vec<OrderTransition>], currency: &str) -> i64 {
    let lasts = histories.iter().filter_map(|history| history.last());
    lasts
        .filter(|last| last.total.currency.as_str() == currency)
        .filter(|last| matches!(last.status, OrderStatus::Paid | OrderStatus::Complete))
        .map(|last| last.total.amount)
        .sum()
}

fn count_reaching(histories: &[Vec<OrderTransition>], status: OrderStatus) -> i64 {
    let count = histories
        .iter()
        .filter(|history| history.iter().any(|transition| transition.status == status))
        .count();
    count.try_into().unwrap()
}

proptest! {
    #[test]
    fn totals_depend_only_on_the_distinct_events((histories, delivery) in delivered()) {
        let facts = merged(&delivery);
        let totals = OrderTotals::from_groups(facts.values().map(group)).unwrap();

        prop_assert_eq!(totals.funnel.created, count_reaching(&histories, OrderStatus::Created));
        prop_assert_eq!(totals.funnel.paid, count_reaching(&histories, OrderStatus::Paid));
        prop_assert_eq!(totals.funnel.completed, count_reaching(&histories, OrderStatus::Complete));
        for revenue in &totals.revenue_by_currency {
            prop_assert_eq!(revenue.amount, revenue_of(&histories, revenue.currency.as_str()));
        }
        let currencies: HashSet<_> = histories.iter().map(|history| history[0].total.currency).collect();
        prop_assert_eq!(totals.revenue_by_currency.len(), currencies.len());
        for (status, orders) in &totals.by_status {
            let expected = histories.iter().filter(|history| history.last().unwrap().status == *status).count();
            prop_assert_eq!(*orders, i64::try_from(expected).unwrap());
        }
        for history in &histories {
            let fact = &facts[&history[0].order_id];
            prop_assert_eq!(fact.placed_at, history[0].at);
        }
    }

    #[test]
    fn totals_of_a_part_of_the_log_never_exceed_the_whole((_, delivery) in delivered(), cut: sample::Index) {
        let half = &delivery[..cut.index(delivery.len() + 1)];
        let half = OrderTotals::from_groups(merged(half).values().map(group)).unwrap().funnel;
        let whole = OrderTotals::from_groups(merged(&delivery).values().map(group)).unwrap().funnel;
        prop_assert!(half.created <= whole.created && half.paid <= whole.paid);
        prop_assert!(half.completed <= half.paid && half.paid <= half.created);
    }
}

fn paid_orders(orders: i64, amount: i64, currency: &str) -> OrderGroup {
    let sum = Money::parse(amount, currency).unwrap();
    OrderGroup {
        status: OrderStatus::Paid,
        sum,
        orders,
        paid: orders,
        completed: 0,
    }
}

#[test]
fn the_main_currency_is_that_of_most_orders() {
    let totals = OrderTotals::from_groups([
        paid_orders(1, 900, "EUR"),
        paid_orders(2, 5, "USD"),
        paid_orders(1, 7, "CHF"),
    ])
    .unwrap();
    let currencies: Vec<_> = totals
        .revenue_by_currency
        .iter()
        .map(|money| money.currency.as_str())
        .collect();
    assert_eq!(currencies, ["USD", "CHF", "EUR"]);
    assert_eq!(totals.revenue, Money::new(5, "USD".parse().unwrap()));
}

#[test]
fn without_orders_the_revenue_is_zero() {
    let totals = OrderTotals::from_groups([]).unwrap();
    assert_eq!(totals.revenue, Money::new(0, euro()));
    assert_eq!(totals.revenue_by_currency, []);
    assert_eq!(totals.by_status.len(), OrderStatus::iter().count());
}

#[test]
fn a_sum_that_overflows_is_an_error() {
    let groups = [paid_orders(1, i64::MAX, "EUR"), paid_orders(1, 1, "EUR")];
    assert_eq!(OrderTotals::from_groups(groups), Err(MoneyError::Overflow));
}
