//! Who follows which audience in this process, and how far each audience has been handed out.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;

use crate::{domain::Audience, metrics::SOCKETS, store::feed::Posted};

/// Batches that wait for one socket at the most; a socket that lets them pile up is let go, and resumes by its cursor.
const WAITING: usize = 64;

/// Messages of one audience, in order, shared by all who follow it.
pub(crate) type Batch = Arc<[Posted]>;

/// The sockets of this process.
#[derive(Default)]
pub(super) struct Hub(Mutex<Members>);

#[derive(Default)]
struct Members {
    last: u64,
    audiences: HashMap<Audience, Followed>,
    /// Dropping the sender is how a socket is let go.
    sockets: HashMap<u64, mpsc::Sender<Batch>>,
}

/// An audience that somebody here follows.
struct Followed {
    /// Everything up to here was handed out, or was there before the first follower.
    place: i64,
    by: HashSet<u64>,
}

/// A socket's place in the hub; dropped, it is left.
pub(crate) struct Membership {
    hub: Arc<Hub>,
    id: u64,
    audiences: Vec<Audience>,
    batches: mpsc::Receiver<Batch>,
}

impl Hub {
    /// A new socket that follows the audiences, each of which ended at its place a moment ago.
    pub(super) fn join(hub: &Arc<Self>, ends: &[(Audience, i64)]) -> Membership {
        let (sender, batches) = mpsc::channel(WAITING);
        let mut members = hub.members();
        members.last += 1;
        let id = members.last;
        members.sockets.insert(id, sender);
        for (audience, place) in ends {
            // Where others follow it already, what they have been handed is in the table for the new one to read.
            let followed = members
                .audiences
                .entry(*audience)
                .or_insert_with(|| Followed {
                    place: *place,
                    by: HashSet::new(),
                });
            followed.by.insert(id);
        }
        drop(members);
        SOCKETS.inc();
        Membership {
            hub: Arc::clone(hub),
            id,
            audiences: ends.iter().map(|(audience, _)| *audience).collect(),
            batches,
        }
    }

    /// Where the followed ones among these audiences are; all, where none are named.
    pub(super) fn places(&self, among: Option<&HashSet<Audience>>) -> Vec<(Audience, i64)> {
        let members = self.members();
        members
            .audiences
            .iter()
            .filter(|(audience, _)| among.is_none_or(|wanted| wanted.contains(audience)))
            .map(|(audience, followed)| (*audience, followed.place))
            .collect()
    }

    /// Whether somebody here follows the audience and was not handed this place yet.
    pub(super) fn lacks(&self, audience: Audience, place: i64) -> bool {
        self.members()
            .audiences
            .get(&audience)
            .is_some_and(|followed| followed.place < place)
    }

    /// Hands messages of one audience, in order, to whoever follows it.
    pub(super) fn hand_out(&self, audience: Audience, mut messages: Vec<Posted>) {
        let mut members = self.members();
        let members = &mut *members;
        let Some(followed) = members.audiences.get_mut(&audience) else {
            return;
        };
        messages.retain(|posted| posted.place > followed.place);
        let Some(last) = messages.last() else { return };
        followed.place = last.place;
        let batch: Batch = messages.into();
        for id in &followed.by {
            let full = members
                .sockets
                .get(id)
                .is_some_and(|socket| socket.try_send(batch.clone()).is_err());
            if full {
                members.sockets.remove(id);
            }
        }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Membership {
    /// The next messages; none once this socket was let go for being slow.
    pub async fn next(&mut self) -> Option<Batch> {
        self.batches.recv().await
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut members = self.hub.members();
        members.sockets.remove(&self.id);
        for audience in &self.audiences {
            if let Some(followed) = members.audiences.get_mut(audience) {
                followed.by.remove(&self.id);
                if followed.by.is_empty() {
                    members.audiences.remove(audience);
                }
            }
        }
        drop(members);
        SOCKETS.dec();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;
    use crate::domain::Message;

    fn messages(places: std::ops::RangeInclusive<i64>) -> Vec<Posted> {
        let message = |place| Message {
            kind: "order.paid".to_owned(),
            tenant_code: None,
            data: json!({ "place": place }),
            time: OffsetDateTime::UNIX_EPOCH,
        };
        places
            .map(|place| Posted {
                audience: Audience::Platform,
                place,
                message: message(place),
            })
            .collect()
    }

    #[tokio::test]
    async fn a_batch_that_overlaps_is_cut_to_what_is_new() {
        let hub = Arc::new(Hub::default());
        let mut socket = Hub::join(&hub, &[(Audience::Platform, 2)]);
        hub.hand_out(Audience::Platform, messages(1..=4));
        hub.hand_out(Audience::Platform, messages(3..=5));
        hub.hand_out(Audience::Platform, messages(1..=5));
        let mut places = Vec::new();
        while places.len() < 3 {
            places.extend(
                socket
                    .next()
                    .await
                    .unwrap()
                    .iter()
                    .map(|posted| posted.place),
            );
        }
        assert_eq!(places, [3, 4, 5]);
        assert!(!hub.lacks(Audience::Platform, 5) && hub.lacks(Audience::Platform, 6));
    }

    #[tokio::test]
    async fn a_slow_socket_is_let_go_and_harms_no_other() {
        let hub = Arc::new(Hub::default());
        let mut slow = Hub::join(&hub, &[(Audience::Platform, 0)]);
        let mut quick = Hub::join(&hub, &[(Audience::Platform, 0)]);
        let last = i64::try_from(WAITING).unwrap() + 1;
        for place in 1..=last {
            hub.hand_out(Audience::Platform, messages(place..=place));
            assert_eq!(quick.next().await.unwrap()[0].place, place);
        }
        let mut got = 0;
        while let Some(batch) = slow.next().await {
            got = batch[0].place;
        }
        assert_eq!(
            got,
            last - 1,
            "what was taken in is whole, and then it ends"
        );
    }

    #[test]
    fn who_left_leaves_nothing_behind() {
        let hub = Arc::new(Hub::default());
        drop(Hub::join(&hub, &[(Audience::Platform, 7)]));
        assert!(hub.places(None).is_empty());
        assert!(hub.members().sockets.is_empty());
        assert!(!hub.lacks(Audience::Platform, 9));
    }
}
