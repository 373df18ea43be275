//! Processing of one record: attempts, retries, dead letter.

use std::{
    fmt,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use futures::poll;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{
    Dependency, Envelope, Failure, FailureAction, FailureClass, Record, RetryPolicy,
    codec::DecodeError,
    consumer::{
        event_metrics::EventMetrics,
        offsets::partition::{InFlightRecord, Partition},
        processing::{
            handler_kind::HandlerKind,
            source_record::SourceRecord,
            work_item::{InvalidRecord, WorkItem},
        },
        recovery::{
            dead_letters::{DeadLetterDestination, DeadLetterPublisher, FailureReport},
            parking::{ParkCandidate, ParkDecision, Parking},
        },
        scheduling::{
            fair_scheduler::{FairScheduler, Permit},
            ordering_key::OrderingKey,
        },
    },
    metrics,
};

/// The first and the longest pause while Kafka does not take a dead letter.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Processes the records of one consumer.
pub(in crate::consumer) struct RecordProcessor {
    pub(in crate::consumer) group: String,
    pub(in crate::consumer) event_metrics: EventMetrics,
    pub(in crate::consumer) handler: HandlerKind,
    pub(in crate::consumer) policy: RetryPolicy,
    pub(in crate::consumer) scheduler: Arc<FairScheduler>,
    pub(in crate::consumer) dead_letters: DeadLetterPublisher,
    /// Scheduling key of batches with records of several keys.
    pub(in crate::consumer) batches: Arc<OrderingKey>,
    /// Where events are parked.
    pub(in crate::consumer) parking: Option<Arc<Parking>>,
}

/// The partition was lost or the consumer stops: the record is not completed and will be redelivered.
pub(in crate::consumer) struct Abandoned;

/// Outcome of the attempts at a record, unless abandoned.
pub(in crate::consumer) enum AttemptOutcome<'a> {
    Handled,
    /// There was none: its sequence is parked.
    Parked(ParkDecision),
    DeadLetter(FailureReport<'a>),
}

impl RecordProcessor {
    /// Works on one record to its end.
    pub(in crate::consumer) async fn run(&self, work: WorkItem) {
        self.go_on(work, None).await;
    }

    /// Works on one record to its end, the first attempt at which may have failed already.
    pub(in crate::consumer) async fn go_on(&self, work: WorkItem, failed: Option<Failure>) {
        let WorkItem {
            in_flight,
            original,
            content,
            delivery,
        } = work;
        drop(delivery);
        let envelope = content.as_ref().ok();
        let envelope = envelope.map(|record| Arc::clone(&record.envelope));
        let candidate = self.candidate(&in_flight, &content);
        let ended = match content {
            _ if in_flight.partition.stop.is_cancelled() => Err(Abandoned),
            Ok(record) => {
                self.work_on(*record, &in_flight, candidate.as_ref(), failed)
                    .await
            }
            Err(invalid) => Ok(AttemptOutcome::DeadLetter(self.invalid(&invalid))),
        };
        let outcome = match ended {
            Ok(AttemptOutcome::Handled) => Ok("handled"),
            // Rare paths are boxed to keep the task's future small.
            Ok(ended) => {
                Box::pin(self.finish(ended, &in_flight, candidate.as_ref(), &original)).await
            }
            Err(Abandoned) => Err(Abandoned),
        };
        self.event_metrics.ended(
            &in_flight.partition.logical,
            envelope.as_deref().map_or(INVALID_TYPE, event_type),
            outcome.as_ref().unwrap_or(&"abandoned"),
        );
        if outcome.is_ok() {
            in_flight.ack();
        }
    }

    /// Attempts at an event, unless its sequence is parked.
    async fn work_on(
        &self,
        record: Record,
        in_flight: &InFlightRecord,
        candidate: Option<&ParkCandidate>,
        failed: Option<Failure>,
    ) -> Result<AttemptOutcome<'_>, Abandoned> {
        if candidate.is_some()
            && let Some(decision) = Box::pin(self.decision(candidate)).await?
        {
            return Ok(AttemptOutcome::Parked(decision));
        }
        self.attempts(record, &in_flight.key, &in_flight.partition, failed)
            .await
    }

    /// Puts the record where it is to be kept, if anywhere; what became of it.
    async fn finish(
        &self,
        ended: AttemptOutcome<'_>,
        in_flight: &InFlightRecord,
        candidate: Option<&ParkCandidate>,
        original: &SourceRecord,
    ) -> Result<&'static str, Abandoned> {
        let report = match (ended, candidate) {
            (AttemptOutcome::Parked(decision), Some(candidate)) => {
                self.park_behind(candidate, decision, original).await?;
                return Ok("parked");
            }
            (AttemptOutcome::Parked(_) | AttemptOutcome::Handled, _) => return Ok("handled"),
            (AttemptOutcome::DeadLetter(report), _) => report,
        };
        let (partition, offset) = (&in_flight.partition, in_flight.offset);
        if let Some(candidate) = candidate {
            self.park_head(candidate, original, &report).await?;
        } else {
            let to = DeadLetterDestination::dead_letters(partition);
            self.publish_dead_letter(partition, offset, original, &report, &to)
                .await?;
        }
        self.dead_lettered(partition, offset, &report);
        Ok("dead_lettered")
    }

    /// Attempts at one record, as its policy has them.
    pub(in crate::consumer) async fn attempts(
        &self,
        mut record: Record,
        key: &Arc<OrderingKey>,
        partition: &Partition,
        mut failed: Option<Failure>,
    ) -> Result<AttemptOutcome<'_>, Abandoned> {
        let own = self.handler.policy(&record.envelope.event_type);
        let policy = own.unwrap_or(&self.policy);
        let (stop, abort) = (&partition.stop, &partition.abort);
        let (mut retries, mut first_failure) = (0, None);
        let mut unavailable = None;
        loop {
            // A failure in a batch counts as the first attempt's.
            let (failure, permit) = if let Some(failure) = failed.take() {
                (failure, None)
            } else {
                let permit = self.turn(key, unavailable.take(), stop).await?;
                match self.attempt(&record, policy, abort).await? {
                    Ok(()) => {
                        permit.report_success();
                        return Ok(AttemptOutcome::Handled);
                    }
                    Err(failure) => (failure, Some(permit)),
                }
            };
            let first_failure = *first_failure.get_or_insert_with(OffsetDateTime::now_utc);
            self.note(&record, &failure);
            let next = policy.next(&failure, retries);
            settle(permit, next);
            match next {
                FailureAction::Wait(dependency) => unavailable = Some(dependency),
                FailureAction::Retry(length) => {
                    Box::pin(pause_retry(length, stop)).await?;
                    retries += 1;
                    self.count_retry(&record);
                }
                FailureAction::DeadLetter => {
                    return Ok(AttemptOutcome::DeadLetter(FailureReport {
                        group: &self.group,
                        class: class_of(&failure),
                        error: failure.story(),
                        attempts: record.attempt,
                        first_failure,
                    }));
                }
            }
            record.attempt += 1;
        }
    }

    async fn turn(
        &self,
        key: &Arc<OrderingKey>,
        unavailable: Option<Dependency>,
        stop: &CancellationToken,
    ) -> Result<Permit, Abandoned> {
        unless(stop, self.permit(key, unavailable)).await
    }

    pub(in crate::consumer) async fn permit(
        &self,
        key: &Arc<OrderingKey>,
        unavailable: Option<Dependency>,
    ) -> Permit {
        match unavailable {
            Some(dependency) => Box::pin(self.scheduler.acquire_probe(key, dependency)).await,
            None => self.scheduler.acquire(key).await,
        }
    }

    /// One attempt, unless its partition is lost meanwhile.
    async fn attempt(
        &self,
        record: &Record,
        policy: &RetryPolicy,
        abort: &CancellationToken,
    ) -> Result<Result<(), Failure>, Abandoned> {
        let began = Instant::now();
        let attempt = self
            .handler
            .one(record, &self.group, policy.attempt_deadline());
        let result = unless(abort, attempt).await?;
        let event_type = &record.envelope.event_type;
        self.event_metrics
            .attempted(&record.topic, event_type, began.elapsed());
        Ok(result)
    }

    fn invalid(&self, invalid: &InvalidRecord) -> FailureReport<'_> {
        FailureReport {
            group: &self.group,
            class: invalid.class(),
            error: invalid.to_string(),
            attempts: 0,
            first_failure: OffsetDateTime::now_utc(),
        }
    }

    fn count_retry(&self, record: &Record) {
        let event_type = metrics::type_label(&record.envelope.event_type);
        metrics::RETRIED
            .with_label_values(&[self.group.as_str(), &record.topic, event_type])
            .inc();
    }

    pub(in crate::consumer) fn note(&self, record: &Record, failure: &Failure) {
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
            "event handler failed"
        );
    }

    /// Puts the record where `to` says, waiting for Kafka as long as it takes.
    pub(in crate::consumer) async fn publish_dead_letter(
        &self,
        partition: &Partition,
        offset: i64,
        original: &SourceRecord,
        report: &FailureReport<'_>,
        to: &DeadLetterDestination,
    ) -> Result<(), Abandoned> {
        self.persist(partition, "dead letter waits for kafka", || {
            self.dead_letters
                .put(partition, offset, original, report, to)
        })
        .await
    }

    fn dead_lettered(&self, partition: &Partition, offset: i64, report: &FailureReport<'_>) {
        tracing::error!(
            group = self.group,
            topic = %partition.logical,
            partition = partition.number,
            offset,
            class = report.class,
            attempts = report.attempts,
            error = report.error,
            "event dead-lettered"
        );
        let labels = [self.group.as_str(), &partition.logical, report.class];
        metrics::DEAD_LETTERS.with_label_values(&labels).inc();
    }

    /// Tries until it succeeds or the partition goes; `waits` is logged in between.
    pub(in crate::consumer) async fn persist<
        T,
        E: fmt::Display,
        F: Future<Output = Result<T, E>>,
    >(
        &self,
        partition: &Partition,
        waits: &str,
        mut step: impl FnMut() -> F,
    ) -> Result<T, Abandoned> {
        let mut wait = FIRST_WAIT;
        loop {
            let error = match unless(&partition.abort, step()).await? {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            tracing::warn!(group = self.group, topic = %partition.logical, %error, "{waits}");
            pause(wait, &partition.stop).await?;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// Reports the attempt's outcome to the circuit breaker.
pub(in crate::consumer) fn settle(permit: Option<Permit>, next: FailureAction) {
    match (permit, next) {
        (Some(permit), FailureAction::Wait(dependency)) => permit.report_unavailable(dependency),
        (Some(permit), FailureAction::Retry(_) | FailureAction::DeadLetter) => {
            permit.report_success();
        }
        (None, _) => {}
    }
}

/// Event type label of a record that cannot be decoded.
pub(in crate::consumer) const INVALID_TYPE: &str = "unfit";

pub(in crate::consumer) fn event_type(envelope: &Envelope) -> &str {
    &envelope.event_type
}

/// The class a dead letter gets.
pub(crate) fn class_of(failure: &Failure) -> &'static str {
    match failure.class() {
        FailureClass::Permanent => match failure.error().downcast_ref() {
            Some(DecodeError::Tenant { .. }) => "context",
            Some(_) => "undecodable",
            None => "permanent",
        },
        class => class.as_str(),
    }
}

/// Runs the future unless the signal is cancelled first. A future that is ready at once does not register for the signal.
pub(in crate::consumer) async fn unless<F: Future>(
    signal: &CancellationToken,
    future: F,
) -> Result<F::Output, Abandoned> {
    if signal.is_cancelled() {
        return Err(Abandoned);
    }
    let mut future = pin!(future);
    if let Poll::Ready(output) = poll!(future.as_mut()) {
        return Ok(output);
    }
    tokio::select! {
        biased;
        () = signal.cancelled() => Err(Abandoned),
        output = future => Ok(output),
    }
}

async fn pause(length: Duration, stop: &CancellationToken) -> Result<(), Abandoned> {
    unless(stop, tokio::time::sleep(length)).await
}

/// Sleeps for this duration with ±20 % jitter, so that records that failed together are not
/// retried together.
async fn pause_retry(length: Duration, stop: &CancellationToken) -> Result<(), Abandoned> {
    pause(length.mul_f64(rand::random_range(0.8..1.2)), stop).await
}
