//! Letters published again, each to where it came from.

use std::collections::HashMap;

use time::OffsetDateTime;
use tokio::time::Instant;

use crate::{
    PublishError, RawRecord,
    dlq::{
        DeadLetterAdmin, DeadLetterError, Selection,
        audit::{Act, ActKind},
        command::{Replay, ReplayTo},
        letter::{DeadLetter, DeadLetterState, pairs},
        rate_limit::Pace,
        reader::Reader,
        report::{Outcome, Report, Treated},
        scan::{Picked, Survey},
    },
    log_format::{
        headers::{self, RawHeader, text},
        history::{Provenance, Round},
    },
};

/// Letters published together, and bytes of their values, at the most.
const GROUP_RECORDS: usize = 100;
const GROUP_BYTES: usize = 8 << 20;
/// With a rate, letters go out in so many groups a second.
const GROUPS_A_SECOND: usize = 10;

/// One command on its way.
pub(super) struct Replaying<'a> {
    house: &'a DeadLetterAdmin,
    orders: &'a Replay,
    selection: String,
    pace: Pace,
    /// Letters, acts and originals are read side by side.
    letters: Reader,
    acts: Reader,
    originals: Reader,
    /// Partitions by topic, as asked.
    partitions: HashMap<String, i32>,
    report: Report,
}

/// A letter that may go.
struct Ready {
    treated: Treated,
    key: Option<Vec<u8>>,
    record: RawRecord,
}

/// The broker is away: the command ends here.
struct Interrupted;

impl<'a> Replaying<'a> {
    pub(super) fn new(
        house: &'a DeadLetterAdmin,
        orders: &'a Replay,
        selection: &Selection,
    ) -> Result<Self, DeadLetterError> {
        Ok(Self {
            house,
            orders,
            selection: selection.to_string(),
            pace: Pace::new(orders.rate),
            letters: house.reader()?,
            acts: house.reader()?,
            originals: house.reader()?,
            partitions: HashMap::new(),
            report: Report::new(orders.id, orders.dry_run),
        })
    }

    pub(super) async fn run(mut self, selection: &Selection) -> Result<Report, DeadLetterError> {
        for place in selection.partitions(&self.letters).await? {
            let left = self.orders.limit - self.report.letters.len();
            let survey = selection.survey(&self.letters, &place, left).await?;
            if survey.chosen.is_empty() {
                continue;
            }
            if let Err(Interrupted) = self.partition(&place, survey).await? {
                break;
            }
            if self.report.letters.len() >= self.orders.limit {
                let last = self.report.letters.last();
                self.report.next = last.map(|treated| treated.letter.place.clone());
                break;
            }
        }
        Ok(self.report)
    }

    async fn partition(
        &mut self,
        place: &(String, i32),
        mut survey: Survey,
    ) -> Result<Result<(), Interrupted>, DeadLetterError> {
        if !self.orders.dry_run
            && let Err(error) = self.announce(place, survey.chosen.len()).await
        {
            self.report.interrupted = Some(error.to_string());
            return Ok(Err(Interrupted));
        }
        let mut span = survey.span();
        while let Some(picked) = survey.next(&self.letters, &mut span).await? {
            let mut picked = picked.into_iter().peekable();
            while picked.peek().is_some() {
                if !self.orders.dry_run {
                    self.pace.ready().await;
                    // Somebody else may be at it too.
                    survey.catch_up(&self.acts).await?;
                }
                let ready = self.prepare(&mut picked, &survey).await?;
                if let Err(interrupted) = self.publish(place, ready).await {
                    return Ok(Err(interrupted));
                }
            }
        }
        Ok(Ok(()))
    }

    /// Says in the log who is about to replay what: no replay begins before that is acknowledged.
    async fn announce(&self, place: &(String, i32), letters: usize) -> Result<(), PublishError> {
        let act = Act {
            letter: None,
            filter: Some(self.selection.clone()),
            letters: Some(letters as u64),
            group: match &self.orders.to {
                ReplayTo::FailedGroup => Some("the group that failed".to_owned()),
                ReplayTo::Group(group) => Some(group.clone()),
                ReplayTo::AllGroups => None,
            },
            ..self.act(ActKind::Replaying, place)
        };
        let mut result = self.house.record_acts(place, vec![(act, None)]).await;
        result.remove(0)
    }

    /// Takes as many letters as go out together, and parts those that may go from those that may not.
    async fn prepare(
        &mut self,
        picked: &mut impl Iterator<Item = Picked>,
        survey: &Survey,
    ) -> Result<Vec<Result<Ready, Treated>>, DeadLetterError> {
        let most = self.orders.rate.map_or(GROUP_RECORDS, |rate| {
            let rate = usize::try_from(rate.get()).unwrap_or(GROUP_RECORDS);
            (rate / GROUPS_A_SECOND).clamp(1, GROUP_RECORDS)
        });
        let (mut group, mut bytes) = (Vec::new(), 0);
        while group.len() < most && bytes < GROUP_BYTES {
            let Some(mut picked) = picked.next() else {
                break;
            };
            picked.letter.state = survey.states.of(picked.letter.place.offset);
            let judged = self.judge(picked).await?;
            if let Ok(ready) = &judged {
                bytes += ready.record.value.as_ref().map_or(0, Vec::len);
            }
            group.push(judged);
        }
        Ok(group)
    }

    async fn judge(&mut self, picked: Picked) -> Result<Result<Ready, Treated>, DeadLetterError> {
        let Picked { letter, logged } = picked;
        let mut treated = Treated {
            group: match &self.orders.to {
                ReplayTo::FailedGroup => letter.group.clone(),
                ReplayTo::Group(group) => Some(group.clone()),
                ReplayTo::AllGroups => None,
            },
            to: None,
            outcome: Outcome::Done,
            letter,
        };
        if let Some(outcome) = self.objection(&treated) {
            return Ok(Err(Treated { outcome, ..treated }));
        }
        let topic = treated.letter.original_topic.clone();
        let partitions = self.partitions_of(&topic).await?;
        if partitions == 0 {
            treated.outcome = Outcome::Refused {
                error: format!("there is no topic {topic}"),
            };
            return Ok(Err(treated));
        }
        let is_whole = !treated.letter.value_omitted;
        let key = logged.key.as_deref().map(<[u8]>::to_vec);
        let whole = if is_whole {
            Some(logged)
        } else {
            crate::dlq::source::whole(&self.originals, &treated.letter, &logged).await?
        };
        let Some(whole) = whole else {
            treated.outcome = Outcome::Gone;
            return Ok(Err(treated));
        };
        let partition = treated.letter.original_partition;
        let partition = partition.filter(|number| (0..partitions).contains(number));
        treated.to = Some(match partition {
            Some(number) => format!("{topic}/{number}"),
            None => topic.clone(),
        });
        let record = RawRecord {
            headers: self.headers(&treated, &whole),
            key: whole.key.map(|key| key.to_vec()),
            value: whole.value.map(|value| value.to_vec()),
            partition,
            topic,
        };
        Ok(Ok(Ready {
            treated,
            key,
            record,
        }))
    }

    /// Why a letter may not go.
    fn objection(&self, treated: &Treated) -> Option<Outcome> {
        let letter = &treated.letter;
        if self.orders.to == ReplayTo::FailedGroup && letter.group.is_none() {
            return Some(Outcome::NoGroup);
        }
        if self.orders.forced {
            return None;
        }
        if letter.state != DeadLetterState::Open {
            let state = letter.state;
            return Some(Outcome::NotOpen { state });
        }
        let replays = letter.replays;
        (replays >= self.orders.max_replays).then_some(Outcome::LoopStopped { replays })
    }

    /// The event's own headers, then where it has been and for whom it is now.
    fn headers(&self, treated: &Treated, whole: &crate::log_reader::LogRecord) -> Vec<RawHeader> {
        let letter = &treated.letter;
        let own = pairs(whole).filter(|(name, _)| !name.starts_with(headers::PREFIX));
        let own = own.map(|(name, value)| (name.to_owned().into(), Some(value.to_vec())));
        let mut provenance = Provenance {
            replays: letter.replays,
            rounds: letter.trail.clone(),
        };
        provenance.grow(self.round(letter));
        let group = treated.group.as_deref();
        let group = group.map(|group| text(crate::REPLAY_GROUP_HEADER, group));
        own.chain(provenance.headers()).chain(group).collect()
    }

    fn round(&self, letter: &DeadLetter) -> Round {
        let told = |text: &Option<String>| text.clone().unwrap_or_default();
        Round {
            letter: letter.place.clone(),
            original: letter.original(),
            group: told(&letter.group),
            class: told(&letter.class),
            error: told(&letter.error),
            attempts: letter.attempts.unwrap_or_default(),
            failed_at: letter.last_failure,
            replayed_at: OffsetDateTime::now_utc(),
            by: self.orders.by.clone(),
            act: self.report.id,
        }
    }

    /// Publishes those that may go, then writes down of each that it went.
    async fn publish(
        &mut self,
        place: &(String, i32),
        group: Vec<Result<Ready, Treated>>,
    ) -> Result<(), Interrupted> {
        let (mut treated, mut sent, mut records) = (Vec::new(), Vec::new(), Vec::new());
        for judged in group {
            treated.push(match judged {
                Err(refused) => refused,
                Ok(ready) => {
                    sent.push((treated.len(), ready.key));
                    records.push(ready.record);
                    ready.treated
                }
            });
        }
        let mut trouble = None;
        if !self.orders.dry_run && !records.is_empty() {
            self.pace.spent(Instant::now(), records.len());
            let results = self.house.publish(records).await;
            let mut acts = Vec::new();
            for ((index, key), result) in sent.into_iter().zip(results) {
                match result {
                    Ok(()) => acts.push((index, key)),
                    Err(error) => {
                        treated[index].outcome = not_published(&error);
                        trouble = trouble.or_else(|| away(error));
                    }
                }
            }
            let records = acts.iter().map(|(index, key)| {
                let treated = &treated[*index];
                let act = Act {
                    letter: Some(treated.letter.place.clone()),
                    group: treated.group.clone(),
                    ..self.act(ActKind::Replayed, place)
                };
                (act, key.clone())
            });
            let results = self.house.record_acts(place, records.collect()).await;
            for ((index, _), result) in acts.into_iter().zip(results) {
                if let Err(error) = result {
                    treated[index].outcome = Outcome::Unrecorded {
                        error: error.to_string(),
                    };
                    trouble.get_or_insert(error);
                }
            }
        }
        self.report.letters.extend(treated);
        match trouble {
            None => Ok(()),
            Some(error) => {
                self.report.interrupted = Some(error.to_string());
                Err(Interrupted)
            }
        }
    }

    async fn partitions_of(&mut self, topic: &str) -> Result<i32, DeadLetterError> {
        if let Some(known) = self.partitions.get(topic) {
            return Ok(*known);
        }
        let found = self.originals.partitions(topic).await?;
        self.partitions.insert(topic.to_owned(), found);
        Ok(found)
    }

    fn act(&self, kind: ActKind, (topic, partition): &(String, i32)) -> Act {
        Act {
            id: self.report.id,
            kind,
            partition: format!("{topic}/{partition}"),
            letter: None,
            by: self.orders.by.clone(),
            at: OffsetDateTime::now_utc(),
            reason: self.orders.reason.clone(),
            group: None,
            filter: None,
            letters: None,
        }
    }
}

fn not_published(error: &PublishError) -> Outcome {
    let text = error.to_string();
    match error {
        PublishError::Refused(_) | PublishError::Schema(_) => Outcome::Refused { error: text },
        PublishError::Unavailable(_) | PublishError::AfterFailed => Outcome::Unsure { error: text },
    }
}

fn away(error: PublishError) -> Option<PublishError> {
    matches!(error, PublishError::Unavailable(_)).then_some(error)
}
