//! A dated book cleared day by day: what would have been traded, how soon, and through rings of how many.
//!
//! The book of a day holds the offers that are valid at its first second, each with what earlier days left of it. What is
//! wanted for the rest is rounded up, so no limit falls; a minimum stays what it was, and an offer of which less than its
//! minimum is left goes, as on the payment chain. Nothing is known of the days to come.

use crate::{Options, clear};
use clearing::{Amount, Book, Mode, Offer, OfferKey, Ring, Rules, UsdValue};
use ruint::aliases::U256;
use std::collections::BTreeMap;

/// Seconds of a day.
pub const DAY: u64 = 86_400;

/// The most days that are replayed: ten years.
pub const MAX_DAYS: u64 = 3_660;

/// Why a book cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// No offer is valid on any day.
    #[error("no offer is valid at the beginning of a day")]
    NoDays,
    /// An offer begins more than [`MAX_DAYS`] after the first one.
    #[error("offer {} begins on day {days} after the first, and {MAX_DAYS} days are replayed", offer.0)]
    TooLong {
        /// The last offer to begin.
        offer: OfferKey,
        /// How many days after the first.
        days: u64,
    },
    /// Uniform mode and whole lots have no rest that goes on.
    #[error("only ring mode is replayed")]
    RingModeOnly,
}

/// A replay under way.
pub struct Replay<'a> {
    book: &'a Book,
    rules: Rules,
    today: u64,
    last: u64,
    /// What each offer of the book has given so far.
    given: Vec<u128>,
    waits: BTreeMap<u64, UsdValue>,
    first_fills: BTreeMap<u64, usize>,
}

/// What a day brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Its first second (epoch), at which it was cleared.
    pub now: u64,
    /// Offers in its book.
    pub live: usize,
    /// Those of them that were in no book before.
    pub new: usize,
    /// Offers that gave something.
    pub filled: usize,
    /// What was cleared, at the references.
    pub value: UsdValue,
    /// No clearing of this day's book is worth more.
    pub bound: UsdValue,
    /// How many rings of two, three, four, five and six, and what they are worth.
    pub lengths: [(usize, UsdValue); 5],
    /// The rings, over the offers of the whole book.
    pub rings: Vec<Ring>,
}

/// What all days so far came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Days from the first on which an offer was in the book to that of a fill, and what was given in such fills.
    pub by_value: BTreeMap<u64, UsdValue>,
    /// Days until the first fill, and how many offers waited so long.
    pub first_fills: BTreeMap<u64, usize>,
}

impl Waits {
    /// What was given in all.
    #[must_use]
    pub fn value(&self) -> UsdValue {
        self.by_value.values().copied().sum()
    }

    /// Days that the value waited on average, in hundredths, rounded down.
    #[must_use]
    pub fn mean_hundredths(&self) -> u64 {
        let days = |(days, value): (&u64, &UsdValue)| U256::from(*days) * (value.raw() >> 20);
        let sum: U256 = self.by_value.iter().map(days).sum();
        let mean = (sum * U256::from(100)).checked_div(self.value().raw() >> 20);
        mean.and_then(|mean| u64::try_from(mean).ok()).unwrap_or_default()
    }

    /// Half of the value had waited at most so many days.
    #[must_use]
    pub fn median_by_value(&self) -> u64 {
        let half = self.value().raw().div_ceil(U256::from(2));
        let mut sum = U256::ZERO;
        let reached = self.by_value.iter().find(|(_, value)| {
            sum += value.raw();
            sum >= half
        });
        reached.map_or(0, |(days, _)| *days)
    }

    /// Half of the offers that were filled at all had waited at most so many days for their first fill.
    #[must_use]
    pub fn median_by_offer(&self) -> u64 {
        let half = self.first_fills.values().sum::<usize>().div_ceil(2);
        let mut sum = 0;
        let reached = self.first_fills.iter().find(|(_, offers)| {
            sum += **offers;
            sum >= half
        });
        reached.map_or(0, |(days, _)| *days)
    }
}

impl<'a> Replay<'a> {
    /// Begins on the first day on which an offer is valid, and ends on the last one. Offers that are valid for longer than
    /// [`MAX_DAYS`] from the first day on do not prolong it beyond the day on which the last offer begins.
    ///
    /// # Errors
    /// A [`ReplayError`].
    pub fn new(book: &'a Book, rules: Rules) -> Result<Replay<'a>, ReplayError> {
        if rules.mode != Mode::Ring {
            return Err(ReplayError::RingModeOnly);
        }
        let firsts = || book.offers().iter().filter_map(|offer| Some((first_day(offer)?, offer.key)));
        let (first, _) = firsts().min().ok_or(ReplayError::NoDays)?;
        let (newest, offer) = firsts().max().ok_or(ReplayError::NoDays)?;
        if newest - first >= MAX_DAYS {
            return Err(ReplayError::TooLong { offer, days: newest - first });
        }
        let lasts = book.offers().iter().filter(|offer| first_day(offer).is_some()).map(last_day);
        let last = lasts.filter(|last| last - first < MAX_DAYS).fold(newest, u64::max);
        Ok(Replay {
            book,
            rules,
            today: first,
            last,
            given: vec![0; book.offers().len()],
            waits: BTreeMap::new(),
            first_fills: BTreeMap::new(),
        })
    }

    /// Days left to be cleared.
    #[must_use]
    pub const fn days_left(&self) -> u64 {
        (self.last + 1).saturating_sub(self.today)
    }

    /// How many offers are still valid on the day after the last.
    #[must_use]
    pub fn outlasting(&self) -> usize {
        let lasts = self.book.offers().iter().filter(|offer| first_day(offer).is_some()).map(last_day);
        lasts.filter(|last| *last > self.last).count()
    }

    /// What each offer of the book has given so far, in its order.
    #[must_use]
    pub fn given(&self) -> &[u128] {
        &self.given
    }

    /// How long what was filled so far had waited.
    #[must_use]
    pub fn waits(&self) -> Waits {
        Waits { by_value: self.waits.clone(), first_fills: self.first_fills.clone() }
    }

    /// Clears the next day; `None` after the last.
    pub fn next_day(&mut self, options: &Options<'_>) -> Option<Day> {
        if self.today > self.last {
            return None;
        }
        let (today, now) = (self.today, self.today * DAY);
        self.today += 1;
        let mut day = Day { now, ..Day::default() };
        let live: Vec<Offer> = self
            .book
            .offers()
            .iter()
            .zip(&self.given)
            .filter(|(offer, _)| offer.is_valid_at(now))
            .filter_map(|(offer, given)| rest(offer, *given))
            .collect();
        day.live = live.len();
        day.new = live.iter().filter(|offer| first_day(offer) == Some(today)).count();
        let book =
            Book::new(self.book.assets().to_vec(), live).expect("what is left of an offer is an offer");
        let clearing = clear(&book, &self.rules, now, options);
        (day.value, day.bound) = (clearing.report.value, clearing.bound);
        day.filled = clearing.report.given.len();
        for ring in &clearing.answer.rings {
            let (count, value) = &mut day.lengths[ring.legs.len() - 2];
            *count += 1;
            *value = [*value, clearing::ring_value(&book, ring)].into_iter().sum();
        }
        for (key, given) in &clearing.report.given {
            self.fill(today, *key, given.get());
        }
        day.rings = clearing.answer.rings;
        Some(day)
    }

    fn fill(&mut self, today: u64, key: OfferKey, given: u128) {
        let at = self.book.offer_index(key).expect("the book of a day holds offers of the whole book");
        let offer = &self.book.offers()[at];
        let waited = today - first_day(offer).expect("an offer that was filled had a first day");
        if self.given[at] == 0 {
            *self.first_fills.entry(waited).or_default() += 1;
        }
        self.given[at] += given;
        let asset = self.book.asset(offer.give).expect("a book holds the assets of its offers");
        let given = Amount::new(given).expect("an offer gives no more than it holds");
        let value = asset.reference.value_of(given, asset.decimals);
        let sum = self.waits.entry(waited).or_default();
        *sum = [*sum, value].into_iter().sum();
    }
}

/// The first day at whose beginning the offer is valid, if it is still valid then.
fn first_day(offer: &Offer) -> Option<u64> {
    let day = offer.valid_from.div_ceil(DAY);
    day.checked_mul(DAY).filter(|first| offer.is_valid_at(*first)).map(|_| day)
}

/// The last day at whose beginning the offer is valid, if there is one.
fn last_day(offer: &Offer) -> u64 {
    offer.valid_until.saturating_sub(1) / DAY
}

/// How many offers are valid at the beginning of a day, and what they hold at the references.
#[must_use]
pub fn offered(book: &Book) -> (usize, UsdValue) {
    let worth = |offer: &Offer| {
        let asset = book.asset(offer.give).expect("a book holds the assets of its offers");
        asset.reference.value_of(offer.give_qty, asset.decimals)
    };
    let appearing = || book.offers().iter().filter(|offer| first_day(offer).is_some());
    (appearing().count(), appearing().map(worth).sum())
}

/// What is left of an offer that has given so much; `None` where that is nothing, or less than its minimum.
fn rest(offer: &Offer, given: u128) -> Option<Offer> {
    let left = Amount::new(offer.give_qty.get().checked_sub(given)?).ok()?;
    if left.is_zero() || left < offer.least_fill() {
        return None;
    }
    let want_qty = offer.want_qty.mul_div_ceil(left.get(), offer.give_qty.get()).ok()?;
    Some(Offer { give_qty: left, want_qty, ..*offer })
}
