//! Processing of batches: attempts at the whole batch, then at its records one by one.

use std::{sync::Arc, time::Instant};

use tokio_util::sync::CancellationToken;

use crate::{
    BatchFailure, Dependency, FailureAction, Record, RetryPolicy,
    consumer::{
        offsets::partition::Partition,
        processing::{
            processor::{Abandoned, INVALID_TYPE, RecordProcessor, event_type, settle},
            work_item::WorkItem,
        },
    },
    metrics,
};

impl RecordProcessor {
    /// Works on a batch to its end: what failed by itself, then the rest again.
    pub(in crate::consumer) async fn run_batch(&self, batch: Vec<WorkItem>) {
        let (mut rest, invalid): (Vec<WorkItem>, Vec<WorkItem>) =
            batch.into_iter().partition(|work| {
                work.content.is_ok() && !work.in_flight.partition.stop.is_cancelled()
            });
        for work in invalid {
            self.run(work).await;
        }
        let mut unavailable = None;
        loop {
            rest = self.without_parked(rest).await;
            if rest.is_empty() {
                return;
            }
            let Ok(ended) = self.batch_attempt(&rest, unavailable.take()).await else {
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
                    FailureAction::Wait(dependency) => unavailable = Some(dependency),
                    FailureAction::Retry(_) | FailureAction::DeadLetter => {
                        tracing::warn!(
                            group = self.group,
                            events = rest.len(),
                            error = failure.story(),
                            "batch failed; its events are retried one by one"
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
    async fn without_parked(&self, works: Vec<WorkItem>) -> Vec<WorkItem> {
        if self.parking.is_none() {
            return works;
        }
        let mut free = Vec::with_capacity(works.len());
        for work in works {
            let candidate = self.candidate(&work.in_flight, &work.content);
            match self.decision(candidate.as_ref()).await {
                Ok(None) => free.push(work),
                Ok(Some(_)) | Err(Abandoned) => self.run(work).await,
            }
        }
        free
    }

    async fn batch_attempt(
        &self,
        works: &[WorkItem],
        unavailable: Option<Dependency>,
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
            .all(|work| Arc::ptr_eq(&work.in_flight.key, &first.in_flight.key))
        {
            &first.in_flight.key
        } else {
            &self.batches
        };
        let permit = tokio::select! {
            biased;
            () = any_stop => return Err(Abandoned),
            permit = self.permit(key, unavailable) => permit,
        };
        let keys = works.iter().map(|work| Arc::clone(&work.in_flight.key));
        let _running = self.scheduler.running(keys.collect());
        let policy = self.batch_policy(works);
        let began = Instant::now();
        let result = tokio::select! {
            biased;
            () = any_abort => return Err(Abandoned),
            result = self.handler.many(&records, &self.group, policy.attempt_deadline()) => result,
        };
        metrics::SECONDS
            .with_label_values(&[self.group.as_str(), "batch"])
            .observe(began.elapsed().as_secs_f64());
        match &result {
            Ok(()) => permit.report_success(),
            Err(failed) => {
                let at = failed.handled.unwrap_or(0).min(records.len() - 1);
                if failed.handled.is_none() {
                    self.note(&records[at], &failed.failure);
                }
                settle(Some(permit), policy.next(&failed.failure, 0));
            }
        }
        Ok(result)
    }

    fn handled(&self, work: WorkItem) {
        let envelope = work.content.as_ref().map(|record| &*record.envelope);
        let event_type = envelope.map_or(INVALID_TYPE, event_type);
        self.event_metrics
            .ended(&work.in_flight.partition.logical, event_type, "handled");
        work.in_flight.ack();
    }

    fn batch_policy(&self, works: &[WorkItem]) -> &RetryPolicy {
        let first = works.first().and_then(|work| work.content.as_ref().ok());
        let own = first.and_then(|record| self.handler.policy(&record.envelope.event_type));
        own.unwrap_or(&self.policy)
    }
}

/// Ends when the signal of one of the works' partitions is given.
async fn any(works: &[WorkItem], signal: impl Fn(&Partition) -> &CancellationToken) {
    let mut partitions: Vec<&Arc<Partition>> = Vec::new();
    for work in works {
        let partition = &work.in_flight.partition;
        if !partitions.iter().any(|known| Arc::ptr_eq(known, partition)) {
            partitions.push(partition);
        }
    }
    let signals = partitions
        .into_iter()
        .map(|partition| Box::pin(signal(partition).cancelled()));
    futures::future::select_all(signals).await;
}
