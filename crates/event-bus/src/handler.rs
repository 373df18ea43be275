//! Handlers: who does the work, and which events they want.

use std::{collections::HashMap, future::Future, sync::Arc};

use async_trait::async_trait;
use futures::future::BoxFuture;
use tracing::Span;

use crate::{Event, Failure, Received, Record, Scope};

/// Does what an event asks for.
///
/// An event may come more than once (after a crash, a rebalance, a retry): the handler must make that
/// harmless, best with a row for the event's id in the transaction of its effect.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Whether events of this type matter. Others are passed over without being read.
    fn wants(&self, event_type: &str) -> bool {
        let _ = event_type;
        true
    }

    /// Whom events of this type belong to, if the handler knows. A tenant's event without its tenant, or
    /// under another's key, never reaches [`Handler::handle`].
    fn scope(&self, event_type: &str) -> Option<Scope> {
        let _ = event_type;
        None
    }

    /// The span of one attempt. A program with distributed tracing makes the envelope's `traceparent` its
    /// parent here.
    fn span(&self, record: &Record, group: &str) -> Span {
        event_span(record, group)
    }

    /// Does the work. The failure's class decides what comes next.
    async fn handle(&self, record: &Record) -> Result<(), Failure>;
}

#[async_trait]
impl<H: Handler + ?Sized> Handler for Arc<H> {
    fn wants(&self, event_type: &str) -> bool {
        (**self).wants(event_type)
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        (**self).scope(event_type)
    }

    fn span(&self, record: &Record, group: &str) -> Span {
        (**self).span(record, group)
    }

    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        (**self).handle(record).await
    }
}

/// A span that names the event, where it came from and the trace it continues.
pub fn event_span(record: &Record, group: &str) -> Span {
    let envelope = &record.envelope;
    let span = tracing::info_span!(
        "event",
        otel.name = %format_args!("{} process", envelope.event_type),
        otel.kind = "consumer",
        messaging.system = "kafka",
        messaging.destination.name = %record.topic,
        messaging.consumer.group.name = group,
        messaging.destination.partition.id = record.partition,
        messaging.kafka.offset = record.offset,
        event.id = %envelope.id,
        event.r#type = %envelope.event_type,
        correlation_id = %envelope.correlation_id,
        attempt = record.attempt,
        tenant_id = tracing::field::Empty,
        traceparent = tracing::field::Empty,
        tracestate = tracing::field::Empty,
    );
    if let Some(tenant) = &envelope.tenant {
        span.record("tenant_id", tracing::field::display(tenant.id));
    }
    if let Some(traceparent) = &envelope.traceparent {
        span.record("traceparent", traceparent.as_str());
    }
    if let Some(tracestate) = &envelope.tracestate {
        span.record("tracestate", tracestate.as_str());
    }
    span
}

/// A handler of one type of event: any `Fn(Received<E>)` that returns a future.
pub trait EventHandler<E: Event>: Send + Sync + 'static {
    /// Does the work.
    fn call(&self, event: Received<E>) -> BoxFuture<'static, Result<(), Failure>>;
}

impl<E, F, R> EventHandler<E> for F
where
    E: Event,
    F: Fn(Received<E>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), Failure>> + Send + 'static,
{
    fn call(&self, event: Received<E>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(self(event))
    }
}

/// Handlers by type of event. Types without one are passed over.
#[derive(Default)]
pub struct Router {
    routes: HashMap<&'static str, Route>,
}

struct Route {
    scope: Scope,
    handler: Box<dyn ErasedHandler>,
}

impl Router {
    /// Wants nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Events of type `E` go to `handler`. A second handler of the same type replaces the first.
    #[must_use]
    pub fn on<E: Event>(mut self, handler: impl EventHandler<E>) -> Self {
        let route = Route {
            scope: E::SCOPE,
            handler: Box::new(Typed {
                handler,
                event: std::marker::PhantomData::<fn(E)>,
            }),
        };
        self.routes.insert(E::TYPE, route);
        self
    }
}

#[async_trait]
impl Handler for Router {
    fn wants(&self, event_type: &str) -> bool {
        self.routes.contains_key(event_type)
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        self.routes.get(event_type).map(|route| route.scope)
    }

    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        match self.routes.get(record.envelope.event_type.as_str()) {
            Some(route) => route.handler.handle(record).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
trait ErasedHandler: Send + Sync {
    async fn handle(&self, record: &Record) -> Result<(), Failure>;
}

struct Typed<E, H> {
    handler: H,
    event: std::marker::PhantomData<fn(E)>,
}

#[async_trait]
impl<E: Event, H: EventHandler<E>> ErasedHandler for Typed<E, H> {
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        let event = record.receive::<E>().await?;
        self.handler.call(event).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    };

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{AvroSchema, EventParts, FailureClass};

    #[derive(Serialize, Deserialize)]
    struct Counted {
        by: i64,
    }

    impl Event for Counted {
        const TYPE: &'static str = "counter.counted";
        const TOPIC: &'static str = "counter.events";
        const AGGREGATE: &'static str = "counter";
        const SCOPE: Scope = Scope::Platform;
        const VERSION: u32 = 1;

        fn schema() -> &'static AvroSchema {
            static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
                let json =
                    r#"{"type":"record","name":"Counted","fields":[{"name":"by","type":"long"}]}"#;
                AvroSchema::parse(json).unwrap()
            });
            &SCHEMA
        }
    }

    #[tokio::test]
    async fn a_handler_is_tried_without_a_broker() {
        let sum = Arc::new(AtomicI64::new(0));
        let router = Router::new().on({
            let sum = Arc::clone(&sum);
            move |event: Received<Counted>| {
                sum.fetch_add(event.data.by, Ordering::SeqCst);
                async move {
                    match event.data.by {
                        0 => Err(Failure::permanent("nothing counted")),
                        _ => Ok(()),
                    }
                }
            }
        });
        let record = |by| Record::of(EventParts::new("/test", "c"), &Counted { by }).unwrap();

        assert!(router.handle(&record(5)).await.is_ok());
        let failure = router.handle(&record(0)).await.unwrap_err();

        assert_eq!(failure.class(), FailureClass::Permanent);
        assert_eq!(sum.load(Ordering::SeqCst), 5);
        assert!(router.wants(Counted::TYPE) && !router.wants("counter.reset"));
        assert_eq!(router.scope(Counted::TYPE), Some(Scope::Platform));
        assert_eq!(
            record(7).decode_json().await.unwrap(),
            serde_json::json!({"by": 7})
        );
    }
}
