//! What a run kept: every reading, the medians, and each goal with the ratios it was judged by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    machine::{Machine, Versions},
    pinned::{Cores, Turn},
    reading::Reading,
    works::{Against, Bound, Figure, Goal, Work},
};

/// One run.
#[derive(Serialize, Deserialize)]
pub struct Results {
    /// When it began, in UTC.
    pub date: String,
    /// What was measured.
    pub commit: String,
    /// Where.
    pub machine: Machine,
    /// Of everything that took part.
    pub versions: Versions,
    /// How.
    pub settings: Settings,
    /// What came of it.
    pub works: Vec<WorkResult>,
}

/// How a run was done.
#[derive(Serialize, Deserialize)]
pub struct Settings {
    /// All works, at full scale, in rounds enough to be quoted.
    pub whole: bool,
    /// Turns of each side.
    pub rounds: u32,
    /// Of the full number of events, so much was done.
    pub scale: f64,
    /// Who ran where.
    pub cores: Cores,
    /// `false`: the compiler was not asked for speed, and the figures say nothing.
    pub optimised: bool,
}

/// One work.
#[derive(Serialize, Deserialize)]
pub struct WorkResult {
    /// Its name on the command line.
    pub name: String,
    /// What was done, in a line.
    pub title: String,
    /// By whom.
    pub sides: Vec<SideResult>,
    /// What was asked.
    pub goals: Vec<GoalResult>,
    /// What went wrong, each with its round and side.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub failures: Vec<String>,
}

/// One side of a work.
#[derive(Serialize, Deserialize)]
pub struct SideResult {
    /// Its name.
    pub name: String,
    /// What it is and how it does it.
    pub what: String,
    /// `false`: it took one turn, which stands for all rounds.
    pub every_round: bool,
    /// Its readings.
    pub turns: Vec<Turn>,
    /// Absent when it never came to an end.
    pub medians: Option<Medians>,
}

/// The figures of all turns of a side.
#[derive(Serialize, Deserialize)]
pub struct Medians {
    /// Events in a second.
    pub rate: Spread,
    /// Processor time of the side, not of the servers.
    pub cpu_seconds_per_million: Spread,
    /// How much of the turn the servers' core was busy.
    pub servers_busy: Spread,
    /// In microseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub p50: Option<Spread>,
    /// In microseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub p99: Option<Spread>,
    /// Whatever else was told, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub also: BTreeMap<String, Spread>,
}

/// A median, and between what it lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

/// A goal and what became of it.
#[derive(Serialize, Deserialize)]
pub struct GoalResult {
    /// Whose figure.
    pub side: String,
    /// `rate`, `p50`, `p99`, or the name of another.
    pub figure: String,
    /// By whose it is divided: by the lowest of several, and by nobody's when the figure is itself the ratio.
    pub against: Vec<String>,
    /// One for each round; absent where one of the sides has no figure.
    pub ratios: Vec<Option<f64>>,
    /// Absent when no round has a ratio.
    pub spread: Option<Spread>,
    /// Absent when it is told for its own sake.
    pub bound: Option<Bound>,
    /// Whether the median keeps the bound; a goal without any ratio is not met.
    pub met: Option<bool>,
}

impl WorkResult {
    /// Of the turns of each side, in the order of the work's sides.
    pub fn of(work: &dyn Work, rounds: u32, turns: Vec<Vec<Turn>>, failures: Vec<String>) -> Self {
        let sides = work.sides().iter().zip(turns).map(|(side, turns)| {
            let medians = Medians::of(&turns);
            SideResult {
                name: side.name.to_owned(),
                what: side.what.to_owned(),
                every_round: side.every_round,
                turns,
                medians,
            }
        });
        let sides: Vec<SideResult> = sides.collect();
        let goals = work.goals().iter();
        Self {
            name: work.name().to_owned(),
            title: work.title().to_owned(),
            goals: goals
                .map(|goal| GoalResult::of(goal, &sides, rounds))
                .collect(),
            sides,
            failures,
        }
    }
}

impl SideResult {
    fn figure(&self, figure: Figure, round: u32) -> Option<f64> {
        let mut turns = self.turns.iter();
        let turn = turns.find(|turn| turn.round == round || !self.every_round)?;
        value(figure, &turn.reading)
    }
}

impl Medians {
    fn of(turns: &[Turn]) -> Option<Self> {
        let spread = |figure: &dyn Fn(&Turn) -> Option<f64>| {
            Spread::of(turns.iter().filter_map(figure).collect())
        };
        let names = turns.iter().flat_map(|turn| turn.reading.also.keys());
        let also = names.filter_map(|name| {
            let spread = spread(&|turn| turn.reading.also.get(name).copied())?;
            Some((name.clone(), spread))
        });
        Some(Self {
            rate: spread(&|turn| value(Figure::Rate, &turn.reading))?,
            cpu_seconds_per_million: spread(&|turn| cpu_seconds_per_million(&turn.reading))?,
            servers_busy: spread(&|turn| Some(turn.servers_busy))?,
            p50: spread(&|turn| turn.reading.latency.map(|latency| latency.p50)),
            p99: spread(&|turn| turn.reading.latency.map(|latency| latency.p99)),
            also: also.collect(),
        })
    }
}

impl Spread {
    /// `None` of nothing.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, min, max })
    }
}

impl GoalResult {
    fn of(goal: &Goal, sides: &[SideResult], rounds: u32) -> Self {
        let ratios: Vec<Option<f64>> = (1..=rounds)
            .map(|round| ratio(goal, sides, round))
            .collect();
        let spread = Spread::of(ratios.iter().copied().flatten().collect());
        let against: &[&str] = match &goal.against {
            Against::Side(side) => &[*side],
            Against::Lowest(sides) => sides,
            Against::Itself => &[],
        };
        Self {
            side: goal.side.to_owned(),
            figure: name(goal.figure).to_owned(),
            against: against.iter().map(|side| (*side).to_owned()).collect(),
            ratios,
            spread,
            bound: goal.bound,
            met: goal.bound.map(|bound| {
                spread.is_some_and(|spread| match bound {
                    Bound::AtLeast(bound) => spread.median >= bound,
                    Bound::AtMost(bound) => spread.median <= bound,
                })
            }),
        }
    }
}

/// The goal's ratio within one round.
fn ratio(goal: &Goal, sides: &[SideResult], round: u32) -> Option<f64> {
    let figure = |name: &str| {
        let side = sides.iter().find(|side| side.name == name)?;
        side.figure(goal.figure, round)
    };
    let divisor = match &goal.against {
        Against::Side(side) => figure(side)?,
        Against::Lowest(sides) => {
            let figures = sides.iter().map(|side| figure(side));
            let figures: Option<Vec<f64>> = figures.collect();
            figures?.into_iter().min_by(f64::total_cmp)?
        }
        Against::Itself => 1.0,
    };
    Some(figure(goal.side)? / divisor).filter(|ratio| ratio.is_finite())
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn value(figure: Figure, reading: &Reading) -> Option<f64> {
    let value = match figure {
        Figure::Rate => reading.events as f64 / reading.seconds,
        Figure::P99 => reading.latency?.p99,
        Figure::Also(name) => *reading.also.get(name)?,
    };
    value.is_finite().then_some(value)
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn cpu_seconds_per_million(reading: &Reading) -> Option<f64> {
    (reading.events > 0).then(|| reading.cpu_seconds / reading.events as f64 * 1e6)
}

fn name(figure: Figure) -> &'static str {
    match figure {
        Figure::Rate => "rate",
        Figure::P99 => "p99",
        Figure::Also(name) => name,
    }
}
