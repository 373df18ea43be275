//! What the bus logged, for tests of what an operator is told.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{LevelFilter, filter_fn},
    fmt::{self, format::FmtSpan},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

static SAID: Mutex<String> = Mutex::new(String::new());

/// `RUST_LOG=info` shows what the bus says; only a failed test's output is printed. Warnings are kept, and spans that
/// ended.
pub fn listen() {
    let shown = fmt::layer()
        .with_test_writer()
        .with_filter(EnvFilter::from_default_env());
    let kept = fmt::layer()
        .with_ansi(false)
        .with_writer(|| Kept)
        .with_filter(LevelFilter::WARN);
    let spans = fmt::layer()
        .with_ansi(false)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(|| Kept)
        .with_filter(filter_fn(|of| of.is_span() && *of.level() <= Level::INFO));
    let _ = tracing_subscriber::registry()
        .with(shown)
        .with(kept)
        .with(spans)
        .try_init();
}

/// Whether one line was logged with all of these in it.
pub fn said(parts: &[&str]) -> bool {
    let said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    said.lines()
        .any(|line| parts.iter().all(|part| line.contains(part)))
}

struct Kept;

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
