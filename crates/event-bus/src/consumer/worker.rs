//! The work on one record: attempts, pauses, dead letter.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::FutureExt;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    dead_letter::{DeadLetters, Story},
    work::{Original, Unfit, Work},
};
use crate::{Failure, FailureClass, Handler, Record, codec::DecodeError, metrics};

/// The first and the longest pause while something is unavailable.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Does the work of one consumer's records.
pub(super) struct Worker {
    pub(super) group: String,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) retry: Vec<Duration>,
    /// At most this many attempts run at a time.
    pub(super) permits: Semaphore,
    pub(super) dead_letters: DeadLetters,
    /// Records that wait for something unavailable.
    pub(super) waiting: Arc<AtomicI64>,
}

/// The partition was lost or the consumer stops: the work is not done and will come again.
struct Abandoned;

/// How attempts on a record ended, other than in a dead letter.
enum Ended {
    Handled,
    DeadLetter {
        class: &'static str,
        error: String,
        attempts: u32,
        first_failure: OffsetDateTime,
    },
}

impl Worker {
    pub(super) async fn run(&self, work: Work) {
        let Work {
            ticket,
            original,
            content,
        } = work;
        let (topic, event_type) = (ticket.partition.logical.clone(), label(&content));
        let count = |outcome| {
            let labels = [self.group.as_str(), &topic, &event_type, outcome];
            metrics::HANDLED.with_label_values(&labels).inc();
        };
        let ended = match content {
            _ if ticket.partition.stop.is_cancelled() => Err(Abandoned),
            Ok(record) => {
                self.attempts(*record, &ticket.partition.stop, &ticket.partition.abort)
                    .await
            }
            Err(unfit) => Ok(unfit_story(&unfit)),
        };
        let outcome = match ended {
            Ok(Ended::Handled) => Ok("handled"),
            Ok(Ended::DeadLetter {
                class,
                error,
                attempts,
                first_failure,
            }) => {
                let story = Story {
                    group: &self.group,
                    class,
                    error,
                    attempts,
                    first_failure,
                };
                self.dead_letter(&ticket, &original, &story)
                    .await
                    .map(|()| "dead_lettered")
            }
            Err(Abandoned) => Err(Abandoned),
        };
        match outcome {
            Ok(outcome) => {
                count(outcome);
                ticket.done();
            }
            Err(Abandoned) => count("abandoned"),
        }
    }

    async fn attempts(
        &self,
        mut record: Record,
        stop: &CancellationToken,
        abort: &CancellationToken,
    ) -> Result<Ended, Abandoned> {
        let mut retries = self.retry.iter();
        let mut wait = FIRST_WAIT;
        let mut first_failure = None;
        loop {
            let failure = {
                let _permit = tokio::select! {
                    biased;
                    () = stop.cancelled() => return Err(Abandoned),
                    permit = self.permits.acquire() => permit,
                };
                tokio::select! {
                    biased;
                    () = abort.cancelled() => return Err(Abandoned),
                    result = self.attempt(&record) => match result {
                        Ok(()) => return Ok(Ended::Handled),
                        Err(failure) => failure,
                    },
                }
            };
            let first_failure = *first_failure.get_or_insert_with(OffsetDateTime::now_utc);
            self.note(&record, &failure);
            let pause = match failure.class() {
                FailureClass::Unavailable => {
                    let _waiting = Waiting::new(self);
                    pause(wait, stop).await?;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    record.attempt += 1;
                    continue;
                }
                FailureClass::Transient => retries.next(),
                FailureClass::Permanent => None,
            };
            let Some(length) = pause else {
                return Ok(Ended::DeadLetter {
                    class: class_of(&failure),
                    error: failure.story(),
                    attempts: record.attempt,
                    first_failure,
                });
            };
            pause_retry(*length, stop).await?;
            record.attempt += 1;
            let event_type = metrics::type_label(&record.envelope.event_type);
            let labels = [self.group.as_str(), &record.topic, event_type];
            metrics::RETRIED.with_label_values(&labels).inc();
        }
    }

    /// One attempt; a panic is a transient failure.
    async fn attempt(&self, record: &Record) -> Result<(), Failure> {
        let began = Instant::now();
        let attempt = AssertUnwindSafe(async {
            let span = self.handler.span(record, &self.group);
            self.handler.handle(record).instrument(span).await
        });
        let result = attempt.catch_unwind().await.unwrap_or_else(|panic| {
            Err(Failure::transient(format!(
                "handler panicked: {}",
                text_of(&*panic)
            )))
        });
        let event_type = metrics::type_label(&record.envelope.event_type);
        metrics::SECONDS
            .with_label_values(&[self.group.as_str(), event_type])
            .observe(began.elapsed().as_secs_f64());
        result
    }

    fn note(&self, record: &Record, failure: &Failure) {
        let class = failure.class().as_str();
        let event_type = metrics::type_label(&record.envelope.event_type);
        let labels = [self.group.as_str(), &record.topic, event_type, class];
        metrics::FAILED.with_label_values(&labels).inc();
        tracing::warn!(
            group = self.group,
            topic = %record.topic,
            partition = record.partition,
            offset = record.offset,
            event_id = %record.envelope.id,
            event_type = record.envelope.event_type,
            attempt = record.attempt,
            class,
            error = failure.story(),
            "event not handled"
        );
    }

    /// Puts the record on the dead-letter topic, waiting for Kafka as long as it takes.
    async fn dead_letter(
        &self,
        ticket: &super::partition::Ticket,
        original: &Original,
        story: &Story<'_>,
    ) -> Result<(), Abandoned> {
        let partition = &*ticket.partition;
        let mut wait = FIRST_WAIT;
        loop {
            let put = self
                .dead_letters
                .put(partition, ticket.offset, original, story);
            let result = tokio::select! {
                biased;
                () = partition.abort.cancelled() => return Err(Abandoned),
                result = put => result,
            };
            let Err(error) = result else {
                tracing::error!(
                    group = self.group,
                    topic = %partition.logical,
                    partition = partition.number,
                    offset = ticket.offset,
                    class = story.class,
                    attempts = story.attempts,
                    error = story.error,
                    "event dead-lettered"
                );
                let labels = [self.group.as_str(), &partition.logical, story.class];
                metrics::DEAD_LETTERS.with_label_values(&labels).inc();
                return Ok(());
            };
            tracing::warn!(group = self.group, topic = %partition.logical, %error, "dead letter waits for kafka");
            let _waiting = Waiting::new(self);
            pause(wait, &partition.stop).await?;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// Shows in the gauges that a record waits for something unavailable.
struct Waiting<'a>(&'a Worker);

impl<'a> Waiting<'a> {
    fn new(worker: &'a Worker) -> Self {
        let now = worker.waiting.fetch_add(1, Ordering::AcqRel) + 1;
        show(&worker.group, now);
        Self(worker)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let now = self.0.waiting.fetch_sub(1, Ordering::AcqRel) - 1;
        show(&self.0.group, now);
    }
}

fn show(group: &str, waiting: i64) {
    metrics::WAITING.with_label_values(&[group]).set(waiting);
    let breaker = if waiting > 0 { 2 } else { 0 };
    metrics::CONSUMER_BREAKER
        .with_label_values(&[group])
        .set(breaker);
}

fn label(content: &Result<Box<Record>, Unfit>) -> String {
    match content {
        Ok(record) => metrics::type_label(&record.envelope.event_type).to_owned(),
        Err(_) => "unfit".to_owned(),
    }
}

fn unfit_story(unfit: &Unfit) -> Ended {
    Ended::DeadLetter {
        class: unfit.class(),
        error: unfit.to_string(),
        attempts: 0,
        first_failure: OffsetDateTime::now_utc(),
    }
}

fn class_of(failure: &Failure) -> &'static str {
    match failure {
        Failure::Permanent(error) if error.is::<DecodeError>() => "undecodable",
        failure => failure.class().as_str(),
    }
}

async fn pause(length: Duration, stop: &CancellationToken) -> Result<(), Abandoned> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(Abandoned),
        () = tokio::time::sleep(length) => Ok(()),
    }
}

/// A pause of about this length: a fifth shorter to a fifth longer, so that what failed together does not
/// come back together.
async fn pause_retry(length: Duration, stop: &CancellationToken) -> Result<(), Abandoned> {
    pause(length.mul_f64(rand::random_range(0.8..1.2)), stop).await
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
