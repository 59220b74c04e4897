//! What a signer reads, in plain English. Only from what can no longer change, so that the text is the same when
//! it is signed and when it is executed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clearing::Amount;
use ledger::{Address, Hash, Read};

use crate::config::Config;
use crate::model::{
    Asset, AssetId, Commitment, Contract, ContractId, Leg, OfferId, OfferTerms, Request, RequestId,
    RequestKind,
};
use crate::payload::Payload;
use crate::refused::Refused;
use crate::table::{CONTRACTS, OFFERS, REQUESTS};
use crate::words::{Dollars, Label, Moment, Span};
use crate::{asset, lapse};

/// The version of these texts. Other words under the same payload would be another version.
pub const VERSION: u16 = 1;

/// Renders the terms of `payload` for `account`.
pub(crate) fn render(
    config: &Config,
    state: &dyn Read,
    account: Address,
    payload: &Payload,
) -> Result<String, Refused> {
    let mut text = Terms::new(state);
    match payload {
        Payload::Transfer { to, asset, amount } => {
            let what = text.quantity(*asset, *amount, "asset")?;
            text.line(format_args!(
                "You give {what} to {to}, for nothing in return. It cannot be taken back."
            ));
        }
        Payload::DefineAsset { name, hs, unit, decimals, product } => {
            text.line(format_args!(
                "You define the asset {name} (HS {hs}), counted in units of one {} with {decimals} decimals, for product {product}.",
                unit.name()
            ));
            text.line(format_args!(
                "You will issue it only against such goods in your hands, and hand them out to whoever redeems it."
            ));
        }
        Payload::RequestIssue { asset, amount, product, document } => {
            let issuer = asset::require(state, *asset, "asset")?.issuer;
            let what = text.quantity(*asset, *amount, "asset")?;
            text.line(format_args!(
                "You ask {issuer} to vouch for {what} and to issue as much of it to you."
            ));
            text.hashes(product, document);
        }
        Payload::RequestRedeem { asset, amount } => {
            let issuer = asset::require(state, *asset, "asset")?.issuer;
            let what = text.quantity(*asset, *amount, "asset")?;
            text.line(format_args!("You ask {issuer} to hand out {what}."));
            text.line(format_args!(
                "It is locked until the answer: granted, it is destroyed; refused, it is free again."
            ));
        }
        Payload::GrantRequest { request } => grant(&mut text, state, *request)?,
        Payload::RefuseRequest { request, reason } => {
            let Request { owner, asset, amount, .. } = waiting(state, *request)?;
            let what = text.quantity(asset, amount, "request")?;
            text.line(format_args!("You refuse request {request} of {owner} about {what}: {reason}"));
        }
        Payload::PublishPrice { asset, price, as_of, source } => {
            let Asset { name, unit, .. } = asset::require(state, *asset, "asset")?;
            text.line(format_args!(
                "You state that one {} of {name} (asset {asset}) was worth {price} US dollars on {}. Source: {source}",
                unit.name(),
                Moment(*as_of)
            ));
        }
        Payload::PostOffer(terms) => {
            offer(&mut text, terms)?;
            text.line(format_args!("It takes part from the batch after next."));
        }
        Payload::AmendOffer { offer: id, terms } => {
            let kept = stated(state, *id)?;
            for (field, same) in [("give", kept.give == terms.give), ("want", kept.want == terms.want)] {
                if !same {
                    return Err(Refused::AssetStays { field });
                }
            }
            text.line(format_args!(
                "You change your offer {id}; what it gave already, and what waits in contracts, counts towards the new quantity. It reads from now on:"
            ));
            offer(&mut text, terms)?;
            text.line(format_args!("It takes part again from the batch after next."));
        }
        Payload::CancelOffer { offer } => {
            let OfferTerms { give, want, .. } = stated(state, *offer)?;
            let (give, want) =
                (text.label(give, "offer")?.to_string(), text.label(want, "offer")?.to_string());
            text.line(format_args!("You take back your offer {offer} of {give} for {want}."));
            text.line(format_args!(
                "While the book is frozen this waits for the end of the window. Contracts that already wait for signatures stay."
            ));
        }
        Payload::SubmitClearing { batch, declared_micro_usd, bound_micro_usd, rings } => {
            let fine = text.quantity(AssetId::DEPOSIT, config.fine, "transaction")?;
            text.line(format_args!(
                "You propose a clearing of batch {batch} with {} rings, worth {declared_micro_usd} millionths of a US dollar ({} dollars) by your word, and {bound_micro_usd} millionths at most possible.",
                rings.len(),
                Dollars(*declared_micro_usd)
            ));
            text.line(format_args!("If it does not hold exactly, {fine} of your bond are taken as a fine."));
        }
        Payload::SubmitCertified { batch, declared_micro_usd, bound_micro_usd, certificate, rings } => {
            let fine = text.quantity(AssetId::DEPOSIT, config.fine, "transaction")?;
            text.line(format_args!(
                "You propose a clearing of batch {batch} with {} rings, worth {declared_micro_usd} millionths of a US dollar ({} dollars) by your word. By certificate {certificate}, which you publish, no clearing of this batch is worth more than {bound_micro_usd} millionths.",
                rings.len(),
                Dollars(*declared_micro_usd)
            ));
            text.line(format_args!("If it does not hold exactly, {fine} of your bond are taken as a fine."));
        }
        Payload::SignContract { contract } => {
            let stated = asked(state, account, *contract)?;
            sign(&mut text, account, *contract, &stated)?;
        }
        Payload::DeclineContract { contract } => {
            let stated = asked(state, account, *contract)?;
            let (gives, gets) = text.sides(account, &stated)?;
            text.line(format_args!(
                "You decline contract {contract}, in which you would give {gives} and get {gets}."
            ));
            text.line(format_args!(
                "It dissolves for everyone, nothing moves, and the offers return to the book. Your record says that you declined."
            ));
        }
        Payload::ShareSettlement { settlement, with, until } => {
            text.line(format_args!(
                "You let {with} see settlement {settlement} until {}. A moment that has passed withdraws this.",
                Moment(*until)
            ));
        }
        Payload::Bond { amount } => {
            let what = text.quantity(AssetId::DEPOSIT, *amount, "amount")?;
            let fine = text.quantity(AssetId::DEPOSIT, config.fine, "transaction")?;
            text.line(format_args!("You set aside {what} as a bond, out of which each clearing of yours that does not hold costs {fine}."));
        }
        Payload::Unbond { amount } => {
            let what = text.quantity(AssetId::DEPOSIT, *amount, "amount")?;
            text.line(format_args!("You take {what} back out of your bond."));
        }
        Payload::BondValidator { validator, amount } => {
            let what = text.quantity(AssetId::DEPOSIT, *amount, "amount")?;
            text.line(format_args!("You set aside {what} as a bond for validator {validator}."));
            text.line(format_args!(
                "Should it say two things at once, provably, all of its bond is taken. The bond is held as long as the validator decides and {} after it has left.",
                Span(config.unbonding_ms)
            ));
        }
        Payload::UnbondValidator { validator, amount } => {
            let what = text.quantity(AssetId::DEPOSIT, *amount, "amount")?;
            text.line(format_args!("You take {what} back out of your bond for validator {validator}."));
            if !config.min_validator_bond.is_zero() {
                text.line(format_args!(
                    "If the bond is enough to decide on, it is enough no more from now on, and nothing is given back yet: ask again in {}.",
                    Span(config.unbonding_ms)
                ));
            }
        }
    }
    Ok(text.finish(account))
}

fn waiting(state: &dyn Read, request: RequestId) -> Result<Request, Refused> {
    REQUESTS.get(state, &request).ok_or(Refused::UnknownRequest { request })
}

fn stated(state: &dyn Read, offer: OfferId) -> Result<OfferTerms, Refused> {
    OFFERS.get(state, &offer).map(|found| found.terms).ok_or(Refused::UnknownOffer { offer })
}

fn asked(state: &dyn Read, account: Address, contract: ContractId) -> Result<Contract, Refused> {
    let found = CONTRACTS.get(state, &contract).ok_or(Refused::UnknownContract { contract })?;
    if found.signers.contains(&account) { Ok(found) } else { Err(Refused::NotASigner) }
}

fn grant(text: &mut Terms<'_>, state: &dyn Read, id: RequestId) -> Result<(), Refused> {
    let Request { owner, asset, amount, kind } = waiting(state, id)?;
    let what = text.quantity(asset, amount, "request")?;
    match kind {
        RequestKind::Issue { product, document } => {
            text.line(format_args!(
                "You grant request {id}: you vouch that you hold {what} and issue as much to {owner}. You will hand it out to whoever redeems it."
            ));
            text.hashes(&product, &document);
        }
        RequestKind::Redeem => text.line(format_args!(
            "You grant request {id}: you hand out {what} to {owner}, and as much of the asset is destroyed."
        )),
    }
    Ok(())
}

fn offer(text: &mut Terms<'_>, terms: &OfferTerms) -> Result<(), Refused> {
    let give = text.quantity(terms.give, terms.give_qty, "give")?;
    let want = text.quantity(terms.want, terms.want_qty, "want")?;
    if terms.divisible {
        text.line(format_args!(
            "You offer up to {give} and want at least {want} for all of it, and for a part at least as much in proportion."
        ));
        if !terms.min_fill.is_zero() {
            let least = text.quantity(terms.give, terms.min_fill, "give")?;
            text.line(format_args!("You give nothing or at least {least} at a time."));
        }
    } else {
        text.line(format_args!(
            "You offer {give} and want at least {want} for it, all or nothing: a part is not for you."
        ));
    }
    let OfferTerms { incoterm, place, valid_until, .. } = terms;
    text.line(format_args!("What you give is handed over {incoterm} {place} (Incoterms 2020)."));
    text.line(format_args!("The offer is good until {}.", Moment(*valid_until)));
    match terms.commitment {
        Commitment::Binding => {
            text.line(format_args!(
                "It is binding: what you give is locked, and a ring that meets these terms settles without asking you again."
            ));
            if terms.joins_indicative {
                text.line(format_args!(
                    "It may also stand in a ring that waits for the signatures of others; what it gives stays locked meanwhile."
                ));
            }
        }
        Commitment::Indicative => text.line(format_args!(
            "It is indicative: nothing moves before you sign the ring. Two rings left unsigned within {} days confine you to binding offers.",
            lapse::LAPSE_DAYS
        )),
    }
    Ok(())
}

fn sign(text: &mut Terms<'_>, account: Address, id: ContractId, contract: &Contract) -> Result<(), Refused> {
    let (gives, gets) = text.sides(account, contract)?;
    text.line(format_args!("You sign contract {id}: you give {gives} and get {gets}."));
    text.line(format_args!("Nothing moves unless everyone signs; then everything moves at once."));
    text.line(format_args!(
        "What you give is locked until then. The contract dissolves at height {} unless all have signed. Your signature cannot be taken back.",
        contract.deadline
    ));
    for ring in &contract.rings {
        text.line(format_args!("Ring {} of batch {}:", ring.number, contract.batch));
        for (leg, to) in ring.deliveries() {
            let what = text.quantity(leg.asset, leg.quantity, "contract")?;
            let (from, offer) = (leg.party, leg.offer);
            if from == account {
                text.item(format_args!("you give {what} to {to} (offer {offer})"));
            } else if to == account {
                text.item(format_args!("{from} gives {what} to you (offer {offer})"));
            } else {
                text.item(format_args!("{from} gives {what} to {to} (offer {offer})"));
            }
        }
    }
    Ok(())
}

/// Terms as they grow: sentences, and at the end which assets they were about.
struct Terms<'a> {
    state: &'a dyn Read,
    text: String,
    assets: BTreeMap<AssetId, (Label, Address)>,
}

impl<'a> Terms<'a> {
    fn new(state: &'a dyn Read) -> Terms<'a> {
        Terms { state, text: String::with_capacity(320), assets: BTreeMap::new() }
    }

    /// A paragraph: a line with an empty one before it.
    fn line(&mut self, words: std::fmt::Arguments<'_>) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.write(words);
    }

    /// A line of a list below a paragraph.
    fn item(&mut self, words: std::fmt::Arguments<'_>) {
        self.write(format_args!("- {words}"));
    }

    fn write(&mut self, words: std::fmt::Arguments<'_>) {
        self.text.write_fmt(words).expect("writing to memory does not fail");
        self.text.push('\n');
    }

    fn label(&mut self, id: AssetId, field: &'static str) -> Result<&Label, Refused> {
        if !self.assets.contains_key(&id) {
            let asset = asset::require(self.state, id, field)?;
            let issuer = asset.issuer;
            self.assets.insert(id, (Label::new(id, asset), issuer));
        }
        Ok(&self.assets[&id].0)
    }

    fn quantity(&mut self, id: AssetId, amount: Amount, field: &'static str) -> Result<String, Refused> {
        Ok(self.label(id, field)?.quantity(amount).to_string())
    }

    fn hashes(&mut self, product: &Hash, document: &Hash) {
        if *product != Hash::ZERO {
            self.line(format_args!("Product: {product}."));
        }
        if *document != Hash::ZERO {
            self.line(format_args!("Warehouse receipt: {document}."));
        }
    }

    /// What `account` gives and gets in a contract.
    fn sides(&mut self, account: Address, contract: &Contract) -> Result<(String, String), Refused> {
        let gives = self.sum(contract.gives(account))?;
        Ok((gives, self.sum(contract.receives(account))?))
    }

    fn sum<'l>(&mut self, legs: impl Iterator<Item = &'l Leg>) -> Result<String, Refused> {
        let mut sums: BTreeMap<AssetId, Amount> = BTreeMap::new();
        for leg in legs {
            let sum = sums.entry(leg.asset).or_default();
            *sum = sum.checked_add(leg.quantity).map_err(|_| Refused::SupplyTooLarge { asset: leg.asset })?;
        }
        let mut words = Vec::with_capacity(sums.len());
        for (asset, amount) in sums {
            words.push(self.quantity(asset, amount, "contract")?);
        }
        Ok(words.join(" and "))
    }

    fn finish(mut self, account: Address) -> String {
        self.text.push('\n');
        for (id, (label, issuer)) in std::mem::take(&mut self.assets) {
            self.write(format_args!("Here {label} is asset {id}, issued by {issuer}."));
        }
        self.write(format_args!("Account {account}\nPayment chain, terms version {VERSION}"));
        self.text
    }
}
