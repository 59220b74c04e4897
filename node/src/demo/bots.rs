//! The hands behind everyone in the demo who is no visitor: merchants, gateways, the operator, the feeds.
//!
//! They use the same signed transactions as anybody. What they have to do follows from the chains' state, so a
//! restart forgets nothing that matters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use borsh::BorshDeserialize;
use clearing::Amount;
use ledger::{Address, Cause, Committed, Hash, SubChain, Timestamp};
use market::{CompanyId, Decision, Enquiry, Kind, Offer, Trader};
use payment_chain::model::{
    AssetId, Commitment, Contract, ContractId, OfferId, OfferState, Request, RequestId, RequestKind,
};
use payment_chain::{Event, Payload, view};
use vocabulary::Standing;

use super::agenda::{Agenda, pause_ms};
use super::invitation;
use super::login::printed_companies;
use super::opening::{APPLICANTS, quotations};
use super::stage::{GATEWAYS, Shelf, Stage, offer_terms, trader_roles};
use crate::clock;
use crate::house::{Follower, House};

/// How often the bots look up from their work. Their transactions come in bursts, so that they share blocks.
const GLANCE: Duration = Duration::from_millis(500);
/// A merchant posts something every so often.
const POST_EVERY_MS: u64 = 2_400;
/// The book has about so many offers: below the first nobody takes one back, above the second nobody posts one.
const BOOK: std::ops::Range<usize> = 380..520;
/// How often the desks of printed traders are looked at.
const DESKS_EVERY_MS: u64 = 3_000;
/// An invitation that came to nothing is followed by another after this long.
const INVITE_AGAIN_MS: u64 = 45_000;
/// Up to so many rings wait on a printed trader's desk; its office signs what is beyond.
const DESK_FULL: usize = 3;
/// A ring on a printed trader's desk is signed by its office this many heights before the deadline.
const LAST_CALL: u64 = 240;
/// How often feeds look whether their prices are of today.
const FEEDS_EVERY_MS: u64 = 600_000;
/// A visitor's offer is answered again after this long, up to [`ANSWERS`] times.
const ANSWER_AGAIN_MS: u64 = 50_000;
const ANSWERS: u64 = 6;
/// A task that needs goods waits for them so many times.
const TRIES: u8 = 8;
/// Redemptions of simulated companies stay in the gateways' queues for people to look at, up to so many.
const REDEMPTIONS: usize = 3;
/// And for so long.
const REDEMPTION_MS: u64 = 600_000;

/// The office of a printed trader lays down its pen for so long after a visitor used his: two hands that sign for one
/// account take each other's sequence numbers.
const VISIT_MS: u64 = 1_800_000;

/// What the bots do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// All of it.
    Lively,
    /// Merchants sign the rings that their offers are part of; nobody does anything else.
    Quiet,
}

/// The thread of the bots.
pub(crate) struct Bots {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Bots {
    /// Begins.
    ///
    /// # Errors
    /// The stage lacks somebody, or the system has no thread to give.
    pub(crate) fn start(house: Arc<House>, stage: Arc<Stage>, manner: Manner) -> Result<Bots> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut hands = Hands::new(house, stage, manner)?;
        let thread = thread::Builder::new()
            .name("bots".to_owned())
            .spawn({
                let stop = stop.clone();
                move || {
                    while !stop.load(Ordering::Acquire) {
                        hands.work();
                        thread::sleep(GLANCE);
                    }
                }
            })
            .context("cannot start the thread of the simulated traders")?;
        Ok(Bots { stop, thread })
    }

    /// Ends after the task at hand.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.join().is_err() {
            tracing::error!(
                "the thread of the simulated traders broke down; the market is still without them"
            );
        }
    }
}

/// Something to be done.
#[derive(Debug)]
enum Task {
    /// Admit a newcomer.
    Admit(Address),
    /// Answer a request to a gateway.
    Vouch(RequestId),
    /// Post an offer, with the goods that it needs.
    Post { offer: Offer, tries: u8 },
    /// Post the next offer of the market's story, or take one back.
    Pace,
    /// Sign or decline for a company.
    Sign { contract: ContractId, company: CompanyId, tries: u8 },
    /// Answer a visitor's offer with a ring.
    Answer { offer: OfferId, round: u64 },
    /// Look after the desks of printed traders.
    Desks,
    /// See that prices are of today.
    Feeds,
    /// Let the bank see a settlement.
    Share { settlement: Hash, company: CompanyId },
    /// Have goods handed out that were received.
    Redeem { company: CompanyId, asset: AssetId, amount: Amount },
}

struct Hands {
    house: Arc<House>,
    stage: Arc<Stage>,
    manner: Manner,
    shelf: Shelf,
    printed: Vec<CompanyId>,
    agenda: Agenda<Task>,
    identity: Follower,
    payment: Follower,
    /// The running number of the next offer of the story.
    step: u64,
    /// The number of the next invitation to each printed trader, and when the last one went out.
    invited: BTreeMap<CompanyId, (u64, Timestamp)>,
    /// Until when a visitor sits at the desk of a printed trader.
    visited: BTreeMap<CompanyId, Timestamp>,
}

impl Hands {
    fn new(house: Arc<House>, stage: Arc<Stage>, manner: Manner) -> Result<Hands> {
        let identity = Follower::after_head(&house, SubChain::Identity);
        let payment = Follower::after_head(&house, SubChain::Payment);
        let shelf = house.read(SubChain::Payment, |state| Shelf::read(&stage, state));
        let printed = printed_companies(&stage)?;
        // Heights grow faster than offers are posted, so no part of the story is told twice.
        let step = (house.height(SubChain::Payment).0 / 8 + 1) * 8;
        let invited = printed.iter().map(|company| (*company, (step, Timestamp(0)))).collect();
        let mut hands = Hands {
            house,
            stage,
            manner,
            shelf,
            printed,
            agenda: Agenda::default(),
            identity,
            payment,
            step,
            invited,
            visited: BTreeMap::new(),
        };
        hands.look_around(clock::now());
        Ok(hands)
    }

    /// Finds what is to be done in the state as it is.
    fn look_around(&mut self, now: Timestamp) {
        let companies: Vec<_> = self.stage.companies().map(|(id, _)| id).collect();
        for company in companies {
            let account = self.stage.company_address(company);
            let waiting = self.house.read(SubChain::Payment, |state| view::waiting_contracts(state, account));
            for (id, contract) in waiting {
                self.consider(id, &contract, company, now);
            }
        }
        if self.manner == Manner::Quiet {
            return;
        }
        let parties = self.house.read(SubChain::Identity, |state| {
            identity_chain::view::parties(state, Address([0; 20]), usize::MAX)
        });
        for (party, known) in parties {
            if known.standing == Standing::Pending {
                self.welcome(party, now);
            }
        }
        let requests = self.house.read(SubChain::Payment, |state| view::requests(state));
        for (id, request) in requests {
            self.requested(id, &request, now);
        }
        let book = self.house.read(SubChain::Payment, |state| view::book(state, now));
        for offer in book.offers() {
            if self.stage.company_of(Address(offer.party.0)).is_none() {
                self.agenda.at(now.plus_ms(5_000), Task::Answer { offer: OfferId(offer.key.0), round: 0 });
            }
        }
        for task in [Task::Pace, Task::Desks, Task::Feeds] {
            self.agenda.at(now, task);
        }
    }

    /// Hears the news, then does what is due.
    fn work(&mut self) {
        if let Err(error) = self.hear() {
            tracing::error!("the simulated traders hear no news: {error:#}");
        }
        while let Some(task) = self.agenda.take(clock::now()) {
            let told = format!("{task:?}");
            // A refusal is part of life: a visitor was faster, an offer expired, a party was suspended.
            match self.perform(task) {
                Ok(()) => tracing::debug!("bots: {told}"),
                Err(error) => tracing::debug!("bots: {told}: {error:#}"),
            }
        }
    }

    fn hear(&mut self) -> Result<()> {
        let now = clock::now();
        while let Some(block) = self.identity.next(&self.house)? {
            self.note_visits(&block, now);
            for event in events(&block) {
                let registered = match BorshDeserialize::try_from_slice(event) {
                    Ok(identity_chain::Event::Registered { party, .. }) => Some(party),
                    _ => None,
                };
                if let Some(party) = registered.filter(|_| self.manner == Manner::Lively) {
                    self.welcome(party, now);
                }
            }
        }
        while let Some(block) = self.payment.next(&self.house)? {
            let visitors = self.visitors(&block);
            self.note_visits(&block, now);
            for receipt in &block.receipts {
                let by_visitor = matches!(&receipt.cause, Cause::Transaction(id) if visitors.contains(id));
                for event in &receipt.events {
                    // An event of a later version is not for these bots.
                    if let Ok(event) = Event::try_from_slice(event) {
                        self.react(&event, by_visitor, now);
                    }
                }
            }
        }
        Ok(())
    }

    /// The transactions of a block that no bot signed.
    fn visitors(&self, block: &Committed) -> BTreeSet<Hash> {
        let foreign = block.block.transactions.iter().filter(|transaction| {
            let body = &transaction.body;
            self.stage.company_of(body.account).is_none() || body.key.address() != body.account
        });
        foreign.map(ledger::Transaction::id).collect()
    }

    /// Notes at which desks visitors sit: an office signs with the key that gave its account its address, a visitor with
    /// another.
    fn note_visits(&mut self, block: &Committed, now: Timestamp) {
        for transaction in &block.block.transactions {
            let body = &transaction.body;
            if body.key.address() != body.account
                && let Some(company) = self.stage.company_of(body.account)
            {
                self.visited.insert(company, now.plus_ms(VISIT_MS));
            }
        }
    }

    fn is_visited(&self, company: CompanyId, now: Timestamp) -> bool {
        self.visited.get(&company).is_some_and(|until| now < *until)
    }

    fn react(&mut self, event: &Event, by_visitor: bool, now: Timestamp) {
        match event {
            Event::ContractMade { id, contract } => {
                for signer in &contract.signers {
                    if let Some(company) = self.stage.company_of(*signer) {
                        self.consider(*id, contract, company, now);
                    }
                }
            }
            _ if self.manner == Manner::Quiet => {}
            Event::Requested { id, request } => self.requested(*id, request, now),
            Event::OfferStated { id, .. } if by_visitor => {
                self.agenda.at(now.plus_ms(4_000), Task::Answer { offer: *id, round: 0 });
            }
            Event::RingSettled { id, ring, .. } => {
                for (leg, to) in ring.deliveries() {
                    let Some(company) = self.stage.company_of(to) else { continue };
                    if self.printed.contains(&company) {
                        self.agenda.at(now.plus_ms(6_000), Task::Share { settlement: *id, company });
                    } else if pause_ms(leg.offer.0 ^ 0x5eed, 0, 9) == 0 {
                        let task = Task::Redeem { company, asset: leg.asset, amount: leg.quantity };
                        self.agenda.at(now.plus_ms(20_000), task);
                    }
                }
            }
            _ => {}
        }
    }

    /// Enters when a company takes up its pen. Printed traders leave it to their visitors, see [`Task::Desks`].
    fn consider(&mut self, id: ContractId, contract: &Contract, company: CompanyId, now: Timestamp) {
        let account = self.stage.company_address(company);
        let asked = contract.signers.contains(&account) && !contract.signed.contains(&account);
        if !asked || self.printed.contains(&company) {
            return;
        }
        let pause = pause_ms(id.0 * 1_000 + company.0 as u64, 1_500, 9_000);
        self.agenda.at(now.plus_ms(pause), Task::Sign { contract: id, company, tries: 0 });
    }

    fn welcome(&mut self, party: Address, now: Timestamp) {
        let known = self.stage.company_of(party).is_some()
            || APPLICANTS.iter().any(|applicant| self.stage.cast.address(applicant.0) == party);
        if !known {
            self.agenda.at(now.plus_ms(5_000), Task::Admit(party));
        }
    }

    fn requested(&mut self, id: RequestId, request: &Request, now: Timestamp) {
        let pause = match (self.stage.company_of(request.owner), &request.kind) {
            (Some(_), RequestKind::Issue { .. }) => 1_000,
            (Some(_), RequestKind::Redeem) => REDEMPTION_MS,
            (None, _) => 5_000,
        };
        self.agenda.at(now.plus_ms(pause), Task::Vouch(id));
    }

    fn perform(&mut self, task: Task) -> Result<()> {
        let now = clock::now();
        match task {
            Task::Admit(party) => {
                let payload = identity_chain::Payload::Admit { party, roles: trader_roles() };
                self.ask_on(SubChain::Identity, "operator", &payload)
            }
            Task::Vouch(request) => self.vouch(request),
            Task::Post { offer, tries } => self.post(offer, tries, now),
            Task::Pace => {
                self.agenda.at(now.plus_ms(POST_EVERY_MS), Task::Pace);
                self.keep_pace(now)
            }
            Task::Sign { contract, company, tries } => self.sign(contract, company, tries, now),
            Task::Answer { offer, round } => self.answer(offer, round, now),
            Task::Desks => {
                self.agenda.at(now.plus_ms(DESKS_EVERY_MS), Task::Desks);
                for company in self.printed.clone() {
                    self.look_after(company, now)?;
                }
                Ok(())
            }
            Task::Feeds => {
                self.agenda.at(now.plus_ms(FEEDS_EVERY_MS), Task::Feeds);
                self.feed(now)
            }
            Task::Share { company, .. } if self.is_visited(company, now) => Ok(()),
            Task::Share { settlement, company } => {
                let until = now.plus_ms(90 * Timestamp::DAY_MS);
                let with = self.stage.cast.address("bank");
                self.ask_as(company, &Payload::ShareSettlement { settlement, with, until })
            }
            Task::Redeem { company, asset, amount } => {
                let open = self.house.read(SubChain::Payment, |state| view::requests(state));
                let redemptions =
                    open.iter().filter(|(_, request)| request.kind == RequestKind::Redeem).count();
                if redemptions >= REDEMPTIONS {
                    return Ok(());
                }
                self.ask_as(company, &Payload::RequestRedeem { asset, amount })
            }
        }
    }

    fn ask_as(&self, company: CompanyId, payload: &Payload) -> Result<()> {
        let key = self.stage.company_key(company);
        self.house.ask(SubChain::Payment, &key, key.public().address(), payload)?;
        Ok(())
    }

    fn ask_on<P: borsh::BorshSerialize>(&self, chain: SubChain, who: &str, payload: &P) -> Result<()> {
        let key = self.stage.cast.key(who);
        self.house.ask(chain, &key, key.public().address(), payload)?;
        Ok(())
    }

    fn vouch(&self, id: RequestId) -> Result<()> {
        let found = self.house.read(SubChain::Payment, |state| {
            let request = view::request(state, id)?;
            view::asset(state, request.asset)
        });
        let Some(asset) = found else { return Ok(()) }; // a person was faster
        let grant = Payload::GrantRequest { request: id };
        let issuer = GATEWAYS.into_iter().chain(["operator"]);
        match issuer.into_iter().find(|who| self.stage.cast.address(who) == asset.issuer) {
            Some(who) => self.ask_on(SubChain::Payment, who, &grant),
            None => Ok(()),
        }
    }

    /// Sees that a company has `amount` free, and asks its gateway for more if not. Says whether it has.
    fn stocked(&self, company: CompanyId, asset: AssetId, amount: Amount) -> Result<bool> {
        let account = self.stage.company_address(company);
        let (free, asked, product) = self.house.read(SubChain::Payment, |state| {
            let asked = view::requests(state).into_iter().any(|(_, request)| {
                request.owner == account && request.asset == asset && request.kind != RequestKind::Redeem
            });
            let product = view::asset(state, asset).map(|asset| asset.product);
            (view::balance(state, account, asset).available, asked, product)
        });
        if free >= amount {
            return Ok(true);
        }
        if asked {
            return Ok(false);
        }
        // Own goods if it described any, else goods of the grade that the asset stands for.
        let heading = self.shelf.heading(asset);
        let own = self.house.read(SubChain::Data, |state| data_chain::view::products_of(state, account));
        let own = own.into_iter().find(|(_, known)| Some(known.product.hs.as_str()) == heading);
        let product = own.map(|(id, _)| id).or(product).context("the asset is known")?;
        let twice = Amount::new(amount.get().saturating_mul(2))?;
        self.ask_as(company, &Payload::RequestIssue { asset, amount: twice, product, document: Hash::ZERO })?;
        Ok(false)
    }

    fn post(&mut self, offer: Offer, tries: u8, now: Timestamp) -> Result<()> {
        if self.is_visited(offer.company, now) {
            return Ok(());
        }
        let terms = offer_terms(&offer, &self.shelf, now)?;
        if self.stocked(offer.company, terms.give, terms.give_qty)? {
            return self.ask_as(offer.company, &Payload::PostOffer(terms));
        }
        if tries < TRIES {
            self.agenda.at(now.plus_ms(2_000), Task::Post { offer, tries: tries + 1 });
        }
        Ok(())
    }

    /// Keeps the book between its bounds.
    fn keep_pace(&mut self, now: Timestamp) -> Result<()> {
        let book = self.house.read(SubChain::Payment, |state| view::book(state, now));
        let size = book.offers().len();
        if size < BOOK.end {
            let offer = self.stage.trader.posting(self.step);
            self.step += 1;
            // What needs the signature of a printed trader comes by invitation only.
            if offer.kind == Kind::Binding || !self.printed.contains(&offer.company) {
                self.agenda.at(now, Task::Post { offer, tries: 0 });
            }
        }
        if size >= BOOK.start + BOOK.len() / 2 {
            // The oldest offer of a simulated company goes: its merchant has found something else.
            let oldest = book.offers().iter().find_map(|offer| {
                let company = self.stage.company_of(Address(offer.party.0))?;
                (!self.printed.contains(&company)).then_some((company, OfferId(offer.key.0)))
            });
            if let Some((company, offer)) = oldest {
                return self.ask_as(company, &Payload::CancelOffer { offer });
            }
        }
        Ok(())
    }

    fn sign(&mut self, id: ContractId, company: CompanyId, tries: u8, now: Timestamp) -> Result<()> {
        let account = self.stage.company_address(company);
        let Some(contract) = self.house.read(SubChain::Payment, |state| view::contract(state, id)) else {
            return Ok(());
        };
        if contract.signed.contains(&account) {
            return Ok(());
        }
        // Rings with a visitor in them are never declined: his first ring should settle.
        let visited = contract.signers.iter().any(|signer| match self.stage.company_of(*signer) {
            None => true,
            Some(signer) => self.printed.contains(&signer),
        });
        if !visited && self.stage.trader.decision(id.0, company) == Decision::Decline {
            return self.ask_as(company, &Payload::DeclineContract { contract: id });
        }
        let mut needs: BTreeMap<AssetId, Amount> = BTreeMap::new();
        for leg in contract.gives(account) {
            let need = needs.entry(leg.asset).or_default();
            *need = need.checked_add(leg.quantity)?;
        }
        let mut stocked = true;
        for (asset, amount) in needs {
            stocked &= self.stocked(company, asset, amount)?;
        }
        if stocked {
            return self.ask_as(company, &Payload::SignContract { contract: id });
        }
        if tries < TRIES {
            self.agenda.at(now.plus_ms(2_000), Task::Sign { contract: id, company, tries: tries + 1 });
        }
        Ok(())
    }

    /// Answers a visitor's offer with offers that close a ring with what is left of it.
    fn answer(&mut self, id: OfferId, round: u64, now: Timestamp) -> Result<()> {
        let Some(offer) = self.house.read(SubChain::Payment, |state| view::offer(state, id)) else {
            return Ok(());
        };
        if offer.state != OfferState::Open || offer.remaining.is_zero() {
            return Ok(());
        }
        if round + 1 < ANSWERS {
            self.agenda.at(now.plus_ms(ANSWER_AGAIN_MS), Task::Answer { offer: id, round: round + 1 });
        }
        let (Some(give), Some(want)) =
            (self.shelf.heading(offer.terms.give), self.shelf.heading(offer.terms.want))
        else {
            return Ok(());
        };
        let enquiry = Enquiry {
            give,
            give_qty: u64::try_from(offer.remaining.get())?,
            want,
            want_qty: u64::try_from(wanted(&offer).context("the limit fits")?)?,
            kind: match offer.terms.commitment {
                Commitment::Binding => Kind::Binding,
                Commitment::Indicative => Kind::Indicative,
            },
        };
        let others = answers(&self.stage.trader, &enquiry, id.0 * 97 + round, |company| {
            self.stage.company_address(company) != offer.owner
        });
        for offer in others {
            self.agenda.at(now, Task::Post { offer, tries: 0 });
        }
        Ok(())
    }

    /// Sees that a printed trader has a ring to sign, not too many, and none that runs out.
    fn look_after(&mut self, company: CompanyId, now: Timestamp) -> Result<()> {
        let account = self.stage.company_address(company);
        let height = self.house.height(SubChain::Payment);
        let mut waiting = self.house.read(SubChain::Payment, |state| view::waiting_contracts(state, account));
        waiting.retain(|(_, contract)| {
            contract.signers.contains(&account) && !contract.signed.contains(&account)
        });
        let beyond = waiting.len().saturating_sub(DESK_FULL);
        for (at, (id, contract)) in waiting.iter().enumerate() {
            let last_call = contract.deadline.0 <= height.0.saturating_add(LAST_CALL);
            let old = contract.made_at.plus_ms(180_000) <= now;
            if last_call || (at < beyond && old && !self.is_visited(company, now)) {
                self.sign(*id, company, TRIES, now)?;
            }
        }
        let (number, last) = self.invited.get(&company).copied().unwrap_or_default();
        let due = waiting.is_empty() && last.plus_ms(INVITE_AGAIN_MS) <= now;
        if due && !self.is_visited(company, now) {
            self.invited.insert(company, (number + 1, now));
            for offer in invitation::offers(&self.stage.trader, company, number) {
                self.agenda.at(now, Task::Post { offer, tries: 0 });
            }
        }
        Ok(())
    }

    /// States today's prices where the last ones are of an earlier day.
    fn feed(&self, now: Timestamp) -> Result<()> {
        for (key, payload) in quotations(&self.stage, &self.shelf, now)? {
            let Payload::PublishPrice { asset, as_of, .. } = &payload else { continue };
            let feed = key.public().address();
            let said = self.house.read(SubChain::Payment, |state| view::quotations(state, *asset));
            let fresh = said.iter().any(|(by, quotation)| *by == feed && quotation.as_of >= *as_of);
            if !fresh {
                self.house.ask(SubChain::Payment, &key, feed, &payload)?;
            }
        }
        Ok(())
    }
}

fn events(block: &Committed) -> impl Iterator<Item = &[u8]> {
    block.receipts.iter().flat_map(|receipt| receipt.events.iter().map(Vec::as_slice))
}

/// What is asked for what is left of an offer, rounded up, so that the limit stays at least as stated.
fn wanted(offer: &payment_chain::model::Offer) -> Option<u128> {
    let (left, all) = (offer.remaining.get(), offer.terms.give_qty.get());
    left.checked_mul(offer.terms.want_qty.get()).map(|product| product.div_ceil(all))
}

/// The first answers to an enquiry, from `number` on, all by companies that `may` answer.
fn answers(
    trader: &Trader,
    enquiry: &Enquiry<'_>,
    number: u64,
    may: impl Fn(CompanyId) -> bool,
) -> Vec<Offer> {
    (0..20)
        .map(|more| trader.answer_to(enquiry, number + more))
        .find(|offers| !offers.is_empty() && offers.iter().all(|offer| may(offer.company)))
        .unwrap_or_default()
}
