//! `tenantryctl consume`

use std::io::{self, Write};

use clap::Args;
use event_bus::{
    Failure,
    log_reader::{LogReader, LogRecord, ReadFrom, ReadUntil},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::Bus;

/// Maximum number of bytes of a raw value to print.
const MAX_RAW: usize = 400;

#[derive(Args)]
pub struct Consume {
    /// The topic
    name: String,
    /// Start with the oldest record instead of waiting for new ones
    #[arg(long)]
    from_beginning: bool,
    /// Stop at the current end of the topic instead of waiting for more
    #[arg(long)]
    until_end: bool,
}

impl Consume {
    pub async fn run(self, bus: &Bus) -> anyhow::Result<()> {
        let from = if self.from_beginning {
            ReadFrom::Beginning
        } else {
            ReadFrom::End
        };
        let until = if self.until_end {
            ReadUntil::End
        } else {
            ReadUntil::Forever
        };
        let mut tail = LogReader::open(&bus.settings, &self.name, from, until, bus.timeout).await?;
        loop {
            let next = tokio::select! {
                next = tail.next() => next,
                _ = tokio::signal::ctrl_c() => None,
            };
            match next {
                None => return Ok(()),
                Some(Ok(logged)) => {
                    let text = show(&logged).await;
                    io::stdout().lock().write_all(text.as_bytes())?;
                }
                Some(Err(error)) => eprintln!("warning: {error}"),
            }
        }
    }
}

/// Formats a record. A payload that cannot be decoded is printed raw, with the reason.
async fn show(logged: &LogRecord) -> String {
    let key = logged.key.as_deref().map_or_else(|| "-".to_owned(), raw);
    let mut lines = vec![format!(
        "── partition {} offset {} time {} key {key}",
        logged.partition,
        logged.offset,
        time_of(logged.timestamp),
    )];
    if let Some(act) = logged.header("dlq-act") {
        let of = |name| logged.header(name).unwrap_or("-").escape_debug();
        lines.push(format!(
            "   act {} on {} by {} at {}: {}",
            act.escape_debug(),
            of("dlq-act-letter"),
            of("dlq-act-by"),
            of("dlq-act-at"),
            of("dlq-act-reason"),
        ));
        lines.push(String::new());
        return lines.join("\n");
    }
    match &logged.event {
        Ok(record) => {
            lines.push(format!("   envelope {}", json(&record.envelope)));
            lines.push(match record.decode_json().await {
                Ok(payload) => format!("   payload  {payload}"),
                Err(failure) => {
                    format!(
                        "   payload  not decoded ({}): {}",
                        why(&failure),
                        raw(record.payload())
                    )
                }
            });
        }
        Err(error) => {
            lines.push(format!("   not an event: {error}"));
            let value = logged.value.as_deref().map_or_else(|| "-".to_owned(), raw);
            lines.push(format!("   value    {value}"));
        }
    }
    if let Some(error) = logged.header("dlq-error") {
        let of = |name| logged.header(name).unwrap_or("?");
        lines.push(format!(
            "   dead letter of {} ({}): {error}",
            of("dlq-group"),
            of("dlq-error-class"),
        ));
        lines.push(format!(
            "   from {} partition {} offset {}, {} attempts, failed {} to {}",
            of("dlq-original-topic"),
            of("dlq-original-partition"),
            of("dlq-original-offset"),
            of("dlq-attempts"),
            of("dlq-first-failure"),
            of("dlq-last-failure"),
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn why(failure: &Failure) -> String {
    failure.story()
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

/// Formats bytes as escaped ASCII, without control characters.
fn raw(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(MAX_RAW)];
    let more = if cut.len() < bytes.len() { "…" } else { "" };
    format!("{}{more}", cut.escape_ascii())
}

fn time_of(milliseconds: Option<i64>) -> String {
    let nanoseconds = milliseconds.map(|ms| i128::from(ms) * 1_000_000);
    let time = nanoseconds.and_then(|ns| OffsetDateTime::from_unix_timestamp_nanos(ns).ok());
    time.and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| "-".to_owned())
}
