//! Minimums met by making room: a ring is enlarged by what an offer lacks, and rings that can spare it give way.

use super::{Fill, Placed};
use crate::scene::float;

/// What an offer lacks is raised in parts, the smallest this share of it.
const SMALLEST: u128 = 16;

/// Of each offer so many rings are tried at most.
const RINGS: usize = 64;

/// Of those who give an asset so many are asked whether they can take another's place.
const ASKED: usize = 4_096;

impl Fill<'_> {
    /// Brings an offer to its minimum by enlarging one of its rings; where the others of that ring have no room, a ring of
    /// theirs whose offers all stay at their minimums becomes smaller by as much. Returns whether it got there; what was
    /// added stays.
    pub(crate) fn squeeze(&mut self, at: u32) -> bool {
        debug_assert!(self.journal.is_none(), "steps of one attempt at a time are noted");
        let least = self.scene.offer(at).least_qty;
        for id in self.rings_of[at as usize].clone() {
            self.nudge(at, id);
        }
        let mut part = 1;
        while self.given(at) < least && part <= SMALLEST {
            let lacks = least - self.given(at);
            let more = lacks.div_ceil(part);
            let raised = self.rings_of[at as usize].clone().into_iter().take(RINGS).any(|id| {
                self.attempt();
                let raised = self.squeeze_into(at, id, more);
                if raised {
                    self.keep();
                } else {
                    self.undo();
                }
                raised
            });
            if !raised {
                part *= 2;
            }
        }
        self.given(at) >= least
    }

    /// Enlarges a ring by `more` of the offer's units, if everybody who had enough still has.
    fn squeeze_into(&mut self, at: u32, id: usize, more: u128) -> bool {
        let scene = self.scene;
        let Some(old) = self.placed[id] else { return false };
        let had_enough: Vec<u32> =
            old.ring.offers().iter().copied().filter(|other| !self.is_short(*other)).collect();
        self.take_back(id);
        let Some(leg) = old.ring.offers().iter().position(|offer| *offer == at) else { return false };
        let needed = old.gives[leg] + more;
        let unit = |at: u32| scene.unit[scene.offer(at).give as usize];
        let (shares, _) = old.ring.shares(scene);
        let volume = |quantity: u128| float(quantity) * unit(at) / shares[leg] * (1.0 + 1e-9);
        for (other, share) in old.ring.offers().iter().zip(shares) {
            let wanted = crate::exact::whole(volume(needed + 1) * share / unit(*other)).saturating_add(1);
            let lacks = wanted.saturating_sub(self.room(*other));
            if *other != at && lacks > 0 && !self.make_room(*other, lacks) {
                return false;
            }
        }
        let most = self.room(at).min(needed + 2);
        for quantity in needed..=most {
            let Some(id) = self.place(&old.ring, volume(quantity), Some((leg, quantity)), None) else {
                continue;
            };
            for other in old.ring.offers() {
                if self.is_short(*other) {
                    self.rings_of[*other as usize].clone().into_iter().for_each(|id| self.nudge(*other, id));
                }
            }
            if had_enough.iter().all(|other| !self.is_short(*other)) {
                return true;
            }
            self.take_back(id);
        }
        false
    }

    /// Makes a ring of the offer smaller by `units` of it, if the others of the ring stay at their minimums.
    fn make_room(&mut self, at: u32, units: u128) -> bool {
        let scene = self.scene;
        for id in self.rings_of[at as usize].iter().copied().take(RINGS).collect::<Vec<_>>() {
            let Some(placed) = self.placed[id] else { continue };
            let Some(leg) = placed.ring.offers().iter().position(|offer| *offer == at) else { continue };
            let Some(left) = placed.gives[leg].checked_sub(units).filter(|left| *left > 0) else { continue };
            let part = float(left) / float(placed.gives[leg]);
            let can_spare = placed.ring.offers().iter().zip(placed.gives).all(|(other, gives)| {
                let goes = gives - crate::exact::whole(float(gives) * part).min(gives) + 1;
                *other == at || self.given(*other) >= scene.offer(*other).least_qty.saturating_add(goes)
            });
            if !can_spare || self.take_back(id).is_none() {
                continue;
            }
            let share = placed.ring.shares(scene).0[leg];
            let volume = float(left) * scene.unit[scene.offer(at).give as usize] / share;
            let smaller = self.place(&placed.ring, volume, Some((leg, left)), None);
            let keeps = smaller.is_some()
                && placed
                    .ring
                    .offers()
                    .iter()
                    .all(|other| *other == at || self.given(*other) >= scene.offer(*other).least_qty);
            if keeps {
                return true;
            }
            if let Some(smaller) = smaller {
                self.take_back(smaller);
            }
            if self.put(placed).is_none() {
                return false;
            }
        }
        false
    }

    /// Lets another offer of the same pair take an offer's place in a ring, with the same quantities: in uniform mode the
    /// two differ by nothing else. Returns whether there was one.
    pub(crate) fn stand_in(&mut self, at: u32, id: usize) -> bool {
        debug_assert!(self.journal.is_none(), "what is held again is not noted");
        let scene = self.scene;
        let Some(old) = self.placed[id] else { return false };
        let offers = old.ring.offers();
        let Some(leg) = offers.iter().position(|offer| *offer == at) else { return false };
        let (gives, legs) = (old.gives[leg], offers.len());
        let neighbours =
            [offers[(leg + 1) % legs], offers[(leg + legs - 1) % legs]].map(|at| scene.offer(at).party);
        let pair = scene.offer(at);
        // Who is open already first, and of those who has least left then.
        let mut others: Vec<(bool, u128, u32)> = scene.givers[pair.give as usize]
            .iter()
            .take(ASKED)
            .filter(|other| {
                let offer = scene.offer(**other);
                **other != at
                    && offer.want == pair.want
                    && !neighbours.contains(&offer.party)
                    && self.room(**other) >= gives
                    && self.given(**other) + gives >= offer.least_qty
            })
            .map(|other| (self.given(*other) == 0, self.room(*other), *other))
            .collect();
        others.sort_unstable();
        for (_, _, other) in others {
            let mut changed = offers.to_vec();
            changed[leg] = other;
            let ring = crate::pool::Candidate::new(&changed);
            if !crate::exact::limits_hold(scene, &ring, &old.gives) || self.take_back(id).is_none() {
                continue;
            }
            if self.put(Placed { ring, gives: old.gives }).is_some() {
                return true;
            }
            // Under its number, by which callers know it.
            self.hold(id, old);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::Fill;
    use crate::pool::Candidate;
    use crate::scene::Scene;
    use clearing::{Amount, Asset, AssetKey, Book, Mode, Offer, OfferKey, PartyKey, Prices, Rules};

    /// Offers of two assets in dollars: what is given, how much, the least, and whose the offer is.
    fn book(offers: &[(u64, u128, u128, u8)]) -> Book {
        let asset = |key| Asset { key: AssetKey(key), decimals: 0, reference: "1".parse().unwrap() };
        let amount = |units| Amount::new(units).unwrap();
        let made = (0u64..).zip(offers).map(|(key, (give, units, least, party))| Offer {
            key: OfferKey(key),
            party: PartyKey([*party; 20]),
            give: AssetKey(*give),
            give_qty: amount(*units),
            want: AssetKey(1 - give),
            want_qty: amount(*units),
            divisible: true,
            min_fill: amount(*least),
            valid_from: 0,
            valid_until: 9,
        });
        Book::new((0..2).map(asset).collect(), made.collect()).unwrap()
    }

    /// Places a ring of the first two offers and of the others that are named, 500 dollars each, and tries `then`.
    fn fill(book: &Book, others: &[[u32; 2]], then: impl Fn(&mut Fill<'_>) -> bool) -> (bool, Vec<u128>) {
        let rules = Rules { mode: Mode::Uniform, ..Rules::default() };
        let scene = Scene::new(book, &rules, 1, &Prices::default());
        let mut fill = Fill::new(&scene);
        for ring in [[0, 1]].iter().chain(others) {
            fill.place(&Candidate::new(ring), 500.0, None, None).unwrap();
        }
        let done = then(&mut fill);
        (done, (0u32..).take(scene.offers.len()).map(|at| fill.given(at)).collect())
    }

    #[test]
    fn who_has_no_minimum_makes_room_for_who_lacks_his() {
        let book = book(&[(0, 1_000, 900, 1), (1, 1_000, 0, 2), (0, 500, 0, 3)]);
        let (done, given) = fill(&book, &[[2, 1]], |fill| fill.squeeze(0));
        assert!(done && given[0] >= 900 && given[1] <= 1_000 && given[0] + given[2] == given[1], "{given:?}");
    }

    #[test]
    fn nobody_makes_room_below_his_own_minimum() {
        let book = book(&[(0, 1_000, 900, 1), (1, 1_000, 0, 2), (0, 500, 400, 3)]);
        let (done, given) = fill(&book, &[[2, 1]], |fill| fill.squeeze(0));
        assert!(!done && (500..=600).contains(&given[0]) && given[2] >= 400, "{given:?}");
    }

    #[test]
    fn another_of_the_same_pair_stands_in_for_an_offer() {
        let book = book(&[(0, 1_000, 0, 1), (1, 1_000, 0, 2), (1, 700, 0, 3), (1, 800, 0, 4)]);
        // The one who then has least left.
        assert_eq!(fill(&book, &[], |fill| fill.stand_in(1, 0)), (true, vec![500, 0, 500, 0]));
    }

    #[test]
    fn nobody_stands_in_who_has_too_little_or_would_miss_his_minimum() {
        let book = book(&[(0, 1_000, 0, 1), (1, 1_000, 0, 2), (1, 400, 0, 3), (1, 800, 600, 4)]);
        assert_eq!(fill(&book, &[], |fill| fill.stand_in(1, 0)), (false, vec![500, 500, 0, 0]));
    }
}
