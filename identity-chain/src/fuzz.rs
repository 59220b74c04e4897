//! What fuzzers drive. Nothing here may panic, whatever the bytes.

use ledger::hash::encode;
use ledger::transaction::terms_hash;
use ledger::{Application, Body, Hash, Height, KeyPair, MemoryState, Run, SubChain, Timestamp};
use vocabulary::{Role, Roles, WordError};

use crate::config::{Config, GenesisParty};
use crate::event::Event;
use crate::payload::{Payload, Registration};
use crate::{IdentityChain, view};

/// Sends `bytes` as the request of a chain's only operator: whatever is accepted has one canonical form, shows its
/// terms, and is done or refused alike before the block and in it.
pub fn fuzz_payload(bytes: &[u8]) {
    if let Ok(payload) = Payload::decode(bytes) {
        assert!(encode(&payload) == bytes, "the canonical encoding is the only one");
    }
    let key = KeyPair::from_seed([1; 32]).public();
    let chain = only_operator(key).expect("these words are good");
    let mut state = MemoryState::default();
    let at = Timestamp(1_795_248_000_000);
    chain.genesis(&mut Run::new(SubChain::Identity, Height(0), at, &mut state));
    let terms = chain.terms(&state, key.address(), bytes).map_or(Hash::ZERO, |terms| terms_hash(&terms));
    let (chain_id, account) = (Hash::ZERO, key.address());
    let body = Body {
        version: 1,
        chain: chain_id,
        account,
        key,
        sequence: 0,
        expires: Height(9),
        fee: 0,
        terms,
        payload: bytes.to_vec(),
    };
    let looked = chain.check(&state, &body);
    let mut run = Run::new(SubChain::Identity, Height(1), at, &mut state);
    let done = chain.charge(&mut run, &body).and_then(|()| chain.apply(&mut run, &body));
    assert!(looked.is_ok() || done.is_err(), "what is refused before a block is refused in it");
    assert!(view::party(&state, account).is_some_and(|party| party.acts_as(Role::Operator)));
}

fn only_operator(key: ledger::PublicKey) -> Result<IdentityChain, WordError> {
    let roles = Roles::of(&[Role::Operator]);
    let registration = Registration {
        name: "Operator".parse()?,
        registration_number: "1".parse()?,
        country: "DE".parse()?,
        place: None,
        lei: None,
        roles,
    };
    let parties = vec![GenesisParty { registration, roles, account: key.address(), keys: vec![key] }];
    let (validators, bond_needed) = (Vec::new(), false);
    let config = Config { parties, registrations_per_day: 9, free_per_day: 9, validators, bond_needed };
    Ok(IdentityChain::new(config).expect("one operator is enough"))
}

/// Reads `bytes` as an event: whatever is accepted has one canonical form.
pub fn fuzz_event(bytes: &[u8]) {
    if let Ok(event) = borsh::from_slice::<Event>(bytes) {
        assert!(encode(&event) == bytes, "the canonical encoding is the only one");
    }
}
