//! Payments under fire: signed transfers through the doors of real validators while some of them die.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use borsh::BorshDeserialize;
use clearing::Amount;
use ledger::hash::encode;
use ledger::log::Log;
use ledger::record::decode_record;
use ledger::transaction::{VERSION, terms_hash};
use ledger::{
    Application, Body, Genesis, Hash, Hasher, Height, KeyPair, Ledger, Options, SubChain, Tag, Transaction,
};
use payment_chain::model::AssetId;
use payment_chain::{Payload, PaymentChain};

use crate::consortium::{Network, VALIDATORS, verify};

/// Somebody with money, as the genesis says, who pays somebody else.
pub(crate) struct Payer {
    key: KeyPair,
    chain: Hash,
    payload: Vec<u8>,
    terms: Hash,
    /// What was handed in, by sequence number.
    pub(crate) signed: Vec<Transaction>,
}

impl Payer {
    /// The one whom the genesis of this network endows.
    pub(crate) fn of(network: &Network) -> Payer {
        let home = network.home(0);
        let secret = fs::read(home.join("secret")).unwrap();
        let key = |who: &str| {
            let seed = Hasher::new(Tag::Content).chain(b"demo cast").chain(&secret).chain(b"key/");
            KeyPair::from_seed(seed.chain(who.as_bytes()).finish().0)
        };
        let genesis = Genesis::decode(&fs::read(home.join("genesis")).unwrap()).unwrap();
        type Settings = (identity_chain::Config, data_chain::Config, payment_chain::Config);
        let (_, _, config) = Settings::try_from_slice(&fs::read(home.join("settings")).unwrap()).unwrap();
        let app = Arc::new(PaymentChain::new(config).unwrap());
        let (key, to) = (key("solver"), key("operator").public().address());
        let payload = encode(&Payload::Transfer { to, asset: AssetId(1), amount: Amount::new(1).unwrap() });
        // Terms follow from what can no longer change.
        let memory = Ledger::open(app.clone(), &genesis, Options::memory(key.clone())).unwrap();
        let terms = memory.view(|state| app.terms(state, key.public().address(), &payload).unwrap());
        let chain = genesis.chain_id(SubChain::Payment);
        Payer { key, chain, payload, terms: terms_hash(&terms), signed: Vec::new() }
    }

    /// Signs the next payment.
    pub(crate) fn sign(&mut self) {
        let body = Body {
            version: VERSION,
            chain: self.chain,
            account: self.key.public().address(),
            key: self.key.public(),
            sequence: self.signed.len() as u64,
            expires: Height(1_000_000),
            fee: 0,
            terms: self.terms,
            payload: self.payload.clone(),
        };
        self.signed.push(body.sign(&self.key));
    }

    /// How many of the payments are on record at a node; 0 if it gives no answer.
    pub(crate) fn on_record(&self, network: &Network, node: u16) -> u64 {
        self.reading(network, node).unwrap_or(0)
    }

    /// How many of the payments are on record at a node, if it gives an answer.
    fn reading(&self, network: &Network, node: u16) -> Option<u64> {
        let path = format!("/accounts/payment/{}", self.key.public().address());
        network.ask(node, "GET", &path, &[]).and_then(|(_, standing)| standing["next_sequence"].as_u64())
    }

    /// Hands in payments from the `first` on to a node, until it takes no more; whoever gets no answer asks again.
    pub(crate) fn hand_in(&self, network: &Network, node: u16, first: u64) {
        for transaction in self.signed.iter().skip(usize::try_from(first).unwrap()) {
            let taken = network.ask(node, "POST", "/transactions/payment", &encode(transaction));
            if taken.is_none_or(|(status, _)| status != 202) {
                break;
            }
        }
    }
}

/// At which heights each of these transactions stands in the log of a node that does not run, and how it went.
fn found(network_dir: &std::path::Path, node: u16, chain: Hash) -> BTreeMap<Hash, Vec<(u64, bool)>> {
    let dir = network_dir.join(format!("node-{node}/home/chains/payment/log"));
    let (log, _) = Log::open(&dir, chain, 1 << 26).unwrap();
    let mut found: BTreeMap<Hash, Vec<(u64, bool)>> = BTreeMap::new();
    for height in 0..log.len() {
        let (_, committed) = decode_record(&log.read(Height(height)).unwrap().unwrap()).unwrap();
        for receipt in &committed.receipts {
            if let ledger::Cause::Transaction(id) = receipt.cause {
                found.entry(id).or_default().push((height, receipt.outcome.is_ok()));
            }
        }
    }
    found
}

#[test]
fn payments_that_were_acknowledged_stand_once_at_every_validator_however_many_died_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let mut network = Network::quiet(&dir.path().join("net"));
    let mut payer = Payer::of(&network);
    network.wait_for("the first payment", || {
        if payer.signed.is_empty() {
            payer.sign();
        }
        payer.hand_in(&network, 0, 0);
        payer.on_record(&network, 0) == 1
    });
    // Payments come in at all doors; the first node lives through it all, and what it has on record counts.
    let mut dice = 0x9e37_79b9_7f4a_7c15u64 ^ u64::from(std::process::id());
    eprintln!("seed {dice:#x}");
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let mut recorded = 1;
    for victim in [1, 2, 3, 1] {
        for step in 0..2 {
            for _ in 0..20 + roll(40) {
                payer.sign();
            }
            let door = u16::try_from(roll(u64::from(VALIDATORS))).unwrap();
            payer.hand_in(&network, door, payer.on_record(&network, door));
            if step == 0 {
                network.kill(victim);
            }
        }
        let target = payer.signed.len() as u64;
        network.wait_for("all payments on record without the one that died", || {
            let Some(known) = payer.reading(&network, 0) else { return false };
            assert!(known >= recorded, "what is on record stays");
            recorded = known;
            payer.hand_in(&network, 0, known);
            known == target
        });
        network.restart(victim);
        network.wait_for("the one that died, with all payments on record", || {
            payer.on_record(&network, victim) == target
        });
    }
    for node in 0..VALIDATORS {
        let health = network.health(node).unwrap();
        assert_eq!(health["chains"]["payment"]["faulty"], 0, "nobody contradicted himself: {health}");
    }
    let dir = network.stop();
    verify(&dir);
    let all = payer.signed.iter().map(Transaction::id);
    let first = found(&dir, 0, payer.chain);
    for id in all {
        let here = &first[&id];
        assert!(matches!(here[..], [(_, true)]), "{id}: {here:?}");
    }
    for node in 1..VALIDATORS {
        let there = found(&dir, node, payer.chain);
        assert!(there.iter().all(|(id, here)| first.get(id) == Some(here)) && there.len() == first.len());
    }
}
