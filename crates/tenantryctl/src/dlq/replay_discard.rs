//! `tenantryctl dlq replay` and `dlq discard`

use std::num::NonZeroU32;

use clap::Args;
use event_bus::dlq::{DeadLetterAdmin, Discard, Replay, ReplayTo, Report};

use super::{Incomplete, audit, print, select::LetterSelection};
use crate::Bus;

/// Arguments of replay and discard.
#[derive(Args)]
pub struct Common {
    #[command(flatten)]
    chosen: LetterSelection,
    /// Name of the operator
    #[arg(long, env = "USER", value_name = "NAME")]
    by: String,
    /// Maximum number of letters
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10000))]
    limit: u16,
    /// Print what would be done, without doing it
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct ReplayArguments {
    #[command(flatten)]
    common: Common,
    /// The reason, for the audit trail
    #[arg(long)]
    reason: Option<String>,
    /// Replay to this group instead of the one that failed
    #[arg(long, value_name = "GROUP", conflicts_with = "all_groups")]
    to_group: Option<String>,
    /// Replay to all groups of the topic
    #[arg(long)]
    all_groups: bool,
    /// Maximum number of records per second
    #[arg(long, value_name = "RECORDS")]
    rate: Option<NonZeroU32>,
    /// Include letters that were replayed or discarded before, or replayed too often
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
pub struct DiscardArguments {
    #[command(flatten)]
    common: Common,
    /// The reason, for the audit trail
    #[arg(long)]
    reason: String,
}

impl ReplayArguments {
    pub async fn run(self, bus: &Bus, letters: &DeadLetterAdmin) -> anyhow::Result<()> {
        let Common { chosen, by, .. } = &self.common;
        let selection = chosen.selection()?;
        let orders = self.orders();
        let planned = letters
            .replay(&selection, &orders.clone().dry_run())
            .await?;
        // Nothing to do, so nothing to confirm.
        if self.common.dry_run || planned.done() == 0 {
            return self.common.print("replayed", &planned);
        }
        let to = match (&self.to_group, self.all_groups) {
            (Some(group), _) => format!("to {group}"),
            (None, true) => "to all groups".to_owned(),
            (None, false) => "to the groups that failed".to_owned(),
        };
        let question = format!("replay {} letters {to}", planned.done());
        if !chosen.confirm(&question)? {
            return Err(Incomplete("nothing was replayed".to_owned()).into());
        }
        let report = letters.replay(&selection, &orders).await?;
        let audited = audit::publish_letters(bus, by, "dead_letter.replayed", &report).await;
        self.common.print("replayed", &report).and(audited)
    }

    fn orders(&self) -> Replay {
        let mut orders = Replay::by(self.common.by.clone()).limit(self.common.limit.into());
        orders = match (&self.to_group, self.all_groups) {
            (Some(group), _) => orders.to(ReplayTo::Group(group.clone())),
            (None, true) => orders.to(ReplayTo::AllGroups),
            (None, false) => orders,
        };
        if let Some(reason) = &self.reason {
            orders = orders.reason(reason.clone());
        }
        if let Some(rate) = self.rate {
            orders = orders.rate(rate);
        }
        if self.force { orders.forced() } else { orders }
    }
}

impl DiscardArguments {
    pub async fn run(self, bus: &Bus, letters: &DeadLetterAdmin) -> anyhow::Result<()> {
        let Common { chosen, by, .. } = &self.common;
        let selection = chosen.selection()?;
        let orders = Discard::by(by.clone(), self.reason).limit(self.common.limit.into());
        let planned = letters
            .discard(&selection, &orders.clone().dry_run())
            .await?;
        // Nothing to do, so nothing to confirm.
        if self.common.dry_run || planned.done() == 0 {
            return self.common.print("discarded", &planned);
        }
        let question = format!("discard {} letters", planned.done());
        if !chosen.confirm(&question)? {
            return Err(Incomplete("nothing was discarded".to_owned()).into());
        }
        let report = letters.discard(&selection, &orders).await?;
        let audited = audit::publish_letters(bus, by, "dead_letter.discarded", &report).await;
        self.common.print("discarded", &report).and(audited)
    }
}

impl Common {
    /// Prints the report. Returns an error if the operation was not applied to all selected letters.
    fn print(&self, done: &str, report: &Report) -> anyhow::Result<()> {
        if self.json {
            print::json(report)?;
        } else {
            print::report(done, report)?;
        }
        if report.is_complete() {
            return Ok(());
        }
        let not = report.letters.len() - report.done();
        let early = report.interrupted.as_ref();
        let early = early.map_or_else(String::new, |why| format!("; interrupted: {why}"));
        let text = format!(
            "{not} of {} letters not {done}{early}",
            report.letters.len()
        );
        Err(Incomplete(text).into())
    }
}
