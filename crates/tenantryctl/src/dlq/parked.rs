//! `tenantryctl dlq parked`

use std::io::{self, Write};

use anyhow::bail;
use clap::{Args, Subcommand};
use event_bus::dlq::parked::{
    self as bus, ParkedFilter, ParkedOrders, ParkedOutcome, ParkedReport, ParkedSelection,
    SequencePage, SequencePlace, ShownSequence,
};
use uuid::Uuid;

use super::{Incomplete, audit, print, select::ask};
use crate::{Bus, table};

#[derive(Subcommand)]
pub enum Parked {
    /// List parked sequences with their head, the event that failed
    List(List),
    /// Show a sequence: its records in order, and operations
    Show(Show),
    /// Process sequences in order until they are empty or an event fails again
    Release(Release),
    /// Discard the head of a sequence; the other records stay parked until released
    DiscardHead(DiscardHead),
}

#[derive(Args, Clone, Default, PartialEq, Eq)]
struct Filter {
    /// Sequences of this topic; may be repeated
    #[arg(long)]
    topic: Vec<String>,
    /// Sequences parked by this group
    #[arg(long)]
    group: Option<String>,
    /// Sequences of the tenant with this id
    #[arg(long)]
    tenant: Option<Uuid>,
}

impl Filter {
    fn sequences(self) -> ParkedFilter {
        ParkedFilter {
            topics: self.topic,
            group: self.group,
            tenant: self.tenant,
        }
    }
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    filter: Filter,
    /// Maximum number of results
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Continue after this sequence
    #[arg(long, value_name = "PLACE")]
    after: Option<SequencePlace>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    /// The sequence, as printed by `list`
    place: SequencePlace,
    /// Maximum number of records
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Release {
    /// Sequences, as printed by `list`
    #[arg(value_name = "PLACE")]
    places: Vec<SequencePlace>,
    #[command(flatten)]
    filter: Filter,
    /// All sequences
    #[arg(long)]
    all: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// The reason, for the audit trail
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct DiscardHead {
    /// The sequence, as printed by `list`
    place: SequencePlace,
    /// The reason, for the audit trail
    #[arg(long)]
    reason: String,
    /// Discard only if the head is at this offset of the parked topic
    #[arg(long, value_name = "OFFSET")]
    head: Option<i64>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Common {
    /// Name of the operator
    #[arg(long, env = "USER", value_name = "NAME")]
    by: String,
    /// Print what would be done, without doing it
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Parked {
    pub async fn run(self, bus: &Bus) -> anyhow::Result<()> {
        let parked = bus::Parked::new(&bus.settings, bus.timeout)?;
        match self {
            Self::List(list) => {
                let (limit, filter) = (usize::from(list.limit), list.filter.sequences());
                let page = parked.list(&filter, list.after.as_ref(), limit).await?;
                if list.json {
                    print::json(&page)
                } else {
                    print_list(&page)
                }
            }
            Self::Show(show) => {
                let shown = parked.show(&show.place, show.limit.into()).await?;
                if show.json {
                    print::json(&shown)
                } else {
                    print_one(&shown)
                }
            }
            Self::Release(release) => release.run(bus, &parked).await,
            Self::DiscardHead(discard) => discard.run(bus, &parked).await,
        }
    }
}

impl Release {
    async fn run(self, bus: &Bus, parked: &bus::Parked) -> anyhow::Result<()> {
        let selection = self.selection()?;
        let mut orders = ParkedOrders::by(self.common.by.clone());
        if let Some(reason) = self.reason {
            orders = orders.reason(reason);
        }
        let planned = parked
            .release(&selection, &orders.clone().dry_run())
            .await?;
        if self.common.dry_run || planned.done() == 0 {
            return self.common.print("released", &planned);
        }
        let question = format!("release {} sequences", planned.done());
        if !self.yes && self.places.is_empty() && !ask(&question)? {
            return Err(Incomplete("nothing was released".to_owned()).into());
        }
        let report = parked.release(&selection, &orders).await?;
        let audited =
            audit::publish_sequences(bus, &self.common.by, "parked_sequence.released", &report);
        let audited = audited.await;
        self.common.print("released", &report).and(audited)
    }

    /// Returns the selected sequences. Selecting nothing is an error, not a selection of all.
    fn selection(&self) -> anyhow::Result<ParkedSelection> {
        let is_filtered = self.filter != Filter::default();
        match (self.places.is_empty(), is_filtered, self.all) {
            (false, false, false) => Ok(ParkedSelection::Sequences(self.places.clone())),
            (true, true, false) | (true, false, true) => {
                let filter = self.filter.clone().sequences();
                Ok(ParkedSelection::Matching(filter))
            }
            (true, false, false) => {
                bail!("no sequences selected; give their names, a filter, or --all")
            }
            _ => bail!("give names, a filter or --all, but only one of the three"),
        }
    }
}

impl DiscardHead {
    async fn run(self, bus: &Bus, parked: &bus::Parked) -> anyhow::Result<()> {
        let mut orders = ParkedOrders::by(self.common.by.clone()).reason(self.reason);
        if let Some(head) = self.head {
            orders = orders.if_head(head);
        }
        if self.common.dry_run {
            orders = orders.dry_run();
        }
        let report = parked.discard_head(&self.place, &orders).await?;
        let audited = if self.common.dry_run {
            Ok(())
        } else {
            let action = "parked_sequence.head_discarded";
            audit::publish_sequences(bus, &self.common.by, action, &report).await
        };
        self.common.print("without its head", &report).and(audited)
    }
}

impl Common {
    /// Prints the report. Returns an error if the operation was not applied to all selected sequences.
    fn print(&self, done: &str, report: &ParkedReport) -> anyhow::Result<()> {
        if self.json {
            print::json(report)?;
        } else {
            print_report(done, report)?;
        }
        if report.is_complete() {
            return Ok(());
        }
        let (all, not) = (
            report.sequences.len(),
            report.sequences.len() - report.done(),
        );
        let early = report.interrupted.as_ref();
        let early = early.map_or_else(String::new, |why| format!("; interrupted: {why}"));
        Err(Incomplete(format!("{not} of {all} sequences not {done}{early}")).into())
    }
}

fn print_list(page: &SequencePage) -> anyhow::Result<()> {
    let rows = page.sequences.iter().map(|sequence| {
        vec![
            print::plain(&sequence.place.to_string()),
            if sequence.is_releasing {
                "releasing"
            } else {
                "parked"
            }
            .to_owned(),
            sequence.records.to_string(),
            print::time(sequence.since),
            print::text(sequence.head.event_type.as_ref()),
            print::text(sequence.group.as_ref()),
            sequence.head.place.offset.to_string(),
            match &sequence.failed {
                Some(failed) => format!("again: {}", print::text(failed.reason.as_ref())),
                None => print::error(&sequence.head),
            },
        ]
    });
    let head = [
        "SEQUENCE", "STATE", "RECORDS", "SINCE", "TYPE", "GROUP", "HEAD", "ERROR",
    ];
    table::print(&head, &rows.collect::<Vec<_>>())?;
    print::more(page.next.as_ref());
    Ok(())
}

fn print_one(shown: &ShownSequence) -> anyhow::Result<()> {
    let rows = shown.records.iter().map(|letter| {
        let id = letter.envelope.as_ref().map(|envelope| envelope.id);
        vec![
            letter.place.offset.to_string(),
            print::plain(&letter.original()),
            print::text(letter.event_type.as_ref()),
            print::text(id.as_ref()),
            print::text(letter.class.as_ref()),
            print::error(letter),
        ]
    });
    let head = ["OFFSET", "FROM", "TYPE", "EVENT", "CLASS", "ERROR"];
    table::print(&head, &rows.collect::<Vec<_>>())?;
    let mut out = io::stdout().lock();
    let left = shown.sequence.records - shown.records.len();
    if left > 0 {
        writeln!(out, "and {left} more")?;
    }
    for mark in &shown.marks {
        let (kind, by) = (print::plain(mark.kind.as_str()), print::plain(&mark.by));
        let of = mark
            .record
            .map_or_else(String::new, |offset| format!(" {offset}"));
        let (at, why) = (
            print::time(Some(mark.at)),
            print::text(mark.reason.as_ref()),
        );
        writeln!(out, "{kind}{of} {at} by {by}: {why}")?;
    }
    Ok(())
}

fn print_report(done: &str, report: &ParkedReport) -> anyhow::Result<()> {
    let rows = report.sequences.iter().map(|treated| {
        vec![
            print::plain(&treated.place.to_string()),
            treated.records.to_string(),
            treated.head.to_string(),
            match (&treated.outcome, report.dry_run) {
                (ParkedOutcome::Done, true) => format!("would be {done}"),
                (ParkedOutcome::Done, false) => done.to_owned(),
                (other, _) => print::plain(&other.to_string()),
            },
        ]
    });
    let head = ["SEQUENCE", "RECORDS", "HEAD", "OUTCOME"];
    table::print(&head, &rows.collect::<Vec<_>>())?;
    if !report.dry_run {
        eprintln!("{} {done}; command {}", report.done(), report.id);
    }
    Ok(())
}
