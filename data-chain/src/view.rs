//! What others may read of the data chain's state.

use ledger::{Address, Hash, Read};
use vocabulary::ToData;

use crate::record::{
    DOCUMENTS, DOCUMENTS_OF, DescribedProduct, KnownParty, PARTIES, PRODUCTS, PRODUCTS_OF, RecordedDocument,
    TRADES, TRADES_OF,
};

/// A party as the identity chain last spoke of it; `None` until its word has arrived.
#[must_use]
pub fn party(state: &dyn Read, account: Address) -> Option<KnownParty> {
    PARTIES.get(state, &account)
}

/// The product of a number.
#[must_use]
pub fn product(state: &dyn Read, id: Hash) -> Option<DescribedProduct> {
    PRODUCTS.get(state, &id)
}

/// The state key of a product: what a proof about it is over.
#[must_use]
pub fn product_key(id: Hash) -> Vec<u8> {
    PRODUCTS.key(&id)
}

/// The products that `owner` described, with their numbers, in order of number.
#[must_use]
pub fn products_of(state: &dyn Read, owner: Address) -> Vec<(Hash, DescribedProduct)> {
    let ids = PRODUCTS_OF.under(state, &owner).into_iter().map(|((_, id), ())| id);
    ids.filter_map(|id| PRODUCTS.get(state, &id).map(|product| (id, product))).collect()
}

/// Everybody who put the document with this hash on record, and how, in order of account.
#[must_use]
pub fn document(state: &dyn Read, hash: Hash) -> Vec<(Address, RecordedDocument)> {
    DOCUMENTS.under(state, &hash).into_iter().map(|((_, owner), document)| (owner, document)).collect()
}

/// The state key of a document as `owner` put it on record: what a proof about it is over.
#[must_use]
pub fn document_key(hash: Hash, owner: Address) -> Vec<u8> {
    DOCUMENTS.key(&(hash, owner))
}

/// The documents that `owner` put on record, in order of hash.
#[must_use]
pub fn documents_of(state: &dyn Read, owner: Address) -> Vec<RecordedDocument> {
    let hashes = DOCUMENTS_OF.under(state, &owner).into_iter().map(|((_, hash), ())| hash);
    hashes.filter_map(|hash| DOCUMENTS.get(state, &(hash, owner))).collect()
}

/// A settlement of the payment chain.
#[must_use]
pub fn trade(state: &dyn Read, settlement: Hash) -> Option<ToData> {
    TRADES.get(state, &settlement)
}

/// The state key of a settlement: what a proof about it is over.
#[must_use]
pub fn trade_key(settlement: Hash) -> Vec<u8> {
    TRADES.key(&settlement)
}

/// The settlements that `party` gave or received in, in order of their hash.
#[must_use]
pub fn trades_of(state: &dyn Read, party: Address) -> Vec<ToData> {
    let settlements = TRADES_OF.under(state, &party).into_iter().map(|((_, settlement), ())| settlement);
    settlements.filter_map(|settlement| TRADES.get(state, &settlement)).collect()
}
