//! Gauges of the rows that remain in the outboxes.

use std::{collections::HashMap, time::SystemTime};

use crate::{OutboxId, lease::Backlog, metrics};

/// Number of outboxes that are exported by name.
const TOP_OUTBOXES: usize = 10;

/// The outboxes with remaining or refused rows, as of their last drain attempt.
#[derive(Default)]
pub(crate) struct BacklogGauges {
    remaining: HashMap<OutboxId, Backlog>,
    refused: HashMap<OutboxId, i64>,
}

impl BacklogGauges {
    /// Records the rows that a drain attempt left in the outbox.
    pub(crate) fn set_backlog(&mut self, outbox: &OutboxId, backlog: Backlog) {
        if backlog.rows > 0 {
            self.remaining.insert(outbox.clone(), backlog);
        } else {
            self.remaining.remove(outbox);
        }
    }

    /// Records the number of open rows in `outbox_refused`.
    pub(crate) fn set_refused(&mut self, outbox: &OutboxId, events: i64) {
        if events > 0 {
            self.refused.insert(outbox.clone(), events);
        } else {
            self.refused.remove(outbox);
        }
    }

    /// Exports the gauges.
    pub(crate) fn export(&self) {
        let oldest = self.remaining.values().map(|backlog| backlog.oldest).min();
        let age = oldest.and_then(|oldest| SystemTime::now().duration_since(oldest).ok());
        let rows = self.remaining.values().map(|backlog| backlog.rows).sum();
        let top = self.top().into_iter();
        metrics::set_backlog(rows, age.unwrap_or_default(), top);
        metrics::set_refused(self.refused.values().sum());
    }

    fn top(&self) -> Vec<(&str, i64)> {
        let rows = self.remaining.iter();
        let mut rows: Vec<_> = rows
            .map(|(outbox, backlog)| (outbox.as_str(), backlog.rows))
            .collect();
        rows.sort_unstable_by_key(|(outbox, rows)| (std::cmp::Reverse(*rows), *outbox));
        rows.truncate(TOP_OUTBOXES);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_the_largest_backlogs_by_name_without_drained_outboxes() {
        let mut gauges = BacklogGauges::default();
        let oldest = SystemTime::now();
        for rows in 1..=30 {
            let outbox = OutboxId::from(format!("t{rows}"));
            gauges.set_backlog(&outbox, Backlog { rows, oldest });
        }
        for drained in ["t30", "t29"] {
            gauges.set_backlog(&drained.into(), Backlog { rows: 0, oldest });
        }
        let top = gauges.top();
        assert_eq!((top.len(), top[0], top[9]), (10, ("t28", 28), ("t19", 19)));
    }
}
