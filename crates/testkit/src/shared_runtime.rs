//! The runtime of what outlives a single test.

use std::{future::Future, sync::LazyLock};

use tokio::runtime::Runtime;

/// Each test has its own runtime, which ends with the test. Resources shared by several tests run on this one.
static SHARED: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the runtime is created")
});

/// Runs `work` on a runtime that outlives the calling test.
pub async fn on_shared_runtime<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    SHARED
        .spawn(work)
        .await
        .expect("the shared work does not panic")
}
