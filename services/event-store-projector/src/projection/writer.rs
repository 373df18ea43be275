//! Batches into the store: events, offsets and dead letters, in step.

use std::collections::{HashMap, HashSet};

use event_bus::RecordDecoder;
use event_store::{NewEvent, OffsetStep, append_batch};
use sqlx::Connection;

use super::{
    Interrupted,
    batch::{Batch, Content, Decoded},
    lead::Lead,
    log::Offsets,
    metrics,
};

/// Another event made the aggregate that version.
const TAKEN: &str = "version_taken";
/// `PostgreSQL` refused what it was expected to take.
const UNSTORABLE: &str = "unstorable";

/// Writes with the lead's connection.
pub(super) struct Writer<'a> {
    reader: &'a RecordDecoder,
    lead: Lead,
    offsets: Offsets,
}

impl<'a> Writer<'a> {
    /// Goes on after `offsets`, which are the store's.
    pub(super) fn new(reader: &'a RecordDecoder, lead: Lead, offsets: Offsets) -> Self {
        Self {
            reader,
            lead,
            offsets,
        }
    }

    /// The next offsets, as committed.
    pub(super) fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// Lets another replica lead.
    pub(super) async fn give_up(self) {
        self.lead.give_up().await;
    }

    /// Stores the events and moves the offsets in one transaction. It is committed when what cannot be
    /// stored is in the dead-letter topics: nothing is lost, whatever happens in between.
    pub(super) async fn write(&mut self, batch: &Batch) -> Result<(), Interrupted> {
        let timer = metrics::WRITE_SECONDS.start_timer();
        match self.write_together(&batch.0).await {
            Err(Interrupted::Store(error)) if error.is_about_the_data() => {
                tracing::warn!(%error, "one event fails its batch; writing them one by one");
                for decoded in &batch.0 {
                    self.write_alone(decoded).await?;
                }
            }
            written => written?,
        }
        timer.observe_duration();
        Ok(())
    }

    async fn write_alone(&mut self, decoded: &Decoded) -> Result<(), Interrupted> {
        match self.write_together(std::slice::from_ref(decoded)).await {
            Err(Interrupted::Store(error)) if error.is_about_the_data() => {
                put_aside(self.reader, decoded, UNSTORABLE, error.to_string()).await?;
                let steps = self.steps(std::slice::from_ref(decoded));
                let mut tx = self.lead.connection().begin().await?;
                append_batch(&mut tx, &[], &steps).await?;
                tx.commit().await?;
                self.advance(steps);
                Ok(())
            }
            written => written,
        }
    }

    async fn write_together(&mut self, batch: &[Decoded]) -> Result<(), Interrupted> {
        let steps = self.steps(batch);
        let events = events(batch);
        let reader = self.reader;
        let mut tx = self.lead.connection().begin().await?;
        let appended = append_batch(&mut tx, &events, &steps).await?;

        let refused: HashSet<_> = appended.refused.iter().collect();
        for decoded in batch {
            match &decoded.content {
                Content::Dead { class, error } => {
                    put_aside(reader, decoded, class, error.clone()).await?;
                }
                Content::Event(event) if refused.contains(&event.envelope().id) => {
                    put_aside(reader, decoded, TAKEN, version_taken(event)).await?;
                }
                Content::PassedOver => {
                    metrics::EVENTS.with_label_values(&["passed_over"]).inc();
                }
                Content::Event(_) => {}
            }
        }
        tx.commit().await?;
        metrics::EVENTS
            .with_label_values(&["stored"])
            .inc_by(appended.inserted);
        metrics::EVENTS
            .with_label_values(&["known"])
            .inc_by(appended.known);
        self.advance(steps);
        Ok(())
    }

    /// How far the batch moves each partition.
    fn steps(&self, batch: &[Decoded]) -> Vec<OffsetStep> {
        let mut to = HashMap::new();
        for Decoded { record, .. } in batch {
            to.insert((record.topic.as_str(), record.partition), record.offset + 1);
        }
        to.into_iter()
            .map(|((topic, partition), to)| OffsetStep {
                from: self.offsets.get(&(topic.to_owned(), partition)).copied(),
                topic: topic.to_owned(),
                partition,
                to,
            })
            .collect()
    }

    fn advance(&mut self, steps: Vec<OffsetStep>) {
        for step in steps {
            self.offsets.insert((step.topic, step.partition), step.to);
        }
    }
}

fn events(batch: &[Decoded]) -> Vec<NewEvent> {
    (batch.iter())
        .filter_map(|decoded| match &decoded.content {
            Content::Event(event) => Some((**event).clone()),
            Content::PassedOver | Content::Dead { .. } => None,
        })
        .collect()
}

fn version_taken(event: &NewEvent) -> String {
    let envelope = event.envelope();
    format!(
        "another event made {} {} its version {}",
        envelope.aggregate, envelope.subject, envelope.sequence
    )
}

async fn put_aside(
    reader: &RecordDecoder,
    decoded: &Decoded,
    class: &'static str,
    error: String,
) -> Result<(), Interrupted> {
    let record = &decoded.record;
    tracing::error!(
        topic = record.topic,
        partition = record.partition,
        offset = record.offset,
        class,
        error,
        "dead letter"
    );
    reader.dead_letter(record, class, error).await?;
    metrics::EVENTS.with_label_values(&["dead_lettered"]).inc();
    Ok(())
}
