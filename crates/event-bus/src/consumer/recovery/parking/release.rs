//! A parked sequence goes on: its records are handled in order, in its lane, until none is left or one fails again.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    Record,
    consumer::{
        offsets::partition::{Hold, Partition},
        processing::processor::{Abandoned, Ended, UNFIT, Worker, event_type},
        recovery::{
            dead_letters::{MAX_ERROR, Story},
            parking::state::{Ahead, Parked},
        },
        scheduling::key::Key,
    },
    dlq::parked::{Entry, Mark, MarkKind},
    log_format::headers::cut,
};

/// Records looked up at once.
const CHUNK: usize = 100;

/// The work of letting one sequence go on. The partition waits for it as for any work.
pub(in crate::consumer) struct Release {
    pub(in crate::consumer) hold: Hold,
    pub(in crate::consumer) key: Arc<Key>,
    pub(in crate::consumer) sequence: String,
}

impl Release {
    /// Whether nothing of its key may begin, unless it is to be dropped anyway.
    pub(in crate::consumer) fn is_paused(&self) -> bool {
        self.key.is_paused() && !self.hold.0.stop.is_cancelled()
    }
}

impl Worker {
    /// Lets a sequence go on whose turn in the lane has come.
    pub(in crate::consumer) async fn release(&self, release: Release) {
        if let Some(parked) = &release.hold.0.parked {
            parked.taken(&release.sequence);
        }
        // Abandoned, it is gone on with by whoever gets the partition.
        let _ = self.go_through(&release).await;
    }

    /// Handles what is parked of a sequence, unless somebody does already.
    pub(in crate::consumer) async fn go_through(&self, release: &Release) -> Result<(), Abandoned> {
        let Some(parked) = &release.hold.0.parked else {
            return Ok(());
        };
        if !parked.claim(&release.sequence) {
            return Ok(());
        }
        loop {
            self.until_stopped(release, parked).await?;
            if parked.unclaim(&release.sequence) {
                return Ok(());
            }
        }
    }

    /// Goes on until nothing is left or something fails.
    async fn until_stopped(&self, release: &Release, parked: &Parked) -> Result<(), Abandoned> {
        let (partition, sequence) = (&release.hold.0, &release.sequence);
        let mut last = -1;
        loop {
            let ahead = tokio::select! {
                biased;
                () = partition.stop.cancelled() => return Err(Abandoned),
                ahead = parked.ahead(sequence, last, CHUNK) => ahead,
            };
            let Ahead::Entries(entries) = ahead else {
                return Ok(());
            };
            let records = self.parked_records(partition, &entries).await?;
            for (entry, record) in entries.iter().zip(records) {
                last = entry.offset;
                // It may have been discarded meanwhile.
                if parked.holds(sequence, entry)
                    && !self.one_parked(release, parked, entry, record).await?
                {
                    return Ok(());
                }
            }
        }
    }

    /// Handles one parked record; false when it failed again.
    async fn one_parked(
        &self,
        release: &Release,
        parked: &Parked,
        entry: &Entry,
        record: Result<Record, String>,
    ) -> Result<bool, Abandoned> {
        let (partition, sequence) = (&release.hold.0, &release.sequence);
        if partition.stop.is_cancelled() {
            return Err(Abandoned);
        }
        let envelope = record.as_ref().ok();
        let envelope = envelope.map(|record| Arc::clone(&record.envelope));
        let event_type = envelope.as_deref().map_or(UNFIT, event_type);
        let ended = match record {
            Ok(record) => self.attempts(record, &release.key, partition, None).await?,
            Err(gone) => Ended::DeadLetter(Story {
                group: &self.group,
                class: "undecodable",
                error: gone,
                attempts: 0,
                first_failure: OffsetDateTime::now_utc(),
            }),
        };
        let mut mark = Mark::now(MarkKind::Done, sequence, &self.group);
        mark.record = Some(entry.offset);
        let Ended::DeadLetter(story) = ended else {
            self.tell(release, parked, &mark).await?;
            self.meters.ended(&partition.logical, event_type, "handled");
            return Ok(true);
        };
        tracing::error!(
            group = self.group, topic = %partition.logical, partition = partition.number,
            offset = entry.identity.offset, sequence,
            class = story.class, attempts = story.attempts, error = story.error,
            "released event failed again; its sequence stays parked"
        );
        mark.kind = MarkKind::Failed;
        mark.reason = Some(cut(&story.error, MAX_ERROR).to_owned());
        mark.class = Some(story.class.to_owned());
        mark.attempts = Some(story.attempts);
        let before = parked.failed(sequence);
        self.tell(release, parked, &mark).await?;
        self.meters.ended(&partition.logical, event_type, "parked");
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
    async fn tell(&self, release: &Release, parked: &Parked, mark: &Mark) -> Result<(), Abandoned> {
        let partition = &release.hold.0;
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
