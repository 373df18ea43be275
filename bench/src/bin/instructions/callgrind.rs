//! Runs a path under callgrind, and sums the instructions of its threads.

use std::{fs, path::Path as File, process::Stdio};

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::Path;

/// Entry functions of librdkafka's threads.
const OTHERS: [&str; 4] = [
    "rd_kafka_thread_main",
    "rd_kafka_broker_thread_main",
    "rd_kafka_background_thread_main",
    "rd_kafka_mock_cluster_thread_main",
];

/// Counts the instructions of the bus's threads in one run.
pub async fn count(path: Path, events: u64, kafka: &str, registry: &str) -> anyhow::Result<u64> {
    let folder = std::env::temp_dir().join(format!("instructions-{}", uuid::Uuid::now_v7()));
    fs::create_dir(&folder)?;
    let counted = run(path, events, kafka, registry, &folder).await;
    let sum = counted.and_then(|()| ours(&folder));
    fs::remove_dir_all(&folder)?;
    sum
}

async fn run(
    path: Path,
    events: u64,
    kafka: &str,
    registry: &str,
    folder: &File,
) -> anyhow::Result<()> {
    let out = folder.join("threads");
    let ran = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--separate-threads=yes",
            "--fair-sched=yes",
        ])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["path", path.name(), &events.to_string(), kafka, registry])
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot start valgrind")?;
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr);
        bail!(
            "{} failed under valgrind ({}):\n{said}",
            path.name(),
            ran.status
        );
    }
    Ok(())
}

/// Sums the files of all threads except librdkafka's.
fn ours(folder: &File) -> anyhow::Result<u64> {
    let mut sum = 0;
    for file in fs::read_dir(folder)? {
        let thread = fs::read_to_string(file?.path())?;
        if !OTHERS.iter().any(|name| thread.contains(name)) {
            sum += total(&thread).unwrap_or(0);
        }
    }
    if sum == 0 {
        bail!("valgrind wrote no counts");
    }
    Ok(sum)
}

/// Parses the line `totals: 123` of a thread's file; other files have none.
fn total(thread: &str) -> Option<u64> {
    let line = thread
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals: "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_thread_is_found() {
        let thread = "# callgrind format\nevents: Ir\nfn=(1) main\n12 700\n\ntotals: 123456\n";
        assert_eq!(total(thread), Some(123_456));
        assert_eq!(total("events: Ir\n"), None);
    }
}
