//! librdkafka's own benchmark, built by `scripts/bench` from the source of the client.

use std::process::Stdio;

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::{
    environment::Environment,
    reading::{Clock, Reading},
};

/// Messages of the run that measures the start-up time.
const START_UP: u64 = 1_000;

/// Produces `events` messages. The program's own time includes starting up and resolving the topic, about a second, which a
/// previous run with few messages measures; it is subtracted.
pub async fn produce(
    environment: &Environment,
    topic: &str,
    events: u64,
    arguments: &[String],
) -> anyhow::Result<Reading> {
    let counted = |count: u64| {
        let mut all = vec!["-P".to_owned(), "-c".to_owned(), count.to_string()];
        all.extend_from_slice(arguments);
        all
    };
    let start = run(environment, topic, &counted(START_UP)).await?;
    let whole = run(environment, topic, &counted(events + START_UP)).await?;
    let mut reading = Reading {
        events,
        seconds: whole.seconds - start.seconds,
        cpu_seconds: whole.cpu_seconds - start.cpu_seconds,
        ..whole
    };
    reading
        .also
        .insert("start_up_seconds".to_owned(), start.seconds);
    Ok(reading)
}

/// Runs the program, and returns its output and processor time.
pub async fn run(
    environment: &Environment,
    topic: &str,
    arguments: &[String],
) -> anyhow::Result<Reading> {
    let clock = Clock::children();
    let output = Command::new(environment.rivals.join("rdkafka_performance"))
        .args(["-b", &environment.kafka, "-t", topic, "-q"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot start rdkafka_performance")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("rdkafka_performance failed ({}):\n{text}", output.status);
    }
    let (events, seconds) = spoken(&text)
        .with_context(|| format!("no rate in the output of rdkafka_performance:\n{text}"))?;
    Ok(Reading {
        seconds,
        ..clock.read(events)
    })
}

/// `% 1000000 messages (…) consumed in 598ms: …`, or `% 1000000 messages produced (…), 1000000 delivered (…) in 598ms: …`.
fn spoken(text: &str) -> Option<(u64, f64)> {
    let line = text.lines().rfind(|line| {
        line.contains(" messages ") && line.contains(" in ") && line.contains("ms: ")
    })?;
    let events = line
        .trim_start_matches("% ")
        .split(' ')
        .next()?
        .parse()
        .ok()?;
    let (before, _) = line.split_once("ms: ")?;
    let (_, millis) = before.rsplit_once(' ')?;
    let millis: f64 = millis.parse().ok()?;
    Some((events, millis / 1000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_of_itself_is_understood() {
        let produced = "% Sending 3 messages\n% 2000000 messages produced (314000000 bytes), 2000000 delivered (offset \
                        1963051, 0 failed) in 3413ms: 585871 msgs/s and 91.98 MB/s, 277 produce failures, 0 in queue, no \
                        compression\n";
        assert_eq!(spoken(produced), Some((2_000_000, 3.413)));
        let consumed = "% 1000000 messages (157000000 bytes) consumed in 598ms: 1669577 msgs/s (262.12 MB/s)\n\
                        % Average application fetch latency: 3us";
        assert_eq!(spoken(consumed), Some((1_000_000, 0.598)));
        assert_eq!(spoken("% 3 errors"), None);
    }
}
