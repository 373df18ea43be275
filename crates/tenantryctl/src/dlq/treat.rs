//! `tenantryctl dlq replay` and `dlq discard`

use std::num::NonZeroU32;

use clap::Args;
use event_bus::dlq::{DeadLetters, Discard, Replay, ReplayTo, Report};

use super::{Incomplete, audit, print, select::Chosen};
use crate::Bus;

/// What replay and discard have in common.
#[derive(Args)]
pub struct Common {
    #[command(flatten)]
    chosen: Chosen,
    /// Who does it
    #[arg(long, env = "USER", value_name = "NAME")]
    by: String,
    /// At most so many letters
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10000))]
    limit: u16,
    /// Only say what would be done
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
    /// Why
    #[arg(long)]
    reason: Option<String>,
    /// To this group instead of the one that failed
    #[arg(long, value_name = "GROUP", conflicts_with = "all_groups")]
    to_group: Option<String>,
    /// To every group that reads the topic
    #[arg(long)]
    all_groups: bool,
    /// At most so many records a second
    #[arg(long, value_name = "RECORDS")]
    rate: Option<NonZeroU32>,
    /// Also letters replayed or discarded before, and those replayed too often
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
pub struct DiscardArguments {
    #[command(flatten)]
    common: Common,
    /// Why
    #[arg(long)]
    reason: String,
}

impl ReplayArguments {
    pub async fn run(self, bus: &Bus, letters: &DeadLetters) -> anyhow::Result<()> {
        let Common { chosen, by, .. } = &self.common;
        let selection = chosen.selection()?;
        let orders = self.orders();
        let planned = letters
            .replay(&selection, &orders.clone().dry_run())
            .await?;
        // Where nothing can be done there is nothing to ask for, and nothing to announce.
        if self.common.dry_run || planned.done() == 0 {
            return self.common.tell("replayed", &planned);
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
        let told = audit::tell(bus, by, "dead_letter.replayed", &report).await;
        self.common.tell("replayed", &report).and(told)
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
    pub async fn run(self, bus: &Bus, letters: &DeadLetters) -> anyhow::Result<()> {
        let Common { chosen, by, .. } = &self.common;
        let selection = chosen.selection()?;
        let orders = Discard::by(by.clone(), self.reason).limit(self.common.limit.into());
        let planned = letters
            .discard(&selection, &orders.clone().dry_run())
            .await?;
        // Where nothing can be done there is nothing to ask for, and nothing to announce.
        if self.common.dry_run || planned.done() == 0 {
            return self.common.tell("discarded", &planned);
        }
        let question = format!("discard {} letters", planned.done());
        if !chosen.confirm(&question)? {
            return Err(Incomplete("nothing was discarded".to_owned()).into());
        }
        let report = letters.discard(&selection, &orders).await?;
        let told = audit::tell(bus, by, "dead_letter.discarded", &report).await;
        self.common.tell("discarded", &report).and(told)
    }
}

impl Common {
    /// Prints what came of it; an error when some letters were not treated as asked.
    fn tell(&self, done: &str, report: &Report) -> anyhow::Result<()> {
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
        let early = early.map_or_else(String::new, |why| format!("; ended early: {why}"));
        let text = format!(
            "{not} of {} letters not {done}{early}",
            report.letters.len()
        );
        Err(Incomplete(text).into())
    }
}
