//! Places for looks at outboxes, so that slow databases hold up only each other.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{RelaySettings, SourceError};

/// A database that lets a look wait for longer than this costs it its place among the quick ones.
const SLOW_AFTER: Duration = Duration::from_millis(200);
/// Slow looks for each quick one.
const SLOW: usize = 8;

/// The places of a relay.
pub(super) struct Slots {
    quick: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    retries: Arc<Semaphore>,
    given_up: Arc<Notify>,
}

/// Who asks for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Its database answered the last time, or was not asked yet.
    Well,
    /// Its database did not answer the last time.
    Suspect,
}

impl Slots {
    pub(super) fn new(settings: &RelaySettings) -> Self {
        let semaphore = |places: usize| Arc::new(Semaphore::new(places.max(1)));
        Self {
            quick: semaphore(settings.parallel),
            slow: semaphore(
                settings
                    .parallel
                    .saturating_mul(SLOW)
                    .min(Semaphore::MAX_PERMITS),
            ),
            retries: semaphore(settings.parallel_retries),
            given_up: Arc::default(),
        }
    }

    /// A place, if one is free.
    pub(super) fn take(&self, class: Class) -> Option<Slot> {
        let places = match class {
            Class::Well => &self.quick,
            Class::Suspect => &self.retries,
        };
        Some(Slot {
            place: Arc::clone(places).try_acquire_owned().ok()?,
            class,
            slow: Arc::clone(&self.slow),
            given_up: Arc::clone(&self.given_up),
        })
    }

    /// Returns when a quick place was given up by a look that goes on.
    pub(super) async fn given_up(&self) {
        self.given_up.notified().await;
    }
}

/// The place of one look.
pub(super) struct Slot {
    place: OwnedSemaphorePermit,
    class: Class,
    slow: Arc<Semaphore>,
    given_up: Arc<Notify>,
}

/// Why a database gave nothing.
#[derive(Debug)]
pub(super) enum Missing {
    /// It said so.
    Failed(SourceError),
    /// It said nothing for so long.
    Late(Duration),
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Late(patience) => write!(f, "the database gave no answer within {patience:?}"),
        }
    }
}

impl Slot {
    /// Waits for a database, first in this place and then, if there is room, among the slow ones.
    pub(super) async fn wait_for<T, E: Into<SourceError>>(
        &mut self,
        patience: Duration,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Missing> {
        let mut answer = std::pin::pin!(answer);
        let quickly = patience.min(SLOW_AFTER);
        let answered = if let Ok(answered) = timeout(quickly, &mut answer).await {
            Ok(answered)
        } else {
            self.give_up();
            timeout(patience.saturating_sub(quickly), answer).await
        };
        match answered {
            Ok(answered) => answered.map_err(|error| Missing::Failed(error.into())),
            Err(_) => Err(Missing::Late(patience)),
        }
    }

    fn give_up(&mut self) {
        if self.class == Class::Well
            && let Ok(place) = Arc::clone(&self.slow).try_acquire_owned()
        {
            self.place = place;
            self.class = Class::Suspect;
            self.given_up.notify_one();
        }
    }
}
