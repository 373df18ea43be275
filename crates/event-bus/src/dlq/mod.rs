//! What became a dead letter: listed, shown, replayed, given up.
//!
//! The log is the only store. What somebody does with a letter is a record of its own in the same partition,
//! an [`Act`]: who, what, when and why. A letter's state is what its acts make of it, and the acts are the
//! audit. A replay is announced before its first record goes out and noted letter by letter once the broker
//! has the record, so that a command that dies in between leaves the letter open; replayed again, the event
//! has the same id.

mod audit;
mod command;
mod discard;
mod filter;
mod letter;
pub mod parked;
mod rate_limit;
mod reader;
mod replay;
mod report;
mod scan;
mod selection;
mod show;
mod source;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde::Serialize;
use time::OffsetDateTime;

use crate::{
    BusError, BusSettings, EventSchemas, Producer, PublishError, RawRecord, Registry,
    dlq::{
        reader::{Reader, Span},
        replay::Replaying,
    },
    metrics,
};

pub use crate::{
    dlq::{
        audit::{Act, ActKind},
        command::{Discard, Replay, ReplayTo},
        filter::DeadLetterFilter,
        letter::{DeadLetter, DeadLetterState},
        report::{Outcome, Report, Treated},
        selection::Selection,
        show::ShownLetter,
    },
    log_format::{history::Round, location::DeadLetterLocation},
};

/// Letters or acts on a page, at the most.
pub const MAX_PAGE: usize = 1_000;

/// Why letters were neither shown nor treated.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// There is none at that place, or no longer.
    #[error("there is no dead letter at {0}; see the list for those there are")]
    NotFound(DeadLetterLocation),
    /// Nothing of that sequence is parked, or no longer.
    #[error("nothing is parked of {0}; see the list for what is")]
    NotParked(parked::SequencePlace),
    /// What was asked for makes no sense.
    #[error("{field}: {rule}")]
    Invalid {
        /// Which part of it.
        field: &'static str,
        /// What it should be.
        rule: String,
    },
    /// The broker did not answer, or a setting is wrong.
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl DeadLetterError {
    fn invalid(field: &'static str, rule: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            rule: rule.into(),
        }
    }
}

/// Letters in the order of topic, partition and offset.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DeadLetterPage {
    /// The letters.
    pub letters: Vec<DeadLetter>,
    /// Go on behind this place: the page is full.
    pub next: Option<DeadLetterLocation>,
}

/// Acts in the order of topic, partition and offset.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ActPage {
    /// The acts.
    pub acts: Vec<Act>,
    /// Go on behind this place: the page is full.
    pub next: Option<DeadLetterLocation>,
}

/// The dead letters of a bus. Cheap to clone.
///
/// Every question to the broker ends within the timeout, and what is held in memory is bounded by page and
/// limit, besides some bytes for each letter of one partition that fits or that something was done with.
#[derive(Clone)]
pub struct DeadLetterAdmin(Arc<Inner>);

struct Inner {
    settings: BusSettings,
    registry: Registry,
    timeout: Duration,
    producer: OnceLock<Producer>,
}

impl DeadLetterAdmin {
    /// The dead letters of this bus. Nothing is asked yet.
    ///
    /// # Errors
    /// The registry's address is wrong.
    pub fn new(settings: &BusSettings, timeout: Duration) -> Result<Self, BusError> {
        let registry = settings.registry()?;
        Ok(Self(Arc::new(Inner {
            settings: settings.clone(),
            registry,
            timeout,
            producer: OnceLock::new(),
        })))
    }

    /// A page of the letters that fit, behind `after` if that is given; `limit` is 1 to [`MAX_PAGE`].
    ///
    /// # Errors
    /// The filter contradicts itself or names a topic that is not there; the broker does not answer.
    pub async fn list(
        &self,
        filter: &DeadLetterFilter,
        after: Option<&DeadLetterLocation>,
        limit: usize,
    ) -> Result<DeadLetterPage, DeadLetterError> {
        check_page(limit)?;
        let reader = self.reader()?;
        let selection = Selection::Matching {
            filter: filter.clone(),
            after: after.cloned(),
        };
        let mut page = DeadLetterPage::default();
        for place in selection.partitions(&reader).await? {
            let left = limit - page.letters.len();
            let survey = selection.survey(&reader, &place, left).await?;
            let mut span = survey.span();
            while let Some(picked) = survey.next(&reader, &mut span).await? {
                page.letters
                    .extend(picked.into_iter().map(|picked| picked.letter));
            }
            if page.letters.len() >= limit {
                page.next = page.letters.last().map(|letter| letter.place.clone());
                break;
            }
        }
        Ok(page)
    }

    /// One letter: envelope, payload, story, and what was done with it.
    ///
    /// # Errors
    /// There is none at that place; the broker does not answer.
    pub async fn show(&self, place: &DeadLetterLocation) -> Result<ShownLetter, DeadLetterError> {
        show::show(self, place).await
    }

    /// Publishes letters again: same bytes, key, headers and id, to the topic and partition they came from,
    /// with one more round in their trail. Others than the group asked for pass them over.
    ///
    /// # Errors
    /// What was asked makes no sense, a letter named is not there, or the broker does not answer while
    /// letters are looked for. What goes wrong with a letter is in the report.
    pub async fn replay(
        &self,
        selection: &Selection,
        orders: &Replay,
    ) -> Result<Report, DeadLetterError> {
        orders.check()?;
        Replaying::new(self, orders, selection)?
            .run(selection)
            .await
    }

    /// Gives letters up. They stay in the log until it drops them, and can be replayed by force.
    ///
    /// # Errors
    /// As [`DeadLetterAdmin::replay`].
    pub async fn discard(
        &self,
        selection: &Selection,
        orders: &Discard,
    ) -> Result<Report, DeadLetterError> {
        orders.check()?;
        discard::discard(self, selection, orders).await
    }

    /// A page of the acts on letters of `topics` (of all, if none is named) since a time, behind `after` if
    /// that is given; `limit` is 1 to [`MAX_PAGE`].
    ///
    /// # Errors
    /// A topic that is not there; the broker does not answer.
    pub async fn acts(
        &self,
        topics: &[String],
        since: Option<OffsetDateTime>,
        after: Option<&DeadLetterLocation>,
        limit: usize,
    ) -> Result<ActPage, DeadLetterError> {
        check_page(limit)?;
        let reader = self.reader()?;
        let filter = DeadLetterFilter {
            topics: topics.to_vec(),
            ..DeadLetterFilter::default()
        };
        let selection = Selection::Matching {
            filter,
            after: after.cloned(),
        };
        let mut page = ActPage::default();
        for (topic, partition) in selection.partitions(&reader).await? {
            let (low, end) = reader.marks(&topic, partition).await?;
            let after = after.filter(|after| after.topic == topic && after.partition == partition);
            let from = after.map_or(low, |after| low.max(after.offset + 1));
            let mut span = Span::new(&topic, partition, from, end);
            loop {
                let piece = reader.piece(&mut span).await?;
                if piece.is_empty() {
                    break;
                }
                for logged in piece {
                    let act = Act::of(&topic, &logged);
                    let Some(act) = act.filter(|act| since.is_none_or(|since| act.at >= since))
                    else {
                        continue;
                    };
                    page.acts.push(act);
                    if page.acts.len() == limit {
                        let offset = logged.offset;
                        page.next = Some(DeadLetterLocation {
                            topic,
                            partition,
                            offset,
                        });
                        return Ok(page);
                    }
                }
            }
        }
        Ok(page)
    }

    fn reader(&self) -> Result<Reader, BusError> {
        Reader::open(&self.0.settings, &self.0.registry, self.0.timeout)
    }

    fn producer(&self) -> Result<&Producer, PublishError> {
        if let Some(producer) = self.0.producer.get() {
            return Ok(producer);
        }
        let inner = &*self.0;
        let made = Producer::with_deadline(&inner.settings, EventSchemas::new(), inner.timeout);
        let made = made.map_err(|error| PublishError::Unavailable(error.to_string()))?;
        Ok(inner.producer.get_or_init(|| made))
    }

    async fn publish(&self, records: Vec<RawRecord>) -> Vec<Result<(), PublishError>> {
        match self.producer() {
            Ok(producer) => {
                let results = producer.publish_raw_batch(&records).await;
                results.into_iter().map(|result| result.map(drop)).collect()
            }
            Err(error) => vec![Err(error); records.len()],
        }
    }

    /// Writes acts, each with its letter's key, and counts them.
    async fn record_acts(
        &self,
        (topic, partition): &(String, i32),
        acts: Vec<(Act, Option<Vec<u8>>)>,
    ) -> Vec<Result<(), PublishError>> {
        if acts.is_empty() {
            return Vec::new();
        }
        let kinds: Vec<_> = acts.iter().map(|(act, _)| act.kind.clone()).collect();
        let records = acts
            .into_iter()
            .map(|(act, key)| act.record(topic, *partition, key));
        let results = self.publish(records.collect()).await;
        for (kind, result) in kinds.iter().zip(&results) {
            if result.is_ok() {
                let labels = [topic.as_str(), kind.as_str()];
                metrics::DEAD_LETTER_ACTS.with_label_values(&labels).inc();
            }
        }
        results
    }
}

fn check_page(limit: usize) -> Result<(), DeadLetterError> {
    if (1..=MAX_PAGE).contains(&limit) {
        return Ok(());
    }
    Err(DeadLetterError::invalid(
        "limit",
        format!("should be 1 to {MAX_PAGE}"),
    ))
}
