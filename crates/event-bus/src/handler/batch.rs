//! Many events at once, for effects that are cheaper together: one insert, one call.

use std::{future::Future, marker::PhantomData};

use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::{Event, Failure, Received, Record, RetryPolicy, Scope};

/// Does what several events ask for at once. Within a batch the events of one key are in order.
///
/// As with [`Handler`](crate::Handler), an event may come more than once.
#[async_trait]
pub trait BatchHandler: Send + Sync + 'static {
    /// Whether events of this type matter. Others are passed over without being read.
    fn wants(&self, event_type: &str) -> bool {
        let _ = event_type;
        true
    }

    /// Whom events of this type belong to, if the handler knows.
    fn scope(&self, event_type: &str) -> Option<Scope> {
        let _ = event_type;
        None
    }

    /// How failures are met, if otherwise than the consumer's others.
    fn policy(&self) -> Option<&RetryPolicy> {
        None
    }

    /// Does the work of all, which is never none.
    ///
    /// # Errors
    /// [`BatchFailure`] says how far it came.
    async fn handle(&self, batch: &[Record]) -> Result<(), BatchFailure>;
}

/// A batch that was not handled to its end.
#[derive(Debug)]
pub struct BatchFailure {
    pub(crate) handled: Option<usize>,
    pub(crate) failure: Failure,
}

impl BatchFailure {
    /// The first `handled` events took effect, the next one failed, the rest was not tried. The failed one is met by its
    /// failure's class; then the rest comes as a batch.
    pub fn after(handled: usize, failure: Failure) -> Self {
        Self {
            handled: Some(handled),
            failure,
        }
    }

    /// How many of the first events took effect; `None` when that is not known.
    pub fn handled(&self) -> Option<usize> {
        self.handled
    }

    /// Why it was not handled to its end.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }
}

/// No event of the batch took effect, and which one is to blame is not known: each comes again by itself. Only when
/// something is unavailable the batch waits as a whole.
impl From<Failure> for BatchFailure {
    fn from(failure: Failure) -> Self {
        Self {
            handled: None,
            failure,
        }
    }
}

/// A [`BatchHandler`] of one type of event, made of a function.
pub struct Batch<E, H> {
    handler: H,
    policy: Option<RetryPolicy>,
    event: PhantomData<fn(E)>,
}

/// Any `Fn(Vec<Received<E>>)` that returns a future.
pub trait BatchFunction<E>: Send + Sync + 'static {
    /// Does the work.
    fn call(&self, batch: Vec<Received<E>>) -> BoxFuture<'static, Result<(), BatchFailure>>;
}

impl<E, F, R> BatchFunction<E> for F
where
    F: Fn(Vec<Received<E>>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), BatchFailure>> + Send + 'static,
{
    fn call(&self, batch: Vec<Received<E>>) -> BoxFuture<'static, Result<(), BatchFailure>> {
        Box::pin(self(batch))
    }
}

impl<E: Event, H: BatchFunction<E>> Batch<E, H> {
    /// Events of type `E` go to `handler`, many at a time.
    pub fn of(handler: H) -> Self {
        Self {
            handler,
            policy: None,
            event: PhantomData,
        }
    }

    /// Failures are met like this.
    #[must_use]
    pub fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = Some(policy);
        self
    }
}

#[async_trait]
impl<E: Event, H: BatchFunction<E>> BatchHandler for Batch<E, H> {
    fn wants(&self, event_type: &str) -> bool {
        event_type == E::TYPE
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        (event_type == E::TYPE).then_some(E::SCOPE)
    }

    fn policy(&self) -> Option<&RetryPolicy> {
        self.policy.as_ref()
    }

    async fn handle(&self, batch: &[Record]) -> Result<(), BatchFailure> {
        let mut events = Vec::with_capacity(batch.len());
        for record in batch {
            events.push(record.receive::<E>().await?);
        }
        self.handler.call(events).await
    }
}
