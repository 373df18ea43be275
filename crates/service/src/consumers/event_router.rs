//! Routes events to typed handlers.

use std::collections::HashMap;

use async_trait::async_trait;
use event_bus::{Event, Failure, Record};
use futures::future::BoxFuture;

use super::{AnyEventHandler, EventHandler};
use crate::Tx;

/// Handles a record in an open transaction.
#[async_trait]
pub(super) trait Dispatch: Send + Sync + 'static {
    fn wants(&self, event_type: &str) -> bool;
    async fn run(&self, record: &Record, tx: &mut Tx) -> Result<(), Failure>;
}

type TypedHandler<H> =
    for<'a> fn(&'a H, &'a Record, &'a mut Tx) -> BoxFuture<'a, Result<(), Failure>>;

/// Decodes each event and calls the handler of its type.
pub struct EventRouter<H> {
    handler: H,
    by_type: HashMap<&'static str, TypedHandler<H>>,
}

impl<H: Send + Sync + 'static> EventRouter<H> {
    pub(super) fn new(handler: H) -> Self {
        Self {
            handler,
            by_type: HashMap::new(),
        }
    }

    pub(super) fn add<E: Event>(&mut self)
    where
        H: EventHandler<E>,
    {
        self.by_type.insert(E::TYPE, |handler, record, tx| {
            Box::pin(async move { handler.handle(record.receive::<E>().await?, tx).await })
        });
    }
}

#[async_trait]
impl<H: Send + Sync + 'static> Dispatch for EventRouter<H> {
    fn wants(&self, event_type: &str) -> bool {
        self.by_type.contains_key(event_type)
    }

    async fn run(&self, record: &Record, tx: &mut Tx) -> Result<(), Failure> {
        match self.by_type.get(record.envelope.event_type.as_str()) {
            Some(step) => step(&self.handler, record, tx).await,
            None => Ok(()),
        }
    }
}

/// One handler for events of all types.
pub struct CatchAll<H>(pub(super) H);

#[async_trait]
impl<H: AnyEventHandler> Dispatch for CatchAll<H> {
    fn wants(&self, _event_type: &str) -> bool {
        true
    }

    async fn run(&self, record: &Record, tx: &mut Tx) -> Result<(), Failure> {
        self.0.handle(record, tx).await
    }
}
