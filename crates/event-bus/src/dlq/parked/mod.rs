//! What is parked ([`ConsumerBuilder::park`](crate::ConsumerBuilder::park)): listed, shown, released, its heads given up.
//!
//! As with dead letters the log is the only store. What an operator or the consumer does with a sequence is a [`Mark`] in the
//! partition where it is parked, and the marks are the audit until the log is cut: when nothing is parked in a partition any
//! more and a thousand records lie there, the consumer deletes them.

mod command;
mod read;
mod scan;

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    BusError, BusSettings,
    dlq::{
        DeadLetter, DeadLetterAdmin, DeadLetterError, check_page, parked::scan::Survey,
        reader::Reader,
    },
    metrics,
};

pub use crate::{
    dlq::parked::command::{
        ParkedOrders, ParkedOutcome, ParkedReport, ParkedSelection, TreatedSequence,
    },
    log_format::{
        parked_mark::{Mark, MarkKind},
        parked_sequence::{PARKED_SUFFIX, SequencePlace},
    },
};
pub(crate) use crate::{dlq::parked::read::ParkedReader, log_format::parked_sequence::Sequence};

/// Sequences whose heads are read at once.
const CHUNK: usize = 200;

/// Which sequences; what is `None` or empty does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParkedFilter {
    /// Whose events are of these topics.
    pub topics: Vec<String>,
    /// That this group parked.
    pub group: Option<String>,
    /// Of this tenant.
    pub tenant: Option<Uuid>,
}

/// A sequence that is parked.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParkedSequence {
    /// Where.
    pub place: SequencePlace,
    /// The topic of its events, without prefix.
    pub topic: String,
    /// The group that parked it, without prefix.
    pub group: Option<String>,
    /// Whose events they are.
    pub tenant: Option<Uuid>,
    /// How many records are parked, the head among them.
    pub records: usize,
    /// When its head was parked.
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// Whether it was released and goes on.
    pub is_releasing: bool,
    /// The first record, with the story of its failure.
    pub head: DeadLetter,
    /// The head's last release, if it failed.
    pub failed: Option<Mark>,
}

/// Sequences in the order of topic, partition and name.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SequencePage {
    /// The sequences.
    pub sequences: Vec<ParkedSequence>,
    /// Go on behind this place: the page is full.
    pub next: Option<SequencePlace>,
}

/// A sequence with its records.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownSequence {
    /// The sequence.
    pub sequence: ParkedSequence,
    /// Its first records in order.
    pub records: Vec<DeadLetter>,
    /// What was done with it, oldest first; the newest hundred.
    pub marks: Vec<Mark>,
}

/// What is parked on a bus. Cheap to clone.
///
/// Every question to the broker ends within the timeout. What is held in memory is bounded by page and limit, besides some fifty
/// bytes for each record parked in one partition.
#[derive(Clone)]
pub struct Parked(DeadLetterAdmin);

impl Parked {
    /// What is parked on this bus. Nothing is asked yet.
    ///
    /// # Errors
    /// The registry's address is wrong.
    pub fn new(settings: &BusSettings, timeout: Duration) -> Result<Self, BusError> {
        DeadLetterAdmin::new(settings, timeout).map(Self)
    }

    /// A page of the sequences that fit, behind `after` if that is given; `limit` is 1 to
    /// [`MAX_PAGE`](super::MAX_PAGE).
    ///
    /// # Errors
    /// The filter names a topic that is not there; the broker does not answer.
    pub async fn list(
        &self,
        filter: &ParkedFilter,
        after: Option<&SequencePlace>,
        limit: usize,
    ) -> Result<SequencePage, DeadLetterError> {
        check_page(limit)?;
        let reader = self.0.reader()?;
        let mut page = SequencePage::default();
        for (topic, partition) in partitions(&reader, filter).await? {
            let begin = after.map(|after| (&after.topic, after.partition));
            if begin.is_some_and(|begin| (&topic, partition) < begin) {
                continue;
            }
            let survey = Survey::of(&reader, &topic, partition).await?;
            let mut places = survey.places();
            places.retain(|place| after.is_none_or(|after| place > after));
            for some in places.chunks(CHUNK) {
                let mut sequences = survey.sequences(&reader, some).await?;
                sequences.retain(|sequence| filter.fits(sequence));
                page.sequences.extend(sequences);
                if page.sequences.len() >= limit {
                    page.sequences.truncate(limit);
                    let last = page.sequences.last();
                    page.next = last.map(|last| last.place.clone());
                    return Ok(page);
                }
            }
        }
        Ok(page)
    }

    /// One sequence with its first `limit` records, 1 to [`MAX_PAGE`](super::MAX_PAGE).
    ///
    /// # Errors
    /// Nothing of it is parked; the broker does not answer.
    pub async fn show(
        &self,
        place: &SequencePlace,
        limit: usize,
    ) -> Result<ShownSequence, DeadLetterError> {
        check_page(limit)?;
        let reader = self.0.reader()?;
        let survey = surveyed(&reader, place).await?;
        let found = survey
            .sequences(&reader, std::slice::from_ref(place))
            .await?;
        let sequence = found.into_iter().next();
        Ok(ShownSequence {
            sequence: sequence.ok_or_else(|| DeadLetterError::NotParked(place.clone()))?,
            records: survey.records(&reader, &place.sequence, limit).await?,
            marks: survey.marks(&reader, &place.sequence).await?,
        })
    }

    /// Lets sequences go on: the consumer handles their records in order, until none is left or one fails again. Where no member
    /// of the group runs, that begins with the next one.
    ///
    /// # Errors
    /// What was asked makes no sense, a sequence named is not parked, or the broker does not answer while sequences are looked
    /// for. What goes wrong with one is in the report.
    pub async fn release(
        &self,
        selection: &ParkedSelection,
        orders: &ParkedOrders,
    ) -> Result<ParkedReport, DeadLetterError> {
        orders.check()?;
        self.treat(selection, orders, MarkKind::Release).await
    }

    /// Gives up the event that keeps a sequence waiting. The rest stays parked until it is released. What is given up stays in
    /// the log until that is cut.
    ///
    /// # Errors
    /// As [`Parked::release`]; and without a reason.
    pub async fn discard_head(
        &self,
        place: &SequencePlace,
        orders: &ParkedOrders,
    ) -> Result<ParkedReport, DeadLetterError> {
        orders.check()?;
        orders.check_reason()?;
        let selection = ParkedSelection::Sequences(vec![place.clone()]);
        self.treat(&selection, orders, MarkKind::Discard).await
    }

    async fn treat(
        &self,
        selection: &ParkedSelection,
        orders: &ParkedOrders,
        kind: MarkKind,
    ) -> Result<ParkedReport, DeadLetterError> {
        let reader = self.0.reader()?;
        let mut report = ParkedReport::new(Uuid::now_v7(), orders.dry_run);
        for (topic, partition) in selection.partitions(&reader).await? {
            let survey = Survey::of(&reader, &topic, partition).await?;
            let places = selection.places(&reader, &survey).await?;
            let mut marks = Vec::new();
            for place in places {
                let Some(queue) = survey.fold.get(&place.sequence) else {
                    return Err(DeadLetterError::NotParked(place));
                };
                let head = queue.head().offset;
                let outcome = orders.objection(&kind, queue);
                if outcome.is_none() {
                    let mark = Mark {
                        id: report.id,
                        record: (kind == MarkKind::Discard).then_some(head),
                        reason: orders.reason.clone(),
                        ..Mark::now(kind.clone(), &place.sequence, &orders.by)
                    };
                    let key = Some(queue.key.to_vec()).filter(|key| !key.is_empty());
                    marks.push((report.sequences.len(), mark.record(&topic, partition, key)));
                }
                report.sequences.push(TreatedSequence {
                    place,
                    records: queue.entries.len(),
                    head,
                    outcome: outcome.unwrap_or(ParkedOutcome::Done),
                });
            }
            if orders.dry_run {
                continue;
            }
            let (indices, records): (Vec<usize>, Vec<_>) = marks.into_iter().unzip();
            let results = self.0.publish(records).await;
            for (index, result) in indices.into_iter().zip(results) {
                let Err(error) = result else {
                    let labels = [topic.as_str(), kind.as_str()];
                    metrics::DEAD_LETTER_ACTS.with_label_values(&labels).inc();
                    continue;
                };
                let error = error.to_string();
                report.interrupted.get_or_insert_with(|| error.clone());
                report.sequences[index].outcome = ParkedOutcome::Unsure { error };
            }
            if report.interrupted.is_some() {
                break;
            }
        }
        Ok(report)
    }
}

impl ParkedFilter {
    fn fits(&self, sequence: &ParkedSequence) -> bool {
        (self.topics.is_empty() || self.topics.contains(&sequence.topic))
            && (self.group.is_none() || self.group == sequence.group)
            && (self.tenant.is_none() || self.tenant == sequence.tenant)
    }

    /// Whether the parked topic may hold what fits, by its name.
    fn may_be_in(&self, parked: &str) -> bool {
        let of_topic = |topic: &String| {
            let rest = parked.strip_prefix(topic.as_str());
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        let of_group = |group: &String| {
            let rest = parked.strip_suffix(PARKED_SUFFIX);
            let rest = rest.and_then(|rest| rest.strip_suffix(group.as_str()));
            rest.is_some_and(|rest| rest.ends_with('.'))
        };
        (self.topics.is_empty() || self.topics.iter().any(of_topic))
            && self.group.as_ref().is_none_or(of_group)
    }
}

/// The partitions that may hold what fits, in order.
async fn partitions(
    reader: &Reader,
    filter: &ParkedFilter,
) -> Result<Vec<(String, i32)>, DeadLetterError> {
    for topic in &filter.topics {
        if reader.partitions(topic).await? == 0 {
            let rule = format!("there is no topic {topic}");
            return Err(DeadLetterError::invalid("topic", rule));
        }
    }
    let mut places = Vec::new();
    for topic in reader.topics(PARKED_SUFFIX).await? {
        if filter.may_be_in(&topic) {
            let count = reader.partitions(&topic).await?;
            places.extend((0..count).map(|number| (topic.clone(), number)));
        }
    }
    Ok(places)
}

/// The partition of a sequence, looked through.
async fn surveyed(reader: &Reader, place: &SequencePlace) -> Result<Survey, DeadLetterError> {
    let none = || DeadLetterError::NotParked(place.clone());
    if place.partition >= reader.partitions(&place.topic).await? {
        return Err(none());
    }
    let survey = Survey::of(reader, &place.topic, place.partition).await?;
    survey.fold.get(&place.sequence).ok_or_else(none)?;
    Ok(survey)
}

impl ParkedSelection {
    async fn partitions(&self, reader: &Reader) -> Result<Vec<(String, i32)>, DeadLetterError> {
        let places = match self {
            Self::Matching(filter) => return partitions(reader, filter).await,
            Self::Sequences(places) => places,
        };
        let mut found: BTreeSet<(String, i32)> = BTreeSet::new();
        for place in places {
            if place.partition >= reader.partitions(&place.topic).await? {
                return Err(DeadLetterError::NotParked(place.clone()));
            }
            found.insert((place.topic.clone(), place.partition));
        }
        Ok(found.into_iter().collect())
    }

    /// Those of a partition.
    async fn places(
        &self,
        reader: &Reader,
        survey: &Survey,
    ) -> Result<Vec<SequencePlace>, DeadLetterError> {
        match self {
            Self::Sequences(places) => Ok(places
                .iter()
                .filter(|place| survey.is_of(place))
                .cloned()
                .collect()),
            Self::Matching(filter) => {
                let mut fitting = Vec::new();
                for some in survey.places().chunks(CHUNK) {
                    let mut sequences = survey.sequences(reader, some).await?;
                    sequences.retain(|sequence| filter.fits(sequence));
                    fitting.extend(sequences.into_iter().map(|sequence| sequence.place));
                }
                Ok(fitting)
            }
        }
    }
}
