//! Counts, as Jepsen's Kafka suite names them, against what was acknowledged.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use event_bus::Event;
use events::order::{OrderCreated, ProductStockChanged};
use testkit::{PublishedEvent, TopicLog};
use uuid::Uuid;

use crate::shop::Shop;

/// What was found to be wrong; nothing, in a system that holds its word.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Acknowledged, and not in the database or not on the log.
    pub lost: BTreeSet<Uuid>,
    /// Told of by more than one event.
    pub repeated: BTreeSet<Uuid>,
    /// On the log, and not in the database.
    pub aborted_but_published: BTreeSet<Uuid>,
    /// Aggregates whose events are out of order, each event counted where it is first.
    pub out_of_order: BTreeSet<String>,
    /// Aggregates with a version that no event tells of.
    pub gaps: BTreeSet<String>,
}

/// Holds what the shop acknowledged against its database and the log, once everything is published.
///
/// The relay may send an event again that it was killed over; copies have the same event id and count once, as they
/// take effect once.
pub async fn verdict(shop: &Shop, log: &TopicLog, acknowledged: &[Uuid]) -> Verdict {
    shop.published_everything().await;
    log.read_to_end().await;
    let stored: HashSet<Uuid> = sqlx::query_scalar("SELECT id FROM \"order\".customer_order")
        .fetch_all(&shop.database)
        .await
        .expect("the tenant's database answers")
        .into_iter()
        .collect();

    let events = each_once(shop, log);
    let mut created: BTreeMap<Uuid, usize> = BTreeMap::new();
    let mut versions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for seen in &events {
        let envelope = &seen.envelope;
        if envelope.event_type == OrderCreated::TYPE {
            *created
                .entry(envelope.subject.parse().expect("an order's id"))
                .or_default() += 1;
        }
        versions
            .entry(envelope.subject.clone())
            .or_default()
            .push(envelope.sequence);
    }

    let kept = acknowledged
        .iter()
        .filter(|id| !stored.contains(id) || !created.contains_key(id));
    let untold = stored.iter().filter(|id| !created.contains_key(id));
    let sorted = |versions: &Vec<u64>| versions.is_sorted_by(|one, next| one < next);
    let whole = |versions: &Vec<u64>| {
        let all: BTreeSet<u64> = versions.iter().copied().collect();
        all.iter().copied().eq(1..=all.len() as u64)
    };
    Verdict {
        lost: kept.chain(untold).copied().collect(),
        repeated: created
            .iter()
            .filter(|(_, times)| **times > 1)
            .map(|(id, _)| *id)
            .collect(),
        aborted_but_published: created
            .keys()
            .filter(|id| !stored.contains(id))
            .copied()
            .collect(),
        out_of_order: subjects(&versions, |versions| !sorted(versions)),
        gaps: subjects(&versions, |versions| !whole(versions)),
    }
}

/// The shop's events as the log has them, each where it is first.
fn each_once(shop: &Shop, log: &TopicLog) -> Vec<PublishedEvent> {
    let tenant = shop.tenant.tenant.id.0;
    let mut ids = HashSet::new();
    let mut events = log.events();
    events.retain(|seen| {
        let of_shop = seen
            .envelope
            .tenant
            .as_ref()
            .is_some_and(|of| of.id == tenant);
        of_shop && ids.insert(seen.envelope.id)
    });
    events
}

fn subjects(
    versions: &BTreeMap<String, Vec<u64>>,
    wrong: impl Fn(&Vec<u64>) -> bool,
) -> BTreeSet<String> {
    let wrong = versions.iter().filter(|(_, versions)| wrong(versions));
    wrong.map(|(subject, _)| subject.clone()).collect()
}

/// The reserved pieces that the log tells of last, for the product.
pub fn last_reserved(log: &TopicLog, product: Uuid) -> Option<i64> {
    let of_product = |seen: &PublishedEvent| {
        seen.envelope.event_type == ProductStockChanged::TYPE
            && seen.envelope.subject == product.to_string()
    };
    let last = log
        .events()
        .into_iter()
        .filter(of_product)
        .max_by_key(|seen| seen.envelope.sequence)?;
    last.payload["reserved"].as_i64()
}
