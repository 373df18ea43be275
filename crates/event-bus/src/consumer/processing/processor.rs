//! The work on one record: attempts, pauses, dead letter.

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
    Dependency, Envelope, Failure, FailureClass, Next, Policy, Record,
    codec::DecodeError,
    consumer::{
        metrics::Meters,
        offsets::partition::{Partition, Ticket},
        processing::{
            handler_kind::Doer,
            source_record::Original,
            work_item::{Unfit, Work},
        },
        recovery::{
            dead_letters::{Aside, DeadLetters, Story},
            parking::{Member, Parking, Standing},
        },
        scheduling::{
            key::Key,
            turns::{Place, Turns},
        },
    },
    metrics,
};

/// The first and the longest pause while Kafka does not take a dead letter.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Does the work of one consumer's records.
pub(in crate::consumer) struct Worker {
    pub(in crate::consumer) group: String,
    pub(in crate::consumer) meters: Meters,
    pub(in crate::consumer) doer: Doer,
    pub(in crate::consumer) policy: Policy,
    pub(in crate::consumer) turns: Arc<Turns>,
    pub(in crate::consumer) dead_letters: DeadLetters,
    /// Stands for a batch where turns are taken by key.
    pub(in crate::consumer) batches: Arc<Key>,
    /// Where events are parked.
    pub(in crate::consumer) parking: Option<Arc<Parking>>,
}

/// The partition was lost or the consumer stops: the work is not done and will come again.
pub(in crate::consumer) struct Abandoned;

/// How attempts on a record ended, other than in being abandoned.
pub(in crate::consumer) enum Ended<'a> {
    Handled,
    /// There was none: its sequence is parked.
    Parked(Standing),
    DeadLetter(Story<'a>),
}

impl Worker {
    /// Works on one record to its end.
    pub(in crate::consumer) async fn run(&self, work: Work) {
        self.go_on(work, None).await;
    }

    /// Works on one record to its end, the first attempt at which may have failed already.
    pub(in crate::consumer) async fn go_on(&self, work: Work, failed: Option<Failure>) {
        let Work {
            ticket,
            original,
            content,
            delivery,
        } = work;
        drop(delivery);
        let envelope = content.as_ref().ok();
        let envelope = envelope.map(|record| Arc::clone(&record.envelope));
        let member = self.member(&ticket, &content);
        let ended = match content {
            _ if ticket.partition.stop.is_cancelled() => Err(Abandoned),
            Ok(record) => {
                self.work_on(*record, &ticket, member.as_ref(), failed)
                    .await
            }
            Err(unfit) => Ok(Ended::DeadLetter(self.unfit(&unfit))),
        };
        let outcome = match ended {
            Ok(Ended::Handled) => Ok("handled"),
            // What is rare has memory of its own: a task has room for all that may be in it, and moves it about.
            Ok(ended) => Box::pin(self.finish(ended, &ticket, member.as_ref(), &original)).await,
            Err(Abandoned) => Err(Abandoned),
        };
        self.meters.ended(
            &ticket.partition.logical,
            envelope.as_deref().map_or(UNFIT, event_type),
            outcome.as_ref().unwrap_or(&"abandoned"),
        );
        if outcome.is_ok() {
            ticket.done();
        }
    }

    /// Attempts at an event, unless its sequence is parked.
    async fn work_on(
        &self,
        record: Record,
        ticket: &Ticket,
        member: Option<&Member>,
        failed: Option<Failure>,
    ) -> Result<Ended<'_>, Abandoned> {
        if member.is_some()
            && let Some(standing) = Box::pin(self.standing(member)).await?
        {
            return Ok(Ended::Parked(standing));
        }
        self.attempts(record, &ticket.key, &ticket.partition, failed)
            .await
    }

    /// Puts the record where it is to be kept, if anywhere; what became of it.
    async fn finish(
        &self,
        ended: Ended<'_>,
        ticket: &Ticket,
        member: Option<&Member>,
        original: &Original,
    ) -> Result<&'static str, Abandoned> {
        let story = match (ended, member) {
            (Ended::Parked(standing), Some(member)) => {
                self.park_behind(member, standing, original).await?;
                return Ok("parked");
            }
            (Ended::Parked(_) | Ended::Handled, _) => return Ok("handled"),
            (Ended::DeadLetter(story), _) => story,
        };
        let (partition, offset) = (&ticket.partition, ticket.offset);
        if let Some(member) = member {
            self.park_head(member, original, &story).await?;
        } else {
            let to = Aside::dead_letters(partition);
            self.put_aside(partition, offset, original, &story, &to)
                .await?;
        }
        self.dead_lettered(partition, offset, &story);
        Ok("dead_lettered")
    }

    /// Attempts at one record, as its policy has them.
    pub(in crate::consumer) async fn attempts(
        &self,
        mut record: Record,
        key: &Arc<Key>,
        partition: &Partition,
        mut failed: Option<Failure>,
    ) -> Result<Ended<'_>, Abandoned> {
        let own = self.doer.policy(&record.envelope.event_type);
        let policy = own.unwrap_or(&self.policy);
        let (stop, abort) = (&partition.stop, &partition.abort);
        let (mut retries, mut first_failure) = (0, None);
        let mut away = None;
        loop {
            // A failure in a batch counts as the first attempt's.
            let (failure, place) = if let Some(failure) = failed.take() {
                (failure, None)
            } else {
                let place = self.turn(key, away.take(), stop).await?;
                match self.attempt(&record, policy, abort).await? {
                    Ok(()) => {
                        place.answered();
                        return Ok(Ended::Handled);
                    }
                    Err(failure) => (failure, Some(place)),
                }
            };
            let first_failure = *first_failure.get_or_insert_with(OffsetDateTime::now_utc);
            self.note(&record, &failure);
            let next = policy.next(&failure, retries);
            settle(place, next);
            match next {
                Next::Wait(dependency) => away = Some(dependency),
                Next::Retry(length) => {
                    Box::pin(pause_retry(length, stop)).await?;
                    retries += 1;
                    self.count_retry(&record);
                }
                Next::DeadLetter => {
                    return Ok(Ended::DeadLetter(Story {
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
        key: &Arc<Key>,
        away: Option<Dependency>,
        stop: &CancellationToken,
    ) -> Result<Place, Abandoned> {
        unless(stop, self.place(key, away)).await
    }

    pub(in crate::consumer) async fn place(
        &self,
        key: &Arc<Key>,
        away: Option<Dependency>,
    ) -> Place {
        match away {
            Some(dependency) => Box::pin(self.turns.turn_of_probe(key, dependency)).await,
            None => self.turns.turn(key).await,
        }
    }

    /// One attempt, unless its partition is lost meanwhile.
    async fn attempt(
        &self,
        record: &Record,
        policy: &Policy,
        abort: &CancellationToken,
    ) -> Result<Result<(), Failure>, Abandoned> {
        let began = Instant::now();
        let attempt = self
            .doer
            .one(record, &self.group, policy.attempt_deadline());
        let result = unless(abort, attempt).await?;
        let event_type = &record.envelope.event_type;
        self.meters
            .attempted(&record.topic, event_type, began.elapsed());
        Ok(result)
    }

    fn unfit(&self, unfit: &Unfit) -> Story<'_> {
        Story {
            group: &self.group,
            class: unfit.class(),
            error: unfit.to_string(),
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
            "event not handled"
        );
    }

    /// Puts the record where `to` says, waiting for Kafka as long as it takes.
    pub(in crate::consumer) async fn put_aside(
        &self,
        partition: &Partition,
        offset: i64,
        original: &Original,
        story: &Story<'_>,
        to: &Aside,
    ) -> Result<(), Abandoned> {
        self.persist(partition, "dead letter waits for kafka", || {
            self.dead_letters
                .put(partition, offset, original, story, to)
        })
        .await
    }

    fn dead_lettered(&self, partition: &Partition, offset: i64, story: &Story<'_>) {
        tracing::error!(
            group = self.group,
            topic = %partition.logical,
            partition = partition.number,
            offset,
            class = story.class,
            attempts = story.attempts,
            error = story.error,
            "event dead-lettered"
        );
        let labels = [self.group.as_str(), &partition.logical, story.class];
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

/// Tells those who wait for their turn what the attempt says of what it needs.
pub(in crate::consumer) fn settle(place: Option<Place>, next: Next) {
    match (place, next) {
        (Some(place), Next::Wait(dependency)) => place.met(dependency),
        (Some(place), Next::Retry(_) | Next::DeadLetter) => place.answered(),
        (None, _) => {}
    }
}

/// Stands for the type of a record that has none.
pub(in crate::consumer) const UNFIT: &str = "unfit";

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

/// What the future gives, unless the signal comes first. One that is ready at once costs no waiting for the signal.
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

/// A pause of about this length: a fifth shorter to a fifth longer, so that what failed together does not
/// come back together.
async fn pause_retry(length: Duration, stop: &CancellationToken) -> Result<(), Abandoned> {
    pause(length.mul_f64(rand::random_range(0.8..1.2)), stop).await
}
