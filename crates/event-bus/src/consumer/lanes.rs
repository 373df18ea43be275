//! Lanes: work with the same lane goes one after the other, lanes go side by side.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::runtime::Handle;

use super::{work::Work, worker::Worker};

/// How long a lane whose work is all of paused keys waits before it looks again.
const PAUSED_LOOK: Duration = Duration::from_millis(50);

/// How many events one batch may hold, and how long a smaller one waits for more.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchSize {
    pub(super) events: usize,
    pub(super) linger: Duration,
}

/// Lanes with work. Each is a task that ends when its queue is empty.
pub(super) struct Lanes {
    queues: Mutex<HashMap<u64, VecDeque<Work>>>,
    worker: Worker,
    /// `None`: one event at a time.
    batch: Option<BatchSize>,
    runtime: Handle,
}

impl Lanes {
    pub(super) fn new(worker: Worker, batch: Option<BatchSize>, runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            queues: Mutex::default(),
            worker,
            batch,
            runtime,
        })
    }

    /// Puts work at the end of its lane.
    pub(super) fn push(self: &Arc<Self>, lane: u64, work: Work) {
        {
            let mut queues = self.lock();
            if let Some(queue) = queues.get_mut(&lane) {
                queue.push_back(work);
                return;
            }
            queues.insert(lane, VecDeque::from([work]));
        }
        let lanes = Arc::clone(self);
        self.runtime.spawn(async move {
            match lanes.batch {
                None => lanes.run(lane).await,
                Some(size) => lanes.run_batches(lane, size).await,
            }
        });
    }

    async fn run(&self, lane: u64) {
        while let Some(work) = self.next(lane) {
            self.worker.run(work).await;
        }
    }

    /// The next work; without any the lane is gone, and the next push makes it anew.
    fn next(&self, lane: u64) -> Option<Work> {
        let mut queues = self.lock();
        let next = queues.get_mut(&lane).and_then(VecDeque::pop_front);
        if next.is_none() {
            queues.remove(&lane);
        }
        next
    }

    async fn run_batches(&self, lane: u64, size: BatchSize) {
        while !self.is_over(lane) {
            let mut batch = self.gather(lane, size.events);
            if batch.is_empty() {
                tokio::time::sleep(PAUSED_LOOK).await;
                continue;
            }
            if batch.len() < size.events && !size.linger.is_zero() {
                tokio::time::sleep(size.linger).await;
                let more = self.gather(lane, size.events - batch.len());
                batch.extend(more);
            }
            self.worker.run_batch(batch).await;
        }
    }

    /// Whether the lane is empty. Then it is gone, and the next push makes it anew.
    fn is_over(&self, lane: u64) -> bool {
        let mut queues = self.lock();
        let is_over = queues.get(&lane).is_none_or(VecDeque::is_empty);
        if is_over {
            queues.remove(&lane);
        }
        is_over
    }

    /// Up to `count` works from the front, those of paused keys left where they are.
    fn gather(&self, lane: u64, count: usize) -> Vec<Work> {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(&lane) else {
            return Vec::new();
        };
        let (mut batch, mut left) = (Vec::new(), VecDeque::new());
        while batch.len() < count
            && let Some(work) = queue.pop_front()
        {
            if work.is_paused() {
                left.push_back(work);
            } else {
                batch.push(work);
            }
        }
        left.append(queue);
        *queue = left;
        batch
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, VecDeque<Work>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
