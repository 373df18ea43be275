//! What the lane does with a live event where events are parked.

use crate::{
    Envelope, ProcessingOrder, Record,
    consumer::{
        offsets::partition::{InFlightRecord, Partition},
        processing::{
            processor::{Abandoned, RecordProcessor},
            source_record::SourceRecord,
            work_item::InvalidRecord,
        },
        recovery::{
            dead_letters::{DeadLetterDestination, FailureReport},
            parking::{
                Parking,
                state::{Found, Parked},
            },
        },
    },
    dlq::parked::{Identity, Sequence},
    log_format::headers::{CLASS_PARKED, PARK_EVENT, PARK_SEQUENCE, text},
};
use std::sync::Arc;
use time::OffsetDateTime;

/// An event of a partition whose events are parked.
pub(in crate::consumer) struct ParkCandidate {
    parking: Arc<Parking>,
    partition: Arc<Partition>,
    /// Its sequence, and what that is called in another order of lanes: what was parked before the order was changed.
    names: Vec<String>,
    identity: Identity,
}

/// How an event stands that may not go on.
pub(in crate::consumer) enum ParkDecision {
    /// It is parked already.
    Known,
    /// It is to be parked behind this sequence, whose head was at this offset of the topic.
    Behind(String, i64),
}

impl ParkCandidate {
    fn parked(&self) -> Option<&Parked> {
        self.partition.parked.as_ref()
    }

    fn aside(&self, parked: &Parked, sequence: &str) -> DeadLetterDestination {
        DeadLetterDestination {
            topic: parked.topic.clone(),
            partition: Some(self.partition.number),
            headers: vec![
                text(PARK_SEQUENCE, sequence),
                text(PARK_EVENT, self.identity.event.to_string()),
            ],
        }
    }
}

impl RecordProcessor {
    /// The event as one that may be parked; `None` where nothing is parked, and for what has no sequence.
    pub(in crate::consumer) fn candidate(
        &self,
        in_flight: &InFlightRecord,
        content: &Result<Box<Record>, InvalidRecord>,
    ) -> Option<ParkCandidate> {
        let parking = self.parking.as_ref()?;
        let envelope = &content.as_ref().ok()?.envelope;
        in_flight.partition.parked.as_ref()?;
        Some(ParkCandidate {
            parking: Arc::clone(parking),
            partition: Arc::clone(&in_flight.partition),
            names: names(envelope, parking.order),
            identity: Identity {
                offset: in_flight.offset,
                event: envelope.id,
            },
        })
    }

    /// How the event stands, as soon as it is known what is parked; `None` if it may go on.
    pub(in crate::consumer) async fn decision(
        &self,
        candidate: Option<&ParkCandidate>,
    ) -> Result<Option<ParkDecision>, Abandoned> {
        let Some((candidate, parked)) =
            candidate.and_then(|candidate| Some((candidate, candidate.parked()?)))
        else {
            return Ok(None);
        };
        tokio::select! {
            biased;
            () = candidate.partition.stop.cancelled() => return Err(Abandoned),
            () = parked.loaded() => {}
        }
        Ok(match parked.find(&candidate.names, candidate.identity) {
            Found::Free => None,
            Found::Known => Some(ParkDecision::Known),
            Found::Behind(sequence, head) => Some(ParkDecision::Behind(sequence, head)),
        })
    }

    /// Parks the event behind its sequence, if it is not there already.
    pub(in crate::consumer) async fn park_behind(
        &self,
        candidate: &ParkCandidate,
        decision: ParkDecision,
        original: &SourceRecord,
    ) -> Result<(), Abandoned> {
        let ParkDecision::Behind(sequence, head) = decision else {
            return Ok(());
        };
        let Partition {
            logical, number, ..
        } = &*candidate.partition;
        let error = format!("waits behind {logical}/{number}/{head}");
        let report = FailureReport {
            group: &self.group,
            class: CLASS_PARKED,
            error,
            attempts: 0,
            first_failure: OffsetDateTime::now_utc(),
        };
        self.park(candidate, &sequence, original, &report).await
    }

    /// Parks the event that could not be handled; what comes of its sequence waits behind it.
    pub(in crate::consumer) async fn park_head(
        &self,
        candidate: &ParkCandidate,
        original: &SourceRecord,
        report: &FailureReport<'_>,
    ) -> Result<(), Abandoned> {
        self.park(candidate, &candidate.names[0], original, report)
            .await
    }

    async fn park(
        &self,
        candidate: &ParkCandidate,
        sequence: &str,
        original: &SourceRecord,
        report: &FailureReport<'_>,
    ) -> Result<(), Abandoned> {
        let Some(parked) = candidate.parked() else {
            return Ok(());
        };
        let partition = &candidate.partition;
        let mut is_logged = false;
        while !parked.expect(sequence, candidate.identity) {
            if !is_logged {
                tracing::error!(
                    group = self.group, topic = %partition.logical, partition = partition.number, sequence,
                    "so much is parked that this sequence waits: release or discard what is parked"
                );
                is_logged = true;
            }
            let room = tokio::select! {
                biased;
                () = partition.stop.cancelled() => return Err(Abandoned),
                room = parked.room_or_release() => room,
            };
            // The release may be in this very lane, behind this event.
            if let Some((sequence, key)) = room {
                let (_, release) = candidate.parking.release(partition, &sequence, &key);
                self.run_release(&release).await?;
            }
        }
        let to = candidate.aside(parked, sequence);
        let offset = candidate.identity.offset;
        self.publish_dead_letter(partition, offset, original, report, &to)
            .await
    }
}

/// The names the event's sequence may have, that of this order first.
fn names(envelope: &Envelope, order: ProcessingOrder) -> Vec<String> {
    let other = match order {
        ProcessingOrder::Aggregate => ProcessingOrder::Tenant,
        ProcessingOrder::Tenant => ProcessingOrder::Aggregate,
    };
    let mut names = vec![Sequence::of(envelope, order).to_string()];
    if envelope.tenant.is_some() {
        names.push(Sequence::of(envelope, other).to_string());
    }
    names
}
