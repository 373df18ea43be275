//! The chart: the distance of each goal's ratio from its bound.

use std::fmt::Write as _;

use crate::{
    goals::GoalResult,
    report::{beside, bound, ours, ratio},
    results::Results,
    works::Bound,
};

const WIDTH: f64 = 900.0;
const MARGIN: f64 = 24.0;
const TOP: f64 = 76.0;
const ROW: f64 = 46.0;
const BAR: f64 = 12.0;
/// Limit of the axis as a power of two; longer bars end at the edge.
const EDGE: f64 = 3.0;

/// Blue and vermilion are distinguishable with colour blindness, on light and dark backgrounds.
const STYLE: &str = "\
  .ground { fill: #ffffff } text { fill: #1f2328; font-family: system-ui, sans-serif; font-size: 13px }
  .faint { fill: #59636e; font-size: 12px } .title { font-size: 16px; font-weight: 600 } .work { font-weight: 600 }
  .grid { stroke: #d1d9e0 } .goal, .spread { stroke: #1f2328 } .track { fill: #f0f2f5 }
  .met { fill: #0072b2 } .missed { fill: #d55e00 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } text { fill: #e6edf3 } .faint { fill: #9198a1 } .grid { stroke: #3d444d }
    .goal, .spread { stroke: #e6edf3 } .track { fill: #1a2029 } .met { fill: #4aa8e0 } .missed { fill: #f08a3c }
  }";

/// Draws an SVG of all goals with a bound.
pub fn draw(results: &Results) -> String {
    let works = results.works.iter();
    let goals = works.flat_map(|work| work.goals.iter().map(|goal| (work.name.as_str(), goal)));
    let rows: Vec<(&str, &GoalResult, Bound)> = goals
        .filter_map(|(work, goal)| Some((work, goal, goal.bound?)))
        .collect();
    let scale = Scale::of(&rows);
    let mut svg = frame(rows.len());
    svg += &axis(&scale);
    for (number, (work, goal, bound)) in rows.into_iter().enumerate() {
        svg += &row(&scale, number, work, goal, bound);
    }
    svg + "</svg>\n"
}

/// Returns the factor by which a ratio is better than its bound; below 1 if the goal is missed.
fn times(ratio: f64, bound: Bound) -> f64 {
    let times = match bound {
        Bound::AtLeast(bound) => ratio / bound,
        Bound::AtMost(bound) if ratio <= 0.0 && bound <= 0.0 => 1.0,
        Bound::AtMost(bound) => bound / ratio,
    };
    times.clamp((-EDGE).exp2(), EDGE.exp2())
}

/// The axis: powers of two from left to right.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Chooses an axis for all ratios, at least from half to double.
    fn of(rows: &[(&str, &GoalResult, Bound)]) -> Self {
        let mut scale = Self {
            low: -1.0,
            high: 1.0,
        };
        for (_, goal, bound) in rows {
            for ratio in goal
                .spread
                .iter()
                .flat_map(|spread| [spread.min, spread.max])
            {
                let power = times(ratio, *bound).log2();
                scale.low = scale.low.min(power.floor());
                scale.high = scale.high.max(power.ceil());
            }
        }
        scale
    }

    fn x(&self, times: f64) -> f64 {
        let share = (times.log2() - self.low) / (self.high - self.low);
        MARGIN + share * (WIDTH - 2.0 * MARGIN)
    }

    /// Returns the ticks, as multiples of the goal.
    fn steps(&self) -> impl Iterator<Item = f64> {
        let (low, high) = (self.low, self.high);
        std::iter::successors(Some(low), |power| Some(power + 1.0))
            .take_while(move |power| *power <= high)
            .map(f64::exp2)
    }
}

#[allow(clippy::cast_precision_loss)] // a handful
fn bottom(rows: usize) -> f64 {
    TOP + rows as f64 * ROW
}

fn frame(rows: usize) -> String {
    let height = bottom(rows) + 16.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>Each goal's ratio beside its goal</title>\n<style>\n{STYLE}\n</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         <text class=\"title\" x=\"{MARGIN}\" y=\"30\">The event bus beside its rivals</text>\n\
         <text class=\"faint\" x=\"{right}\" y=\"30\" text-anchor=\"end\">times better than the goal, right of it met; the thin line spans all rounds</text>\n",
        right = WIDTH - MARGIN,
    )
}

/// The labels of the ticks, above the first row.
fn axis(scale: &Scale) -> String {
    let labels = scale.steps().map(|times| {
        let (x, text) = (scale.x(times), label(times));
        format!(
            "<text class=\"faint\" x=\"{x:.1}\" y=\"60\" text-anchor=\"middle\">{text}</text>\n"
        )
    });
    labels.collect()
}

fn label(times: f64) -> String {
    match times {
        1.0 => "goal".to_owned(),
        below if below < 1.0 => format!("1/{}", 1.0 / below),
        above => format!("{above}×"),
    }
}

#[allow(clippy::cast_precision_loss)] // a handful
fn row(scale: &Scale, number: usize, work: &str, goal: &GoalResult, limit: Bound) -> String {
    let top = TOP + number as f64 * ROW;
    let (right, text) = (WIDTH - MARGIN, top + 8.0);
    let rival = beside(goal).map_or_else(String::new, |rival| format!(" / {rival}"));
    let figure = escaped(&format!("{}{rival}", ours(goal)));
    let told = escaped(&format!(
        "{}, goal {}: {}",
        ratio(goal),
        bound(limit),
        word(goal)
    ));
    let mut svg = format!(
        "<text x=\"{MARGIN}\" y=\"{text}\"><tspan class=\"work\">{work}</tspan> {figure}</text>\n\
         <text x=\"{right}\" y=\"{text}\" text-anchor=\"end\">{told}</text>\n"
    );
    svg += &bar(scale, top + 16.0, goal, limit);
    svg
}

/// A bar from the goal to the median, on a track with ticks.
fn bar(scale: &Scale, top: f64, goal: &GoalResult, limit: Bound) -> String {
    let (length, bottom) = (WIDTH - 2.0 * MARGIN, top + BAR);
    let mut svg = format!(
        "<rect class=\"track\" x=\"{MARGIN}\" y=\"{top}\" width=\"{length}\" height=\"{BAR}\"/>\n"
    );
    let line = |class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)| {
        format!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1}\" x2=\"{x2:.1}\" y2=\"{y2}\"/>\n")
    };
    for x in scale.steps().map(|times| scale.x(times)) {
        svg += &line("grid", (x, top), (x, bottom));
    }
    let goal_at = scale.x(1.0);
    if let Some(spread) = goal.spread {
        let x = |ratio: f64| scale.x(times(ratio, limit));
        let end = x(spread.median);
        let (left, width, middle) = (goal_at.min(end), (goal_at - end).abs(), top + BAR / 2.0);
        let class = word(goal);
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{BAR}\"/>"
        );
        svg += &line("spread", (x(spread.min), middle), (x(spread.max), middle));
    }
    svg + &line("goal", (goal_at, top - 3.0), (goal_at, bottom + 3.0))
}

fn word(goal: &GoalResult) -> &'static str {
    if goal.met == Some(true) {
        "met"
    } else {
        "missed"
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_than_the_goal_is_above_one_whichever_way_the_goal_looks() {
        let is = |ratio: f64, bound: Bound, expected: f64| {
            assert!((times(ratio, bound) - expected).abs() < 1e-9);
        };
        is(1.8, Bound::AtLeast(0.9), 2.0);
        is(0.45, Bound::AtLeast(0.9), 0.5);
        is(1.5, Bound::AtMost(3.0), 2.0);
        is(0.0, Bound::AtMost(0.0), 1.0);
        is(3.0, Bound::AtMost(0.0), 1.0 / 8.0);
        is(0.0, Bound::AtMost(3.0), 8.0);
    }

    #[test]
    fn the_scale_reaches_as_far_as_the_ratios_and_no_less_than_double() {
        let scale = Scale::of(&[]);
        assert_eq!(scale.steps().collect::<Vec<_>>(), [0.5, 1.0, 2.0]);
        assert!((scale.x(1.0) - WIDTH / 2.0).abs() < 1e-9);
        assert_eq!([0.25, 1.0, 4.0].map(label), ["1/4", "goal", "4×"]);
    }
}
