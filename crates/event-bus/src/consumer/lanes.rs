//! Lanes: work with the same lane goes one after the other, lanes go side by side.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::runtime::Handle;

use super::{work::Work, worker::Worker};

/// Lanes with work. Each is a task that ends when its queue is empty.
pub(super) struct Lanes {
    queues: Mutex<HashMap<u64, VecDeque<Work>>>,
    worker: Worker,
    runtime: Handle,
}

impl Lanes {
    pub(super) fn new(worker: Worker, runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            queues: Mutex::default(),
            worker,
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
            queues.insert(lane, VecDeque::new());
        }
        let lanes = Arc::clone(self);
        self.runtime
            .spawn(async move { lanes.run(lane, work).await });
    }

    async fn run(&self, lane: u64, first: Work) {
        let mut next = Some(first);
        while let Some(work) = next {
            self.worker.run(work).await;
            let mut queues = self.lock();
            next = queues.get_mut(&lane).and_then(VecDeque::pop_front);
            if next.is_none() {
                queues.remove(&lane);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, VecDeque<Work>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
