//! The stored results of a run: readings, medians, and goals with their ratios.

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

/// The results of a run.
#[derive(Serialize, Deserialize)]
pub struct Results {
    /// Start of the run, in UTC.
    pub date: String,
    /// The measured commit.
    pub commit: String,
    /// The machine.
    pub machine: Machine,
    /// Versions of all programs.
    pub versions: Versions,
    /// The settings.
    pub settings: Settings,
    /// The results per work.
    pub works: Vec<WorkResult>,
}

/// The settings of a run.
#[derive(Serialize, Deserialize)]
pub struct Settings {
    /// Whether the run is complete: all works, full scale, enough rounds.
    pub whole: bool,
    /// Number of rounds.
    pub rounds: u32,
    /// Fraction of the full number of events.
    pub scale: f64,
    /// The cores used.
    pub cores: Cores,
    /// Whether the program was built with optimisation; otherwise the figures are meaningless.
    pub optimised: bool,
}

/// Date and commit of a measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Start of its run, in UTC.
    pub date: String,
    /// The measured commit.
    pub commit: String,
}

impl Results {
    /// Replaces works of this run by those of a later one.
    ///
    /// # Errors
    /// The later run has another machine, versions or settings, so its figures are not comparable.
    pub fn renew(&mut self, later: Self) -> anyhow::Result<()> {
        let alike = |one: &Self| {
            let how = (&one.machine, &one.versions, &one.settings);
            serde_json::to_value(how)
        };
        ensure!(
            alike(self)? == alike(&later)?,
            "machine, versions or settings differ from the stored run: measure all works again"
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

/// The results of one work.
#[derive(Serialize, Deserialize)]
pub struct WorkResult {
    /// Its name on the command line.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The results of its sides.
    pub sides: Vec<SideResult>,
    /// The evaluated goals.
    pub goals: Vec<GoalResult>,
    /// Set if the work was measured in a later run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub measured: Option<Measured>,
    /// Failures with round and side.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub failures: Vec<String>,
}

/// The results of one side.
#[derive(Serialize, Deserialize)]
pub struct SideResult {
    /// Its name.
    pub name: String,
    /// Its description.
    pub what: String,
    /// Whether it took part in every round; otherwise its one turn counts for all.
    pub every_round: bool,
    /// Its readings.
    pub turns: Vec<Turn>,
    /// Absent if no turn succeeded.
    pub medians: Option<Medians>,
}

/// Medians over all turns of a side.
#[derive(Serialize, Deserialize)]
pub struct Medians {
    /// Events per second.
    pub rate: Spread,
    /// Processor time of the side, without the servers.
    pub cpu_seconds_per_million: Spread,
    /// Fraction of the turn in which the servers' core was busy.
    pub servers_busy: Spread,
    /// In microseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub p50: Option<Spread>,
    /// In microseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub p99: Option<Spread>,
    /// Additional figures by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub also: BTreeMap<String, Spread>,
}

/// A median with minimum and maximum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl WorkResult {
    /// Computes the results from the turns of each side, in the order of the work's sides.
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
    /// Returns the figure of one round.
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
    /// Returns `None` for no values.
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
