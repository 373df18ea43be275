//! Subscriptions of this process's sockets, and the position up to which each audience was delivered.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;

use crate::{domain::Audience, metrics::SOCKETS, store::feed::FeedEntry};

/// Batches that may be queued for one socket. A socket whose queue is full is disconnected; its client resumes by cursor.
const QUEUE_CAPACITY: usize = 64;

/// Messages of one audience, in order, shared by all of its subscribers.
pub(crate) type Batch = Arc<[FeedEntry]>;

/// The subscriptions of this process's sockets.
#[derive(Default)]
pub(super) struct Hub(Mutex<HubState>);

#[derive(Default)]
struct HubState {
    last_id: u64,
    audiences: HashMap<Audience, AudienceState>,
    /// Dropping the sender disconnects the socket.
    sockets: HashMap<u64, mpsc::Sender<Batch>>,
}

/// An audience with at least one subscriber in this process.
struct AudienceState {
    /// All messages up to this position were delivered, or are older than the first subscription.
    position: i64,
    subscribers: HashSet<u64>,
}

/// A socket's subscription. Dropping it unsubscribes.
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    id: u64,
    audiences: Vec<Audience>,
    batches: mpsc::Receiver<Batch>,
}

impl Hub {
    /// Subscribes a new socket to the audiences, given the current end of each.
    pub(super) fn subscribe(hub: &Arc<Self>, ends: &[(Audience, i64)]) -> Subscription {
        let (sender, batches) = mpsc::channel(QUEUE_CAPACITY);
        let mut state = hub.state();
        state.last_id += 1;
        let id = state.last_id;
        state.sockets.insert(id, sender);
        for (audience, position) in ends {
            // An audience with subscribers keeps its position: the new socket reads what they received from the table.
            let audience_state =
                state
                    .audiences
                    .entry(*audience)
                    .or_insert_with(|| AudienceState {
                        position: *position,
                        subscribers: HashSet::new(),
                    });
            audience_state.subscribers.insert(id);
        }
        drop(state);
        SOCKETS.inc();
        Subscription {
            hub: Arc::clone(hub),
            id,
            audiences: ends.iter().map(|(audience, _)| *audience).collect(),
            batches,
        }
    }

    /// The delivered position of each subscribed audience; only of those in `among`, if it is given.
    pub(super) fn positions(&self, among: Option<&HashSet<Audience>>) -> Vec<(Audience, i64)> {
        let state = self.state();
        state
            .audiences
            .iter()
            .filter(|(audience, _)| among.is_none_or(|wanted| wanted.contains(audience)))
            .map(|(audience, audience_state)| (*audience, audience_state.position))
            .collect()
    }

    /// Whether the audience has subscribers in this process and the message at `position` was not delivered to them yet.
    pub(super) fn is_behind(&self, audience: Audience, position: i64) -> bool {
        self.state()
            .audiences
            .get(&audience)
            .is_some_and(|audience_state| audience_state.position < position)
    }

    /// Delivers messages of one audience, in order, to its subscribers.
    pub(super) fn deliver(&self, audience: Audience, mut messages: Vec<FeedEntry>) {
        let mut state = self.state();
        let state = &mut *state;
        let Some(audience_state) = state.audiences.get_mut(&audience) else {
            return;
        };
        messages.retain(|entry| entry.position > audience_state.position);
        let Some(last) = messages.last() else { return };
        audience_state.position = last.position;
        let batch: Batch = messages.into();
        for id in &audience_state.subscribers {
            let full = state
                .sockets
                .get(id)
                .is_some_and(|socket| socket.try_send(batch.clone()).is_err());
            if full {
                state.sockets.remove(id);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, HubState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// The next batch of messages; none after the socket was disconnected for being too slow.
    pub async fn next(&mut self) -> Option<Batch> {
        self.batches.recv().await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        state.sockets.remove(&self.id);
        for audience in &self.audiences {
            if let Some(audience_state) = state.audiences.get_mut(audience) {
                audience_state.subscribers.remove(&self.id);
                if audience_state.subscribers.is_empty() {
                    state.audiences.remove(audience);
                }
            }
        }
        drop(state);
        SOCKETS.dec();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;
    use crate::domain::FeedMessage;

    fn messages(positions: std::ops::RangeInclusive<i64>) -> Vec<FeedEntry> {
        let message = |position| FeedMessage {
            kind: "order.paid".to_owned(),
            tenant_code: None,
            data: json!({ "position": position }),
            time: OffsetDateTime::UNIX_EPOCH,
        };
        positions
            .map(|position| FeedEntry {
                audience: Audience::Platform,
                position,
                message: message(position),
            })
            .collect()
    }

    #[tokio::test]
    async fn an_overlapping_batch_is_cut_to_its_new_messages() {
        let hub = Arc::new(Hub::default());
        let mut socket = Hub::subscribe(&hub, &[(Audience::Platform, 2)]);
        hub.deliver(Audience::Platform, messages(1..=4));
        hub.deliver(Audience::Platform, messages(3..=5));
        hub.deliver(Audience::Platform, messages(1..=5));
        let mut positions = Vec::new();
        while positions.len() < 3 {
            positions.extend(
                socket
                    .next()
                    .await
                    .unwrap()
                    .iter()
                    .map(|entry| entry.position),
            );
        }
        assert_eq!(positions, [3, 4, 5]);
        assert!(!hub.is_behind(Audience::Platform, 5) && hub.is_behind(Audience::Platform, 6));
    }

    #[tokio::test]
    async fn a_slow_socket_is_disconnected_without_affecting_others() {
        let hub = Arc::new(Hub::default());
        let mut slow = Hub::subscribe(&hub, &[(Audience::Platform, 0)]);
        let mut quick = Hub::subscribe(&hub, &[(Audience::Platform, 0)]);
        let last = i64::try_from(QUEUE_CAPACITY).unwrap() + 1;
        for position in 1..=last {
            hub.deliver(Audience::Platform, messages(position..=position));
            assert_eq!(quick.next().await.unwrap()[0].position, position);
        }
        let mut last_received = 0;
        while let Some(batch) = slow.next().await {
            last_received = batch[0].position;
        }
        assert_eq!(
            last_received,
            last - 1,
            "queued batches are delivered before the end"
        );
    }

    #[test]
    fn a_dropped_subscription_leaves_no_state() {
        let hub = Arc::new(Hub::default());
        drop(Hub::subscribe(&hub, &[(Audience::Platform, 7)]));
        assert!(hub.positions(None).is_empty());
        assert!(hub.state().sockets.is_empty());
        assert!(!hub.is_behind(Audience::Platform, 9));
    }
}
