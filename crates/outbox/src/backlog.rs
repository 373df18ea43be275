//! What the last looks left behind, for the gauges.

use std::{collections::HashMap, time::SystemTime};

use crate::{OutboxId, lease::Backlog, metrics};

/// Outboxes shown by name.
const TOP: usize = 10;

/// Outboxes with rows left behind or set aside; those without are not kept.
#[derive(Default)]
pub(crate) struct Backlogs {
    waiting: HashMap<OutboxId, Backlog>,
    refused: HashMap<OutboxId, i64>,
}

impl Backlogs {
    /// A look left these rows behind.
    pub(crate) fn left(&mut self, outbox: &OutboxId, backlog: Backlog) {
        if backlog.rows > 0 {
            self.waiting.insert(outbox.clone(), backlog);
        } else {
            self.waiting.remove(outbox);
        }
    }

    /// So many events lie in its `outbox_refused`.
    pub(crate) fn refused(&mut self, outbox: &OutboxId, events: i64) {
        if events > 0 {
            self.refused.insert(outbox.clone(), events);
        } else {
            self.refused.remove(outbox);
        }
    }

    pub(crate) fn show(&self) {
        let oldest = self.waiting.values().map(|backlog| backlog.oldest).min();
        let age = oldest.and_then(|oldest| SystemTime::now().duration_since(oldest).ok());
        let rows = self.waiting.values().map(|backlog| backlog.rows).sum();
        let top = self.top().into_iter();
        metrics::backlog(rows, age.unwrap_or_default(), top);
        metrics::refused_lie(self.refused.values().sum());
    }

    fn top(&self) -> Vec<(&str, i64)> {
        let rows = self.waiting.iter();
        let mut rows: Vec<_> = rows
            .map(|(outbox, backlog)| (outbox.as_str(), backlog.rows))
            .collect();
        rows.sort_unstable_by_key(|(outbox, rows)| (std::cmp::Reverse(*rows), *outbox));
        rows.truncate(TOP);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_outboxes_are_shown_by_name_and_the_drained_are_forgotten() {
        let mut backlogs = Backlogs::default();
        let oldest = SystemTime::now();
        for rows in 1..=30 {
            let outbox = OutboxId::from(format!("t{rows}"));
            backlogs.left(&outbox, Backlog { rows, oldest });
        }
        for drained in ["t30", "t29"] {
            backlogs.left(&drained.into(), Backlog { rows: 0, oldest });
        }
        let top = backlogs.top();
        assert_eq!((top.len(), top[0], top[9]), (10, ("t28", 28), ("t19", 19)));
    }
}
