//! Lanes: work with the same lane goes one after the other, lanes go side by side.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::runtime::Handle;

use super::{parking::Release, work::Work, worker::Worker};

/// How long a lane whose work is all of paused keys waits before it looks again.
const PAUSED_LOOK: Duration = Duration::from_millis(50);

/// How many events one batch may hold, and how long a smaller one waits for more.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchSize {
    pub(super) events: usize,
    pub(super) linger: Duration,
}

/// What a lane does one after the other.
enum Task {
    Work(Work),
    Release(Release),
}

impl Task {
    /// Whether it may not begin for now.
    fn is_paused(&self) -> bool {
        match self {
            Self::Work(work) => work.is_paused(),
            Self::Release(release) => release.is_paused(),
        }
    }
}

/// Lanes with work. Each is a task that ends when its queue is empty.
pub(super) struct Lanes {
    queues: Mutex<HashMap<u64, VecDeque<Task>>>,
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
        self.put(lane, Task::Work(work));
    }

    /// Lets a parked sequence go on when what is in its lane now is done.
    pub(super) fn push_release(self: &Arc<Self>, lane: u64, release: Release) {
        self.put(lane, Task::Release(release));
    }

    fn put(self: &Arc<Self>, lane: u64, task: Task) {
        {
            let mut queues = self.lock();
            if let Some(queue) = queues.get_mut(&lane) {
                queue.push_back(task);
                return;
            }
            queues.insert(lane, VecDeque::from([task]));
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
        while let Some(task) = self.next(lane) {
            match task {
                Task::Work(work) => self.worker.run(work).await,
                Task::Release(release) => self.worker.release(release).await,
            }
        }
    }

    /// The next task; without any the lane is gone, and the next push makes it anew.
    fn next(&self, lane: u64) -> Option<Task> {
        let mut queues = self.lock();
        let next = queues.get_mut(&lane).and_then(VecDeque::pop_front);
        if next.is_none() {
            queues.remove(&lane);
        }
        next
    }

    async fn run_batches(&self, lane: u64, size: BatchSize) {
        while !self.is_over(lane) {
            let (mut batch, mut release) = self.gather(lane, size.events);
            if batch.is_empty() && release.is_none() {
                tokio::time::sleep(PAUSED_LOOK).await;
                continue;
            }
            if release.is_none() && batch.len() < size.events && !size.linger.is_zero() {
                tokio::time::sleep(size.linger).await;
                let (more, next) = self.gather(lane, size.events - batch.len());
                batch.extend(more);
                release = next;
            }
            self.worker.run_batch(batch).await;
            if let Some(release) = release {
                self.worker.release(release).await;
            }
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

    /// Up to `count` works from the front, or the release that is there; tasks of paused keys left where they are.
    fn gather(&self, lane: u64, count: usize) -> (Vec<Work>, Option<Release>) {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(&lane) else {
            return (Vec::new(), None);
        };
        let (mut batch, mut left, mut release) = (Vec::new(), VecDeque::new(), None);
        while batch.len() < count
            && let Some(task) = queue.pop_front()
        {
            if task.is_paused() {
                left.push_back(task);
                continue;
            }
            match task {
                Task::Work(work) => batch.push(work),
                Task::Release(first) if batch.is_empty() => {
                    release = Some(first);
                    break;
                }
                Task::Release(later) => {
                    left.push_back(Task::Release(later));
                    break;
                }
            }
        }
        left.append(queue);
        *queue = left;
        (batch, release)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, VecDeque<Task>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
