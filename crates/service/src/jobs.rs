//! Background jobs over rows that are leased: due work in a table, shared by every replica.

use std::{
    fmt::Debug,
    sync::{Arc, LazyLock},
    time::Duration,
};

use prometheus::{IntCounterVec, IntGaugeVec, register_int_counter_vec, register_int_gauge_vec};
use tokio::{
    sync::{Notify, Semaphore},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{Runtime, StoreError};

static JOBS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "job_runs_total",
        "Leased background jobs that ended, by job and outcome (done, failed, panicked)",
        &["job", "outcome"]
    )
    .expect("the metric is registered once")
});

static LAST_POLL: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!(
        "job_last_poll_timestamp_seconds",
        "Unix time at which the job last looked for due work",
        &["job"]
    )
    .expect("the metric is registered once")
});

/// Work that is due in a table of the platform database.
///
/// A lease hides an item from the other replicas for a while. Whoever runs the item deletes or postpones it; an item
/// whose runner died or failed becomes visible again when its lease runs out.
pub trait LeasedJob: Clone + Send + Sync + 'static {
    /// The job's name in logs and metrics, as `order_deadlines`.
    const NAME: &'static str;

    /// What one run needs to know.
    type Item: Debug + Send + 'static;

    /// Leases up to `limit` items that are due.
    fn lease(&self, limit: u32)
    -> impl Future<Output = Result<Vec<Self::Item>, StoreError>> + Send;

    /// Does the work of one item. An error is logged; the item comes back when its lease runs out.
    fn run(&self, item: Self::Item) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// How a [`LeasedJob`] is run.
#[derive(Clone, Copy, Debug)]
pub struct JobSettings {
    /// Items that run at the same time in this process, at least 1.
    pub concurrency: u32,
    /// How long to wait before looking again when nothing was due.
    pub poll_interval: Duration,
}

/// Makes a job look for due work at once. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct JobWaker(Arc<Notify>);

impl JobWaker {
    /// Wakes the job: something became due.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

impl Runtime {
    /// Runs `job` until the service stops; items that run then are finished first.
    pub fn run_job<J: LeasedJob>(&self, job: J, settings: JobSettings) -> JobWaker {
        let waker = JobWaker::default();
        let woken = waker.clone();
        self.spawn(J::NAME, move |stop| run(job, settings, woken, stop));
        waker
    }
}

async fn run<J: LeasedJob>(
    job: J,
    settings: JobSettings,
    waker: JobWaker,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(settings.concurrency.max(1) as usize));
    let mut running = JoinSet::new();
    while let Some(Ok(slot)) = stop
        .run_until_cancelled(Arc::clone(&slots).acquire_owned())
        .await
    {
        drop(slot);
        while let Some(ended) = running.try_join_next() {
            report::<J>(ended);
        }
        LAST_POLL
            .with_label_values(&[J::NAME])
            .set(time::OffsetDateTime::now_utc().unix_timestamp());
        let free = u32::try_from(slots.available_permits()).unwrap_or(u32::MAX);
        let items = job.lease(free).await.unwrap_or_else(|error| {
            tracing::warn!(job = J::NAME, %error, "due work cannot be leased, trying again later");
            Vec::new()
        });
        if items.is_empty() {
            tokio::select! {
                () = waker.0.notified() => {}
                () = tokio::time::sleep(settings.poll_interval) => {}
                () = stop.cancelled() => {}
            }
            continue;
        }
        for item in items {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                break; // the semaphore is never closed
            };
            let job = job.clone();
            running.spawn(async move {
                let _slot = slot;
                let what = format!("{item:?}");
                let done = job.run(item).await;
                if let Err(error) = &done {
                    tracing::warn!(job = J::NAME, item = what, %error, "job failed, its lease runs out and it is tried again");
                }
                done.is_ok()
            });
        }
    }
    while let Some(ended) = running.join_next().await {
        report::<J>(ended);
    }
}

fn report<J: LeasedJob>(ended: Result<bool, JoinError>) {
    let outcome = match ended {
        Ok(true) => "done",
        Ok(false) => "failed",
        Err(error) => {
            tracing::error!(job = J::NAME, %error, "job panicked, its lease runs out and it is tried again");
            "panicked"
        }
    };
    JOBS.with_label_values(&[J::NAME, outcome]).inc();
}
