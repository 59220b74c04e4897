//! Quotes what one asset brings in another, through live offers.
//!
//! A quote is a snapshot's answer, not an order: the asker sends `send` of one asset and receives `receive` of another.
//! Each path is a ring that settles as it is: whoever offers exactly its amounts, all or none, makes with its offers a
//! ring that [`clearing::check`] passes in ring mode. A path passes at most six assets and visits none twice. An offer
//! gives at most what it has, over all paths together, and in each path at least its minimum.
//!
//! One path is found by depth first, the most promising step first, bounded by what any chain could still gain (see
//! [`crate::market`]); what cannot be better by a ten-thousandth is not looked at, and neither is anything once the work
//! allowed is done. Several paths are taken one by one, by rate or by amount, whichever brings more in the end.

use crate::market::{Market, Stand};
use crate::scene::float;
use clearing::{Amount, AssetKey, Band, OfferKey, PartyKey};
use ruint::aliases::{U256, U512};

/// The most paths of a quote.
pub const MAX_PATHS: usize = 16;

/// The most offers of a path.
const MOST_OFFERS: usize = 5;

/// What is gained by less than this is not looked for.
const WORTH: f64 = 1.0 + 1e-4;

/// The most work of one search, a step or an offer looked at. Small books are searched through.
const WORK: usize = 4_000;

/// The most work of a quote.
const WORK_IN_ALL: usize = 16_000;

/// The work of looking into a pair.
const PASSING: usize = 10;

/// By rate, a path does at least this part of what is asked.
const LEAST_PART: f64 = 1e-3;

/// How often a search begins again without an offer whose minimum or whole lot its chain cannot meet.
const TRIES: usize = 8;

/// Which amount of a quote is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strict {
    /// The amount sent is given; the most is to be received.
    Send,
    /// The amount received is given; the least is to be sent.
    Receive,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The asset sent.
    pub send: AssetKey,
    /// The asset received.
    pub receive: AssetKey,
    /// The amount given, of the asset that `strict` names.
    pub amount: Amount,
    /// Which amount is given.
    pub strict: Strict,
    /// The most paths that the amount may be split over, 1 to [`MAX_PATHS`].
    pub paths: usize,
    /// Who asks, if that is known: nobody trades with himself.
    pub party: Option<PartyKey>,
}

/// What the market answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Names the live offers, references and rules that were asked, see [`Market::snapshot`].
    pub snapshot: u128,
    /// The second (epoch) at which the first of the offers used ends; the market's time when nothing is offered.
    pub expires: u64,
    /// What is sent in all.
    pub send: Amount,
    /// What is received in all.
    pub receive: Amount,
    /// The paths, in the order in which they were taken.
    pub paths: Vec<Path>,
}

/// One path of a quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The assets passed, from the one sent to the one received.
    pub assets: Vec<AssetKey>,
    /// The offers used, one between each two assets.
    pub offers: Vec<OfferKey>,
    /// What passes each asset, in its smallest units: what is sent, what each offer gives, the last what is received.
    pub amounts: Vec<Amount>,
    /// What is sent on this path.
    pub send: Amount,
    /// What is received on this path.
    pub receive: Amount,
}

/// Why there is no quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The asset is not in the book.
    #[error("asset {0} is not in the book")]
    UnknownAsset(AssetKey),
    /// Sending and receiving the same asset.
    #[error("the asset sent is the asset received")]
    SameAsset,
    /// Nothing asked.
    #[error("the amount is zero")]
    ZeroAmount,
    /// No path, or more than so many.
    #[error("a quote has 1 to {MAX_PATHS} paths")]
    Paths,
}

impl Market {
    /// Answers `ask`. What cannot be had is left out: the amounts may be less than asked, and zero.
    ///
    /// # Errors
    /// A [`QuoteError`] in the order of its variants.
    pub fn quote(&self, ask: &Ask) -> Result<Quote, QuoteError> {
        let place = |asset| self.place(asset).ok_or(QuoteError::UnknownAsset(asset));
        let (send, receive) = (place(ask.send)?, place(ask.receive)?);
        if send == receive {
            return Err(QuoteError::SameAsset);
        }
        if ask.amount.is_zero() {
            return Err(QuoteError::ZeroAmount);
        }
        if !(1..=MAX_PATHS).contains(&ask.paths) {
            return Err(QuoteError::Paths);
        }
        let wish = Wish::new(self, ask, (send, receive), None);
        Ok(self.quoted(wish.best(ask.paths)))
    }

    /// The quote of these paths.
    fn quoted(&self, walks: Vec<Walk>) -> Quote {
        let offers = walks.iter().flat_map(|walk| &walk.slots).map(|slot| &self.entry(*slot).offer);
        let expires = offers.map(|offer| offer.valid_until).min().unwrap_or(self.now);
        let sum = |of: &dyn Fn(&Walk) -> u128| walks.iter().map(of).fold(0, u128::saturating_add);
        let (send, receive) = (sum(&Walk::send), sum(&Walk::receive));
        let paths = walks.iter().map(|walk| self.path(walk)).collect();
        Quote { snapshot: self.snapshot(), expires, send: capped(send), receive: capped(receive), paths }
    }

    pub(crate) fn path(&self, walk: &Walk) -> Path {
        let offers = || walk.slots.iter().map(|slot| &self.entry(*slot).offer);
        let mut assets: Vec<AssetKey> = offers().map(|offer| offer.want).collect();
        assets.extend(offers().next_back().map(|offer| offer.give));
        Path {
            assets,
            offers: offers().map(|offer| offer.key).collect(),
            amounts: walk.amounts.iter().copied().map(capped).collect(),
            send: capped(walk.send()),
            receive: capped(walk.receive()),
        }
    }
}

/// No amount of a path passes what the offers give, and what is sent is checked.
fn capped(units: u128) -> Amount {
    Amount::new(units).unwrap_or(Amount::MAX)
}

/// What is asked, in the market's numbers.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'m> {
    market: &'m Market,
    send: u32,
    receive: u32,
    amount: u128,
    strict: Strict,
    party: Option<PartyKey>,
    /// The least that must be received per unit sent, as a fraction.
    floor: (U256, U256),
}

/// What a search holds on to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The best rate; what its offers hold is not looked at.
    Rate,
    /// The most for the amount, which one chain has to carry.
    Amount,
}

/// One chain of offers and what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) slots: Vec<u32>,
    /// What is sent, then what each offer gives.
    pub(crate) amounts: Vec<u128>,
}

impl Walk {
    pub(crate) fn send(&self) -> u128 {
        self.amounts.first().copied().unwrap_or(0)
    }

    pub(crate) fn receive(&self) -> u128 {
        self.amounts.last().copied().unwrap_or(0)
    }
}

/// What earlier paths took, and what a chain cannot use.
#[derive(Clone, Default)]
struct Used {
    taken: Vec<(u32, u128)>,
    banned: Vec<u32>,
    /// The work left.
    work: usize,
}

impl Used {
    fn taken(&self, slot: u32) -> u128 {
        self.taken.iter().filter(|(taken, _)| *taken == slot).map(|(_, units)| units).sum()
    }
}

impl<'m> Wish<'m> {
    /// `limit`: the least received per unit sent, as a fraction, beside the band that binds everybody.
    pub(crate) fn new(
        market: &'m Market,
        ask: &Ask,
        (send, receive): (u32, u32),
        limit: Option<(U256, U256)>,
    ) -> Wish<'m> {
        let kept = Band::WHOLE_PPM - market.rules.band.ppm();
        let raw = |place: u32| {
            let asset = &market.assets.assets()[place as usize];
            asset.reference.per_smallest_unit(asset.decimals).raw()
        };
        let band = (raw(send) * U256::from(kept), raw(receive) * U256::from(Band::WHOLE_PPM));
        let floor = match limit {
            Some(limit) if wider(limit.0, band.1) > wider(band.0, limit.1) => limit,
            _ => band,
        };
        let Ask { amount, strict, party, .. } = *ask;
        Wish { market, send, receive, amount: amount.get(), strict, party, floor }
    }

    /// The same, content with less than the band or a limit asks.
    pub(crate) fn at_any_rate(self) -> Wish<'m> {
        Wish { floor: (U256::ZERO, U256::from(1)), ..self }
    }

    /// The best walks found: one that carries everything at the best rate, or several taken by rate, or by amount,
    /// whichever brings more.
    pub(crate) fn best(&self, paths: usize) -> Vec<Walk> {
        let mut used = Used { work: WORK_IN_ALL, ..Used::default() };
        let by_amount = self.one(By::Amount, &mut used);
        if paths == 1 {
            return by_amount.into_iter().collect();
        }
        let Some(by_rate) = self.one(By::Rate, &mut used) else { return by_amount.into_iter().collect() };
        let rate = |walk: &Walk| float(walk.receive()) / float(walk.send());
        let by_amount = match by_amount {
            Some(walk)
                if self.is_done(self.amount - self.done(&walk)) && rate(&walk) * WORTH >= rate(&by_rate) =>
            {
                return vec![walk];
            }
            Some(walk) => self.split(By::Amount, paths, walk, &mut used),
            None => Vec::new(),
        };
        let by_rate = self.split(By::Rate, paths, by_rate, &mut used);
        let worth = |walks: &[Walk]| {
            let sum = |of: &dyn Fn(&Walk) -> u128| walks.iter().map(of).fold(0, u128::saturating_add);
            let legs: usize = walks.iter().map(|walk| walk.slots.len()).sum();
            (sum(&Walk::receive), std::cmp::Reverse((sum(&Walk::send), legs)))
        };
        if worth(&by_rate) > worth(&by_amount) { by_rate } else { by_amount }
    }

    /// Takes paths one by one after the first, the last by amount.
    fn split(&self, by: By, paths: usize, first: Walk, used: &mut Used) -> Vec<Walk> {
        used.taken.clear();
        let mut left = self.amount;
        let mut walks: Vec<Walk> = Vec::new();
        let mut next = Some(first);
        while let Some(walk) = next {
            left -= self.done(&walk);
            used.taken.extend(walk.slots.iter().copied().zip(walk.amounts[1..].iter().copied()));
            walks.push(walk);
            if self.is_done(left) || walks.len() == paths {
                break;
            }
            let by = if walks.len() + 1 == paths { By::Amount } else { by };
            next = Wish { amount: left, ..*self }.one(by, used);
        }
        walks
    }

    /// Whether what is left is nothing, or too little to be worth a path.
    fn is_done(&self, left: u128) -> bool {
        float(left) <= float(self.amount) * (WORTH - 1.0)
    }

    /// How much of the amount asked a walk does.
    fn done(&self, walk: &Walk) -> u128 {
        match self.strict {
            Strict::Send => walk.send(),
            Strict::Receive => walk.receive(),
        }
    }

    /// One path.
    fn one(&self, by: By, used: &mut Used) -> Option<Walk> {
        // What is to be received at once nobody may hold: then the most that one chain can bring.
        let widest = (by == By::Amount && self.strict == Strict::Receive).then_some(true);
        for forward in std::iter::once(self.strict == Strict::Send).chain(widest) {
            used.banned.clear();
            for _ in 0..TRIES {
                let search = Search::new(self, by, forward, used);
                let (slots, work) = search.run();
                used.work -= work;
                let Some(slots) = slots else { break };
                match self.walk(&slots, used) {
                    Ok(walk) => return Some(walk),
                    Err(stuck) => used.banned.push(stuck),
                }
            }
        }
        None
    }

    /// Carries as much as asked along `slots`, in whole units; otherwise the offer that refuses.
    fn walk(&self, slots: &[u32], used: &Used) -> Result<Walk, u32> {
        let entries: Vec<_> = slots.iter().map(|slot| self.market.entry(*slot)).collect();
        // From the front: each gives at most what it has, and what it is paid for.
        let mut most = if self.strict == Strict::Send { self.amount } else { u128::MAX };
        let mut forward = Vec::with_capacity(entries.len());
        for (entry, slot) in entries.iter().zip(slots) {
            let has = entry.offer.give_qty.get().saturating_sub(used.taken(*slot));
            most = has.min(scaled(most, entry.floor.den(), entry.floor.num(), false));
            forward.push(most);
        }
        let last = slots.len() - 1;
        // Then back: each gives what the next wants for it, rounded up in the maker's favour.
        let mut gives = if self.strict == Strict::Receive { most.min(self.amount) } else { most };
        let mut amounts = vec![0; slots.len() + 1];
        for at in (0..slots.len()).rev() {
            let least = entries[at].offer.least_fill().get().max(1);
            if gives < least {
                // The unit that rounding left over may be passed on, if it buys the next nothing more.
                let same = |next: usize| {
                    let (num, den) = (entries[next].floor.num(), entries[next].floor.den());
                    scaled(least, den, num, false) == amounts[next + 1]
                };
                if least > forward[at] || at == last || !same(at + 1) {
                    return Err(slots[at]);
                }
                gives = least;
            }
            amounts[at + 1] = gives;
            gives = scaled(gives, entries[at].floor.num(), entries[at].floor.den(), true);
        }
        amounts[0] = gives;
        let fits = gives > 0 && gives <= Amount::MAX.get();
        let fits = fits && (self.strict == Strict::Receive || gives <= self.amount);
        let (num, den) = self.floor;
        if fits && wider(U256::from(amounts[slots.len()]), den) >= wider(U256::from(gives), num) {
            Ok(Walk { slots: slots.to_vec(), amounts })
        } else {
            // The last offer of the chain with the worst rate of all is as good as any to do without.
            Err(slots[last])
        }
    }
}

fn wider(a: U256, b: U256) -> U512 {
    a.widening_mul(b)
}

/// `units * num / den` in 512 bits, rounded down or up; 2^128 - 1 above that.
pub(crate) fn scaled(units: u128, num: U256, den: U256, up: bool) -> u128 {
    let (quotient, rest) = wider(U256::from(units), num).div_rem(U512::from(den));
    u128::try_from(quotient).unwrap_or(u128::MAX).saturating_add(u128::from(up && !rest.is_zero()))
}

/// What a chain can carry so far, in smallest units of the asset that it has come to.
#[derive(Clone, Copy)]
struct Carried {
    most: f64,
    /// The least that its offers' minimums ask.
    least: f64,
    /// USD gained per USD.
    score: f64,
}

/// A search of one chain, from what is sent on or from what is received back.
struct Search<'a> {
    wish: &'a Wish<'a>,
    used: &'a Used,
    by: By,
    forward: bool,
    side: usize,
    goal: u32,
    /// Per asset the pair that leads to the goal in one step, and its factor.
    home: Vec<(f64, u32)>,
    /// The largest of those factors.
    most_home: f64,
    longest: usize,
    work: usize,
    /// One over what is asked, in USD.
    scale: f64,
    best: f64,
    found: Option<([u32; MOST_OFFERS], usize)>,
    slots: [u32; MOST_OFFERS],
    seen: [u32; MOST_OFFERS],
}

impl<'a> Search<'a> {
    fn new(wish: &'a Wish<'a>, by: By, forward: bool, used: &'a Used) -> Search<'a> {
        let market = wish.market;
        let side = usize::from(!forward);
        let goal = if forward { wish.receive } else { wish.send };
        let mut home = vec![(0.0, 0); market.unit.len()];
        let lanes = &market.sides[1 - side].lanes[goal as usize];
        for lane in lanes {
            home[lane.to as usize] = (lane.factor, lane.pair);
        }
        let floor = f64::from(wish.floor.0) / f64::from(wish.floor.1) * market.unit[wish.receive as usize]
            / market.unit[wish.send as usize];
        // A widest chain is measured by what arrives alone.
        let floor = if forward && wish.strict == Strict::Receive { 0.0 } else { floor };
        Search {
            wish,
            used,
            by,
            forward,
            side,
            goal,
            home,
            most_home: lanes.first().map_or(0.0, |lane| lane.factor),
            longest: market.longest(),
            work: used.work.min(WORK),
            scale: 1.0,
            best: floor * (1.0 - 1e-9) / WORTH,
            found: None,
            slots: [0; MOST_OFFERS],
            seen: [0; MOST_OFFERS],
        }
    }

    /// The chain found, in the order of sending, and the work done.
    fn run(mut self) -> (Option<Vec<u32>>, usize) {
        let work = self.work;
        let wish = self.wish;
        let from = if self.forward { wish.send } else { wish.receive };
        let worth = |units: u128, place: u32| float(units) * wish.market.unit[place as usize];
        let amount = if self.forward && wish.strict == Strict::Receive {
            // More than anybody could want for it within the band; without a band, more than that.
            let most = worth(wish.amount, wish.receive) / wish.market.kept().max(1e-3) * 1.01;
            (most / wish.market.unit[wish.send as usize]).max(1.0)
        } else {
            float(wish.amount)
        };
        // What must be carried at least is known only where the whole amount is asked of one chain.
        let whole = !self.forward && self.by == By::Amount;
        let start = Carried { most: amount, least: if whole { amount } else { 0.0 }, score: 1.0 };
        self.scale = 1.0 / (amount * wish.market.unit[from as usize]);
        self.descend(from, start, 0);
        let found = self.found.map(|(slots, offers)| {
            let mut slots = slots[..offers].to_vec();
            if !self.forward {
                slots.reverse();
            }
            slots
        });
        (found, work - self.work)
    }

    /// Goes on from `asset` after so many offers.
    fn descend(&mut self, asset: u32, carried: Carried, offers: usize) {
        let market = self.wish.market;
        let (factor, pair) = self.home[asset as usize];
        if carried.score * factor > self.best * WORTH
            && let Some((slot, there)) = self.pass(pair, self.goal, carried)
            && there.score > self.best * WORTH
        {
            self.best = there.score;
            self.slots[offers] = slot;
            self.found = Some((self.slots, offers + 1));
        }
        // How many steps may lie between the next one and the one that leads home.
        let Some(before_last) = self.longest.checked_sub(offers + 2) else { return };
        self.seen[offers] = asset;
        let side = &market.sides[self.side];
        let most = if before_last == 0 { 1.0 } else { side.most[before_last - 1] } * self.most_home;
        for lane in &side.lanes[asset as usize] {
            if self.work == 0 || carried.score * lane.factor * most <= self.best * WORTH {
                return;
            }
            self.work -= 1;
            let onward = if before_last == 0 {
                self.home[lane.to as usize].0
            } else {
                side.gain[before_last - 1][lane.to as usize] * self.most_home
            };
            if carried.score * lane.factor * onward <= self.best * WORTH
                || lane.to == self.goal
                || self.seen[..=offers].contains(&lane.to)
            {
                continue;
            }
            if let Some((slot, there)) = self.pass(lane.pair, lane.to, carried)
                && there.score * onward > self.best * WORTH
            {
                self.slots[offers] = slot;
                self.descend(lane.to, there, offers + 1);
            }
        }
    }

    /// The offer of a pair that does most with what is carried, and what is carried behind it.
    fn pass(&mut self, pair: u32, to: u32, carried: Carried) -> Option<(u32, Carried)> {
        let market = self.wish.market;
        let worth = market.unit[to as usize] * self.scale;
        let mut best: Option<(u32, Carried)> = None;
        self.work = self.work.saturating_sub(PASSING);
        for stand in &market.pairs[pair as usize] {
            if best.is_some_and(|(_, best)| best.score >= carried.score * stand.factor) || self.work == 0 {
                break;
            }
            self.work -= 1;
            if !self.serves(stand) {
                continue;
            }
            let taken = if self.used.taken.is_empty() { 0.0 } else { float(self.used.taken(stand.slot)) };
            let has = stand.most - taken;
            let (most, least) = if self.forward {
                (
                    floored(carried.most * stand.rate).min(has),
                    floored(carried.least * stand.rate).max(stand.least),
                )
            } else {
                let (most, least) = (carried.most.min(has), carried.least.max(stand.least));
                if most < least {
                    continue;
                }
                (raised(most / stand.rate), raised(least / stand.rate))
            };
            if most < least.max(1.0) {
                continue;
            }
            let full = if self.forward { most * worth } else { 1.0 / (most * worth) };
            let score = match self.by {
                By::Amount => full,
                By::Rate => carried.score * stand.factor,
            };
            // A chain that would do next to nothing of what is asked is no path.
            if self.by == By::Rate && (if self.forward { full / score } else { score / full }) < LEAST_PART {
                continue;
            }
            if best.is_none_or(|(_, best)| score > best.score) {
                best = Some((stand.slot, Carried { most, least, score }));
            }
        }
        best
    }

    fn serves(&self, stand: &Stand) -> bool {
        !self.used.banned.contains(&stand.slot)
            && self.wish.party.is_none_or(|party| self.wish.market.entry(stand.slot).offer.party != party)
    }
}

/// The whole part, where a number that misses the next by no more than floats do counts as that one.
fn floored(number: f64) -> f64 {
    let number = number * (1.0 + 4e-16);
    if number < EXACT { float(crate::exact::whole(number)) } else { number }
}

/// The next whole number, with the same grace.
fn raised(number: f64) -> f64 {
    let number = number * (1.0 - 4e-16);
    let whole = floored(number);
    if whole < number { whole + 1.0 } else { whole }
}

/// From here on every float is whole.
const EXACT: f64 = 9_007_199_254_740_992.0;
