//! A stage for trade stories: one payment chain, a cast that is admitted, goods with prices, and a clock that
//! moves when the story says so. After every step the books are audited.

use clearing::{Amount, OfferKey};
use ledger::state::Staged;
use ledger::{
    AccountKey, Address, Application, Body, Envelope, Hash, Height, MemoryState, MessageBody, PublicKey,
    Refusal, Run, Scope, SubChain, Timestamp, Write,
};
use payment_chain::model::{
    AssetId, BatchId, Commitment, ContractId, Offer, OfferId, OfferState, OfferTerms, RequestId,
};
use payment_chain::payload::SubmittedRing;
use payment_chain::view::{self, OpenBatch};
use payment_chain::{Config, Event, Payload, PaymentChain};
use vocabulary::messages::{Conduct, ToData};
use vocabulary::{FromIdentity, FromPayment, Role, Roles, Standing, ToParty};

pub(crate) const OPERATOR: Address = Address([1; 20]);
pub(crate) const GATEWAY: Address = Address([2; 20]);
pub(crate) const FEED: Address = Address([3; 20]);
pub(crate) const SOLVER: Address = Address([4; 20]);
pub(crate) const RIVAL: Address = Address([5; 20]);
pub(crate) const BANK: Address = Address([6; 20]);
pub(crate) const DHAKA: Address = Address([11; 20]);
pub(crate) const SANTOS: Address = Address([12; 20]);
pub(crate) const BAKU: Address = Address([13; 20]);
pub(crate) const LUSAKA: Address = Address([14; 20]);
pub(crate) const TASHKENT: Address = Address([15; 20]);
pub(crate) const TRADERS: [Address; 5] = [DHAKA, SANTOS, BAKU, LUSAKA, TASHKENT];
pub(crate) const STRANGER: Address = Address([99; 20]);

pub(crate) const DEPOSIT: AssetId = AssetId(1);
pub(crate) const JUTE: AssetId = AssetId(2);
pub(crate) const COFFEE: AssetId = AssetId(3);
pub(crate) const DIESEL: AssetId = AssetId(4);
pub(crate) const COPPER: AssetId = AssetId(5);
pub(crate) const COTTON: AssetId = AssetId(6);
/// An asset that no feed prices.
pub(crate) const SAFFRON: AssetId = AssetId(7);
pub(crate) const GOODS: [AssetId; 5] = [JUTE, COFFEE, DIESEL, COPPER, COTTON];

pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);
pub(crate) const DAY: u64 = Timestamp::DAY_MS;

pub(crate) fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

/// Tonnes in the smallest unit of the goods here, a kilogram.
pub(crate) fn t(tonnes: u128) -> Amount {
    amount(tonnes * 1000)
}

pub(crate) fn word(party: Address, standing: Standing, roles: &[Role]) -> ToParty {
    let key = AccountKey { key: PublicKey([party.0[0]; 32]), scope: Scope::Full };
    let country = "BD".parse().unwrap();
    ToParty { party, country, standing, roles: Roles::of(roles), keys: vec![key] }
}

pub(crate) fn role_of(party: Address) -> Role {
    match party {
        OPERATOR => Role::Operator,
        GATEWAY => Role::Gateway,
        FEED => Role::Feed,
        SOLVER | RIVAL => Role::Solver,
        BANK => Role::Bank,
        _ => Role::Trader,
    }
}

/// A batch every 10 heights, 3 of them frozen; 25 heights to sign.
pub(crate) fn config() -> Config {
    let mut config = Config::with_operator(OPERATOR);
    (config.interval, config.window, config.signing_window) = (10, 3, 25);
    config.feeds = vec![("Exchange".parse().unwrap(), FEED)];
    config.price_max_age_ms = 30 * DAY;
    config.deposit.endowments = vec![(SOLVER, amount(5_000_000)), (RIVAL, amount(5_000_000))];
    let cast = [OPERATOR, GATEWAY, FEED, SOLVER, RIVAL, BANK].into_iter().chain(TRADERS);
    config.parties = cast.map(|party| word(party, Standing::Admitted, &[role_of(party)])).collect();
    config
}

pub(crate) struct Stage {
    pub(crate) chain: PaymentChain,
    pub(crate) state: MemoryState,
    pub(crate) height: Height,
    pub(crate) time: Timestamp,
    pub(crate) sequences: std::collections::BTreeMap<Address, u64>,
    pub(crate) events: Vec<Event>,
    pub(crate) sent: Vec<Envelope>,
}

impl Stage {
    /// A chain at height 1 with goods that are worth 1000 dollars a tonne.
    pub(crate) fn new() -> Stage {
        let mut stage = Stage::bare(config());
        for (name, hs) in
            [("jute yarn", "5307"), ("robusta coffee", "0901"), ("diesel", "2710"), ("copper", "7403")]
                .into_iter()
                .chain([("cotton", "5201"), ("saffron", "0910")])
        {
            stage.define(name, hs).unwrap();
        }
        for asset in GOODS {
            stage.price(asset, "1000");
        }
        stage
    }

    pub(crate) fn bare(config: Config) -> Stage {
        let chain = PaymentChain::new(config).unwrap();
        let mut state = MemoryState::default();
        let mut run = Run::new(SubChain::Payment, Height(0), START, &mut state);
        chain.genesis(&mut run);
        drop(run);
        let mut stage = Stage {
            chain,
            state,
            height: Height(0),
            time: START,
            sequences: Default::default(),
            events: Vec::new(),
            sent: Vec::new(),
        };
        stage.tick();
        stage
    }

    fn step(
        &mut self,
        act: impl FnOnce(&PaymentChain, &mut Run<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut staged = Staged::new(&self.state);
        let mut run = Run::new(SubChain::Payment, self.height, self.time, &mut staged);
        let outcome = act(&self.chain, &mut run);
        let (events, sent) = run.finish();
        if outcome.is_ok() {
            for (key, value) in staged.into_changes() {
                self.state.set(&key, value);
            }
            self.events.extend(events.iter().map(|event| borsh::from_slice::<Event>(event).unwrap()));
            self.sent.extend(sent);
        }
        view::audit(&self.state).expect("the books add up after every step");
        outcome
    }

    /// Opens the next block, 100 ms later.
    pub(crate) fn tick(&mut self) {
        self.height = self.height.next();
        self.time = self.time.plus_ms(100);
        self.step(|chain, run| {
            chain.open(run);
            Ok(())
        })
        .unwrap();
    }

    pub(crate) fn ticks(&mut self, count: u64) {
        for _ in 0..count {
            self.tick();
        }
    }

    /// Opens blocks up to the next height that closes a batch.
    pub(crate) fn run_to_close(&mut self) -> BatchId {
        loop {
            self.tick();
            if self.height.0.is_multiple_of(self.chain.config().interval) {
                return BatchId(self.height.0 / self.chain.config().interval);
            }
        }
    }

    /// Opens blocks until an offer posted now stands in the frozen book.
    pub(crate) fn run_to_its_batch(&mut self) -> OpenBatch {
        let joins = view::joining_batch(&self.state, self.height).unwrap();
        while self.run_to_close() < joins {}
        view::open_batch(&self.state).expect("the book is frozen")
    }

    /// Opens blocks until the book freezes.
    pub(crate) fn run_to_frozen(&mut self) -> OpenBatch {
        for _ in 0..5 {
            self.run_to_close();
            if let Some(open) = view::open_batch(&self.state) {
                return open;
            }
        }
        panic!("the book has something to clear")
    }

    /// Opens blocks to the end of the open window.
    pub(crate) fn run_to_window_end(&mut self) {
        let window = view::window(&self.state).expect("the book is frozen");
        while self.height < window.ends {
            self.tick();
        }
    }

    /// Lets the calendar move without a block.
    pub(crate) fn wait_days(&mut self, days: u64) {
        self.time = self.time.plus_ms(days * DAY);
    }

    /// Sends a transaction as the ledger runs it: quota or fee, terms, execution.
    pub(crate) fn send(&mut self, account: Address, payload: Payload) -> Result<(), Refusal> {
        self.send_with_fee(account, payload, 0)
    }

    pub(crate) fn send_with_fee(
        &mut self,
        account: Address,
        payload: Payload,
        fee: u128,
    ) -> Result<(), Refusal> {
        let sequence = self.sequences.entry(account).or_default();
        let body = Body {
            version: 1,
            chain: Hash::ZERO,
            account,
            key: PublicKey([0; 32]),
            sequence: *sequence,
            expires: Height(u64::MAX),
            fee,
            terms: Hash::ZERO,
            payload: borsh::to_vec(&payload).unwrap(),
        };
        *sequence += 1;
        self.step(|chain, run| chain.charge(run, &body))?;
        self.step(|chain, run| {
            chain.terms(run.state(), account, &body.payload)?;
            chain.apply(run, &body)
        })
    }

    pub(crate) fn terms(&self, account: Address, payload: &Payload) -> String {
        self.chain.terms(&self.state, account, &borsh::to_vec(payload).unwrap()).unwrap()
    }

    /// The identity chain's word arrives.
    pub(crate) fn hear(&mut self, word: &ToParty) {
        self.hear_identity(&FromIdentity::Party(word.clone())).unwrap();
    }

    /// Any word of the identity chain arrives.
    pub(crate) fn hear_identity(&mut self, word: &FromIdentity) -> Result<(), Refusal> {
        let bytes = borsh::to_vec(word).unwrap();
        self.step(|chain, run| chain.receive(run, SubChain::Identity, 0, &bytes))
    }

    pub(crate) fn suspend(&mut self, party: Address) {
        self.hear(&word(party, Standing::Suspended, &[role_of(party)]));
    }

    pub(crate) fn reinstate(&mut self, party: Address) {
        self.hear(&word(party, Standing::Admitted, &[role_of(party)]));
    }

    pub(crate) fn define(&mut self, name: &str, hs: &str) -> Result<(), Refusal> {
        self.send(
            GATEWAY,
            Payload::DefineAsset {
                name: name.parse().unwrap(),
                hs: hs.parse().unwrap(),
                unit: "TNE".parse().unwrap(),
                decimals: 3,
                product: Hash([7; 32]),
            },
        )
    }

    pub(crate) fn price(&mut self, asset: AssetId, price: &str) {
        let (price, as_of) = (price.parse().unwrap(), self.time);
        let source = "settlement price of the day".parse().unwrap();
        self.send(FEED, Payload::PublishPrice { asset, price, as_of, source }).unwrap();
    }

    /// The gateway vouches for goods of `party`.
    pub(crate) fn vouch(&mut self, party: Address, asset: AssetId, quantity: Amount) {
        let product = Hash([7; 32]);
        self.send(party, Payload::RequestIssue { asset, amount: quantity, product, document: Hash::ZERO })
            .unwrap();
        let request = self.last_request();
        let issuer = view::asset(&self.state, asset).unwrap().issuer;
        self.send(issuer, Payload::GrantRequest { request }).unwrap();
    }

    pub(crate) fn last_request(&self) -> RequestId {
        view::requests(&self.state).last().unwrap().0
    }

    pub(crate) fn free(&self, party: Address, asset: AssetId) -> Amount {
        view::balance(&self.state, party, asset).available
    }

    pub(crate) fn locked(&self, party: Address, asset: AssetId) -> Amount {
        view::balance(&self.state, party, asset).locked
    }

    pub(crate) fn offer(&self, id: OfferId) -> Offer {
        view::offer(&self.state, id).unwrap()
    }

    /// Posts an offer and returns its number.
    pub(crate) fn post(&mut self, party: Address, terms: OfferTerms) -> Result<OfferId, Refusal> {
        self.send(party, Payload::PostOffer(terms))?;
        let stated = self.events.iter().rev().find_map(|event| match event {
            Event::OfferStated { id, .. } => Some(*id),
            _ => None,
        });
        Ok(stated.unwrap())
    }

    /// One trader's goods for another's, a tonne for a tonne: five binding offers round in a ring.
    pub(crate) fn five_offers(&mut self, commitment: Commitment, quantity: Amount) -> Vec<OfferId> {
        let mut offers = Vec::new();
        for (at, party) in TRADERS.into_iter().enumerate() {
            self.vouch(party, GOODS[at], quantity);
            let mut terms = terms(GOODS[at], quantity, GOODS[(at + 1) % 5], quantity);
            terms.commitment = commitment;
            offers.push(self.post(party, terms).unwrap());
        }
        offers
    }

    pub(crate) fn bond(&mut self, solver: Address) {
        let amount = self.chain.config().min_bond;
        self.send(solver, Payload::Bond { amount }).unwrap();
    }

    /// What rings are worth by the chain's own judgement.
    pub(crate) fn worth(&self, rings: &[SubmittedRing]) -> u128 {
        let open = view::open_batch(&self.state).unwrap();
        let rings = rings.iter().cloned().map(clearing::Ring::from).collect();
        open.judge(rings).unwrap().0.value_micro_usd
    }

    pub(crate) fn submit(
        &mut self,
        solver: Address,
        rings: Vec<SubmittedRing>,
        declared: u128,
    ) -> Result<(), Refusal> {
        let batch = view::window(&self.state).map_or(BatchId(0), |window| window.batch);
        let (declared_micro_usd, bound_micro_usd) = (declared, declared);
        self.send(solver, Payload::SubmitClearing { batch, declared_micro_usd, bound_micro_usd, rings })
    }

    /// The solver bonds if it must, submits these rings at their worth, and the window ends.
    pub(crate) fn clear(&mut self, rings: Vec<SubmittedRing>) {
        if view::bond(&self.state, SOLVER).is_zero() {
            self.bond(SOLVER);
        }
        let declared = self.worth(&rings);
        self.submit(SOLVER, rings, declared).unwrap();
        self.run_to_window_end();
    }

    pub(crate) fn last_contract(&self) -> ContractId {
        let made = self.events.iter().rev().find_map(|event| match event {
            Event::ContractMade { id, .. } => Some(*id),
            _ => None,
        });
        made.expect("a contract was made")
    }

    /// How many rings have settled.
    pub(crate) fn settled(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::RingSettled { .. })).count()
    }

    /// The conduct that the identity chain was told of, without settlements that went well.
    pub(crate) fn conduct(&self) -> Vec<(Address, Conduct)> {
        let words = self.sent.iter().filter(|envelope| envelope.to == SubChain::Identity);
        let words = words.map(|envelope| match &envelope.body {
            MessageBody::Deliver(bytes) => borsh::from_slice::<FromPayment>(bytes).unwrap(),
            other => panic!("not from the business: {other:?}"),
        });
        let entries = words.filter_map(|word| match word {
            FromPayment::Conduct(entry) => Some(entry),
            FromPayment::Bond { .. } => None,
        });
        entries.map(|entry| (entry.party, entry.conduct)).collect()
    }

    pub(crate) fn trades(&self) -> Vec<ToData> {
        let words = self.sent.iter().filter(|envelope| envelope.to == SubChain::Data);
        let words = words.map(|envelope| match &envelope.body {
            MessageBody::Deliver(bytes) => borsh::from_slice::<ToData>(bytes).unwrap(),
            other => panic!("not from the business: {other:?}"),
        });
        words.collect()
    }

    pub(crate) fn is_live(&self, id: OfferId) -> bool {
        self.offer(id).state == OfferState::Open
    }
}

/// A binding, divisible offer that is good for thirty days.
pub(crate) fn terms(give: AssetId, give_qty: Amount, want: AssetId, want_qty: Amount) -> OfferTerms {
    OfferTerms {
        give,
        give_qty,
        want,
        want_qty,
        divisible: true,
        min_fill: Amount::ZERO,
        commitment: Commitment::Binding,
        joins_indicative: false,
        valid_until: START.plus_ms(30 * DAY),
        incoterm: "FOB".parse().unwrap(),
        place: "BDCGP".parse().unwrap(),
    }
}

pub(crate) fn indicative(terms: OfferTerms) -> OfferTerms {
    OfferTerms { commitment: Commitment::Indicative, ..terms }
}

/// Each offer of the ring gives the same.
pub(crate) fn even_ring(offers: &[OfferId], quantity: Amount) -> SubmittedRing {
    SubmittedRing { legs: offers.iter().map(|offer| (*offer, quantity)).collect() }
}

pub(crate) fn key(offer: OfferId) -> OfferKey {
    OfferKey(offer.0)
}
