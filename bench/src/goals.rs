//! Evaluation of goals: the ratio of two sides' figures in each round, and whether the median satisfies the bound.

use serde::{Deserialize, Serialize};

use crate::{
    results::{SideResult, Spread},
    works::{Against, Bound, Figure, Goal},
};

/// The evaluation of a goal.
#[derive(Serialize, Deserialize)]
pub struct GoalResult {
    /// The side whose figure is evaluated.
    pub side: String,
    /// `rate`, `p50`, `p99`, or the name of an additional figure.
    pub figure: String,
    /// The sides whose figure is the divisor: the lowest if there are several; none if the figure is the ratio itself.
    pub against: Vec<String>,
    /// One per round; absent if one of the sides has no figure.
    pub ratios: Vec<Option<f64>>,
    /// Absent if no round has a ratio.
    pub spread: Option<Spread>,
    /// Absent for informative ratios.
    pub bound: Option<Bound>,
    /// Whether the median satisfies the bound; a goal without a ratio is not met.
    pub met: Option<bool>,
}

impl GoalResult {
    /// Evaluates a goal from the readings of the sides.
    pub fn of(goal: &Goal, sides: &[SideResult], rounds: u32) -> Self {
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

/// Returns the ratio of one round.
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

fn name(figure: Figure) -> &'static str {
    match figure {
        Figure::Rate => "rate",
        Figure::P50 => "p50",
        Figure::P99 => "p99",
        Figure::Also(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        pinned::Turn,
        reading::{Latency, Reading},
    };

    fn turn(round: u32, events: u64, p99: f64) -> Turn {
        let reading = Reading {
            events,
            seconds: 2.0,
            cpu_seconds: 0.5,
            latency: Some(Latency { p50: 1.0, p99 }),
            also: BTreeMap::from([("faults".to_owned(), 0.0)]),
        };
        Turn {
            round,
            reading,
            servers_busy: 0.5,
        }
    }

    fn side(name: &str, every_round: bool, turns: Vec<Turn>) -> SideResult {
        SideResult {
            name: name.to_owned(),
            what: String::new(),
            every_round,
            medians: None,
            turns,
        }
    }

    fn judged(figure: Figure, against: Against, bound: Bound) -> GoalResult {
        let sides = [
            side(
                "ours",
                true,
                vec![turn(1, 90, 4.0), turn(2, 100, 3.0), turn(3, 30, 9.0)],
            ),
            side("rival", true, vec![turn(1, 100, 2.0), turn(3, 60, 3.0)]),
            side("slow", false, vec![turn(1, 50, 1.0)]),
        ];
        let goal = Goal {
            side: "ours",
            figure,
            against,
            bound: Some(bound),
        };
        GoalResult::of(&goal, &sides, 3)
    }

    #[test]
    fn ratios_are_computed_within_a_round() {
        let goal = judged(Figure::Rate, Against::Side("rival"), Bound::AtLeast(0.7));
        assert_eq!(goal.ratios, [Some(0.9), None, Some(0.5)]);
        assert_eq!(goal.spread, Spread::of(vec![0.5, 0.9]));
        assert_eq!(goal.met, Some(true));
    }

    #[test]
    fn one_turn_of_a_slow_side_counts_for_all_rounds() {
        let goal = judged(Figure::Rate, Against::Side("slow"), Bound::AtLeast(2.0));
        assert_eq!(goal.ratios, [Some(1.8), Some(2.0), Some(0.6)]);
        assert_eq!(goal.met, Some(false));
    }

    #[test]
    fn the_lowest_of_several_is_the_limit() {
        let lowest = Against::Lowest(&["rival", "slow"]);
        let goal = judged(Figure::Rate, lowest, Bound::AtLeast(1.0));
        assert_eq!(goal.ratios, [Some(1.8), None, Some(0.6)]);
        assert_eq!(goal.against, ["rival", "slow"]);
    }

    #[test]
    fn a_figure_may_be_its_own_ratio() {
        let goal = judged(Figure::Also("faults"), Against::Itself, Bound::AtMost(0.0));
        assert_eq!(goal.ratios, [Some(0.0); 3]);
        assert_eq!(goal.met, Some(true));
        let goal = judged(Figure::P99, Against::Side("nobody"), Bound::AtMost(3.0));
        assert_eq!((goal.spread, goal.met), (None, Some(false)));
    }
}
