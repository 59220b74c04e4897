//! The pairs of assets that live offers link, and the closed walks over them that are short enough to be rings.

use crate::{Band, MAX_LEGS};
use std::ops::Range;

/// Assets times lanes times legs: so much a search looks at. Of larger books lanes say nothing.
const MOST_LOOKS: usize = 1 << 28;

/// What no walk earns: six lanes never come near it.
const NONE: i64 = i64::MIN / 4;

/// The lanes of a book, by the asset given, then by that wanted.
pub(crate) struct Lanes {
    /// The assets that there are lanes of, as places in the book, ascending. Below they go by their place in this list.
    assets: Vec<usize>,
    /// What each lane gives and wants.
    all: Vec<(u32, u32)>,
    /// Where the lanes that give each asset begin, and after the last asset their end.
    first: Vec<u32>,
    /// The most lanes of a ring.
    longest: usize,
    /// The lanes by the asset wanted, and where those that want each asset begin.
    back: Vec<u32>,
    first_back: Vec<u32>,
}

impl Lanes {
    /// The lanes of offers that give and want these assets of the book. `None` where a search would look at too much, which
    /// follows from the numbers of assets and lanes: everybody decides alike.
    pub(crate) fn new(max_assets: u8, offers: &[(usize, usize)]) -> Option<Lanes> {
        let longest = usize::from(max_assets).clamp(2, MAX_LEGS);
        let mut pairs = offers.to_vec();
        pairs.sort_unstable();
        pairs.dedup();
        let mut assets: Vec<usize> = pairs.iter().flat_map(|(give, want)| [*give, *want]).collect();
        assets.sort_unstable();
        assets.dedup();
        if assets.len().checked_mul(pairs.len())?.checked_mul(longest)? > MOST_LOOKS {
            return None;
        }
        let mut lanes = Lanes {
            first: vec![0; assets.len() + 1],
            first_back: vec![0; assets.len() + 1],
            all: Vec::with_capacity(pairs.len()),
            back: (0..u32::try_from(pairs.len()).ok()?).collect(),
            assets,
            longest,
        };
        for (give, want) in pairs {
            let (give, want) = (lanes.asset(give)?, lanes.asset(want)?);
            lanes.first[give as usize + 1] += 1;
            lanes.first_back[want as usize + 1] += 1;
            lanes.all.push((give, want));
        }
        for at in 1..lanes.first.len() {
            lanes.first[at] += lanes.first[at - 1];
            lanes.first_back[at] += lanes.first_back[at - 1];
        }
        let Lanes { all, back, .. } = &mut lanes;
        back.sort_by_key(|lane| all[*lane as usize].1);
        Some(lanes)
    }

    fn asset(&self, place: usize) -> Option<u32> {
        self.assets.binary_search(&place).ok().and_then(|at| u32::try_from(at).ok())
    }

    /// How many lanes there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Which lane links two assets, given as their places in the book.
    pub(crate) fn find(&self, give: usize, want: usize) -> Option<usize> {
        self.all.binary_search(&(self.asset(give)?, self.asset(want)?)).ok()
    }

    fn homes(&self) -> Range<u32> {
        0..u32::try_from(self.assets.len()).expect("fewer than 2^28 assets are looked at")
    }

    /// The lanes that give an asset.
    fn of(&self, asset: u32) -> Range<usize> {
        self.first[asset as usize] as usize..self.first[asset as usize + 1] as usize
    }

    /// For each lane the most that a closed walk through it earns per lane of the walk, rounded up, where each lane earns
    /// what `earns` says, below 2^56 either way; `None` for a lane in no closed walk of at most as many lanes as a ring may
    /// have legs. Lanes that earn `None` are closed.
    ///
    /// Every ring over different assets is such a walk. Walks that pass an asset twice are looked at too: they only make the
    /// answer larger.
    pub(crate) fn best_means(&self, earns: &[Option<i64>]) -> Vec<Option<i64>> {
        let earns: Vec<i64> = earns.iter().map(|earns| earns.unwrap_or(NONE)).collect();
        let wants: Vec<u32> = self.all.iter().map(|(_, want)| *want).collect();
        // What the best walk of so many lanes earns that ends at home and does not pass it before, by where it begins.
        let mut best = vec![vec![NONE; self.assets.len()]; self.longest - 1];
        let mut means = vec![None; self.all.len()];
        for home in self.homes() {
            if self.of(home).is_empty() {
                continue;
            }
            for layer in 0..best.len() {
                let (before, now) = best.split_at_mut(layer);
                for (asset, now) in self.homes().zip(&mut now[0]) {
                    let legs = earns[self.of(asset)].iter().zip(&wants[self.of(asset)]);
                    let most = match before.last() {
                        Some(before) => legs.map(|(earns, want)| earns + before[*want as usize]).max(),
                        None => legs.filter(|(_, want)| **want == home).map(|(earns, _)| *earns).max(),
                    };
                    *now = most.map_or(NONE, |most| most.max(NONE));
                }
                now[0][home as usize] = NONE;
            }
            for lane in self.of(home) {
                let next = wants[lane] as usize;
                let walks = (2i64..).zip(&best).map(|(lanes, layer)| (lanes, earns[lane] + layer[next]));
                let means_of = |(lanes, sum): (i64, i64)| -(-sum).div_euclid(lanes);
                means[lane] = walks.filter(|(_, sum)| *sum > NONE / 2).map(means_of).max();
            }
        }
        means
    }

    /// For each lane the most that can pass over it on closed walks of at most as many lanes as a ring may have legs, where
    /// the lanes by themselves let pass so much: what those that come behind it on such walks let pass, or those before it.
    /// In a ring a leg gives no more than `1 / kept`, in parts per million, of what the one behind it gives.
    pub(crate) fn through(&self, passes: &[u128], kept: u32) -> Vec<u128> {
        let mut through = vec![0u128; self.all.len()];
        let mut steps = vec![u8::MAX; self.assets.len()];
        let mut reached = Vec::new();
        let others = u8::try_from(self.longest - 2).expect("at most six legs");
        for home in self.homes() {
            // Behind lanes that give the home come such as lead back to it in time.
            self.walk(home, passes, others, &mut steps, &mut reached, |asset| {
                let lanes = self.back(asset);
                lanes.iter().map(|lane| (*lane as usize, self.all[*lane as usize].0))
            });
            for lane in self.of(home) {
                let behind =
                    self.of(self.all[lane].1).filter(|next| steps[self.all[*next].1 as usize] <= others);
                through[lane] = more(behind.fold(0, |sum, next| sum.saturating_add(passes[next])), kept, 1);
            }
            reached.drain(..).for_each(|asset| steps[asset as usize] = u8::MAX);
        }
        for home in self.homes() {
            // Before lanes that want the home come such as it leads to in time.
            self.walk(home, passes, others, &mut steps, &mut reached, |asset| {
                self.of(asset).map(|lane| (lane, self.all[lane].1))
            });
            for lane in self.back(home).iter().map(|lane| *lane as usize) {
                let before = self.back(self.all[lane].0).iter().map(|lane| *lane as usize);
                let before = before.filter(|before| steps[self.all[*before].0 as usize] <= others);
                let sum = before.fold(0u128, |sum, before| sum.saturating_add(passes[before]));
                // The one before it is the last that comes behind it.
                through[lane] = through[lane].min(more(sum, kept, self.longest - 1));
            }
            reached.drain(..).for_each(|asset| steps[asset as usize] = u8::MAX);
        }
        through
    }

    /// The lanes that want an asset.
    fn back(&self, asset: u32) -> &[u32] {
        &self.back[self.first_back[asset as usize] as usize..self.first_back[asset as usize + 1] as usize]
    }

    /// Counts the steps over lanes that let anything pass from `home` to the assets in reach of so many, which it lists.
    fn walk<I: Iterator<Item = (usize, u32)>>(
        &self,
        home: u32,
        passes: &[u128],
        most: u8,
        steps: &mut [u8],
        reached: &mut Vec<u32>,
        lanes: impl Fn(u32) -> I,
    ) {
        steps[home as usize] = 0;
        reached.push(home);
        let mut from = 0;
        for step in 1..=most {
            let until = reached.len();
            for at in from..until {
                for (lane, asset) in lanes(reached[at]) {
                    if passes[lane] > 0 && steps[asset as usize] == u8::MAX {
                        steps[asset as usize] = step;
                        reached.push(asset);
                    }
                }
            }
            from = until;
        }
    }
}

/// What can be given where so many legs in a row give up to `1 / kept`, in parts per million, of what the next gives.
fn more(sum: u128, kept: u32, legs: usize) -> u128 {
    let whole = u128::from(Band::WHOLE_PPM);
    let step = |sum: u128| match (sum, u128::from(kept)) {
        (0, _) => 0,
        (_, 0) => u128::MAX,
        (sum, kept) if kept < whole => sum.checked_mul(whole).map_or(u128::MAX, |sum| sum.div_ceil(kept)),
        (sum, _) => sum,
    };
    (0..legs).fold(sum, |sum, _| step(sum))
}

#[cfg(test)]
mod tests {
    use super::{Lanes, more};
    use crate::Band;

    /// Three rings: 0-1, 1-2-3 and 4-5-6, and a lane from 3 to 4 that is in none.
    const OFFERS: [(usize, usize); 9] =
        [(0, 1), (1, 0), (1, 2), (2, 3), (3, 1), (3, 4), (4, 5), (5, 6), (6, 4)];

    /// Of each of the offers.
    fn by_offer<T: Copy>(lanes: &Lanes, of_lanes: &[T]) -> Vec<T> {
        OFFERS.iter().map(|(give, want)| of_lanes[lanes.find(*give, *want).unwrap()]).collect()
    }

    #[test]
    fn a_lane_is_told_the_best_mean_of_its_walks() {
        let lanes = Lanes::new(6, &OFFERS).unwrap();
        let earns: Vec<Option<i64>> = (0..9).map(|lane| Some(10 * (lane + 1))).collect();
        let found = by_offer(&lanes, &lanes.best_means(&earns));
        // From 0 to 1, round 2 and 3 and back: (10 + 30 + 40 + 50 + 20) / 5. Back alone: (10 + 20) / 2.
        let means = [30, 15, 40, 40, 40, 0, 80, 80, 80].map(|mean| (mean > 0).then_some(mean));
        assert_eq!(found, means);
        let short = Lanes::new(2, &OFFERS).unwrap();
        let found = by_offer(&short, &short.best_means(&earns));
        assert_eq!(found, [&[Some(15); 2][..], &[None; 7]].concat());
    }

    #[test]
    fn means_are_rounded_up_and_closed_lanes_are_in_no_walk() {
        let lanes = Lanes::new(6, &[(0, 1), (1, 0), (1, 2), (2, 0)]).unwrap();
        let earns = |third| [Some(-1), Some(-2), third, Some(3)];
        assert_eq!(lanes.best_means(&earns(Some(3))), [Some(2), Some(-1), Some(2), Some(2)]);
        assert_eq!(lanes.best_means(&earns(None)), [Some(-1), Some(-1), None, None]);
    }

    #[test]
    fn no_more_passes_than_what_comes_before_or_behind_lets_pass() {
        let lanes = Lanes::new(6, &OFFERS).unwrap();
        let passes = |of: [u128; 9]| {
            let mut passes = vec![0; 9];
            OFFERS
                .iter()
                .zip(of)
                .for_each(|((give, want), most)| passes[lanes.find(*give, *want).unwrap()] = most);
            by_offer(&lanes, &lanes.through(&passes, Band::WHOLE_PPM))
        };
        assert_eq!(passes([5, 7, 100, 4, 20, 9, 1, 2, 0]), [7, 5, 4, 20, 4, 0, 0, 0, 1]);
    }

    #[test]
    fn within_the_band_a_leg_gives_a_little_more_than_the_one_behind_it() {
        assert_eq!(more(98, 980_000, 1), 100);
        assert_eq!(more(98, 980_000, 2), 103, "100 / 0.98, rounded up");
        assert_eq!(more(98, Band::WHOLE_PPM, 5), 98);
        assert_eq!((more(0, 0, 1), more(1, 0, 1), more(u128::MAX, 980_000, 1)), (0, u128::MAX, u128::MAX));
    }

    #[test]
    fn books_of_too_many_lanes_are_told_by_their_numbers() {
        let circle = |assets: usize| (0..assets).map(|at| (at, (at + 1) % assets)).collect::<Vec<_>>();
        assert!(Lanes::new(6, &circle(6_600)).is_some());
        assert!(Lanes::new(6, &circle(6_800)).is_none());
        assert!(Lanes::new(5, &circle(6_800)).is_some());
    }
}
