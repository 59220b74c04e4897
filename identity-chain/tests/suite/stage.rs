//! A chain on a stage: state in memory, one validator, blocks on demand, messages sealed and ready to be relayed.

use ledger::account::{CHAIN_IDS, VALIDATORS, account};
use ledger::block::Claim;
use ledger::hash::encode;
use ledger::transaction::terms_hash;
use ledger::{
    Address, Application, Block, Body, Hash, Header, Height, KeyPair, MemoryState, Receipt, Refusal,
    RelayedMessage, Run, Seal, SubChain, Tag, Timestamp, Transaction, Write, execute, merkle,
};

/// What came of one transaction: its events, or why not.
pub(crate) type Outcome = Result<Vec<Vec<u8>>, Refusal>;

/// A chain and where it stands.
pub(crate) struct Stage<A> {
    pub(crate) app: A,
    pub(crate) state: MemoryState,
    pub(crate) height: Height,
    pub(crate) time: Timestamp,
    /// Every message that ever left, sealed.
    pub(crate) sent: Vec<RelayedMessage>,
    /// What the opening of the last block came to.
    pub(crate) opening: Receipt,
}

/// Somebody with a key.
pub(crate) fn person(seed: u8) -> KeyPair {
    KeyPair::from_seed([seed; 32])
}

fn validator() -> KeyPair {
    person(250)
}

fn chain_id(chain: SubChain) -> Hash {
    Hash::of(Tag::Chain, chain.name().as_bytes())
}

/// The word of the one validator.
fn seal(claim: Claim) -> Seal {
    let signature = validator().sign(&claim.signing_bytes());
    Seal { claim, signatures: vec![(validator().public(), signature)] }
}

impl<A: Application> Stage<A> {
    pub(crate) fn open(app: A) -> Stage<A> {
        Stage::open_on(app, MemoryState::default())
    }

    /// On what the ledger wrote before.
    pub(crate) fn open_on(app: A, mut state: MemoryState) -> Stage<A> {
        let time = Timestamp(1_795_248_000_000);
        for chain in SubChain::ALL {
            CHAIN_IDS.put(&mut state, &chain, &chain_id(chain));
            VALIDATORS.put(&mut state, &(chain, 0), &vec![(validator().public(), 1)]);
        }
        app.genesis(&mut Run::new(app.chain(), Height(0), time, &mut state));
        let opening = Receipt { cause: ledger::Cause::Opening, outcome: Ok(()), events: vec![] };
        Stage { app, state, height: Height(0), time, sent: vec![], opening }
    }

    /// Makes a block of these and takes it over.
    pub(crate) fn block(
        &mut self,
        messages: Vec<RelayedMessage>,
        transactions: Vec<Transaction>,
    ) -> Vec<Receipt> {
        self.height = self.height.next();
        let header = Header {
            chain: chain_id(self.app.chain()),
            height: self.height,
            parent: Hash::ZERO,
            time: self.time,
            proposer: validator().public(),
            messages_root: Hash::ZERO,
            transactions_root: Hash::ZERO,
            executed_height: Height(0),
            state_root: Hash::ZERO,
            receipts_root: Hash::ZERO,
            outbox_root: Hash::ZERO,
        };
        let block = Block { header, messages, transactions };
        let done = execute(&self.app, &self.state, &block);
        let claim = Claim {
            block: block.header.hash(),
            receipts_root: done.receipts_root(),
            outbox_root: done.outbox_root(),
            ..self.claim()
        };
        let seal = seal(claim);
        let leaves: Vec<Hash> = done.outbox.iter().map(|said| merkle::leaf(&encode(said))).collect();
        for (index, envelope) in done.outbox.into_iter().enumerate() {
            self.sent.push(RelayedMessage {
                envelope,
                seal: seal.clone(),
                index: u32::try_from(index).expect("few messages"),
                count: u32::try_from(leaves.len()).expect("few messages"),
                path: merkle::path(&leaves, index),
            });
        }
        for (key, value) in done.changes {
            self.state.set(&key, value);
        }
        let mut receipts = done.receipts;
        self.opening = receipts.remove(0);
        receipts
    }

    /// The body of a transaction with the right sequence number and terms.
    pub(crate) fn body(&self, account_of: Address, key: &KeyPair, payload: Vec<u8>) -> Body {
        let terms = self.app.terms(&self.state, account_of, &payload);
        Body {
            version: 1,
            chain: chain_id(self.app.chain()),
            account: account_of,
            key: key.public(),
            sequence: account(&self.state, account_of).sequence,
            expires: self.height.plus(10),
            fee: 0,
            terms: terms.map_or(Hash::ZERO, |terms| terms_hash(&terms)),
            payload,
        }
    }

    /// Sends a body in a block of its own. What the look before the block refuses, the block refuses alike.
    pub(crate) fn send_body(&mut self, body: Body, key: &KeyPair) -> Outcome {
        let looked = self.app.check(&self.state, &body);
        let receipt = self.block(vec![], vec![body.sign(key)]).remove(0);
        if let (Err(early), Err(late)) = (&looked, &receipt.outcome) {
            let envelope = ["unknown-key", "quota", "registrations-full"].contains(&late.code.as_str());
            assert!(envelope || early == late, "before the block: {early}; in it: {late}");
        }
        assert!(looked.is_ok() || receipt.outcome.is_err(), "refused too early: {looked:?}");
        receipt.outcome.map(|()| receipt.events)
    }

    /// Hears a message from another chain, which its validators vouch for.
    pub(crate) fn hear(&mut self, from: SubChain, payload: Vec<u8>) -> Outcome {
        let number = ledger::account::INBOX.get(&self.state, &from).unwrap_or(0);
        let body = ledger::MessageBody::Deliver(payload);
        let envelope = ledger::Envelope { from, to: self.app.chain(), number, body };
        let leaf = merkle::leaf(&encode(&envelope));
        let seal = seal(Claim { chain: chain_id(from), outbox_root: leaf, ..self.claim() });
        let message = RelayedMessage { envelope, seal, index: 0, count: 1, path: vec![] };
        let receipt = self.block(vec![message], vec![]).remove(0);
        receipt.outcome.map(|()| receipt.events)
    }

    fn claim(&self) -> Claim {
        Claim {
            chain: chain_id(self.app.chain()),
            era: 0,
            height: self.height,
            block: Hash::ZERO,
            time: self.time,
            state_root: Hash::ZERO,
            receipts_root: Hash::ZERO,
            outbox_root: Hash::ZERO,
            grade: 0,
        }
    }

    /// Sends a request from `account_of`, signed by `key`.
    pub(crate) fn send(&mut self, account_of: Address, key: &KeyPair, payload: Vec<u8>) -> Outcome {
        let body = self.body(account_of, key, payload);
        self.send_body(body, key)
    }
}
