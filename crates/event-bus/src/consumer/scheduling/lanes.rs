//! Lanes: work with the same lane goes one after the other, lanes go side by side.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasherDefault, Hasher},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::poll;
use tokio::runtime::Handle;

use crate::consumer::{
    processing::{processor::RecordProcessor, work_item::WorkItem},
    recovery::parking::Release,
};

/// How long a lane whose work is all of paused keys waits before it looks again.
const PAUSED_LOOK: Duration = Duration::from_millis(50);

/// Lanes that begin together are put into tasks by so many.
const TOGETHER: usize = 16;
/// A task goes on to its next lane by itself for so long; then, or when a lane has to wait, the others go on without it.
const SHARE: Duration = Duration::from_micros(200);

/// How many events one batch may hold, and how long a smaller one waits for more.
#[derive(Clone, Copy, Debug)]
pub(in crate::consumer) struct BatchSize {
    pub(in crate::consumer) events: usize,
    pub(in crate::consumer) linger: Duration,
}

/// What a lane does one after the other.
enum Task {
    WorkItem(WorkItem),
    Release(Release),
}

impl Task {
    /// Whether it may not begin for now.
    fn is_paused(&self) -> bool {
        match self {
            Self::WorkItem(work) => work.is_paused(),
            Self::Release(release) => release.is_paused(),
        }
    }
}

/// Lanes with work. Each runs in a task until its queue is empty.
///
/// A task for every lane would cost more than the work in it: what begins together shares tasks, for as long as none of
/// it waits for anything. The first that does gives the rest to another task, so lanes are side by side all the same.
pub(in crate::consumer) struct Lanes {
    state: Mutex<State>,
    worker: RecordProcessor,
    /// `None`: one event at a time.
    batch: Option<BatchSize>,
    runtime: Handle,
}

#[derive(Default)]
struct State {
    queues: HashMap<u64, Queue, BuildHasherDefault<Same>>,
    /// Lanes that are to be started.
    fresh: Vec<u64>,
}

/// What waits in a lane: mostly one.
#[derive(Default)]
struct Queue {
    first: Option<Task>,
    more: VecDeque<Task>,
}

impl Queue {
    fn push(&mut self, task: Task) {
        if self.first.is_none() && self.more.is_empty() {
            self.first = Some(task);
        } else {
            self.more.push_back(task);
        }
    }

    fn pop(&mut self) -> Option<Task> {
        self.first.take().or_else(|| self.more.pop_front())
    }

    fn is_empty(&self) -> bool {
        self.first.is_none() && self.more.is_empty()
    }
}

/// Lanes are hashes already.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

impl Lanes {
    pub(in crate::consumer) fn new(
        worker: RecordProcessor,
        batch: Option<BatchSize>,
        runtime: Handle,
    ) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            worker,
            batch,
            runtime,
        })
    }

    /// Puts work at the end of its lane. It begins with the next [`Lanes::start`], unless the lane runs already.
    pub(in crate::consumer) fn push(&self, lane: u64, work: WorkItem) {
        self.put(lane, Task::WorkItem(work));
    }

    /// Lets a parked sequence go on when what is in its lane now is done.
    pub(in crate::consumer) fn push_release(self: &Arc<Self>, lane: u64, release: Release) {
        self.put(lane, Task::Release(release));
        self.start();
    }

    fn put(&self, lane: u64, task: Task) {
        let State { queues, fresh } = &mut *self.lock();
        let queue = queues.entry(lane).or_insert_with(|| {
            fresh.push(lane);
            Queue::default()
        });
        queue.push(task);
    }

    /// Starts the lanes that are new. To be called before anything that may wait.
    pub(in crate::consumer) fn start(self: &Arc<Self>) {
        let mut fresh = std::mem::take(&mut self.lock().fresh);
        match self.batch {
            None => {
                while !fresh.is_empty() {
                    // The first lanes go last into the list, from whose end a task takes them.
                    let mut together: Vec<u64> = fresh.drain(..fresh.len().min(TOGETHER)).collect();
                    together.reverse();
                    self.spawn(together);
                }
            }
            Some(size) => {
                for lane in fresh {
                    let lanes = Arc::clone(self);
                    self.runtime
                        .spawn(async move { lanes.run_batches(lane, size).await });
                }
            }
        }
    }

    /// Runs these lanes, if any, in a task of their own.
    fn spawn(self: &Arc<Self>, lanes: Vec<u64>) {
        if lanes.is_empty() {
            return;
        }
        let this = Arc::clone(self);
        self.runtime.spawn(this.run(lanes));
    }

    /// Runs these lanes, from the last on.
    #[allow(clippy::manual_async_fn)] // whether it is `Send` has to be said, since it starts itself again
    fn run(self: Arc<Self>, mut rest: Vec<u64>) -> impl Future<Output = ()> + Send {
        async move {
            let began = Instant::now();
            while let Some(lane) = rest.pop() {
                while let Some(task) = self.next(lane) {
                    let mut doing = pin!(self.work(task));
                    let waits = rest.is_empty() || poll!(doing.as_mut()).is_pending();
                    if waits {
                        self.spawn(std::mem::take(&mut rest));
                    } else if began.elapsed() > SHARE {
                        // The work is long and never waits: the others find threads of their own.
                        rest.drain(..).rev().for_each(|lane| self.spawn(vec![lane]));
                    }
                    if waits {
                        doing.await;
                    }
                }
            }
        }
    }

    async fn work(&self, task: Task) {
        match task {
            Task::WorkItem(work) => self.worker.run(work).await,
            Task::Release(release) => Box::pin(self.worker.release(release)).await,
        }
    }

    /// The next task; without any the lane is gone, and the next push makes it anew.
    fn next(&self, lane: u64) -> Option<Task> {
        let mut state = self.lock();
        let next = state.queues.get_mut(&lane).and_then(Queue::pop);
        if next.is_none() {
            state.queues.remove(&lane);
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
        let queues = &mut self.lock().queues;
        let is_over = queues.get(&lane).is_none_or(Queue::is_empty);
        if is_over {
            queues.remove(&lane);
        }
        is_over
    }

    /// Up to `count` works from the front, or the release that is there; tasks of paused keys left where they are.
    fn gather(&self, lane: u64, count: usize) -> (Vec<WorkItem>, Option<Release>) {
        let mut state = self.lock();
        let Some(queue) = state.queues.get_mut(&lane) else {
            return (Vec::new(), None);
        };
        let (mut batch, mut left, mut release) = (Vec::new(), VecDeque::new(), None);
        while batch.len() < count
            && let Some(task) = queue.pop()
        {
            if task.is_paused() {
                left.push_back(task);
                continue;
            }
            match task {
                Task::WorkItem(work) => batch.push(work),
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
        left.extend(queue.first.take());
        left.append(&mut queue.more);
        queue.more = left;
        (batch, release)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
