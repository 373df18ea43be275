//! Trying a handler without a broker, on the path a consumer takes.
//!
//! A [`Delivery`] is a record as it lies in the log: bytes, headers, key. [`HandlerTest`] reads it, checks its tenant,
//! hands it to the handler, tries again, and says what became of it. Nothing waits: pauses between attempts are left
//! out. With `#[tokio::test(start_paused = true)]` a handler's own time passes at once, too.
//!
//! ```
//! use event_bus::testing::{Delivery, HandlerTest, Outcome};
//! # use std::sync::{LazyLock, atomic::{AtomicU32, Ordering}};
//! # use event_bus::{AvroSchema, Event, EventParts, Failure, Received, Router, Scope};
//! # #[derive(serde::Serialize, serde::Deserialize)]
//! # struct OrderPaid { amount: i64 }
//! # impl Event for OrderPaid {
//! #     const TYPE: &'static str = "order.paid";
//! #     const TOPIC: &'static str = "order.events";
//! #     const AGGREGATE: &'static str = "order";
//! #     const SCOPE: Scope = Scope::Platform;
//! #     const VERSION: u32 = 1;
//! #     fn schema() -> &'static AvroSchema {
//! #         static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| AvroSchema::parse(
//! #             r#"{"type":"record","name":"OrderPaid","fields":[{"name":"amount","type":"long"}]}"#,
//! #         ).expect("the schema above is valid"));
//! #         &SCHEMA
//! #     }
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let kit = HandlerTest::new(Router::new().on(|paid: Received<OrderPaid>| async move {
//!     match (paid.data.amount, paid.attempt) {
//!         (0, _) => Err(Failure::permanent("nothing was paid")),
//!         (_, 1) => Err(Failure::transient("lost a race")),
//!         _ => Ok(()),
//!     }
//! }));
//! let paid = |amount| Delivery::of(EventParts::new("/shop", "order-1"), &OrderPaid { amount });
//!
//! assert_eq!(kit.deliver(&paid(1999)?).await, Outcome::Handled { attempts: 2 });
//! assert_eq!(kit.deliver(&paid(0)?).await.dead_letter(), Some(("permanent", "nothing was paid")));
//! # Ok::<(), event_bus::InvalidEvent>(())
//! # }).unwrap();
//! ```

mod delivery;
mod order;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::{
    BatchHandler, FailureAction, Handler, Record, Registry, RetryPolicy, SchemaSource, Scope,
    consumer::{HandlerKind, HeaderPeek, InvalidRecord, RecordFilter, class_of},
};

pub use crate::testing::delivery::Delivery;

/// Attempts at what is unavailable before the kit says that the event waits.
const PATIENCE: u32 = 5;
/// Nothing listens there: what the kit does not know, no registry tells.
const NO_REGISTRY: &str = "http://127.0.0.1:9/";

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The handler succeeded.
    Handled {
        /// At which attempt.
        attempts: u32,
    },
    /// It was put on the dead-letter topic.
    DeadLettered {
        /// `transient`, `permanent`, `undecodable`, or `context` for a wrong or missing tenant.
        class: &'static str,
        /// The error and its causes.
        error: String,
        /// How many attempts were made; none when the handler was never called.
        attempts: u32,
    },
    /// Something is unavailable, and still was when the kit lost patience.
    Waiting {
        /// The error and its causes.
        error: String,
        /// How many attempts were made.
        attempts: u32,
    },
    /// The handler does not want this type of event.
    PassedOver,
}

impl Outcome {
    /// Class and error, if it is a dead letter.
    pub fn dead_letter(&self) -> Option<(&str, &str)> {
        match self {
            Self::DeadLettered { class, error, .. } => Some((class, error)),
            _ => None,
        }
    }

    /// Whether the handler succeeded.
    pub fn is_handled(&self) -> bool {
        matches!(self, Self::Handled { .. })
    }
}

/// A handler and the consumer around it, without Kafka.
pub struct HandlerTest {
    doer: HandlerKind,
    catalogue: Option<Arc<dyn SchemaSource>>,
    group: String,
    registry: Registry,
    policy: RetryPolicy,
    patience: u32,
}

impl HandlerTest {
    /// Tries `handler` as a consumer with nothing set would run it.
    pub fn new(handler: impl Handler) -> Self {
        Self::of(HandlerKind::Single(Arc::new(handler)))
    }

    /// Tries a handler of batches, with batches of one.
    pub fn batch(handler: impl BatchHandler) -> Self {
        Self::of(HandlerKind::Batch(Arc::new(handler)))
    }

    fn of(doer: HandlerKind) -> Self {
        Self {
            doer,
            catalogue: None,
            group: "handler-test".to_owned(),
            registry: nowhere(),
            policy: RetryPolicy::new(),
            patience: PATIENCE,
        }
    }

    /// The consumer's group: replayed dead letters of another are passed over.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = group.into();
        self
    }

    /// How failures are met where the handler has no policy of its own; as by a consumer with nothing set unless given.
    #[must_use]
    pub fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// How many attempts are made before an event counts as [`Outcome::Waiting`]; 5 unless set.
    #[must_use]
    pub fn patience(mut self, attempts: u32) -> Self {
        self.patience = attempts;
        self
    }

    /// What is known of types of events, as for a consumer.
    #[must_use]
    pub fn catalogue(mut self, catalogue: impl SchemaSource) -> Self {
        self.catalogue = Some(Arc::new(catalogue));
        self
    }

    /// Delivers one record and follows it to its end.
    pub async fn deliver(&self, delivery: &Delivery) -> Outcome {
        let original = delivery.original();
        if !HeaderPeek::of(&original).is_wanted(&self.group, &self.doer) {
            return Outcome::PassedOver;
        }
        delivery.introduce(&self.registry).await;
        match self.read(delivery) {
            Ok(record) if !self.doer.wants(&record.envelope.event_type) => Outcome::PassedOver,
            Ok(record) => self.attempts(*record).await,
            Err(unfit) => Outcome::DeadLettered {
                class: unfit.class(),
                error: unfit.to_string(),
                attempts: 0,
            },
        }
    }

    /// Delivers the same record twice, as after a crash between effect and commit. The effect must be as of once.
    pub async fn deliver_twice(&self, delivery: &Delivery) -> [Outcome; 2] {
        [self.deliver(delivery).await, self.deliver(delivery).await]
    }

    fn read(&self, delivery: &Delivery) -> Result<Box<Record>, InvalidRecord> {
        let place = (&delivery.topic.as_str().into(), 0, 0);
        delivery
            .original()
            .read(&self.registry, |event_type| self.scope(event_type), place)
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        let known = self
            .catalogue
            .as_ref()
            .and_then(|known| known.scope(event_type));
        known.or_else(|| self.doer.scope(event_type))
    }

    async fn attempts(&self, mut record: Record) -> Outcome {
        let own = self.doer.policy(&record.envelope.event_type);
        let policy = own.unwrap_or(&self.policy);
        let mut retries = 0;
        loop {
            let attempts = record.attempt;
            let deadline = policy.attempt_deadline();
            let Err(failure) = self.doer.one(&record, &self.group, deadline).await else {
                return Outcome::Handled { attempts };
            };
            let error = failure.story();
            match policy.next(&failure, retries) {
                FailureAction::Wait(_) if attempts >= self.patience => {
                    return Outcome::Waiting { error, attempts };
                }
                FailureAction::Wait(_) => {}
                FailureAction::Retry(_) => retries += 1,
                FailureAction::DeadLetter => {
                    let class = class_of(&failure);
                    return Outcome::DeadLettered {
                        class,
                        error,
                        attempts,
                    };
                }
            }
            record.attempt += 1;
        }
    }
}

fn nowhere() -> Registry {
    Registry::new(NO_REGISTRY).expect("the address above is one")
}
