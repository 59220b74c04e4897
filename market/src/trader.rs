//! What the demo's companies do next, as pure functions of a seed and a number.

use crate::chain::{self, Interests};
use crate::company::CompanyId;
use crate::dice::{Dice, Purpose};
use crate::generate::Market;
use crate::goods::commodity;
use crate::offer::{Kind, Offer, PPM, closes, floor_ppm, limit_ppm};

/// What a company does with a contract that awaits its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It signs.
    Sign,
    /// It declines, as about 4 in 100 do.
    Decline,
}

/// An offer from outside the generated market, to which its companies may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enquiry<'a> {
    /// HS-4 heading given.
    pub give: &'a str,
    /// Base units given.
    pub give_qty: u64,
    /// HS-4 heading wanted.
    pub want: &'a str,
    /// Base units wanted for the whole of `give_qty`.
    pub want_qty: u64,
    /// Binding or indicative; the answers are of the same kind.
    pub kind: Kind,
}

/// The hand behind the demo's companies. It keeps no state: the same question has the same answer after a
/// restart, so a node only remembers how many offers it has posted.
#[derive(Clone, Debug)]
pub struct Trader {
    market: Market,
    answering: Interests,
}

/// Offers per story, see [`Trader::posting`].
const STORY: u64 = 8;

/// How many parties the rings of a story have; what is left of [`STORY`] are lone offers.
const STORIES: &[&[usize]] = &[&[5, 3], &[4, 4], &[4, 3], &[3, 4], &[6], &[3, 3], &[3, 5]];

/// Enquiries worth less than 1,000 USD are too small to keep whole base units within a limit, and ones above
/// 10 million too large to be believed; nobody answers either.
const ANSWERED_CENTS: std::ops::RangeInclusive<u128> = 100_000..=1_000_000_000;

impl Trader {
    /// A hand for this market.
    #[must_use]
    pub fn new(market: Market) -> Self {
        let answering = market.interests.with_swaps();
        Self { market, answering }
    }

    /// The market whose companies this is.
    #[must_use]
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// The offer with running number `step` of a life without end. Offers come in stories of eight: one or
    /// two rings of three to six that can close, and a few lone wishes, in mixed order.
    ///
    /// The company may have sold its stock: let the warehouse vouch [`Market::lot_for`] the offer first.
    #[must_use]
    pub fn posting(&self, step: u64) -> Offer {
        let mut dice = Dice::new(self.market.seed, Purpose::Story, step / STORY);
        let mut offers = vec![];
        for &parties in dice.pick(STORIES) {
            offers.extend(self.market.ring_of_offers(&mut dice, parties));
        }
        while (offers.len() as u64) < STORY {
            // Nobody may ever meet a lone wish; it lapses soon, so that the book does not grow for ever.
            let lone = self.market.lone_offer(&mut dice);
            offers.push(Offer { lifetime_days: dice.pick(&[1, 2, 3]), ..lone });
        }
        dice.shuffle(&mut offers);
        let at = usize::try_from(step % STORY).expect("a number below eight fits a usize");
        offers[at]
    }

    /// Whether `company` signs the contract with the number `contract`.
    #[must_use]
    pub fn decision(&self, contract: u64, company: CompanyId) -> Decision {
        let purpose = contract.wrapping_mul(1_000_003).wrapping_add(company.0 as u64);
        let mut dice = Dice::new(self.market.seed, Purpose::Decision, purpose);
        if dice.chance(4) { Decision::Decline } else { Decision::Sign }
    }

    /// Offers of two to five companies, as few as will do, that close a ring with an enquiry, by what they
    /// really buy and sell; each is a little larger than the enquiry, so that it can be filled whole. `number`
    /// chooses among the rings there are: ask again with another one and other companies may answer.
    ///
    /// Empty if the goods are unknown or equal, if (rarely) the only company that buys the one is the only one
    /// that sells the other, if the enquiry is worth less than 1,000 or more than 10 million USD, or if it
    /// asks for so much over the reference rate (some 4 to 10 %, by the length of the ring) that nobody can
    /// answer within the band of fairness.
    #[must_use]
    pub fn answer_to(&self, enquiry: &Enquiry<'_>, number: u64) -> Vec<Offer> {
        self.answers(enquiry, number).unwrap_or_default()
    }

    fn answers(&self, enquiry: &Enquiry<'_>, number: u64) -> Option<Vec<Offer>> {
        let &Enquiry { give_qty, want_qty, kind, .. } = enquiry;
        let (give, want) = (commodity(enquiry.give)?, commodity(enquiry.want)?);
        let asked = floor_ppm(limit_ppm(give.hs4, give_qty, want.hs4, want_qty)?);
        let value = give.value_cents(give_qty);
        if !ANSWERED_CENTS.contains(&value) {
            return None;
        }
        let mut dice = Dice::new(self.market.seed, Purpose::Answer, number);
        (2..=5).find_map(|parties| {
            let ends = (give.hs4, want.hs4);
            let legs = chain::find(&self.market.companies, &self.answering, &mut dice, ends, parties, None)?;
            let mut floors = vec![asked];
            let mut offers = vec![];
            for leg in legs {
                let own = u64::try_from(value).ok()? * dice.between(112, 140) / 100;
                let limit = dice.between(PPM - 32_000, PPM - 21_000);
                let drawn = self.market.offer(&mut dice, leg, kind, own, limit);
                let offer = Offer { divisible: true, min_fill: 0, joins_indicative: true, ..drawn };
                floors.push(floor_ppm(offer.limit_ppm()));
                offers.push(offer);
            }
            closes(&floors).then_some(offers)
        })
    }
}
