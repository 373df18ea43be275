//! Printing dead letters, operations and reports. Control characters from the log are escaped.

use std::io::{self, Write};

use event_bus::dlq::{ActPage, DeadLetter, DeadLetterPage, Report, ShownLetter};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::table;

/// Maximum length of an error in a table.
const MAX_ERROR_CHARS: usize = 60;

pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

pub fn letters(page: &DeadLetterPage) -> anyhow::Result<()> {
    let rows = page.letters.iter().map(|letter| {
        vec![
            letter.place.to_string(),
            letter.state.to_string(),
            time(letter.last_failure),
            text(letter.event_type.as_ref()),
            text(letter.tenant.as_ref()),
            text(letter.group.as_ref()),
            text(letter.class.as_ref()),
            letter.replays.to_string(),
            error(letter),
        ]
    });
    let head = [
        "PLACE", "STATE", "FAILED", "TYPE", "TENANT", "GROUP", "CLASS", "REPLAYS", "ERROR",
    ];
    table::print(&head, &rows.collect::<Vec<_>>())?;
    more(page.next.as_ref());
    Ok(())
}

pub fn acts(page: &ActPage) -> anyhow::Result<()> {
    let rows = page.acts.iter().map(|act| {
        let letter = act.letter.as_ref();
        vec![
            time(Some(act.at)),
            plain(act.kind.as_str()),
            letter.map_or_else(|| plain(&act.partition), ToString::to_string),
            plain(&act.by),
            text(act.group.as_ref()),
            text(act.letters.as_ref()),
            act.id.to_string(),
            text(act.reason.as_ref().or(act.filter.as_ref())),
        ]
    });
    let head = [
        "TIME", "ACT", "LETTER", "BY", "TO", "LETTERS", "COMMAND", "WHY",
    ];
    table::print(&head, &rows.collect::<Vec<_>>())?;
    more(page.next.as_ref());
    Ok(())
}

pub fn report(done: &str, report: &Report) -> anyhow::Result<()> {
    let rows = report.letters.iter().map(|treated| {
        vec![
            treated.letter.place.to_string(),
            text(treated.letter.event_type.as_ref()),
            text(treated.to.as_ref()),
            text(treated.group.as_ref()),
            match treated.outcome.is_done() {
                true if report.dry_run => format!("would be {done}"),
                true => done.to_owned(),
                false => plain(&treated.outcome.to_string()),
            },
        ]
    });
    let head = ["PLACE", "TYPE", "TO", "GROUP", "OUTCOME"];
    table::print(&head, &rows.collect::<Vec<_>>())?;
    if !report.dry_run {
        eprintln!("{} {done}; command {}", report.done(), report.id);
    }
    more(report.next.as_ref());
    Ok(())
}

pub fn letter(shown: &ShownLetter) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let letter = &shown.letter;
    let mut line = |name: &str, value: String| writeln!(out, "{name:<12} {value}");
    line("letter", letter.place.to_string())?;
    line("state", letter.state.to_string())?;
    let attempts = text(letter.attempts.as_ref());
    let (first, last) = (time(letter.first_failure), time(letter.last_failure));
    line(
        "from",
        format!(
            "{}, key {}",
            plain(&letter.original()),
            text(letter.key.as_ref())
        ),
    )?;
    line("group", text(letter.group.as_ref()))?;
    line(
        "error",
        format!(
            "{}: {}",
            text(letter.class.as_ref()),
            text(letter.error.as_ref())
        ),
    )?;
    line("failed", format!("{attempts} attempts, {first} to {last}"))?;
    line("replays", letter.replays.to_string())?;
    for round in &letter.trail {
        let group = plain(&round.group);
        let (error, by) = (plain(&round.error), plain(&round.by));
        let replayed = time(Some(round.replayed_at));
        line(
            "  earlier",
            format!(
                "{} of {group}: {error}; replayed {replayed} by {by}",
                round.letter
            ),
        )?;
    }
    match &letter.envelope {
        Some(envelope) => line("envelope", plain(&serde_json::to_string(envelope)?))?,
        None => line("no event", text(letter.unreadable.as_ref()))?,
    }
    let omitted = if letter.value_omitted {
        ", omitted from the dead letter"
    } else {
        ""
    };
    line("value", format!("{} bytes{omitted}", letter.value_bytes))?;
    if let Some(payload) = &shown.payload {
        line("payload", plain(&payload.to_string()))?;
    }
    if let Some(why) = &shown.undecoded {
        line("not decoded", plain(why))?;
    }
    if let Some(raw) = &shown.raw {
        line("raw", raw.clone())?;
    }
    for act in &shown.acts {
        let (kind, by) = (plain(act.kind.as_str()), plain(&act.by));
        let why = text(act.reason.as_ref());
        line(&kind, format!("{} by {by}: {why}", time(Some(act.at))))?;
    }
    Ok(())
}

pub fn more(next: Option<&impl ToString>) {
    if let Some(next) = next {
        eprintln!(
            "there may be more; continue with --after {}",
            next.to_string()
        );
    }
}

/// Returns the error of a letter, truncated.
pub fn error(letter: &DeadLetter) -> String {
    let error = text(letter.error.as_ref());
    match error.char_indices().nth(MAX_ERROR_CHARS) {
        Some((end, _)) => format!("{}…", &error[..end]),
        None => error,
    }
}

/// Formats a value, or `-` if there is none.
pub fn text(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| plain(&value.to_string()))
}

/// Escapes control characters.
pub fn plain(text: &str) -> String {
    let escaped = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escaped).collect()
}

/// Formats a time with a precision of seconds.
pub fn time(time: Option<OffsetDateTime>) -> String {
    let seconds = time.and_then(|time| time.replace_nanosecond(0).ok());
    let text = seconds.and_then(|time| time.format(&Rfc3339).ok());
    text.unwrap_or_else(|| "-".to_owned())
}
