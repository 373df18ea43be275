//! From records to verdicts: breaker, link, queue, broker.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::BaseRecord,
};
use tokio::time::Instant;

use crate::{
    BusError, BusSettings, metrics,
    producer::{
        Producer, PublishError,
        batch::Enqueuing,
        bisect::Narrowing,
        breaker::Admission,
        delivery_report::{Blame, Broker, Verdict, judge, of_kafka, of_outcome},
        record::Outgoing,
        session::{Link, Message, NotTaken},
    },
};

/// How long to wait when librdkafka's queue is full.
const QUEUE_PAUSE: Duration = Duration::from_millis(5);

/// The registry's id for a record, or why it has none.
pub(super) type SchemaId = Result<u32, PublishError>;

/// A refusal of the same kind for everyone.
fn unavailable(reason: &str) -> PublishError {
    PublishError::Unavailable(reason.to_owned())
}

impl Producer {
    /// Sends what has a schema id, in order, and waits for all acknowledgements.
    pub(super) async fn send<R: Outgoing>(&self, records: &[R], ids: &[SchemaId]) -> Vec<Verdict> {
        let results = if ids.iter().all(Result::is_err) {
            // Without one that can be sent, the broker is not asked and the breaker learns nothing.
            ids.iter()
                .filter_map(|id| id.clone().err())
                .map(Err)
                .collect()
        } else if self.0.breaker.admit() == Admission::Refused {
            metrics::PRODUCER_BREAKER.set(self.state().gauge());
            let refused = unavailable(&self.0.trouble.explain("the broker is away (breaker open)"));
            vec![Err(refused); records.len()]
        } else {
            metrics::PRODUCER_BREAKER.set(self.state().gauge());
            let all: Vec<usize> = (0..records.len()).collect();
            let (results, blame) = self.attempt(records, ids, &all).await;
            match blame {
                Blame::Own => results,
                Blame::Shared => {
                    let keys: Vec<&[u8]> = records.iter().map(Outgoing::order).collect();
                    let mut narrowing = Narrowing::of(&keys, results, |place| ids[place].is_ok());
                    while let Some(places) = narrowing.next() {
                        let (results, blame) = self.attempt(records, ids, places).await;
                        narrowing.ended(results, blame);
                    }
                    narrowing.results()
                }
            }
        };
        self.count(records, &results);
        results
    }

    /// Sends the records at these places; their results, and whose fault a refusal is.
    async fn attempt<R: Outgoing>(
        &self,
        records: &[R],
        ids: &[SchemaId],
        places: &[usize],
    ) -> (Vec<Verdict>, Blame) {
        let link = match self.link() {
            Ok(link) => link,
            Err(error) => {
                self.0.breaker.failed();
                let error = unavailable(&error.to_string());
                return (vec![Err(error); places.len()], Blame::Own);
            }
        };
        let deadline = Instant::now() + self.0.deadline;
        let mut taken = vec![None; places.len()];
        let enqueuing = link.begin(places.len());
        let batch = enqueuing.batch();
        let enqueue = self.enqueue_all(&link, enqueuing, records, ids, places, &mut taken);
        let in_time = tokio::time::timeout_at(deadline, async {
            enqueue.await;
            batch.all_reported().await;
        });
        let in_time = tokio::select! {
            in_time = in_time => in_time.is_ok(),
            () = link.gave_up() => false,
        };
        if !in_time || link.is_fatal() {
            self.retire(&link).await;
            // The purge reports every record that was enqueued.
            let _ = tokio::time::timeout(Duration::from_secs(2), batch.all_reported()).await;
        }
        // What was not reached before the deadline counts as failed.
        let unreached = || Err(unavailable("no room in the queue in time"));
        let taken = taken
            .into_iter()
            .map(|taken| taken.unwrap_or_else(unreached));
        let taken: Vec<Result<(), PublishError>> = taken.collect();
        let outcomes = batch.take();
        let blame = Blame::of(&outcomes);
        let late = unavailable(&self.0.trouble.explain("not acknowledged in time"));
        let said = outcomes.into_iter().zip(places).zip(&taken);
        let said = said.map(|((said, place), taken)| match said {
            // What was purged says nothing of why.
            Some(Err(error)) if is_purged(&error) => Some(Err(late.clone())),
            Some(said) => Some(of_outcome(said, &records[*place])),
            None => taken.is_ok().then(|| Err(late.clone())),
        });
        let said: Vec<Option<Verdict>> = said.collect();
        let keys = places.iter().map(|place| records[*place].order());
        let (verdicts, broker) = judge(taken, said, keys);
        match broker {
            Broker::Works => {
                self.0.trouble.clear();
                self.0.breaker.succeeded();
            }
            Broker::Away => self.0.breaker.failed(),
        }
        metrics::PRODUCER_BREAKER.set(self.state().gauge());
        (verdicts, blame)
    }

    /// Enqueues in order; after a record that is not taken, none of its key.
    async fn enqueue_all<R: Outgoing>(
        &self,
        link: &Link,
        enqueuing: Enqueuing<'_>,
        records: &[R],
        ids: &[SchemaId],
        places: &[usize],
        taken: &mut [Option<Result<(), PublishError>>],
    ) {
        let mut blocked: HashSet<&[u8]> = HashSet::new();
        let (mut buffer, mut topic) = (Vec::new(), TopicName::default());
        for (index, place) in places.iter().enumerate() {
            let record = &records[*place];
            let result = match &ids[*place] {
                _ if blocked.contains(record.order()) => Err(PublishError::AfterFailed),
                Err(error) => Err(error.clone()),
                Ok(id) => {
                    let topic = topic.of(record.topic(), &self.0.settings);
                    let mode = self.0.settings.content_mode;
                    match record.value(*id, mode, &mut buffer) {
                        Err(error) => Err(error),
                        Ok(value) => {
                            let ticket = enqueuing.ticket(index);
                            let mut message: Message<'_> =
                                BaseRecord::with_opaque_to(topic, ticket)
                                    .headers(record.headers(mode));
                            message.partition = record.partition();
                            message.key = record.key();
                            message.payload = value;
                            let taken = enqueue(link, message, record).await;
                            if taken.is_err() {
                                enqueuing.not_taken();
                            }
                            taken
                        }
                    }
                }
            };
            if result.is_err() {
                blocked.insert(record.order());
            }
            taken[index] = Some(result);
        }
    }

    /// The link of now, born anew if the last one died.
    pub(super) fn link(&self) -> Result<Arc<Link>, BusError> {
        let mut current = self.0.link.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = &*current {
            return Ok(Arc::clone(link));
        }
        let link = Arc::new(Link::open(&self.0.config, &self.0.trouble)?);
        *current = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Tears `link` down; the next call makes another.
    async fn retire(&self, link: &Arc<Link>) {
        {
            let mut current = self.0.link.lock().unwrap_or_else(PoisonError::into_inner);
            if current
                .as_ref()
                .is_some_and(|current| Arc::ptr_eq(current, link))
            {
                *current = None;
                metrics::PRODUCER_REBUILDS.inc();
                tracing::warn!("producer makes no progress or failed for good; rebuilding it");
            }
        }
        let link = Arc::clone(link);
        let _ = tokio::task::spawn_blocking(move || link.tear_down()).await;
    }

    /// Counts what became of the records, a run of equal ones at a time.
    fn count<R: Outgoing>(&self, records: &[R], results: &[Verdict]) {
        let both: Vec<_> = records.iter().zip(results).collect();
        let outcome = |result: &Verdict| match result {
            Ok(_) => "published",
            Err(error) => error.label(),
        };
        let runs = both.chunk_by(|(a, a_result), (b, b_result)| {
            a.topic() == b.topic()
                && a.event_type() == b.event_type()
                && outcome(a_result) == outcome(b_result)
        });
        let mut topic = TopicName::default();
        for run in runs {
            let (record, result) = run[0];
            let topic = topic.of(record.topic(), &self.0.settings);
            metrics::published(topic, record.event_type(), outcome(result), run.len());
        }
    }
}

fn is_purged(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
    )
}

/// Hands one record over, waiting while the queue is full: everything behind it waits too.
async fn enqueue(
    link: &Link,
    mut message: Message<'_>,
    record: &impl Outgoing,
) -> Result<(), PublishError> {
    loop {
        message = match link.enqueue(message) {
            Ok(()) => return Ok(()),
            Err(NotTaken::QueueFull(message)) => *message,
            Err(NotTaken::Failed(error)) => return Err(of_kafka(&error, record)),
            Err(NotTaken::Dead) => return Err(unavailable("the producer was rebuilt")),
        };
        tokio::time::sleep(QUEUE_PAUSE).await;
    }
}

/// A topic's name on the broker, made anew only when the topic changes.
#[derive(Default)]
struct TopicName {
    prefixed: String,
    prefix: usize,
}

impl TopicName {
    fn of(&mut self, topic: &str, settings: &BusSettings) -> &str {
        if self.prefixed.is_empty() || self.prefixed[self.prefix..] != *topic {
            self.prefixed = settings.prefixed(topic);
            self.prefix = settings.topic_prefix.len();
        }
        &self.prefixed
    }
}
