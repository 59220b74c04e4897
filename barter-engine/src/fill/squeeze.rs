//! Minimums met by making room: a ring is enlarged by what an offer lacks, and rings that can spare it give way.

use super::{Fill, Placed};
use crate::scene::float;

/// What an offer lacks is raised in parts, the smallest this share of it.
const SMALLEST: u128 = 16;

/// Of each offer so many rings are tried at most.
const RINGS: usize = 64;

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
