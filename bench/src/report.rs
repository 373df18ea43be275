//! The report of stored results: a table of goals, and one table per work.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::Context;

use crate::{
    chart,
    goals::GoalResult,
    numbers::{percent, plain, whole},
    results::{Measured, Medians, Results, SideResult, Spread, WorkResult},
    table::table,
    works::Bound,
};

/// The markers between which the report is inserted.
const MARKS: (&str, &str) = ("<!-- results -->", "<!-- /results -->");

/// Writes the tables of stored results into a Markdown file, and the chart.
///
/// # Errors
/// The results cannot be read, the file has no markers, or a file cannot be written.
pub fn write(results: &Path, readme: Option<&Path>, chart: Option<&Path>) -> anyhow::Result<()> {
    let text = fs::read_to_string(results)
        .with_context(|| format!("cannot read {}", results.display()))?;
    let results: Results = serde_json::from_str(&text)
        .with_context(|| format!("{} does not contain results of a run", results.display()))?;
    if let Some(chart) = chart {
        fs::write(chart, chart::draw(&results))?;
    }
    let Some(readme) = readme else {
        return Ok(());
    };
    let text = fs::read_to_string(readme)?;
    let beside = chart.and_then(|chart| chart.strip_prefix(readme.parent()?).ok());
    let replaced = replace(&text, &whole_report(&results, beside)).with_context(|| {
        let (begin, end) = MARKS;
        format!("{} has no markers {begin} and {end}", readme.display())
    })?;
    fs::write(readme, replaced)?;
    Ok(())
}

fn replace(text: &str, report: &str) -> Option<String> {
    let (before, rest) = text.split_once(MARKS.0)?;
    let (_, after) = rest.split_once(MARKS.1)?;
    Some(format!(
        "{before}{}\n\n{report}\n{}{after}",
        MARKS.0, MARKS.1
    ))
}

fn whole_report(results: &Results, chart: Option<&Path>) -> String {
    let mut parts = vec![circumstances(results)];
    if let Some(chart) = chart {
        let chart = chart.display();
        parts.push(format!("![Each goal's ratio beside its goal]({chart})\n"));
    }
    parts.push(goals(results));
    parts.extend(results.works.iter().map(work));
    parts.join("\n")
}

/// Date, commit, machine, versions and settings of the run.
fn circumstances(results: &Results) -> String {
    let (settings, machine) = (&results.settings, &results.machine);
    let (day, _) = results.date.split_once('T').unwrap_or((&results.date, ""));
    let versions = results.versions.told();
    let versions: Vec<String> = versions
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let quoted = if settings.whole && settings.optimised {
        ""
    } else {
        "**A trial run with meaningless figures.** "
    };
    format!(
        "{quoted}Measured on {day} at commit {}, in {} rounds at scale {}; servers on core {}, what is measured on core {}.\n\
         Machine: {}, {} cores, {} GiB, Linux {}.\nVersions: {}.\n",
        results.commit,
        settings.rounds,
        settings.scale,
        settings.cores.servers,
        settings.cores.program,
        machine.processor,
        machine.cores,
        machine.memory,
        machine.kernel,
        versions.join(", "),
    ) + &later(results)
}

/// The works that were measured in a later run.
fn later(results: &Results) -> String {
    let later = results.works.iter().filter_map(|work| {
        let Measured { date, commit } = work.measured.as_ref()?;
        let (day, _) = date.split_once('T').unwrap_or((date, ""));
        Some(format!(
            "`{}` was measured again on {day} at commit {commit}.\n",
            work.name
        ))
    });
    later.collect()
}

/// The table of goals.
pub fn goals(results: &Results) -> String {
    let head = ["work", "figure", "beside", "ratio (min–max)", "goal", "met"];
    let works = results.works.iter();
    let rows = works.flat_map(|work| work.goals.iter().map(|goal| goal_row(work, goal)));
    table(&head.map(str::to_owned), &rows.collect::<Vec<_>>())
}

fn goal_row(work: &WorkResult, goal: &GoalResult) -> Vec<String> {
    let met = match goal.met {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "–",
    };
    vec![
        work.name.clone(),
        ours(goal),
        beside(goal).unwrap_or_else(|| "–".to_owned()),
        ratio(goal),
        goal.bound.map_or_else(|| "–".to_owned(), bound),
        met.to_owned(),
    ]
}

/// The side of a goal, and its figure if that is not the rate.
pub fn ours(goal: &GoalResult) -> String {
    match goal.figure.as_str() {
        "rate" => goal.side.clone(),
        figure => format!("{}, {}", goal.side, spaced(figure)),
    }
}

/// The sides that a goal is compared with, if any.
pub fn beside(goal: &GoalResult) -> Option<String> {
    match goal.against.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("lowest of {}", several.join(", "))),
    }
}

/// The median, minimum and maximum of a goal's ratios.
pub fn ratio(goal: &GoalResult) -> String {
    goal.spread
        .map_or_else(|| "not measured".to_owned(), |ratio| spread(ratio, plain))
}

/// Formats a bound as `≥ 0.9`.
pub fn bound(bound: Bound) -> String {
    match bound {
        Bound::AtLeast(bound) => format!("≥ {}", decimal(bound)),
        Bound::AtMost(bound) => format!("≤ {}", decimal(bound)),
    }
}

/// Formats a bound as it was declared: 0.9, not 0.90.
fn decimal(number: f64) -> String {
    format!("{number}")
}

fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

fn spread(spread: Spread, number: impl Fn(f64) -> String) -> String {
    let Spread { median, min, max } = spread;
    let (median, min, max) = (number(median), number(min), number(max));
    if min == max {
        median
    } else {
        format!("{median} ({min}–{max})")
    }
}

/// The table of one work, and a description of its sides.
fn work(work: &WorkResult) -> String {
    let columns = columns(work);
    let mut head = vec!["side".to_owned()];
    head.extend(columns.iter().map(Column::head));
    let rows = work.sides.iter().map(|side| {
        let cells = columns.iter().map(|column| column.cell(side));
        [name(side)].into_iter().chain(cells).collect()
    });
    let mut text = format!("### {}: {}\n\n", work.name, work.title);
    text += &table(&head, &rows.collect::<Vec<_>>());
    text.push('\n');
    for side in &work.sides {
        text += &["* ", &side.name, ": ", &side.what, "\n"].concat();
    }
    for failure in &work.failures {
        let cause = failure.lines().next().unwrap_or_default();
        text += &["* **failed** in ", cause, "\n"].concat();
    }
    text
}

fn name(side: &SideResult) -> String {
    let once = if side.every_round { "" } else { " (one turn)" };
    format!("{}{once}", side.name)
}

/// A column of a work's table.
enum Column {
    Rate,
    Latency,
    Also(String),
    Cpu,
    Servers,
}

/// The columns for which the work has figures; the rate only if a goal uses it.
fn columns(work: &WorkResult) -> Vec<Column> {
    let medians = || work.sides.iter().filter_map(|side| side.medians.as_ref());
    let mut columns = Vec::new();
    if work.goals.iter().any(|goal| goal.figure == "rate") {
        columns.push(Column::Rate);
    }
    if medians().any(|medians| medians.p50.is_some()) {
        columns.push(Column::Latency);
    }
    let also: BTreeSet<&String> = medians().flat_map(|medians| medians.also.keys()).collect();
    columns.extend(also.into_iter().cloned().map(Column::Also));
    columns.extend([Column::Cpu, Column::Servers]);
    columns
}

impl Column {
    fn head(&self) -> String {
        match self {
            Self::Rate => "events/s (min–max)".to_owned(),
            Self::Latency => "p50 / p99, µs".to_owned(),
            Self::Also(name) => spaced(name),
            Self::Cpu => "CPU-s per million events".to_owned(),
            Self::Servers => "servers' core busy".to_owned(),
        }
    }

    fn cell(&self, side: &SideResult) -> String {
        let cell = side.medians.as_ref().and_then(|medians| self.of(medians));
        cell.unwrap_or_else(|| "–".to_owned())
    }

    fn of(&self, medians: &Medians) -> Option<String> {
        Some(match self {
            Self::Rate => spread(medians.rate, whole),
            Self::Latency => {
                let (p50, p99) = (medians.p50?.median, medians.p99?.median);
                format!("{} / {}", plain(p50), plain(p99))
            }
            Self::Also(name) => spread(*medians.also.get(name)?, plain),
            Self::Cpu => plain(medians.cpu_seconds_per_million.median),
            Self::Servers => percent(medians.servers_busy.median),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = "before\n<!-- results -->\nold\n<!-- /results -->\nafter\n";
        let new = replace(text, "new\n").unwrap();
        assert_eq!(
            new,
            "before\n<!-- results -->\n\nnew\n\n<!-- /results -->\nafter\n"
        );
        assert_eq!(replace(&new, "new\n").unwrap(), new);
        assert_eq!(replace("no marks", "new"), None);
    }

    #[test]
    fn a_spread_is_told_only_where_there_is_one() {
        let of = |values: &[f64]| Spread::of(values.to_vec()).unwrap();
        assert_eq!(spread(of(&[0.9, 0.95, 0.97]), plain), "0.95 (0.90–0.97)");
        assert_eq!(spread(of(&[0.0, 0.0]), plain), "0");
        assert_eq!(bound(Bound::AtMost(1.3)), "≤ 1.3");
        assert_eq!(bound(Bound::AtLeast(10.0)), "≥ 10");
    }

    #[test]
    fn a_goal_tells_which_figure_where_it_is_not_the_rate() {
        let goal = |figure: &str, against: &[&str]| GoalResult {
            side: "ours".to_owned(),
            figure: figure.to_owned(),
            against: against.iter().map(|&side| side.to_owned()).collect(),
            ratios: vec![None],
            spread: None,
            bound: None,
            met: None,
        };
        assert_eq!(ours(&goal("rate", &[])), "ours");
        assert_eq!(ours(&goal("of_ideal", &[])), "ours, of ideal");
        assert_eq!(beside(&goal("rate", &[])), None);
        assert_eq!(
            beside(&goal("rate", &["a", "b"])).unwrap(),
            "lowest of a, b"
        );
        assert_eq!(ratio(&goal("rate", &[])), "not measured");
    }
}
