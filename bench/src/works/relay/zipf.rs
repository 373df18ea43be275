//! Zipf's law with s = 1: rank k is k times as rare as rank 1.

/// The weight of rank 1. The sum of all weights is far below 2⁶⁴.
const FIRST: u64 = 1 << 48;
/// 2⁶⁴ divided by the golden ratio, whose multiples are evenly distributed.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The distribution for a number of ranks.
pub struct Zipf {
    /// Cumulative weights.
    sums: Vec<u64>,
}

impl Zipf {
    /// Creates the distribution for `many` ranks, at least one.
    pub fn of(many: u64) -> Self {
        let sums = (1..=many).scan(0, |sum, rank| {
            *sum += FIRST / rank;
            Some(*sum)
        });
        Self {
            sums: sums.collect(),
        }
    }

    /// Returns the rank, from 0, of a draw. Deterministic; the draws from 0 on follow the law closely.
    pub fn draw(&self, number: u64) -> u64 {
        let point = u128::from(number.wrapping_mul(GOLDEN));
        let all = self.sums.last().copied().unwrap_or_default();
        let point = (point * u128::from(all)) >> 64;
        self.sums.partition_point(|sum| u128::from(*sum) <= point) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_met_half_as_often_as_the_first() {
        let law = Zipf::of(1_000);
        let mut met = vec![0_u64; 1_000];
        for number in 0..1_000_000 {
            met[usize::try_from(law.draw(number)).unwrap()] += 1;
        }
        // 1 M / (1 + 1/2 + … + 1/1,000) is 133,592.
        assert!(met[0].abs_diff(133_592) < 10, "{}", met[0]);
        assert!(met[1].abs_diff(66_796) < 10, "{}", met[1]);
        assert!(met[999].abs_diff(134) < 10, "{}", met[999]);
    }

    #[test]
    fn neighbours_in_the_order_are_of_different_ranks() {
        let law = Zipf::of(1_000);
        let same = (0..10_000).filter(|n| law.draw(*n) == law.draw(n + 1));
        assert!(same.count() < 1_000);
    }
}
