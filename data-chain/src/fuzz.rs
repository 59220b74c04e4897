//! What fuzzers drive. Nothing here may panic, whatever the bytes.

use ledger::hash::encode;
use ledger::transaction::terms_hash;
use ledger::{
    AccountKey, Application, Body, Hash, Height, KeyPair, MemoryState, Run, Scope, SubChain, Timestamp,
};
use vocabulary::{FromIdentity, Role, Roles, Standing, ToParty};

use crate::payload::Payload;
use crate::{Config, DataChain, Event};

/// Sends `bytes` as the request of an admitted trader, then as a message from each chain: whatever is accepted has
/// one canonical form and shows its terms, and what is refused before a block is refused in it.
pub fn fuzz_payload(bytes: &[u8]) {
    if let Ok(payload) = Payload::decode(bytes) {
        assert!(encode(&payload) == bytes, "the canonical encoding is the only one");
    }
    let key = KeyPair::from_seed([1; 32]).public();
    let chain = DataChain::new(Config { free_per_day: 9, max_document_bytes: 1 << 20 });
    let mut state = MemoryState::default();
    let mut run = Run::new(SubChain::Data, Height(1), Timestamp(1), &mut state);
    let word = ToParty {
        party: key.address(),
        country: "BD".parse().expect("Bangladesh is a country"),
        standing: Standing::Admitted,
        roles: Roles::of(&[Role::Trader]),
        keys: vec![AccountKey { key, scope: Scope::Full }],
    };
    let heard = chain.receive(&mut run, SubChain::Identity, 0, &encode(&FromIdentity::Party(word)));
    assert!(heard.is_ok(), "the identity chain's word is taken");
    let terms = chain.terms(run.state(), key.address(), bytes);
    let body = Body {
        version: 1,
        chain: Hash::ZERO,
        account: key.address(),
        key,
        sequence: 0,
        expires: Height(9),
        fee: 0,
        terms: terms.map_or(Hash::ZERO, |terms| terms_hash(&terms)),
        payload: bytes.to_vec(),
    };
    let looked = chain.check(run.state(), &body);
    let done = chain.charge(&mut run, &body).and_then(|()| chain.apply(&mut run, &body));
    assert!(looked.is_ok() || done.is_err(), "what is refused before a block is refused in it");
    for from in SubChain::ALL {
        // Taken or refused, never more.
        drop(chain.receive(&mut run, from, 1, bytes));
    }
}

/// Reads `bytes` as an event: whatever is accepted has one canonical form.
pub fn fuzz_event(bytes: &[u8]) {
    if let Ok(event) = borsh::from_slice::<Event>(bytes) {
        assert!(encode(&event) == bytes, "the canonical encoding is the only one");
    }
}
