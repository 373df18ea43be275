//! Event consumers whose effects happen once: the handler runs in a transaction that already holds the inbox row.

mod event_router;
mod inbox_handler;

use event_bus::{Event, Failure, Received, Record};

use self::{
    event_router::{CatchAll, Dispatch, EventRouter},
    inbox_handler::{InboxHandler, TargetDatabase},
};
use crate::{Runtime, Tx};

/// Handles events of one type. Its effects through `tx` happen exactly once per event.
///
/// An `Err` rolls back: transient failures are retried and then dead-lettered, permanent ones are dead-lettered at
/// once, and the consumer waits for unavailable dependencies.
pub trait EventHandler<E: Event>: Send + Sync + 'static {
    /// Handles the event.
    fn handle(
        &self,
        event: Received<E>,
        tx: &mut Tx,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Handles every event of its topics, of any type.
pub trait AnyEventHandler: Send + Sync + 'static {
    /// Handles the event.
    fn handle(
        &self,
        record: &Record,
        tx: &mut Tx,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A consumer group and the database that its effects are written to.
///
/// ```text
/// EventConsumer::in_tenant(&runtime, "order-payment-consumer", Payments)
///     .on::<PaymentSucceeded>()
///     .on::<PaymentFailed>()
///     .start();
/// ```
pub struct EventConsumer<W> {
    runtime: Runtime,
    group: String,
    topics: Vec<&'static str>,
    database: TargetDatabase,
    dispatch: W,
}

impl<H: Send + Sync + 'static> EventConsumer<EventRouter<H>> {
    /// A group (`<service>-<purpose>-consumer`) whose effects are written to the service's platform database.
    pub fn in_platform(runtime: &Runtime, group: impl Into<String>, handler: H) -> Self {
        Self::new(runtime, group, TargetDatabase::Platform, handler)
    }

    /// A group whose effects are written to the database of the event's tenant.
    pub fn in_tenant(runtime: &Runtime, group: impl Into<String>, handler: H) -> Self {
        Self::new(runtime, group, TargetDatabase::Tenant, handler)
    }

    fn new(
        runtime: &Runtime,
        group: impl Into<String>,
        database: TargetDatabase,
        handler: H,
    ) -> Self {
        Self {
            runtime: runtime.clone(),
            group: group.into(),
            topics: Vec::new(),
            database,
            dispatch: EventRouter::new(handler),
        }
    }

    /// Handles events of type `E` and subscribes to their topic. Other types on the topic are skipped.
    #[must_use]
    pub fn on<E: Event>(mut self) -> Self
    where
        H: EventHandler<E>,
    {
        self.dispatch.add::<E>();
        if !self.topics.contains(&E::TOPIC) {
            self.topics.push(E::TOPIC);
        }
        self
    }
}

impl<H: AnyEventHandler> EventConsumer<CatchAll<H>> {
    /// A group that handles every event of `topics` and writes its effects to the service's platform database.
    pub fn any_in_platform(
        runtime: &Runtime,
        group: impl Into<String>,
        topics: &[&'static str],
        handler: H,
    ) -> Self {
        Self {
            runtime: runtime.clone(),
            group: group.into(),
            topics: topics.to_vec(),
            database: TargetDatabase::Platform,
            dispatch: CatchAll(handler),
        }
    }
}

#[expect(
    private_bounds,
    reason = "how a record finds its handler is an implementation detail"
)]
impl<W: Dispatch> EventConsumer<W> {
    /// Starts consuming until the runtime stops.
    pub fn start(self) {
        let Self {
            runtime,
            group,
            topics,
            database,
            dispatch,
        } = self;
        let handler = InboxHandler {
            runtime: runtime.clone(),
            group: group.clone(),
            database,
            dispatch,
        };
        runtime.consume(group, &topics, handler);
    }
}
