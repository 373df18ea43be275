//! What a consumer shows of itself while it runs.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use time::OffsetDateTime;

use crate::{
    consumer::{
        handle::SharedState, offsets::partition::Partition, processing::work_item::HeaderPeek,
        scheduling::ordering_key::OrderingKey,
    },
    metrics,
};

/// Tenants shown by name: those with most to do.
const TOP: usize = 10;
/// How often they are counted.
const TENANTS_INTERVAL: Duration = Duration::from_secs(5);

/// The consumer's metrics, and its part of the status.
pub(super) struct ConsumerMetrics {
    group: String,
    shared: Arc<SharedState>,
    tenants: Mutex<Tenants>,
}

#[derive(Default)]
struct Tenants {
    shown: HashSet<String>,
    at: Option<Instant>,
}

impl ConsumerMetrics {
    pub(super) fn new(group: String, shared: Arc<SharedState>) -> Self {
        Self {
            group,
            shared,
            tenants: Mutex::default(),
        }
    }

    pub(super) fn running(&self, is_running: bool) {
        self.shared.is_running.store(is_running, Ordering::Release);
        if !is_running {
            self.show(&[]);
        }
    }

    pub(super) fn paused(&self, is_paused: bool) {
        metrics::PAUSED
            .with_label_values(&[&self.group])
            .set(is_paused.into());
    }

    /// A record nobody here wants.
    pub(super) fn skipped(&self, partition: &Partition, peek: &HeaderPeek<'_>) {
        self.skipped_type(partition, peek.event_type.unwrap_or("unknown"));
    }

    pub(super) fn skipped_type(&self, partition: &Partition, event_type: &str) {
        let event_type = metrics::type_label(event_type);
        let labels = [
            self.group.as_str(),
            &partition.logical,
            event_type,
            "skipped",
        ];
        metrics::HANDLED.with_label_values(&labels).inc();
    }

    /// Shows how the partitions held now are.
    pub(super) fn show(&self, partitions: &[Arc<Partition>]) {
        let held = partitions
            .iter()
            .map(|held| (held.logical.to_string(), held.number));
        let mut held: Vec<(String, i32)> = held.collect();
        held.sort_unstable();
        *self
            .shared
            .partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = held;
        let oldest = partitions.iter().filter_map(|held| held.oldest()).min();
        let now = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        let age = oldest.map_or(0, |oldest| (now - i128::from(oldest)).max(0) / 1000);
        metrics::OLDEST
            .with_label_values(&[&self.group])
            .set(i64::try_from(age).unwrap_or(i64::MAX));
        self.show_tenants(partitions);
    }

    /// Shows the tenants with most to do: in flight, and left behind.
    fn show_tenants(&self, partitions: &[Arc<Partition>]) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants
            .at
            .is_some_and(|at| at.elapsed() < TENANTS_INTERVAL && !partitions.is_empty())
        {
            return;
        }
        tenants.at = Some(Instant::now());
        let keys = self.shared.keys.lock();
        let busiest = keys.unwrap_or_else(PoisonError::into_inner).busiest(TOP);
        let mut backlog: Vec<(Arc<OrderingKey>, u64)> = Vec::new();
        for partition in partitions {
            partition.with_state(|state| {
                backlog.extend(state.behind().map(|(key, left)| (Arc::clone(key), left)));
            });
        }
        for key in busiest {
            backlog.push((key, 0));
        }
        let mut sums: Vec<(Arc<OrderingKey>, u64)> = Vec::new();
        for (key, left) in backlog {
            if let Some((_, sum)) = sums.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &key)) {
                *sum += left;
            } else {
                let in_flight = u64::try_from(key.in_flight()).unwrap_or(u64::MAX);
                sums.push((key, left + in_flight));
            }
        }
        sums.sort_unstable_by_key(|(_, sum)| std::cmp::Reverse(*sum));
        sums.truncate(TOP);
        let mut shown = HashSet::new();
        for (key, sum) in sums {
            let name = key.text();
            metrics::TENANT_LAG
                .with_label_values(&[self.group.as_str(), &name])
                .set(i64::try_from(sum).unwrap_or(i64::MAX));
            shown.insert(name);
        }
        for gone in tenants.shown.difference(&shown) {
            // It was shown, so it is there.
            let _ = metrics::TENANT_LAG.remove_label_values(&[self.group.as_str(), gone]);
        }
        tenants.shown = shown;
    }
}
