//! The work on one record: attempts, pauses, dead letter.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::{
    dead_letter::{DeadLetters, Story},
    doer::Doer,
    key::Key,
    partition::{Partition, Ticket},
    turns::{Place, Turns},
    work::{Original, Unfit, Work},
};
use crate::{
    BatchFailure, Dependency, Failure, FailureClass, Next, Policy, Record, codec::DecodeError,
    metrics,
};

/// The first and the longest pause while Kafka does not take a dead letter.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Does the work of one consumer's records.
pub(super) struct Worker {
    pub(super) group: String,
    pub(super) doer: Doer,
    pub(super) policy: Policy,
    pub(super) turns: Arc<Turns>,
    pub(super) dead_letters: DeadLetters,
    /// Stands for a batch where turns are taken by key.
    pub(super) batches: Arc<Key>,
}

/// The partition was lost or the consumer stops: the work is not done and will come again.
struct Abandoned;

/// How attempts on a record ended, other than in being abandoned.
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
    /// Works on one record to its end.
    pub(super) async fn run(&self, work: Work) {
        self.go_on(work, None).await;
    }

    /// Works on one record to its end, the first attempt at which may have failed already.
    async fn go_on(&self, work: Work, failed: Option<Failure>) {
        let Work {
            ticket,
            original,
            content,
        } = work;
        let event_type = label(&content);
        let ended = match content {
            _ if ticket.partition.stop.is_cancelled() => Err(Abandoned),
            Ok(record) => self.attempts(*record, &ticket, failed).await,
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
        self.count(
            &ticket,
            &event_type,
            outcome.as_ref().unwrap_or(&"abandoned"),
        );
        if outcome.is_ok() {
            ticket.done();
        }
    }

    fn count(&self, ticket: &Ticket, event_type: &str, outcome: &str) {
        let topic = &*ticket.partition.logical;
        metrics::HANDLED
            .with_label_values(&[self.group.as_str(), topic, event_type, outcome])
            .inc();
    }

    async fn attempts(
        &self,
        mut record: Record,
        ticket: &Ticket,
        mut failed: Option<Failure>,
    ) -> Result<Ended, Abandoned> {
        let own = self.doer.policy(&record.envelope.event_type);
        let policy = own.unwrap_or(&self.policy);
        let (stop, abort) = (&ticket.partition.stop, &ticket.partition.abort);
        let (mut retries, mut first_failure) = (0, None);
        let mut away = None;
        loop {
            // A failure in a batch counts as the first attempt's.
            let (failure, place) = if let Some(failure) = failed.take() {
                (failure, None)
            } else {
                let place = self.turn(&ticket.key, away.take(), stop).await?;
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
                    pause_retry(length, stop).await?;
                    retries += 1;
                    self.count_retry(&record);
                }
                Next::DeadLetter => {
                    return Ok(Ended::DeadLetter {
                        class: class_of(&failure),
                        error: failure.story(),
                        attempts: record.attempt,
                        first_failure,
                    });
                }
            }
            record.attempt += 1;
        }
    }

    /// Works on a batch to its end: what failed by itself, then the rest again.
    pub(super) async fn run_batch(&self, batch: Vec<Work>) {
        let (mut rest, unfit): (Vec<Work>, Vec<Work>) = batch
            .into_iter()
            .partition(|work| work.content.is_ok() && !work.ticket.partition.stop.is_cancelled());
        for work in unfit {
            self.run(work).await;
        }
        let mut away = None;
        while !rest.is_empty() {
            let Ok(ended) = self.batch_attempt(&rest, away.take()).await else {
                // Some partition goes: each by itself, so that those that stay go on.
                for work in rest {
                    self.run(work).await;
                }
                return;
            };
            match ended {
                Ok(()) => {
                    rest.drain(..).for_each(|work| self.handled(work));
                }
                Err(BatchFailure {
                    handled: Some(handled),
                    failure,
                }) => {
                    let handled = handled.min(rest.len() - 1);
                    rest.drain(..handled).for_each(|work| self.handled(work));
                    let work = rest.remove(0);
                    self.go_on(work, Some(failure)).await;
                }
                Err(BatchFailure {
                    handled: None,
                    failure,
                }) => match self.batch_policy(&rest).next(&failure, 0) {
                    Next::Wait(dependency) => away = Some(dependency),
                    Next::Retry(_) | Next::DeadLetter => {
                        tracing::warn!(
                            group = self.group,
                            events = rest.len(),
                            error = failure.story(),
                            "batch not handled; each of it by itself"
                        );
                        for work in rest {
                            self.run(work).await;
                        }
                        return;
                    }
                },
            }
        }
    }

    async fn batch_attempt(
        &self,
        works: &[Work],
        away: Option<Dependency>,
    ) -> Result<Result<(), BatchFailure>, Abandoned> {
        let Some(first) = works.first() else {
            return Ok(Ok(()));
        };
        let records: Vec<Record> = works
            .iter()
            .filter_map(|work| work.content.as_deref().ok().cloned())
            .collect();
        let any_stop = any(works, |partition| &partition.stop);
        let any_abort = any(works, |partition| &partition.abort);
        let key = if works
            .iter()
            .all(|work| Arc::ptr_eq(&work.ticket.key, &first.ticket.key))
        {
            &first.ticket.key
        } else {
            &self.batches
        };
        let place = tokio::select! {
            biased;
            () = any_stop => return Err(Abandoned),
            place = self.place(key, away) => place,
        };
        let keys = works.iter().map(|work| Arc::clone(&work.ticket.key));
        let _running = self.turns.running(keys.collect());
        let policy = self.batch_policy(works);
        let began = Instant::now();
        let result = tokio::select! {
            biased;
            () = any_abort => return Err(Abandoned),
            result = self.doer.many(&records, &self.group, policy.attempt_deadline()) => result,
        };
        metrics::SECONDS
            .with_label_values(&[self.group.as_str(), "batch"])
            .observe(began.elapsed().as_secs_f64());
        match &result {
            Ok(()) => place.answered(),
            Err(failed) => {
                let at = failed.handled.unwrap_or(0).min(records.len() - 1);
                if failed.handled.is_none() {
                    self.note(&records[at], &failed.failure);
                }
                settle(Some(place), policy.next(&failed.failure, 0));
            }
        }
        Ok(result)
    }

    fn handled(&self, work: Work) {
        let event_type = label(&work.content);
        self.count(&work.ticket, &event_type, "handled");
        work.ticket.done();
    }

    fn batch_policy(&self, works: &[Work]) -> &Policy {
        let first = works.first().and_then(|work| work.content.as_ref().ok());
        let own = first.and_then(|record| self.doer.policy(&record.envelope.event_type));
        own.unwrap_or(&self.policy)
    }

    async fn turn(
        &self,
        key: &Arc<Key>,
        away: Option<Dependency>,
        stop: &CancellationToken,
    ) -> Result<Place, Abandoned> {
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(Abandoned),
            place = self.place(key, away) => Ok(place),
        }
    }

    async fn place(&self, key: &Arc<Key>, away: Option<Dependency>) -> Place {
        match away {
            Some(dependency) => self.turns.turn_of_probe(key, dependency).await,
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
        let result = tokio::select! {
            biased;
            () = abort.cancelled() => return Err(Abandoned),
            result = attempt => result,
        };
        let event_type = metrics::type_label(&record.envelope.event_type);
        metrics::SECONDS
            .with_label_values(&[self.group.as_str(), event_type])
            .observe(began.elapsed().as_secs_f64());
        Ok(result)
    }

    fn count_retry(&self, record: &Record) {
        let event_type = metrics::type_label(&record.envelope.event_type);
        metrics::RETRIED
            .with_label_values(&[self.group.as_str(), &record.topic, event_type])
            .inc();
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
        ticket: &Ticket,
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
            pause(wait, &partition.stop).await?;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// Tells those who wait for their turn what the attempt says of what it needs.
fn settle(place: Option<Place>, next: Next) {
    match (place, next) {
        (Some(place), Next::Wait(dependency)) => place.met(dependency),
        (Some(place), Next::Retry(_) | Next::DeadLetter) => place.answered(),
        (None, _) => {}
    }
}

/// Ends when the signal of one of the works' partitions is given.
async fn any(works: &[Work], signal: impl Fn(&Partition) -> &CancellationToken) {
    let mut partitions: Vec<&Arc<Partition>> = Vec::new();
    for work in works {
        let partition = &work.ticket.partition;
        if !partitions.iter().any(|known| Arc::ptr_eq(known, partition)) {
            partitions.push(partition);
        }
    }
    let signals = partitions
        .into_iter()
        .map(|partition| Box::pin(signal(partition).cancelled()));
    futures::future::select_all(signals).await;
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
