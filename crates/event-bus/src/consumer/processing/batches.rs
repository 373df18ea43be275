//! The work on a batch: one attempt at all of it, then at what it left over.

use std::{sync::Arc, time::Instant};

use tokio_util::sync::CancellationToken;

use crate::{
    BatchFailure, Dependency, Next, Policy, Record,
    consumer::{
        offsets::partition::Partition,
        processing::{
            processor::{Abandoned, UNFIT, Worker, event_type, settle},
            work_item::Work,
        },
    },
    metrics,
};

impl Worker {
    /// Works on a batch to its end: what failed by itself, then the rest again.
    pub(in crate::consumer) async fn run_batch(&self, batch: Vec<Work>) {
        let (mut rest, unfit): (Vec<Work>, Vec<Work>) = batch
            .into_iter()
            .partition(|work| work.content.is_ok() && !work.ticket.partition.stop.is_cancelled());
        for work in unfit {
            self.run(work).await;
        }
        let mut away = None;
        loop {
            rest = self.without_parked(rest).await;
            if rest.is_empty() {
                return;
            }
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

    /// The works whose sequence is not parked; the others are put behind it.
    async fn without_parked(&self, works: Vec<Work>) -> Vec<Work> {
        if self.parking.is_none() {
            return works;
        }
        let mut free = Vec::with_capacity(works.len());
        for work in works {
            let member = self.member(&work.ticket, &work.content);
            match self.standing(member.as_ref()).await {
                Ok(None) => free.push(work),
                Ok(Some(_)) | Err(Abandoned) => self.run(work).await,
            }
        }
        free
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
        let envelope = work.content.as_ref().map(|record| &*record.envelope);
        let event_type = envelope.map_or(UNFIT, event_type);
        self.meters
            .ended(&work.ticket.partition.logical, event_type, "handled");
        work.ticket.done();
    }

    fn batch_policy(&self, works: &[Work]) -> &Policy {
        let first = works.first().and_then(|work| work.content.as_ref().ok());
        let own = first.and_then(|record| self.doer.policy(&record.envelope.event_type));
        own.unwrap_or(&self.policy)
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
