//! What a run kept: every reading, the medians, and each goal with the ratios it was judged by.

use std::collections::BTreeMap;

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use crate::{
    goals::GoalResult,
    machine::{Machine, Versions},
    pinned::{Cores, Turn},
    reading::Reading,
    works::{Figure, Work},
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

/// When a work was measured, and what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// When its run began, in UTC.
    pub date: String,
    /// What was measured.
    pub commit: String,
}

impl Results {
    /// Puts the works of a later run in the place of the same in this one.
    ///
    /// # Errors
    /// When the later one was done otherwise, or elsewhere: its figures would not stand beside these.
    pub fn renew(&mut self, later: Self) -> anyhow::Result<()> {
        let alike = |one: &Self| {
            let how = (&one.machine, &one.versions, &one.settings);
            serde_json::to_value(how)
        };
        ensure!(
            alike(self)? == alike(&later)?,
            "machine, versions or settings are not those of the kept run: measure all of it anew"
        );
        for mut work in later.works {
            work.measured = Some(Measured {
                date: later.date.clone(),
                commit: later.commit.clone(),
            });
            match self.works.iter_mut().find(|kept| kept.name == work.name) {
                Some(kept) => *kept = work,
                None => self.works.push(work),
            }
        }
        Ok(())
    }
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
    /// When it was measured, if after the others.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub measured: Option<Measured>,
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
            measured: None,
            failures,
        }
    }
}

impl SideResult {
    /// The figure of one round.
    pub fn figure(&self, figure: Figure, round: u32) -> Option<f64> {
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

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn value(figure: Figure, reading: &Reading) -> Option<f64> {
    let value = match figure {
        Figure::Rate => reading.events as f64 / reading.seconds,
        Figure::P50 => reading.latency?.p50,
        Figure::P99 => reading.latency?.p99,
        Figure::Also(name) => *reading.also.get(name)?,
    };
    value.is_finite().then_some(value)
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn cpu_seconds_per_million(reading: &Reading) -> Option<f64> {
    (reading.events > 0).then(|| reading.cpu_seconds / reading.events as f64 * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_two() {
        let spread = Spread::of(vec![4.0, 1.0, 2.0, 3.0]).unwrap();
        assert_eq!((spread.median, spread.min, spread.max), (2.5, 1.0, 4.0));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    fn run(date: &str, rounds: u32, works: &[&str]) -> Results {
        let work = |name: &&str| WorkResult {
            name: (*name).to_owned(),
            title: date.to_owned(),
            sides: Vec::new(),
            goals: Vec::new(),
            measured: None,
            failures: Vec::new(),
        };
        Results {
            date: date.to_owned(),
            commit: "c".to_owned(),
            machine: Machine::this(),
            versions: Versions::default(),
            settings: Settings {
                whole: true,
                rounds,
                scale: 1.0,
                cores: Cores::default(),
                optimised: true,
            },
            works: works.iter().map(work).collect(),
        }
    }

    #[test]
    fn a_work_measured_anew_takes_its_place_and_says_when() {
        let mut kept = run("monday", 5, &["a", "b"]);
        kept.renew(run("tuesday", 5, &["b"])).unwrap();
        let dates: Vec<_> = kept.works.iter().map(|work| work.title.as_str()).collect();
        assert_eq!(dates, ["monday", "tuesday"]);
        assert_eq!(kept.works[1].measured.as_ref().unwrap().date, "tuesday");
        assert!(kept.renew(run("wednesday", 7, &["b"])).is_err());
    }

    #[test]
    fn processor_time_is_told_per_million_events() {
        let reading = Reading {
            events: 1_000,
            seconds: 2.0,
            cpu_seconds: 0.5,
            latency: None,
            also: BTreeMap::new(),
        };
        let medians = Medians::of(&[Turn {
            round: 1,
            reading,
            servers_busy: 0.5,
        }])
        .unwrap();
        assert!((medians.cpu_seconds_per_million.median - 500.0).abs() < 1e-9);
        assert!((medians.rate.median - 500.0).abs() < 1e-9);
        assert_eq!(medians.p99, None);
    }
}
