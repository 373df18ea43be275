//! The consumer's handler: of single events, or of batches.

use std::{any::Any, panic::AssertUnwindSafe, pin::pin, sync::Arc, task::Poll, time::Duration};

use futures::{FutureExt, poll};
use tracing::{Instrument, Span};

use crate::{
    BatchFailure, BatchHandler, Failure, Handler, HandlerTimeout, Record, RetryPolicy, Scope,
    consumer::processing::work_item::RecordFilter, delivery_span, event_span,
};

/// The consumer's handler.
#[derive(Clone)]
pub(crate) enum HandlerKind {
    Single(Arc<dyn Handler>),
    Batch(Arc<dyn BatchHandler>),
}

impl RecordFilter for HandlerKind {
    fn wants(&self, event_type: &str) -> bool {
        match self {
            Self::Single(handler) => handler.wants(event_type),
            Self::Batch(handler) => handler.wants(event_type),
        }
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        match self {
            Self::Single(handler) => handler.scope(event_type),
            Self::Batch(handler) => handler.scope(event_type),
        }
    }

    fn delivery_span(&self, record: &Record, group: &str) -> Span {
        match self {
            Self::Single(handler) => handler.delivery_span(record, group),
            Self::Batch(_) => delivery_span(record, group),
        }
    }
}

impl HandlerKind {
    /// The handler's own policy for failures of this type of event, if it has one.
    pub(crate) fn policy(&self, event_type: &str) -> Option<&RetryPolicy> {
        match self {
            Self::Single(handler) => handler.policy(event_type),
            Self::Batch(handler) => handler.policy(),
        }
    }

    /// One attempt at one event. Past its deadline, or in a panic, it failed transiently.
    pub(crate) async fn one(
        &self,
        record: &Record,
        group: &str,
        deadline: Duration,
    ) -> Result<(), Failure> {
        let attempt = async {
            match self {
                Self::Single(handler) => {
                    let span = handler.span(record, group);
                    handler.handle(record).instrument(span).await
                }
                Self::Batch(handler) => {
                    let span = event_span(record, group);
                    let one = std::slice::from_ref(record);
                    let done = handler.handle(one).instrument(span).await;
                    done.map_err(|failed| failed.failure)
                }
            }
        };
        guarded(attempt, deadline).await
    }

    /// One attempt at a batch; a handler of single events does one after the other.
    pub(in crate::consumer) async fn many(
        &self,
        records: &[Record],
        group: &str,
        deadline: Duration,
    ) -> Result<(), BatchFailure> {
        match self {
            Self::Single(_) => {
                for (handled, record) in records.iter().enumerate() {
                    let one = self.one(record, group, deadline).await;
                    one.map_err(|failure| BatchFailure::after(handled, failure))?;
                }
                Ok(())
            }
            Self::Batch(handler) => {
                let span = batch_span(records, group);
                guarded(handler.handle(records).instrument(span), deadline).await
            }
        }
    }
}

/// A span for several events at once.
fn batch_span(records: &[Record], group: &str) -> Span {
    let topic = records.first().map_or("", |record| &record.topic);
    tracing::info_span!(
        "events",
        otel.name = %format_args!("{topic} process"),
        otel.kind = "consumer",
        messaging.system = "kafka",
        messaging.operation.type = "process",
        messaging.destination.name = topic,
        messaging.consumer.group.name = group,
        messaging.batch.message_count = records.len(),
    )
}

async fn guarded<E: From<Failure>>(
    attempt: impl Future<Output = Result<(), E>>,
    deadline: Duration,
) -> Result<(), E> {
    let mut attempt = pin!(AssertUnwindSafe(attempt).catch_unwind());
    // What is ready at once needs no clock.
    let ended = match poll!(attempt.as_mut()) {
        Poll::Ready(ended) => Ok(ended),
        Poll::Pending => tokio::time::timeout(deadline, attempt).await,
    };
    match ended {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            let text = format!("handler panicked: {}", text_of(&*panic));
            Err(Failure::transient(text).into())
        }
        Err(_) => Err(Failure::from(HandlerTimeout(deadline)).into()),
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
