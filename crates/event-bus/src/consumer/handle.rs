//! Handle of a running consumer: pause, resume and status.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use uuid::Uuid;

use crate::{
    Dependency,
    consumer::scheduling::{
        fair_scheduler::FairScheduler,
        in_flight_limiter::InFlightLimiter,
        ordering_key::{KeyRegistry, OrderingKey},
    },
};

/// Controls a running consumer. Cheap to clone; has no effect once the consumer has ended.
#[derive(Clone)]
pub struct ConsumerHandle(Arc<SharedState>);

pub(super) struct SharedState {
    pub(super) keys: Arc<Mutex<KeyRegistry>>,
    pub(super) limiter: Arc<InFlightLimiter>,
    pub(super) scheduler: Arc<FairScheduler>,
    pub(super) partitions: Mutex<Vec<(String, i32)>>,
    pub(super) is_running: AtomicBool,
}

/// Health snapshot of a consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerStatus {
    /// Whether the polling loop runs.
    pub is_running: bool,
    /// The assigned partitions: topic without prefix, and number.
    pub partitions: Vec<(String, i32)>,
    /// Records taken and not finished.
    pub in_flight: usize,
    /// Dependencies that are unavailable, with the number of events waiting for each.
    pub unavailable: Vec<(Dependency, usize)>,
}

impl ConsumerHandle {
    pub(super) fn new(shared: Arc<SharedState>) -> Self {
        Self(shared)
    }

    /// Pauses a tenant's events until [`ConsumerHandle::resume_tenant`] and waits for its running attempts. Other tenants'
    /// events are processed, including those after this tenant's in the log.
    ///
    /// The pause is local to this process: other members of the group, and this one after a restart, are not affected.
    pub async fn pause_tenant(&self, tenant: Uuid) {
        self.pause_key(tenant.to_string().as_bytes()).await;
    }

    /// Resumes a paused tenant.
    pub fn resume_tenant(&self, tenant: Uuid) {
        self.resume_key(tenant.to_string().as_bytes());
    }

    /// Like [`ConsumerHandle::pause_tenant`], for the records of one key.
    pub async fn pause_key(&self, key: &[u8]) {
        let key = self.key(key);
        self.0.limiter.set_paused(&key, true);
        self.0.scheduler.wait_until_idle(&key).await;
    }

    /// Like [`ConsumerHandle::resume_tenant`], for the records of one key.
    pub fn resume_key(&self, key: &[u8]) {
        let key = self.key(key);
        if self.0.limiter.set_paused(&key, false) {
            self.0.scheduler.key_changed();
        }
    }

    /// Starts no attempt until [`ConsumerHandle::resume`]. The consumer stays in its group.
    pub fn pause(&self) {
        self.0.scheduler.pause_all(true);
    }

    /// Resumes a consumer paused by [`ConsumerHandle::pause`].
    pub fn resume(&self) {
        self.0.scheduler.pause_all(false);
    }

    /// Returns a health snapshot.
    pub fn status(&self) -> ConsumerStatus {
        ConsumerStatus {
            is_running: self.0.is_running.load(Ordering::Acquire),
            partitions: lock(&self.0.partitions).clone(),
            in_flight: self.0.limiter.in_flight(),
            unavailable: self.0.scheduler.unavailable(),
        }
    }

    fn key(&self, name: &[u8]) -> Arc<OrderingKey> {
        lock(&self.0.keys).get(name)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
