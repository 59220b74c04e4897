//! Loads the demo market, through signed transactions and nothing else.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::{Amount, Price};
use ledger::account::OUTBOX;
use ledger::{Address, Cause, Hash, KeyPair, PublicKey, Refusal, SubChain, Timestamp};
use market::{Commodity, CompanyId, GOODS, Kind};
use payment_chain::model::{AssetId, RequestId};
use vocabulary::Role;

use super::invitation;
use super::login::printed_companies;
use super::stage::{
    FEED_PPM, FEEDS, FOUNDERS, GATEWAYS, Shelf, Stage, gateway_of, hs, offer_terms, text, trader_roles,
};
use crate::clock;
use crate::house::{Follower, House};

/// The whole market loads in a few seconds; after this something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// Two organisations that wait for a person to admit them; the demo's own operator leaves them alone.
pub(crate) const APPLICANTS: [(&str, &str, &str, &str, &str); 2] = [
    ("applicant/0", "Mombasa Harvest Cooperative (demo)", "KE-700001", "KE", "KEMBA"),
    ("applicant/1", "Almaty Granary Partners (demo)", "KZ-700002", "KZ", "KZALA"),
];

/// Loads everything, and tells `progress` after each step what there is now.
///
/// # Errors
/// A chain refuses something, or stops.
pub(crate) fn load(house: &House, stage: &Stage, progress: &dyn Fn(&str)) -> Result<()> {
    let mut loader = Loader::new(house);
    companies(&mut loader, stage)?;
    progress(&format!("{} companies registered and admitted", stage.market().companies.len()));
    let products = products(&mut loader, stage)?;
    progress(&format!("{} products described", products.standard.len() + products.lots.len()));
    let shelf = assets(&mut loader, stage, &products)?;
    prices(&mut loader, stage, &shelf)?;
    progress(&format!("{} assets defined, priced by {} feeds", shelf.len(), FEEDS.len()));
    stock(&mut loader, stage, &shelf, &products)?;
    progress(&format!("{} lots vouched for by {} gateways", stage.market().stock.len(), GATEWAYS.len()));
    let offers = offers(&mut loader, stage, &shelf)?;
    progress(&format!("{offers} offers posted"));
    Ok(())
}

/// Whose description of goods has which number on the data chain.
struct Products {
    /// The grade that an asset stands for, by heading.
    standard: BTreeMap<&'static str, Hash>,
    /// What a company keeps, by company and heading.
    lots: BTreeMap<(CompanyId, &'static str), Hash>,
}

fn companies(loader: &mut Loader<'_>, stage: &Stage) -> Result<()> {
    use identity_chain::Payload;
    let mut registrations = Vec::new();
    for (id, company) in stage.companies() {
        let registration = identity_chain::Registration {
            name: text(&company.name)?,
            registration_number: text(&company.registration_number)?,
            country: company.country.alpha2.parse()?,
            place: Some(company.place.locode.parse()?),
            lei: company.lei.as_deref().map(str::parse).transpose()?,
            roles: trader_roles(),
        };
        registrations.push((stage.company_key(id), Payload::Register(registration)));
    }
    for (who, name, number, country, place) in APPLICANTS {
        let registration = identity_chain::Registration {
            name: text(name)?,
            registration_number: text(number)?,
            country: country.parse()?,
            place: Some(place.parse()?),
            lei: None,
            roles: trader_roles(),
        };
        registrations.push((stage.cast.key(who), Payload::Register(registration)));
    }
    loader.all(SubChain::Identity, "register a company", registrations)?;
    let operator = stage.cast.key("operator");
    let admissions = stage.companies().map(|(id, _)| {
        let party = stage.company_address(id);
        (operator.clone(), Payload::Admit { party, roles: trader_roles() })
    });
    loader.all(SubChain::Identity, "admit a company", admissions.collect())?;
    loader.hear_all()
}

fn products(loader: &mut Loader<'_>, stage: &Stage) -> Result<Products> {
    use data_chain::Payload;
    let mut asks = Vec::new();
    for good in GOODS {
        let keeper = gateway_of(good);
        let seat = FOUNDERS.iter().find(|founder| founder.who == keeper).context("a gateway founds")?;
        let product = product(good, seat.country, seat.place)?;
        asks.push((stage.cast.key(keeper), Payload::DescribeProduct(product)));
    }
    for lot in &stage.market().stock {
        let good = market::commodity(lot.hs4).context("a lot is of a good in the table")?;
        let product = product(good, lot.origin, lot.locode)?;
        asks.push((stage.company_key(lot.company), Payload::DescribeProduct(product)));
    }
    let numbers = loader.all(SubChain::Data, "describe a product", asks)?.into_iter().map(|events| {
        events
            .iter()
            .find_map(|event| match data_chain::Event::try_from_slice(event) {
                Ok(data_chain::Event::ProductDescribed { id, .. }) => Some(id),
                _ => None,
            })
            .context("a described product has a number")
    });
    let numbers = numbers.collect::<Result<Vec<_>>>()?;
    let (standard, lots) = numbers.split_at(GOODS.len());
    Ok(Products {
        standard: GOODS.iter().map(|good| good.hs4).zip(standard.iter().copied()).collect(),
        lots: (stage.market().stock.iter().map(|lot| (lot.company, lot.hs4)))
            .zip(lots.iter().copied())
            .collect(),
    })
}

fn product(good: &Commodity, origin: &str, place: &str) -> Result<data_chain::Product> {
    Ok(data_chain::Product {
        name: text(good.name)?,
        hs: hs(good.hs4)?,
        grade: text(good.grade)?,
        origin: origin.parse()?,
        unit: good.unit.parse()?,
        place: place.parse()?,
        documents: Vec::new(),
    })
}

fn assets(loader: &mut Loader<'_>, stage: &Stage, products: &Products) -> Result<Shelf> {
    use payment_chain::Payload;
    let mut asks = Vec::new();
    for good in GOODS {
        let payload = Payload::DefineAsset {
            name: text(good.name)?,
            hs: hs(good.hs4)?,
            unit: good.unit.parse()?,
            decimals: good.decimals,
            product: products.standard[good.hs4],
        };
        asks.push((stage.cast.key(gateway_of(good)), payload));
    }
    loader.all(SubChain::Payment, "define an asset", asks)?;
    Ok(loader.house.read(SubChain::Payment, |state| Shelf::read(stage, state)))
}

fn prices(loader: &mut Loader<'_>, stage: &Stage, shelf: &Shelf) -> Result<()> {
    loader.all(SubChain::Payment, "state a price", quotations(stage, shelf, clock::now())?)?;
    Ok(())
}

/// What the feeds say of every asset: the prices of the table, as of the beginning of the day (UTC) of `now`.
///
/// # Errors
/// A price of the table is none.
pub(crate) fn quotations(
    stage: &Stage,
    shelf: &Shelf,
    now: Timestamp,
) -> Result<Vec<(KeyPair, payment_chain::Payload)>> {
    let as_of = Timestamp(now.day() * Timestamp::DAY_MS);
    let mut asks = Vec::new();
    for good in GOODS {
        for (who, ppm) in FEEDS.into_iter().zip(FEED_PPM) {
            let payload = payment_chain::Payload::PublishPrice {
                asset: shelf.asset(good.hs4)?,
                price: Price::new(u128::from(good.price_cents) * u128::from(ppm), 8)?,
                as_of,
                source: text(good.source.citation())?,
            };
            asks.push((stage.cast.key(who), payload));
        }
    }
    Ok(asks)
}

fn stock(loader: &mut Loader<'_>, stage: &Stage, shelf: &Shelf, products: &Products) -> Result<()> {
    use payment_chain::{Event, Payload};
    let bond = payment_chain::view::config;
    let min_bond = loader.house.read(SubChain::Payment, |state| bond(state).map(|config| config.min_bond));
    let min_bond = min_bond.context("the payment chain has its settings")?;
    let mut asks = vec![(stage.cast.key("solver"), Payload::Bond { amount: min_bond })];
    for lot in &stage.market().stock {
        let payload = Payload::RequestIssue {
            asset: shelf.asset(lot.hs4)?,
            amount: Amount::new(lot.quantity.into())?,
            product: products.lots[&(lot.company, lot.hs4)],
            document: Hash::ZERO,
        };
        asks.push((stage.company_key(lot.company), payload));
    }
    let answers = loader.all(SubChain::Payment, "ask a gateway to vouch", asks)?;
    let requests: Vec<(RequestId, AssetId)> = answers
        .iter()
        .flatten()
        .filter_map(|event| match Event::try_from_slice(event) {
            Ok(Event::Requested { id, request }) => Some((id, request.asset)),
            _ => None,
        })
        .collect();
    let mut grants = Vec::new();
    for (request, asset) in requests {
        let good = shelf.heading(asset).and_then(market::commodity).context("a lot is of a known asset")?;
        grants.push((stage.cast.key(gateway_of(good)), Payload::GrantRequest { request }));
    }
    loader.all(SubChain::Payment, "vouch for goods", grants)?;
    Ok(())
}

fn offers(loader: &mut Loader<'_>, stage: &Stage, shelf: &Shelf) -> Result<usize> {
    let now = clock::now();
    let companies = printed_companies(stage)?;
    let invitations = companies
        .iter()
        .flat_map(|company| (0..2).flat_map(|number| invitation::offers(&stage.trader, *company, number)));
    let mut asks = Vec::new();
    // What waits for the signature of somebody who may log in comes by invitation, a little at a time.
    let posted = stage.market().offers.iter().copied();
    let posted = posted.filter(|offer| offer.kind == Kind::Binding || !companies.contains(&offer.company));
    for offer in posted.chain(invitations) {
        let terms = offer_terms(&offer, shelf, now)?;
        asks.push((stage.company_key(offer.company), payment_chain::Payload::PostOffer(terms)));
    }
    let count = asks.len();
    loader.all(SubChain::Payment, "post an offer", asks)?;
    Ok(count)
}

/// Hands in many requests and waits until all are on record.
struct Loader<'a> {
    house: &'a House,
    followers: [Follower; 3],
    begun: Instant,
}

impl<'a> Loader<'a> {
    fn new(house: &'a House) -> Loader<'a> {
        let followers = SubChain::ALL.map(|chain| Follower::after_head(house, chain));
        Loader { house, followers, begun: Instant::now() }
    }

    /// Has every key ask for its payload; gives what happened for each, in order.
    fn all<P: BorshSerialize>(
        &mut self,
        chain: SubChain,
        what: &str,
        asks: Vec<(KeyPair, P)>,
    ) -> Result<Vec<Vec<Vec<u8>>>> {
        let ledger = self.house.ledger(chain);
        let mut sequences: HashMap<Address, u64> = HashMap::new();
        let mut transactions = Vec::with_capacity(asks.len());
        for (key, payload) in &asks {
            let account = key.public().address();
            let next = sequences.entry(account).or_insert_with(|| ledger.next_sequence(account));
            let signed = self.house.sign(chain, key, account, *next, payload);
            transactions.push(signed.with_context(|| format!("cannot {what}"))?);
            *next += 1;
        }
        let ids = ledger.submit_batch(transactions).into_iter().collect::<Result<Vec<_>, _>>();
        let ids = ids.with_context(|| format!("cannot {what}"))?;
        let mut places: HashMap<Hash, usize> = ids.into_iter().zip(0..).collect();
        let mut done = vec![Vec::new(); asks.len()];
        while !places.is_empty() {
            let beat = self.house.pulse.wait(0, Duration::ZERO);
            while let Some(block) = self.followers[chain as usize].next(self.house)? {
                for receipt in &block.receipts {
                    let Cause::Transaction(id) = &receipt.cause else { continue };
                    let Some(place) = places.remove(id) else { continue };
                    refused(&receipt.outcome).with_context(|| format!("cannot {what}"))?;
                    done[place].clone_from(&receipt.events);
                }
            }
            if !places.is_empty() {
                self.wait(beat)?;
            }
        }
        Ok(done)
    }

    /// Waits until the other chains have heard all that the identity chain had to tell them.
    fn hear_all(&self) -> Result<()> {
        loop {
            let beat = self.house.pulse.wait(0, Duration::ZERO);
            let heard = [SubChain::Data, SubChain::Payment].into_iter().all(|to| {
                let sent = self.house.read(SubChain::Identity, |state| OUTBOX.get(state, &to).unwrap_or(0));
                self.house.ledger(to).expects(SubChain::Identity) == sent
            });
            if heard {
                return Ok(());
            }
            self.wait(beat)?;
        }
    }

    fn wait(&self, beat: u64) -> Result<()> {
        self.house.pulse.wait(beat, Duration::from_secs(1));
        if self.begun.elapsed() > PATIENCE {
            bail!("the demo market did not load within {} s", PATIENCE.as_secs());
        }
        Ok(())
    }
}

fn refused(outcome: &Result<(), Refusal>) -> Result<()> {
    match outcome {
        Ok(()) => Ok(()),
        Err(refusal) => Err(refusal.clone().into()),
    }
}

/// The organisations of the genesis, as the identity chain wants them.
///
/// # Errors
/// A founder has a name or a code that is none.
pub(crate) fn founders(stage: &Stage) -> Result<Vec<identity_chain::GenesisParty>> {
    FOUNDERS
        .iter()
        .map(|founder| {
            let key = stage.cast.key(founder.who).public();
            let roles = vocabulary::Roles::of(founder.roles);
            Ok(identity_chain::GenesisParty {
                registration: identity_chain::Registration {
                    name: text(founder.name)?,
                    registration_number: text(founder.number)?,
                    country: founder.country.parse()?,
                    place: Some(founder.place.parse()?),
                    lei: None,
                    roles,
                },
                roles,
                account: key.address(),
                keys: vec![key],
            })
        })
        .collect()
}

/// An organisation that runs a validator and does nothing else.
///
/// # Errors
/// A word is none.
pub(crate) fn member(number: u16, key: PublicKey) -> Result<identity_chain::GenesisParty> {
    let roles = vocabulary::Roles::of(&[Role::Bank]);
    Ok(identity_chain::GenesisParty {
        registration: identity_chain::Registration {
            name: text(&format!("Chamber of Commerce No. {number} (demo)"))?,
            registration_number: text(&format!("SG-8{number:05}"))?,
            country: "SG".parse()?,
            place: Some("SGSIN".parse()?),
            lei: None,
            roles,
        },
        roles,
        account: key.address(),
        keys: vec![key],
    })
}

/// The feeds, with the names that people see.
///
/// # Errors
/// A feed's name is no text.
pub(crate) fn feeds(stage: &Stage) -> Result<Vec<(vocabulary::Text<80>, Address)>> {
    FOUNDERS
        .iter()
        .filter(|founder| founder.roles.contains(&Role::Feed))
        .map(|founder| Ok((text(founder.name)?, stage.cast.address(founder.who))))
        .collect()
}
