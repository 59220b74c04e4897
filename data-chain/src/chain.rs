//! The data chain as the ledger calls it.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::state::Read;
use ledger::transaction::terms_hash;
use ledger::{Address, Application, Body, Hash, Height, Refusal, Run, SubChain, Timestamp};
use vocabulary::{FromIdentity, Standing, ToData, ToParty};

use crate::event::Event;
use crate::payload::{Document, MAX_DOCUMENTS, Payload, Product};
use crate::record::{
    DOCUMENTS, DOCUMENTS_OF, DescribedProduct, KnownParty, PARTIES, PRODUCTS, PRODUCTS_OF, RecordedDocument,
    SENT, TRADES, TRADES_OF, product_id,
};
use crate::rejection::Rejection;
use crate::terms;

/// The most legs that a settlement on record may have.
pub const MAX_LEGS: usize = 64;

/// The data chain's part of the genesis.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Config {
    /// How many transactions an account may send in a day of chain time. There is no fee, so nobody can buy more.
    pub free_per_day: u32,
    /// How many bytes a document may have.
    pub max_document_bytes: u64,
}

/// The chain of what: products, documents, trade records.
#[derive(Clone, Debug)]
pub struct DataChain {
    config: Config,
}

impl DataChain {
    /// The chain of a genesis.
    #[must_use]
    pub fn new(config: Config) -> DataChain {
        DataChain { config }
    }

    /// Whether the sender may send at all: no fee offered, known here, admitted; its quota, where there is a time.
    fn admissible(&self, state: &dyn Read, body: &Body, now: Option<Timestamp>) -> Result<(), Rejection> {
        ensure(body.fee == 0, Rejection::Fee)?;
        let party = PARTIES.get(state, &body.account).ok_or(Rejection::NotYetKnown)?;
        ensure(party.standing == Standing::Admitted, Rejection::NotAdmitted(party.standing))?;
        let quota = self.config.free_per_day;
        let sent = now.map_or(0, |now| sent_on(state, body.account, now));
        ensure(sent < quota, Rejection::Quota(quota))
    }

    /// Whether the request can be done, in the order of its fields.
    fn permitted(&self, state: &dyn Read, sender: Address, payload: &Payload) -> Result<(), Rejection> {
        match payload {
            Payload::DescribeProduct(product) => documents(state, &product.documents),
            Payload::RecordDocument(Document { hash, media_type, size_bytes, .. }) => {
                ensure(*hash != Hash::ZERO, Rejection::NoHash)?;
                ensure(!DOCUMENTS.has(state, &(*hash, sender)), Rejection::DocumentPresent)?;
                ensure(is_media_type(media_type.as_str()), Rejection::MediaType)?;
                let (size_bytes, most) = (*size_bytes, self.config.max_document_bytes);
                ensure((1..=most).contains(&size_bytes), Rejection::Size { size_bytes, most })
            }
        }
    }
}

fn ensure(holds: bool, otherwise: Rejection) -> Result<(), Rejection> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// That the documents of a product are few, each named once, each on record.
fn documents(state: &dyn Read, hashes: &[Hash]) -> Result<(), Rejection> {
    ensure(hashes.len() <= MAX_DOCUMENTS, Rejection::TooManyDocuments(hashes.len()))?;
    for (index, hash) in hashes.iter().enumerate() {
        ensure(!hashes[..index].contains(hash), Rejection::DocumentTwice(*hash))?;
        let mut known = false;
        DOCUMENTS.scan(state, hash, |_, _| {
            known = true;
            false
        });
        ensure(known, Rejection::DocumentUnknown(*hash))?;
    }
    Ok(())
}

/// RFC 6838 §4.2: type and subtype, each 1 to 127 characters of a small alphabet that begin with a letter or digit.
/// Lower case only, so that one type has one name.
fn is_media_type(text: &str) -> bool {
    let restricted = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (1..=127).contains(&name.len())
            && name.bytes().next().is_some_and(plain)
            && name.bytes().all(|byte| plain(byte) || b"!#$&-^_.+".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| restricted(kind) && restricted(subtype))
}

fn sent_on(state: &dyn Read, account: Address, now: Timestamp) -> u32 {
    SENT.get(state, &account).filter(|(day, _)| *day == now.day()).map_or(0, |(_, sent)| sent)
}

impl Application for DataChain {
    fn chain(&self) -> SubChain {
        SubChain::Data
    }

    fn genesis(&self, _: &mut Run<'_>) {}

    fn terms(&self, _: &dyn Read, account: Address, payload: &[u8]) -> Result<String, Refusal> {
        Ok(terms::render(account, &Payload::decode(payload)?))
    }

    /// Asks in the order of execution: whether the sender may send, the terms, whether it can be done.
    fn check(&self, state: &dyn Read, body: &Body) -> Result<(), Refusal> {
        let payload = Payload::decode(&body.payload)?;
        self.admissible(state, body, None)?;
        if terms_hash(&terms::render(body.account, &payload)) != body.terms {
            let reason = "the signed terms are not those of this transaction: read them again and sign again";
            return Err(Refusal::new("other-terms", "terms", reason));
        }
        Ok(self.permitted(state, body.account, &payload)?)
    }

    /// There is no fee here: a transaction counts against its account's quota for the day.
    fn charge(&self, run: &mut Run<'_>, body: &Body) -> Result<(), Refusal> {
        Payload::decode(&body.payload)?;
        let now = run.time();
        self.admissible(run.state(), body, Some(now))?;
        let sent = sent_on(run.state(), body.account, now).saturating_add(1);
        SENT.put(run.state_mut(), &body.account, &(now.day(), sent));
        Ok(())
    }

    fn open(&self, _: &mut Run<'_>) {}

    fn apply(&self, run: &mut Run<'_>, body: &Body) -> Result<(), Refusal> {
        let payload = Payload::decode(&body.payload)?;
        self.permitted(run.state(), body.account, &payload)?;
        match payload {
            Payload::DescribeProduct(product) => describe(run, body, product),
            Payload::RecordDocument(document) => record(run, body.account, document),
        }
        Ok(())
    }

    /// Takes the word on parties and validators from the identity chain, and on settlements from the payment chain.
    fn receive(&self, run: &mut Run<'_>, from: SubChain, _: u64, payload: &[u8]) -> Result<(), Refusal> {
        match from {
            SubChain::Identity => {
                match vocabulary::field::decode(payload)? {
                    FromIdentity::Party(word) => hear(run, word),
                    FromIdentity::Validators(seats) => {
                        let members = seats.iter().map(|seat| (seat.validator, seat.weight)).collect();
                        run.set_following(members).map_err(Rejection::Validators)?;
                    }
                    FromIdentity::Banned { validator, .. } => {
                        run.ban(validator);
                    }
                    FromIdentity::Eased => run.ease(),
                }
                Ok(())
            }
            SubChain::Payment => Ok(settled(run, vocabulary::field::decode(payload)?)?),
            SubChain::Data => Err(Rejection::WrongSender.into()),
        }
    }

    /// Nothing ever falls due: records wait for somebody to make them.
    fn due(&self, _: &dyn Read, _: Height, _: Timestamp) -> bool {
        false
    }
}

fn describe(run: &mut Run<'_>, body: &Body, product: Product) {
    let (id, owner) = (product_id(body.account, body.sequence, &product), body.account);
    run.emit(&Event::ProductDescribed { id, owner, product: product.clone() });
    let described = DescribedProduct { owner, product, at: run.time() };
    PRODUCTS.put(run.state_mut(), &id, &described);
    PRODUCTS_OF.put(run.state_mut(), &(owner, id), &());
}

fn record(run: &mut Run<'_>, owner: Address, document: Document) {
    run.emit(&Event::DocumentRecorded { owner, document: document.clone() });
    let hash = document.hash;
    let recorded = RecordedDocument { document, at: run.time() };
    DOCUMENTS.put(run.state_mut(), &(hash, owner), &recorded);
    DOCUMENTS_OF.put(run.state_mut(), &(owner, hash), &());
}

/// The identity chain's word is the whole of what is known of a party, each time.
fn hear(run: &mut Run<'_>, word: ToParty) {
    let ToParty { party, country, standing, roles, keys } = word;
    PARTIES.put(run.state_mut(), &party, &KnownParty { country, standing, roles });
    run.set_keys(party, keys);
}

fn settled(run: &mut Run<'_>, trade: ToData) -> Result<(), Rejection> {
    let legs = trade.legs.len();
    ensure(!TRADES.has(run.state(), &trade.settlement), Rejection::SettlementPresent(trade.settlement))?;
    ensure((1..=MAX_LEGS).contains(&legs), Rejection::Legs { legs, most: MAX_LEGS })?;
    for party in trade.legs.iter().flat_map(|leg| [leg.from, leg.to]) {
        TRADES_OF.put(run.state_mut(), &(party, trade.settlement), &());
    }
    TRADES.put(run.state_mut(), &trade.settlement, &trade);
    run.emit(&Event::TradeRecorded(trade));
    Ok(())
}
