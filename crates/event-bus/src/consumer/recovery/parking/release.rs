//! A parked sequence goes on: its records are handled in order, in its lane, until none is left or one fails again.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    Record,
    consumer::{
        offsets::partition::{InFlightGuard, Partition},
        processing::processor::{
            Abandoned, AttemptOutcome, INVALID_TYPE, RecordProcessor, event_type,
        },
        recovery::{
            dead_letters::{FailureReport, MAX_ERROR},
            parking::state::{Parked, ReleaseStep},
        },
        scheduling::ordering_key::OrderingKey,
    },
    dlq::parked::{Entry, Mark, MarkKind},
    log_format::headers::cut,
};

/// Records looked up at once.
const CHUNK: usize = 100;

/// The work of letting one sequence go on. The partition waits for it as for any work.
pub(in crate::consumer) struct Release {
    pub(in crate::consumer) guard: InFlightGuard,
    pub(in crate::consumer) key: Arc<OrderingKey>,
    pub(in crate::consumer) sequence: String,
}

impl Release {
    /// Whether nothing of its key may begin, unless it is to be dropped anyway.
    pub(in crate::consumer) fn is_paused(&self) -> bool {
        self.key.is_paused() && !self.guard.0.stop.is_cancelled()
    }
}

impl RecordProcessor {
    /// Lets a sequence go on whose turn in the lane has come.
    pub(in crate::consumer) async fn release(&self, release: Release) {
        if let Some(parked) = &release.guard.0.parked {
            parked.taken(&release.sequence);
        }
        // Abandoned, it is gone on with by whoever gets the partition.
        let _ = self.run_release(&release).await;
    }

    /// Handles what is parked of a sequence, unless somebody does already.
    pub(in crate::consumer) async fn run_release(
        &self,
        release: &Release,
    ) -> Result<(), Abandoned> {
        let Some(parked) = &release.guard.0.parked else {
            return Ok(());
        };
        if !parked.claim(&release.sequence) {
            return Ok(());
        }
        loop {
            self.handle_entries(release, parked).await?;
            if parked.unclaim(&release.sequence) {
                return Ok(());
            }
        }
    }

    /// Goes on until nothing is left or something fails.
    async fn handle_entries(&self, release: &Release, parked: &Parked) -> Result<(), Abandoned> {
        let (partition, sequence) = (&release.guard.0, &release.sequence);
        let mut last = -1;
        loop {
            let ahead = tokio::select! {
                biased;
                () = partition.stop.cancelled() => return Err(Abandoned),
                ahead = parked.ahead(sequence, last, CHUNK) => ahead,
            };
            let ReleaseStep::Entries(entries) = ahead else {
                return Ok(());
            };
            let records = self.parked_records(partition, &entries).await?;
            for (entry, record) in entries.iter().zip(records) {
                last = entry.offset;
                // It may have been discarded meanwhile.
                if parked.holds(sequence, entry)
                    && !self.handle_entry(release, parked, entry, record).await?
                {
                    return Ok(());
                }
            }
        }
    }

    /// Handles one parked record; false when it failed again.
    async fn handle_entry(
        &self,
        release: &Release,
        parked: &Parked,
        entry: &Entry,
        record: Result<Record, String>,
    ) -> Result<bool, Abandoned> {
        let (partition, sequence) = (&release.guard.0, &release.sequence);
        if partition.stop.is_cancelled() {
            return Err(Abandoned);
        }
        let envelope = record.as_ref().ok();
        let envelope = envelope.map(|record| Arc::clone(&record.envelope));
        let event_type = envelope.as_deref().map_or(INVALID_TYPE, event_type);
        let ended = match record {
            Ok(record) => self.attempts(record, &release.key, partition, None).await?,
            Err(gone) => AttemptOutcome::DeadLetter(FailureReport {
                group: &self.group,
                class: "undecodable",
                error: gone,
                attempts: 0,
                first_failure: OffsetDateTime::now_utc(),
            }),
        };
        let mut mark = Mark::now(MarkKind::Done, sequence, &self.group);
        mark.record = Some(entry.offset);
        let AttemptOutcome::DeadLetter(report) = ended else {
            self.write_mark(release, parked, &mark).await?;
            self.event_metrics
                .ended(&partition.logical, event_type, "handled");
            return Ok(true);
        };
        tracing::error!(
            group = self.group, topic = %partition.logical, partition = partition.number,
            offset = entry.identity.offset, sequence,
            class = report.class, attempts = report.attempts, error = report.error,
            "released event failed again; its sequence stays parked"
        );
        mark.kind = MarkKind::Failed;
        mark.reason = Some(cut(&report.error, MAX_ERROR).to_owned());
        mark.class = Some(report.class.to_owned());
        mark.attempts = Some(report.attempts);
        let before = parked.failed(sequence);
        self.write_mark(release, parked, &mark).await?;
        self.event_metrics
            .ended(&partition.logical, event_type, "parked");
        tokio::select! {
            biased;
            () = partition.stop.cancelled() => Err(Abandoned),
            () = parked.failed_since(sequence, entry, before) => Ok(false),
        }
    }

    /// Reads parked records, waiting for Kafka as long as it takes.
    async fn parked_records(
        &self,
        partition: &Arc<Partition>,
        entries: &[Entry],
    ) -> Result<Vec<Result<Record, String>>, Abandoned> {
        let Some(parking) = &self.parking else {
            return Err(Abandoned);
        };
        self.persist(partition, "parked events wait for kafka", || {
            parking.read(partition, entries)
        })
        .await
    }

    /// Writes a mark, waiting for Kafka as long as it takes.
    async fn write_mark(
        &self,
        release: &Release,
        parked: &Parked,
        mark: &Mark,
    ) -> Result<(), Abandoned> {
        let partition = &release.guard.0;
        let record = mark.record(
            &parked.topic,
            partition.number,
            Some(release.key.name.to_vec()),
        );
        self.persist(partition, "mark on a parked event waits for kafka", || {
            self.dead_letters.publish(record.clone())
        })
        .await
    }
}
