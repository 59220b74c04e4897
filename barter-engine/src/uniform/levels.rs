//! What the offers of one lane can give together: each nothing, or from its minimum to all it has.

use std::cmp::Reverse;

/// What an offer can give, in value units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    /// The least if anything; 0 where anything goes.
    pub(super) least: u64,
    /// The most.
    pub(super) most: u64,
    /// Whether nothing is not enough.
    pub(super) must: bool,
}

/// At most so many stretches are kept; more of them lie so close that the widest serve.
const STRETCHES: usize = 48;

/// The sums that a lane's offers can come to, and how.
pub(super) struct Levels {
    /// By size, the largest first, and of the same size as they came: places in what was given to [`Levels::new`].
    bound: Vec<usize>,
    /// Offers without a minimum, the largest first.
    free: Vec<usize>,
    ranges: Vec<Range>,
    /// The stretches that the free offers and the smaller ones of `bound` come to: without any of them, with the
    /// smallest, and so on. Ascending, apart from each other.
    stages: Vec<Vec<(u64, u64)>>,
}

impl Levels {
    pub(super) fn new(ranges: Vec<Range>) -> Levels {
        let mut bound: Vec<usize> = (0..ranges.len()).filter(|at| ranges[*at].most > 0).collect();
        bound.sort_by_key(|at| (Reverse(ranges[*at].most), *at));
        let (free, bound): (Vec<usize>, Vec<usize>) =
            bound.into_iter().partition(|at| ranges[*at].least == 0);
        let mut stages = vec![vec![(0, free.iter().map(|at| ranges[*at].most).sum::<u64>())]];
        for at in bound.iter().rev() {
            let before = stages.last().expect("there is a first stage");
            let Range { least, most, must } = ranges[*at];
            let with = before.iter().map(|(low, high)| (low + least, high + most));
            let without = before.iter().copied().filter(|_| !must);
            let mut all: Vec<(u64, u64)> = without.chain(with).collect();
            all.sort_unstable();
            let mut merged: Vec<(u64, u64)> = Vec::with_capacity(all.len());
            for (low, high) in all {
                match merged.last_mut() {
                    Some(last) if low <= last.1 => last.1 = last.1.max(high),
                    _ => merged.push((low, high)),
                }
            }
            if merged.len() > STRETCHES {
                // The first and the last always stay: nothing and everything.
                let mut widths: Vec<(u64, usize)> =
                    (1..merged.len() - 1).map(|at| (u64::MAX - (merged[at].1 - merged[at].0), at)).collect();
                widths.sort_unstable();
                widths.truncate(STRETCHES - 2);
                let mut kept: Vec<usize> = widths.into_iter().map(|(_, at)| at).collect();
                kept.extend([0, merged.len() - 1]);
                kept.sort_unstable();
                merged = kept.into_iter().map(|at| merged[at]).collect();
            }
            merged.shrink_to_fit();
            stages.push(merged);
        }
        Levels { bound, free, ranges, stages }
    }

    /// The most that one offer can give.
    pub(super) fn largest(&self) -> u64 {
        self.ranges.iter().map(|range| range.most).max().unwrap_or(0)
    }

    /// The sums nearest to `sum`: the highest that is not above it, or 0, and the lowest that is not below, if there is one.
    pub(super) fn around(&self, sum: u64) -> (u64, Option<u64>) {
        let stretches = self.stages.last().expect("there is a first stage");
        let mut below = 0;
        for &(low, high) in stretches {
            if sum < low {
                return (below, Some(low));
            }
            if sum <= high {
                return (sum, Some(sum));
            }
            below = high;
        }
        (below, None)
    }

    /// What each offer gives so that all come to `sum`, or to the nearest sum below: few offers, the largest first.
    pub(super) fn split(&self, sum: u64) -> Vec<u64> {
        let mut gives = vec![0; self.ranges.len()];
        let mut rest = self.around(sum).0;
        for (at, before) in self.bound.iter().zip(self.stages.iter().rev().skip(1)) {
            let Range { least, most, .. } = self.ranges[*at];
            // As much as leaves a sum that the others can come to.
            let leaves = |&(low, high): &(u64, u64)| {
                let gives = most.min(rest.checked_sub(low)?);
                (gives >= least && rest - gives <= high).then_some(gives)
            };
            if let Some(some) = before.iter().filter_map(leaves).max() {
                gives[*at] = some;
                rest -= some;
            }
        }
        for at in &self.free {
            gives[*at] = self.ranges[*at].most.min(rest);
            rest -= gives[*at];
        }
        gives
    }
}

#[cfg(test)]
mod tests {
    use super::{Levels, Range};
    use proptest::prelude::*;

    fn range() -> impl Strategy<Value = Range> {
        (0u64..9, 0u64..9, any::<bool>()).prop_map(|(a, b, must)| Range {
            least: a.min(b),
            most: a.max(b),
            must: must && a.min(b) > 0,
        })
    }

    /// Whether the offers can come to `sum`, by trying everything.
    fn possible(ranges: &[Range], sum: u64) -> bool {
        let Some((first, rest)) = ranges.split_first() else { return sum == 0 };
        let some = (first.least.max(1)..=first.most.min(sum)).any(|gives| possible(rest, sum - gives));
        some || (!first.must && possible(rest, sum))
    }

    proptest! {
        #[test]
        fn offers_of_a_lane_come_to_the_nearest_sum_that_their_minimums_allow(
            ranges in prop::collection::vec(range(), 0..5),
            sum in 0u64..40,
        ) {
            let levels = Levels::new(ranges.clone());
            let (below, above) = levels.around(sum);
            let Some(nearest) = (0..=sum).rev().find(|sum| possible(&ranges, *sum)) else {
                prop_assert_eq!(below, 0, "those who must give cannot give so little");
                return Ok(());
            };
            prop_assert_eq!(below, nearest);
            prop_assert_eq!(above, (sum..60).find(|sum| possible(&ranges, *sum)));
            let gives = levels.split(sum);
            prop_assert_eq!(gives.iter().sum::<u64>(), below);
            for (gives, range) in gives.iter().zip(&ranges) {
                prop_assert!(*gives == 0 || (range.least..=range.most).contains(gives));
            }
        }
    }
}
