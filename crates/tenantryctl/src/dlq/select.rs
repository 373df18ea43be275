//! Arguments that select dead letters.

use std::{
    io::{self, IsTerminal},
    str::FromStr,
};

use anyhow::bail;
use clap::Args;
use event_bus::dlq::{DeadLetterFilter, DeadLetterLocation, DeadLetterState, Selection};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

#[derive(Args, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Letters of this topic; may be repeated
    #[arg(long)]
    topic: Vec<String>,
    /// Letters of the tenant with this id
    #[arg(long)]
    tenant: Option<Uuid>,
    /// Letters of this event type
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Letters whose error contains this text
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Letters with this error class: transient, permanent, undecodable, context, …
    #[arg(long)]
    class: Option<String>,
    /// Letters that failed in this consumer group
    #[arg(long)]
    group: Option<String>,
    /// Letters that failed since this time (RFC 3339) or age, for instance 30m, 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<OffsetDateTime>,
    /// Letters that failed before this time or age
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<OffsetDateTime>,
}

impl Filter {
    pub fn letters(self, state: Option<DeadLetterState>) -> DeadLetterFilter {
        DeadLetterFilter {
            topics: self.topic,
            tenant: self.tenant,
            event_type: self.event_type,
            error: self.error,
            class: self.class,
            group: self.group,
            from: self.since,
            to: self.until,
            state,
        }
    }
}

/// The letters of a command: by position, by filter, or all.
#[derive(Args)]
pub struct LetterSelection {
    /// Positions of letters, for instance order.events.dlq/3/17
    #[arg(value_name = "PLACE")]
    places: Vec<DeadLetterLocation>,
    #[command(flatten)]
    filter: Filter,
    /// All open letters
    #[arg(long)]
    all: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

impl LetterSelection {
    /// Returns the selected letters. Selecting nothing is an error, not a selection of all.
    pub fn selection(&self) -> anyhow::Result<Selection> {
        let is_filtered = self.filter != Filter::default();
        match (self.places.is_empty(), is_filtered, self.all) {
            (false, false, false) => Ok(Selection::Letters(self.places.clone())),
            (true, true, false) | (true, false, true) => {
                let filter = self.filter.clone().letters(Some(DeadLetterState::Open));
                Ok(Selection::matching(filter))
            }
            (true, false, false) => {
                bail!("no letters selected; give their positions, a filter, or --all")
            }
            _ => bail!("give positions, a filter or --all, but only one of the three"),
        }
    }

    /// Asks for confirmation unless the letters are given by position or `--yes` is set.
    pub fn confirm(&self, what: &str) -> anyhow::Result<bool> {
        if self.yes || !self.places.is_empty() {
            return Ok(true);
        }
        ask(what)
    }
}

/// Asks for confirmation on the terminal.
pub fn ask(what: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("{what}: standard input is not a terminal, confirm with --yes");
    }
    eprint!("{what}? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A state, or all states.
#[derive(Clone, Copy)]
pub struct StateArgument(pub Option<DeadLetterState>);

impl FromStr for StateArgument {
    type Err = event_bus::BusError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self(None)),
            state => state.parse().map(|state| Self(Some(state))),
        }
    }
}

/// Parses a time or an age.
pub fn parse_time(text: &str) -> Result<OffsetDateTime, String> {
    ago(text)
        .map(|ago| OffsetDateTime::now_utc() - ago)
        .or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok())
        .ok_or_else(|| {
            "expected a time such as 2026-01-02T03:04:05Z or an age such as 30m, 2h, 7d".to_owned()
        })
}

fn ago(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = number.parse().ok()?;
    let unit = match unit {
        "s" => Duration::SECOND,
        "m" => Duration::MINUTE,
        "h" => Duration::HOUR,
        "d" => Duration::DAY,
        _ => return None,
    };
    // Limits the age, to stay within the range of dates.
    Some((unit * number).min(Duration::days(10_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_times_and_ages() {
        let two_hours_ago = parse_time("2h").unwrap();
        let passed = OffsetDateTime::now_utc() - two_hours_ago;
        assert_eq!(passed.whole_minutes(), 120);
        assert_eq!(
            parse_time("2026-01-02T03:04:05Z").unwrap().unix_timestamp(),
            1_767_323_045
        );
        assert!(parse_time("4294967295d").is_ok());
        for wrong in ["", "h", "2", "2w", "-2h", "yesterday", "2é"] {
            assert!(
                parse_time(wrong).unwrap_err().contains("such as 30m"),
                "{wrong}"
            );
        }
    }
}
