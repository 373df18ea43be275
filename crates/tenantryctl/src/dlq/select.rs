//! Which letters, as arguments.

use std::{
    io::{self, IsTerminal},
    str::FromStr,
};

use anyhow::bail;
use clap::Args;
use event_bus::dlq::{LetterFilter, LetterPlace, LetterState, Selection};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

#[derive(Args, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this topic; may be given more than once
    #[arg(long)]
    topic: Vec<String>,
    /// Of the tenant with this id
    #[arg(long)]
    tenant: Option<Uuid>,
    /// Of this type of event
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Whose error contains this text
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Whose error is of this class: transient, permanent, undecodable, context, …
    #[arg(long)]
    class: Option<String>,
    /// That this group could not handle
    #[arg(long)]
    group: Option<String>,
    /// That failed at this time or later: RFC 3339, or as 30m, 2h, 7d ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<OffsetDateTime>,
    /// That failed before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<OffsetDateTime>,
}

impl Filter {
    pub fn letters(self, state: Option<LetterState>) -> LetterFilter {
        LetterFilter {
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

/// What a command is about: named letters, a filter, or all.
#[derive(Args)]
pub struct Chosen {
    /// These letters, as order.events.dlq/3/17
    #[arg(value_name = "PLACE")]
    places: Vec<LetterPlace>,
    #[command(flatten)]
    filter: Filter,
    /// Every open letter
    #[arg(long)]
    all: bool,
    /// Ask nothing
    #[arg(long)]
    yes: bool,
}

impl Chosen {
    /// The letters. Nothing named is a mistake, not a wish for all.
    pub fn selection(&self) -> anyhow::Result<Selection> {
        let is_filtered = self.filter != Filter::default();
        match (self.places.is_empty(), is_filtered, self.all) {
            (false, false, false) => Ok(Selection::Letters(self.places.clone())),
            (true, true, false) | (true, false, true) => {
                let filter = self.filter.clone().letters(Some(LetterState::Open));
                Ok(Selection::matching(filter))
            }
            (true, false, false) => bail!("which letters? name their places, a filter, or --all"),
            _ => bail!("name places, a filter or --all, but one of the three"),
        }
    }

    /// Whether the person means it: asked for more than letters they named one by one.
    pub fn confirm(&self, what: &str) -> anyhow::Result<bool> {
        if self.yes || !self.places.is_empty() {
            return Ok(true);
        }
        ask(what)
    }
}

/// Asks on the terminal.
pub fn ask(what: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("{what}: say --yes, as nobody can be asked");
    }
    eprint!("{what}? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A state, or all of them.
#[derive(Clone, Copy)]
pub struct StateArgument(pub Option<LetterState>);

impl FromStr for StateArgument {
    type Err = event_bus::BusError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self(None)),
            state => state.parse().map(|state| Self(Some(state))),
        }
    }
}

/// A time, or how long ago.
pub fn moment(text: &str) -> Result<OffsetDateTime, String> {
    ago(text)
        .map(|ago| OffsetDateTime::now_utc() - ago)
        .or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok())
        .ok_or_else(|| "a time is written 2026-01-02T03:04:05Z, or as 30m, 2h, 7d ago".to_owned())
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
    // A time before the epoch is as good as none.
    Some((unit * number).min(Duration::days(10_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let two_hours_ago = moment("2h").unwrap();
        let passed = OffsetDateTime::now_utc() - two_hours_ago;
        assert_eq!(passed.whole_minutes(), 120);
        assert_eq!(
            moment("2026-01-02T03:04:05Z").unwrap().unix_timestamp(),
            1_767_323_045
        );
        assert!(moment("4294967295d").is_ok());
        for wrong in ["", "h", "2", "2w", "-2h", "yesterday", "2é"] {
            assert!(moment(wrong).unwrap_err().contains("as 30m"), "{wrong}");
        }
    }
}
