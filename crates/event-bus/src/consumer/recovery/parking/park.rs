//! What the lane does with a live event where events are parked.

use crate::{
    Envelope, ProcessingOrder, Record,
    consumer::{
        offsets::partition::{Partition, Ticket},
        processing::{
            processor::{Abandoned, Worker},
            source_record::Original,
            work_item::Unfit,
        },
        recovery::{
            dead_letters::{Aside, Story},
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
pub(in crate::consumer) struct Member {
    parking: Arc<Parking>,
    partition: Arc<Partition>,
    /// Its sequence, and what that is called in another order of lanes: what was parked before the order was changed.
    names: Vec<String>,
    identity: Identity,
}

/// How an event stands that may not go on.
pub(in crate::consumer) enum Standing {
    /// It is parked already.
    Known,
    /// It is to be parked behind this sequence, whose head was at this offset of the topic.
    Behind(String, i64),
}

impl Member {
    fn parked(&self) -> Option<&Parked> {
        self.partition.parked.as_ref()
    }

    fn aside(&self, parked: &Parked, sequence: &str) -> Aside {
        Aside {
            topic: parked.topic.clone(),
            partition: Some(self.partition.number),
            headers: vec![
                text(PARK_SEQUENCE, sequence),
                text(PARK_EVENT, self.identity.event.to_string()),
            ],
        }
    }
}

impl Worker {
    /// The event as one that may be parked; `None` where nothing is parked, and for what has no sequence.
    pub(in crate::consumer) fn member(
        &self,
        ticket: &Ticket,
        content: &Result<Box<Record>, Unfit>,
    ) -> Option<Member> {
        let parking = self.parking.as_ref()?;
        let envelope = &content.as_ref().ok()?.envelope;
        ticket.partition.parked.as_ref()?;
        Some(Member {
            parking: Arc::clone(parking),
            partition: Arc::clone(&ticket.partition),
            names: names(envelope, parking.order),
            identity: Identity {
                offset: ticket.offset,
                event: envelope.id,
            },
        })
    }

    /// How the event stands, as soon as it is known what is parked; `None` if it may go on.
    pub(in crate::consumer) async fn standing(
        &self,
        member: Option<&Member>,
    ) -> Result<Option<Standing>, Abandoned> {
        let Some((member, parked)) = member.and_then(|member| Some((member, member.parked()?)))
        else {
            return Ok(None);
        };
        tokio::select! {
            biased;
            () = member.partition.stop.cancelled() => return Err(Abandoned),
            () = parked.loaded() => {}
        }
        Ok(match parked.find(&member.names, member.identity) {
            Found::Free => None,
            Found::Known => Some(Standing::Known),
            Found::Behind(sequence, head) => Some(Standing::Behind(sequence, head)),
        })
    }

    /// Parks the event behind its sequence, if it is not there already.
    pub(in crate::consumer) async fn park_behind(
        &self,
        member: &Member,
        standing: Standing,
        original: &Original,
    ) -> Result<(), Abandoned> {
        let Standing::Behind(sequence, head) = standing else {
            return Ok(());
        };
        let Partition {
            logical, number, ..
        } = &*member.partition;
        let error = format!("waits behind {logical}/{number}/{head}");
        let story = Story {
            group: &self.group,
            class: CLASS_PARKED,
            error,
            attempts: 0,
            first_failure: OffsetDateTime::now_utc(),
        };
        self.park(member, &sequence, original, &story).await
    }

    /// Parks the event that could not be handled; what comes of its sequence waits behind it.
    pub(in crate::consumer) async fn park_head(
        &self,
        member: &Member,
        original: &Original,
        story: &Story<'_>,
    ) -> Result<(), Abandoned> {
        self.park(member, &member.names[0], original, story).await
    }

    async fn park(
        &self,
        member: &Member,
        sequence: &str,
        original: &Original,
        story: &Story<'_>,
    ) -> Result<(), Abandoned> {
        let Some(parked) = member.parked() else {
            return Ok(());
        };
        let partition = &member.partition;
        let mut is_told = false;
        while !parked.expect(sequence, member.identity) {
            if !is_told {
                tracing::error!(
                    group = self.group, topic = %partition.logical, partition = partition.number, sequence,
                    "so much is parked that this sequence waits: release or discard what is parked"
                );
                is_told = true;
            }
            let room = tokio::select! {
                biased;
                () = partition.stop.cancelled() => return Err(Abandoned),
                room = parked.room_or_release() => room,
            };
            // The release may be in this very lane, behind this event.
            if let Some((sequence, key)) = room {
                let (_, release) = member.parking.release(partition, &sequence, &key);
                self.go_through(&release).await?;
            }
        }
        let to = member.aside(parked, sequence);
        let offset = member.identity.offset;
        self.put_aside(partition, offset, original, story, &to)
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
