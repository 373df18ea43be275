//! Handlers by type of event.

use std::{collections::HashMap, future::Future, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use foldhash::fast::RandomState;
use futures::future::BoxFuture;

use crate::{
    Event, Failure, Received, Record, RetryPolicy, Scope,
    handler::{Domain, Handler},
};

/// A handler of typed events: any `Fn(Received<E>)` that returns a future.
pub trait TypedHandler<E>: Send + Sync + 'static {
    /// Does the work.
    fn call(&self, event: Received<E>) -> BoxFuture<'static, Result<(), Failure>>;
}

impl<E, F, R> TypedHandler<E> for F
where
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
    routes: HashMap<&'static str, Route, RandomState>,
}

struct Route {
    scope: Scope,
    policy: Option<RetryPolicy>,
    handler: Arc<dyn ErasedHandler>,
}

impl Router {
    /// Wants nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Events of type `E` go to `handler`. A second handler of the same type replaces the first.
    #[must_use]
    pub fn on<E: Event>(self, handler: impl TypedHandler<E>) -> Self {
        self.route::<E>(None, handler)
    }

    /// As [`Router::on`], with a policy of its own for failures.
    #[must_use]
    pub fn on_with<E: Event>(self, policy: RetryPolicy, handler: impl TypedHandler<E>) -> Self {
        self.route::<E>(Some(policy), handler)
    }

    /// Every event of the domain goes to `handler`. See [`crate::domain!`].
    #[must_use]
    pub fn on_domain<D: Domain>(mut self, handler: impl TypedHandler<D>) -> Self {
        let handler: Arc<dyn ErasedHandler> = Arc::new(OfDomain {
            handler,
            domain: PhantomData::<fn(D)>,
        });
        for event_type in D::TYPES {
            let route = Route {
                scope: event_type.scope,
                policy: None,
                handler: Arc::clone(&handler),
            };
            self.routes.insert(event_type.ty, route);
        }
        self
    }

    fn route<E: Event>(
        mut self,
        policy: Option<RetryPolicy>,
        handler: impl TypedHandler<E>,
    ) -> Self {
        let route = Route {
            scope: E::SCOPE,
            policy,
            handler: Arc::new(Typed {
                handler,
                event: PhantomData::<fn(E)>,
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

    fn policy(&self, event_type: &str) -> Option<&RetryPolicy> {
        self.routes.get(event_type)?.policy.as_ref()
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
    event: PhantomData<fn(E)>,
}

#[async_trait]
impl<E: Event, H: TypedHandler<E>> ErasedHandler for Typed<E, H> {
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        self.handler.call(record.receive::<E>().await?).await
    }
}

struct OfDomain<D, H> {
    handler: H,
    domain: PhantomData<fn(D)>,
}

#[async_trait]
impl<D: Domain, H: TypedHandler<D>> ErasedHandler for OfDomain<D, H> {
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        let event = Received {
            envelope: Arc::clone(&record.envelope),
            data: D::read(record).await?,
            attempt: record.attempt,
        };
        self.handler.call(event).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    };

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{AvroSchema, EventParts, FailureClass, domain};

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

    #[derive(Serialize, Deserialize)]
    struct Reset {
        to: i64,
    }

    impl Event for Reset {
        const TYPE: &'static str = "counter.reset";
        const TOPIC: &'static str = "counter.events";
        const AGGREGATE: &'static str = "counter";
        const SCOPE: Scope = Scope::Platform;
        const VERSION: u32 = 1;

        fn schema() -> &'static AvroSchema {
            static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
                let json =
                    r#"{"type":"record","name":"Reset","fields":[{"name":"to","type":"long"}]}"#;
                AvroSchema::parse(json).unwrap()
            });
            &SCHEMA
        }
    }

    domain! {
        enum Counter { Counted(Counted), Reset(Reset) }
    }

    #[tokio::test]
    async fn a_whole_domain_goes_to_one_handler() {
        let value = Arc::new(AtomicI64::new(0));
        let router = Router::new().on_domain({
            let value = Arc::clone(&value);
            move |event: Received<Counter>| {
                match event.data {
                    Counter::Counted(counted) => value.fetch_add(counted.by, Ordering::SeqCst),
                    Counter::Reset(reset) => value.swap(reset.to, Ordering::SeqCst),
                };
                async { Ok(()) }
            }
        });
        let parts = || EventParts::new("/test", "c");
        for record in [
            Record::of(parts(), &Counted { by: 5 }),
            Record::of(parts(), &Reset { to: 1 }),
            Record::of(parts(), &Counted { by: 2 }),
        ] {
            router.handle(&record.unwrap()).await.unwrap();
        }
        assert_eq!(value.load(Ordering::SeqCst), 3);
        assert!(router.wants("counter.reset") && !router.wants("counter.broken"));
    }
}
