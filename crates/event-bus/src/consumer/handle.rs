//! Pausing a running consumer, or one tenant of it, and asking how it is.

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

/// Steers a consumer while it runs. Cheap to clone; stays valid when the consumer ends, without effect.
#[derive(Clone)]
pub struct ConsumerHandle(Arc<SharedState>);

pub(super) struct SharedState {
    pub(super) keys: Arc<Mutex<KeyRegistry>>,
    pub(super) limiter: Arc<InFlightLimiter>,
    pub(super) scheduler: Arc<FairScheduler>,
    pub(super) partitions: Mutex<Vec<(String, i32)>>,
    pub(super) is_running: AtomicBool,
}

/// How a consumer is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerStatus {
    /// Whether it polls.
    pub is_running: bool,
    /// The partitions it holds: topic without prefix, and number.
    pub partitions: Vec<(String, i32)>,
    /// Records taken and not finished.
    pub in_flight: usize,
    /// What is unavailable now, with the number of events that have met it.
    pub unavailable: Vec<(Dependency, usize)>,
}

impl ConsumerHandle {
    pub(super) fn new(shared: Arc<SharedState>) -> Self {
        Self(shared)
    }

    /// Starts no attempt at a tenant's events until [`ConsumerHandle::resume_tenant`], and waits for those that run. Other tenants'
    /// events go on, also those behind this tenant's in the log.
    ///
    /// It holds for this process: another candidate of the group, or this one after a restart, knows nothing of it.
    pub async fn pause_tenant(&self, tenant: Uuid) {
        self.pause_key(tenant.to_string().as_bytes()).await;
    }

    /// Goes on with a tenant's events where it was paused.
    pub fn resume_tenant(&self, tenant: Uuid) {
        self.resume_key(tenant.to_string().as_bytes());
    }

    /// As [`ConsumerHandle::pause_tenant`], for the records of one key.
    pub async fn pause_key(&self, key: &[u8]) {
        let key = self.key(key);
        self.0.limiter.set_paused(&key, true);
        self.0.scheduler.wait_until_idle(&key).await;
    }

    /// As [`ConsumerHandle::resume_tenant`], for the records of one key.
    pub fn resume_key(&self, key: &[u8]) {
        let key = self.key(key);
        if self.0.limiter.set_paused(&key, false) {
            self.0.scheduler.key_changed();
        }
    }

    /// Starts no attempt at all until [`ConsumerHandle::resume`]. The consumer stays in its group.
    pub fn pause(&self) {
        self.0.scheduler.pause_all(true);
    }

    /// Goes on.
    pub fn resume(&self) {
        self.0.scheduler.pause_all(false);
    }

    /// How the consumer is.
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
