//! The demo market with what the chains call its people and goods.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use clearing::Amount;
use ledger::{Address, KeyPair, Read, Timestamp};
use market::{Commodity, Company, CompanyId, Kind, Market, Trader};
use payment_chain::model::{AssetId, Commitment, OfferTerms};
use vocabulary::{HsCode, Role, Roles, Text};

use super::cast::Cast;

/// The market that every demo shows.
const SEED: u64 = 2017;
const COMPANIES: usize = 90;
const OFFERS: usize = 480;

/// An organisation that is there from the start.
pub(crate) struct Founder {
    /// The name of its key in the [`Cast`].
    pub(crate) who: &'static str,
    /// Its legal name. All are invented and say so.
    pub(crate) name: &'static str,
    /// Its number in an invented register.
    pub(crate) number: &'static str,
    /// ISO 3166 alpha-2 code of its country.
    pub(crate) country: &'static str,
    /// UN/LOCODE of its seat.
    pub(crate) place: &'static str,
    /// What it may do.
    pub(crate) roles: &'static [Role],
}

/// Who registers with the genesis.
#[rustfmt::skip]
pub(crate) const FOUNDERS: &[Founder] = &[
    Founder { who: "operator", name: "Permuta Demo Operator", number: "SG-900001", country: "SG", place: "SGSIN", roles: &[Role::Operator] },
    Founder { who: "supervisor", name: "Permuta Demo Supervision Authority", number: "SG-900002", country: "SG", place: "SGSIN", roles: &[Role::Supervisor] },
    Founder { who: "bank", name: "Permuta Demo Factoring Bank", number: "AE-900003", country: "AE", place: "AEDXB", roles: &[Role::Bank] },
    Founder { who: "solver", name: "Permuta Demo Solver", number: "SG-900004", country: "SG", place: "SGSIN", roles: &[Role::Solver] },
    Founder { who: GATEWAYS[0], name: "Permuta Demo Granaries", number: "SG-900010", country: "SG", place: "SGSIN", roles: &[Role::Gateway] },
    Founder { who: GATEWAYS[1], name: "Permuta Demo Tank and Ore Yards", number: "AE-900011", country: "AE", place: "AEJEA", roles: &[Role::Gateway] },
    Founder { who: GATEWAYS[2], name: "Permuta Demo Bonded Stores", number: "TR-900012", country: "TR", place: "TRMER", roles: &[Role::Gateway] },
    Founder { who: FEEDS[0], name: "Harbour Price Desk (demo)", number: "SG-900020", country: "SG", place: "SGSIN", roles: &[Role::Feed] },
    Founder { who: FEEDS[1], name: "Caravan Price Desk (demo)", number: "AE-900021", country: "AE", place: "AEDXB", roles: &[Role::Feed] },
    Founder { who: FEEDS[2], name: "Monsoon Price Desk (demo)", number: "TR-900022", country: "TR", place: "TRIST", roles: &[Role::Feed] },
];

/// The gateways: food and feed, fuels and minerals, everything else.
pub(crate) const GATEWAYS: [&str; 3] = ["gateway/0", "gateway/1", "gateway/2"];
/// The price feeds.
pub(crate) const FEEDS: [&str; 3] = ["feed/0", "feed/1", "feed/2"];
/// What each feed says, in parts per million of the table: they differ as feeds do, and their median is the table.
pub(crate) const FEED_PPM: [u64; 3] = [1_000_000, 1_003_000, 997_500];

/// The market and everyone's keys.
pub(crate) struct Stage {
    /// The hand behind the companies.
    pub(crate) trader: Trader,
    /// The keys.
    pub(crate) cast: Cast,
    companies: BTreeMap<Address, CompanyId>,
}

impl Stage {
    /// Sets the stage with the keys of `cast`.
    pub(crate) fn new(cast: Cast) -> Stage {
        let market = Market::generate(SEED, COMPANIES, OFFERS);
        let companies =
            (0..market.companies.len()).map(|at| (cast.address(&key_name(CompanyId(at))), CompanyId(at)));
        Stage { companies: companies.collect(), trader: Trader::new(market), cast }
    }

    /// The generated market.
    pub(crate) fn market(&self) -> &Market {
        self.trader.market()
    }

    /// All simulated companies.
    pub(crate) fn companies(&self) -> impl Iterator<Item = (CompanyId, &Company)> {
        self.market().companies.iter().enumerate().map(|(at, company)| (CompanyId(at), company))
    }

    /// The key with which the office of a company signs.
    pub(crate) fn company_key(&self, company: CompanyId) -> KeyPair {
        self.cast.key(&key_name(company))
    }

    /// The account of a company.
    pub(crate) fn company_address(&self, company: CompanyId) -> Address {
        self.cast.address(&key_name(company))
    }

    /// Which simulated company an account belongs to, if any.
    pub(crate) fn company_of(&self, account: Address) -> Option<CompanyId> {
        self.companies.get(&account).copied()
    }
}

fn key_name(company: CompanyId) -> String {
    format!("company/{}", company.0)
}

/// The roles that a company asks for.
pub(crate) fn trader_roles() -> Roles {
    Roles::of(&[Role::Trader])
}

/// The gateway that stores a commodity, by its chapter of the Harmonized System.
pub(crate) fn gateway_of(good: &Commodity) -> &'static str {
    match good.hs4.get(..2).and_then(|chapter| chapter.parse::<u8>().ok()) {
        Some(..=24) => GATEWAYS[0],
        Some(25..=29) => GATEWAYS[1],
        _ => GATEWAYS[2],
    }
}

/// The assets of the demo's gateways, by heading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(BTreeMap<&'static str, AssetId>);

impl Shelf {
    /// Reads the shelf from the payment chain.
    pub(crate) fn read(stage: &Stage, state: &dyn Read) -> Shelf {
        let issuers = GATEWAYS.map(|who| stage.cast.address(who));
        let known = payment_chain::view::assets(state).into_iter().filter_map(|(id, asset)| {
            let heading = asset.hs.filter(|_| issuers.contains(&asset.issuer))?;
            market::commodity(heading.as_str()).map(|good| (good.hs4, id))
        });
        Shelf(known.collect())
    }

    /// The asset of a heading.
    ///
    /// # Errors
    /// No gateway of the demo has defined it.
    pub(crate) fn asset(&self, hs4: &str) -> Result<AssetId> {
        self.0.get(hs4).copied().with_context(|| format!("no gateway keeps goods of heading {hs4}"))
    }

    /// The heading of an asset.
    pub(crate) fn heading(&self, asset: AssetId) -> Option<&'static str> {
        self.0.iter().find(|(_, id)| **id == asset).map(|(hs4, _)| *hs4)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What the payment chain calls an offer of the market.
///
/// # Errors
/// The market made an offer that the chain has no words for.
pub(crate) fn offer_terms(offer: &market::Offer, shelf: &Shelf, now: Timestamp) -> Result<OfferTerms> {
    let amount = |quantity: u64| Amount::new(quantity.into());
    Ok(OfferTerms {
        give: shelf.asset(offer.give)?,
        give_qty: amount(offer.give_qty)?,
        want: shelf.asset(offer.want)?,
        want_qty: amount(offer.want_qty)?,
        divisible: offer.divisible,
        min_fill: amount(offer.min_fill)?,
        commitment: match offer.kind {
            Kind::Binding => Commitment::Binding,
            Kind::Indicative => Commitment::Indicative,
        },
        joins_indicative: offer.joins_indicative,
        valid_until: now.plus_ms(u64::from(offer.lifetime_days) * Timestamp::DAY_MS),
        incoterm: offer.incoterm.code().parse()?,
        place: offer.place.parse()?,
    })
}

/// A heading as the chains write it.
///
/// # Errors
/// It is none.
pub(crate) fn hs(hs4: &str) -> Result<HsCode> {
    hs4.parse().with_context(|| format!("heading {hs4}"))
}

/// A bounded text.
///
/// # Errors
/// It is too long, or has characters that nobody can see.
pub(crate) fn text<const MAX: usize>(words: &str) -> Result<Text<MAX>> {
    words.parse().with_context(|| format!("the text {words:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_good_has_a_gateway_and_every_founder_can_be_named() {
        for good in market::GOODS {
            assert!(FOUNDERS.iter().any(|founder| founder.who == gateway_of(good)), "{}", good.hs4);
            hs(good.hs4).unwrap();
            text::<80>(good.name).unwrap();
            text::<200>(good.grade).unwrap();
        }
        for founder in FOUNDERS {
            text::<120>(founder.name).unwrap();
            text::<40>(founder.number).unwrap();
            founder.country.parse::<vocabulary::Country>().unwrap();
            founder.place.parse::<vocabulary::LoCode>().unwrap();
        }
    }

    #[test]
    fn the_median_of_the_feeds_is_the_table() {
        let mut said = FEED_PPM;
        said.sort_unstable();
        assert_eq!(said[1], 1_000_000);
    }
}
