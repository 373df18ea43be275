use std::collections::{HashMap, HashSet};

use auth::UserId;
use proptest::{prelude::*, sample};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::*;
use crate::domain::{OrderFacts, OrderId, Step};

/// The lives an order can have.
const LIVES: [&[Status]; 7] = [
    &[Status::Created],
    &[Status::Created, Status::WaitingForPayment],
    &[Status::Created, Status::WaitingForPayment, Status::Paid],
    &[
        Status::Created,
        Status::WaitingForPayment,
        Status::Paid,
        Status::Complete,
    ],
    &[Status::Created, Status::Cancelled],
    &[Status::Created, Status::WaitingForPayment, Status::Expired],
    &[
        Status::Created,
        Status::WaitingForPayment,
        Status::Paid,
        Status::Refunded,
    ],
];

prop_compose! {
    fn life()(
        id: u128,
        buyer in 0..4_u128,
        amount in 0..1_000_000_i64,
        currency in sample::select(vec!["EUR", "USD", "JPY"]),
        reached in sample::select(LIVES.to_vec()),
    ) -> Vec<Step> {
        let begun = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        reached.iter().zip(1..).map(|(reached, version)| Step {
            order: OrderId(Uuid::from_u128(id)),
            buyer: UserId::from(Uuid::from_u128(buyer)),
            total: Money::new(amount, currency.parse().unwrap()),
            reached: *reached,
            version,
            at: begun + Duration::minutes(version),
        }).collect()
    }
}

prop_compose! {
    /// Steps of several orders as the log holds them, and a delivery of them: shuffled, every step at least once.
    fn delivered()(lives in prop::collection::vec(life(), 0..12))(
        again in prop::collection::vec(any::<sample::Index>(), 0..20),
        seed in Just(lives.iter().flatten().cloned().collect::<Vec<_>>()).prop_shuffle(),
        lives in Just(lives),
    ) -> (Vec<Vec<Step>>, Vec<Step>) {
        let mut delivery = seed.clone();
        for index in again {
            if !seed.is_empty() {
                let at = index.index(delivery.len());
                delivery.insert(at, seed[index.index(seed.len())].clone());
            }
        }
        (lives, delivery)
    }
}

/// The facts that a delivery leaves.
fn merged(delivery: &[Step]) -> HashMap<OrderId, OrderFacts> {
    let mut facts: HashMap<OrderId, OrderFacts> = HashMap::new();
    for step in delivery {
        facts
            .entry(step.order)
            .and_modify(|known| known.learn(step))
            .or_insert_with(|| OrderFacts::of(step));
    }
    facts
}

/// An order as the database's grouping would give it.
fn group(facts: &OrderFacts) -> Group {
    Group {
        status: facts.status,
        sum: facts.total,
        orders: 1,
        paid: facts.paid_at.is_some().into(),
        completed: facts.completed_at.is_some().into(),
    }
}

fn revenue_of(lives: &[Vec<Step>], currency: &str) -> i64 {
    let lasts = lives.iter().filter_map(|life| life.last());
    lasts
        .filter(|last| last.total.currency.as_str() == currency)
        .filter(|last| matches!(last.reached, Status::Paid | Status::Complete))
        .map(|last| last.total.amount)
        .sum()
}

fn having(lives: &[Vec<Step>], reached: Status) -> i64 {
    let count = lives
        .iter()
        .filter(|life| life.iter().any(|step| step.reached == reached))
        .count();
    count.try_into().unwrap()
}

proptest! {
    #[test]
    fn totals_are_the_fold_of_the_distinct_events_however_they_are_delivered((lives, delivery) in delivered()) {
        let facts = merged(&delivery);
        let totals = OrderTotals::of(facts.values().map(group)).unwrap();

        prop_assert_eq!(totals.funnel.created, having(&lives, Status::Created));
        prop_assert_eq!(totals.funnel.paid, having(&lives, Status::Paid));
        prop_assert_eq!(totals.funnel.completed, having(&lives, Status::Complete));
        for revenue in &totals.revenue_by_currency {
            prop_assert_eq!(revenue.amount, revenue_of(&lives, revenue.currency.as_str()));
        }
        let currencies: HashSet<_> = lives.iter().map(|life| life[0].total.currency).collect();
        prop_assert_eq!(totals.revenue_by_currency.len(), currencies.len());
        for (status, orders) in &totals.by_status {
            let there = lives.iter().filter(|life| life.last().unwrap().reached == *status).count();
            prop_assert_eq!(*orders, i64::try_from(there).unwrap());
        }
        for life in &lives {
            let facts = &facts[&life[0].order];
            prop_assert_eq!(facts.placed_at, life[0].at);
        }
    }

    #[test]
    fn half_a_log_is_never_more_than_the_whole((_, delivery) in delivered(), cut: sample::Index) {
        let half = &delivery[..cut.index(delivery.len() + 1)];
        let half = OrderTotals::of(merged(half).values().map(group)).unwrap().funnel;
        let whole = OrderTotals::of(merged(&delivery).values().map(group)).unwrap().funnel;
        prop_assert!(half.created <= whole.created && half.paid <= whole.paid);
        prop_assert!(half.completed <= half.paid && half.paid <= half.created);
    }
}

fn of(orders: i64, amount: i64, currency: &str) -> Group {
    let sum = Money::new(amount, currency.parse().unwrap());
    Group {
        status: Status::Paid,
        sum,
        orders,
        paid: orders,
        completed: 0,
    }
}

#[test]
fn the_main_currency_is_the_one_of_most_orders() {
    let totals = OrderTotals::of([of(1, 900, "EUR"), of(2, 5, "USD"), of(1, 7, "CHF")]).unwrap();
    let currencies: Vec<_> = totals
        .revenue_by_currency
        .iter()
        .map(|money| money.currency.as_str())
        .collect();
    assert_eq!(currencies, ["USD", "CHF", "EUR"]);
    assert_eq!(totals.revenue, Money::new(5, "USD".parse().unwrap()));
}

#[test]
fn without_orders_the_revenue_is_nothing() {
    let totals = OrderTotals::of([]).unwrap();
    assert_eq!(totals.revenue, Money::new(0, euro()));
    assert_eq!(totals.revenue_by_currency, []);
    assert_eq!(totals.by_status.len(), Status::ALL.len());
}

#[test]
fn a_sum_that_cannot_be_held_is_refused() {
    let groups = [of(1, i64::MAX, "EUR"), of(1, 1, "EUR")];
    assert_eq!(OrderTotals::of(groups), Err(MoneyError::Overflow));
}
