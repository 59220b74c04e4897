//! The three ledgers of a node, open.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use borsh::BorshSerialize;
use ledger::hash::encode;
use ledger::koma::Evidence;
use ledger::transaction::{VERSION, terms_hash};
use ledger::{
    Address, Application, Body, Committed, Hash, Height, KeyPair, Ledger, OpenError, Options, PublicKey,
    Read, Refusal, SubChain, Timestamp, Transaction,
};

use crate::network::Network;
use crate::pulse::Pulse;

/// For how many heights a transaction of this node's own stays good.
const GOOD_FOR: u64 = 2000;
/// How long evidence that was handed in has to come on record before it is handed in again, in milliseconds.
const ON_ITS_WAY_MS: u64 = 60_000;
/// When evidence that was not taken is brought again, in milliseconds: the word on its era may not have arrived.
const AGAIN_MS: u64 = 5_000;

/// The three chains of one network on this machine.
pub(crate) struct House {
    /// The validator on whose behalf it runs.
    pub(crate) validator: PublicKey,
    key: KeyPair,
    accusations: Mutex<BTreeMap<PublicKey, Accusation>>,
    apps: [Arc<dyn Application>; 3],
    ledgers: [Arc<Ledger>; 3],
    /// Beats after each block.
    pub(crate) pulse: Pulse,
    /// How often the engines reported what.
    reports: Mutex<BTreeMap<&'static str, u64>>,
    /// Shared by the validators of one owner in one process.
    pub(crate) tempo: Arc<Tempo>,
}

/// Evidence that is to be brought to the identity chain.
struct Accusation {
    evidence: Evidence,
    /// When it is brought the next time.
    due: Timestamp,
}

/// How fast time runs.
#[derive(Debug, Default)]
pub(crate) struct Tempo {
    /// Whether it runs as fast as blocks can be made, but for open batches that the solver is at work on.
    pub(crate) hurry: AtomicBool,
    /// The last batch that the solver is done with; the greatest number where nobody waits for a solver.
    pub(crate) solved: AtomicU64,
}

impl House {
    /// Opens the chains of `network` under `dir`, or begins them.
    ///
    /// # Errors
    /// Files cannot be read or written, or do not hold what they should.
    pub(crate) fn open(
        dir: &Path,
        network: &Network,
        validator: &KeyPair,
        tempo: Arc<Tempo>,
    ) -> Result<House> {
        let apps = network.chains()?;
        let open = |chain: SubChain| -> Result<Arc<Ledger>> {
            let app = apps[chain as usize].clone();
            let options = Options::at(dir.join(chain.name()), validator.clone());
            let ledger = Ledger::open(app, &network.genesis, options).map_err(|error| {
                let advice = advice(&error);
                anyhow::Error::new(error).context(format!("cannot open the {chain} chain{advice}"))
            })?;
            Ok(Arc::new(ledger))
        };
        let ledgers = [open(SubChain::Identity)?, open(SubChain::Data)?, open(SubChain::Payment)?];
        let (key, accusations) = (validator.clone(), Mutex::default());
        let [identity, data, payment] = &ledgers;
        identity.stand_beside(vec![data.clone(), payment.clone()]);
        let (pulse, reports) = (Pulse::default(), Mutex::default());
        Ok(House { validator: key.public(), key, accusations, apps, ledgers, pulse, reports, tempo })
    }

    /// One of the chains.
    pub(crate) fn ledger(&self, chain: SubChain) -> &Arc<Ledger> {
        &self.ledgers[chain as usize]
    }

    /// The chains as the portal takes them.
    pub(crate) fn chains(&self) -> web::Chains {
        let [identity, data, payment] = self.ledgers.clone();
        web::Chains { identity, data, payment }
    }

    /// Reads a chain's last committed state.
    pub(crate) fn read<T>(&self, chain: SubChain, look: impl FnOnce(&dyn Read) -> T) -> T {
        self.ledger(chain).view(look)
    }

    /// The height of a chain.
    pub(crate) fn height(&self, chain: SubChain) -> Height {
        self.ledger(chain).height()
    }

    /// Signs a request of `account` with one of its keys, after reading its terms as everybody must.
    ///
    /// # Errors
    /// The chain's refusal to give terms for it.
    pub(crate) fn sign<P: BorshSerialize>(
        &self,
        chain: SubChain,
        key: &KeyPair,
        account: Address,
        sequence: u64,
        payload: &P,
    ) -> Result<Transaction, Refusal> {
        let payload = encode(payload);
        let app = &self.apps[chain as usize];
        let (terms, expires) = self
            .ledger(chain)
            .view_head(|state, head| (app.terms(state, account, &payload), head.height().plus(GOOD_FOR)));
        let body = Body {
            version: VERSION,
            chain: self.ledger(chain).chain_id(),
            account,
            key: key.public(),
            sequence,
            expires,
            fee: 0,
            terms: terms_hash(&terms?),
            payload,
        };
        Ok(body.sign(key))
    }

    /// Signs a request and hands it to the chain; returns the transaction's identifier.
    ///
    /// # Errors
    /// The chain or its ledger does not take it; nothing happens then.
    pub(crate) fn ask<P: BorshSerialize>(
        &self,
        chain: SubChain,
        key: &KeyPair,
        account: Address,
        payload: &P,
    ) -> Result<Hash> {
        let ledger = self.ledger(chain);
        let transaction = self.sign(chain, key, account, ledger.next_sequence(account), payload)?;
        Ok(ledger.submit(transaction)?)
    }

    /// How often the engines of the chains reported what, since the start.
    pub(crate) fn reports(&self) -> BTreeMap<&'static str, u64> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts a report.
    pub(crate) fn count(&self, report: &'static str) {
        *self.reports.lock().unwrap_or_else(PoisonError::into_inner).entry(report).or_default() += 1;
    }

    /// The keys that are out for good.
    pub(crate) fn banned(&self) -> Vec<PublicKey> {
        let bans = self.read(SubChain::Identity, |state| identity_chain::view::bans(state));
        bans.into_iter().map(|(key, _)| key).collect()
    }

    /// Remembers to bring evidence against a validator to the identity chain. One that says it of a later era takes the
    /// place of the one before, whose era may be forgotten sooner.
    pub(crate) fn accuse(&self, validator: PublicKey, evidence: Evidence) {
        let mut accusations = self.accusations();
        let known = accusations.get(&validator).map(|known| known.evidence.era());
        if known.is_none_or(|known| known < evidence.era()) {
            accusations.insert(validator, Accusation { evidence, due: Timestamp(0) });
        }
    }

    /// Brings what evidence there is to the identity chain, signed with the validator's own key, until it is on record
    /// there, whoever brought it.
    pub(crate) fn bring_evidence(&self, now: Timestamp) {
        let mut accusations = self.accusations();
        if accusations.is_empty() {
            return;
        }
        self.read(SubChain::Identity, |state| {
            accusations.retain(|key, _| identity_chain::view::ban(state, *key).is_none());
        });
        for (validator, accusation) in accusations.iter_mut().filter(|(_, one)| one.due <= now) {
            let payload = identity_chain::Payload::Accuse { evidence: Box::new(accusation.evidence.clone()) };
            let account = self.validator.address();
            let brought = self.ask(SubChain::Identity, &self.key, account, &payload);
            accusation.due = now.plus_ms(if brought.is_ok() { ON_ITS_WAY_MS } else { AGAIN_MS });
            match brought {
                Ok(id) => tracing::info!(%validator, %id, "evidence is on its way to the identity chain"),
                Err(error) => tracing::info!(%validator, "evidence is not taken yet: {error:#}"),
            }
        }
    }

    fn accusations(&self) -> MutexGuard<'_, BTreeMap<PublicKey, Accusation>> {
        self.accusations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down where the chains stand, so that the next start is short.
    pub(crate) fn flush(&self) {
        for ledger in &self.ledgers {
            if let Err(error) = ledger.flush() {
                tracing::warn!(chain = %ledger.chain(), "the copy of the state cannot be written: {error}");
            }
        }
    }
}

/// Follows one chain from a height on.
pub(crate) struct Follower {
    chain: SubChain,
    next: Height,
}

impl Follower {
    /// Follows `chain` from `next` on.
    pub(crate) fn from(chain: SubChain, next: Height) -> Follower {
        Follower { chain, next }
    }

    /// Follows `chain` from the block after its present head on.
    pub(crate) fn after_head(house: &House, chain: SubChain) -> Follower {
        Follower { chain, next: house.height(chain).next() }
    }

    /// The next block, if it is there.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) fn next(&mut self, house: &House) -> Result<Option<Arc<Committed>>> {
        let block = house
            .ledger(self.chain)
            .committed(self.next)
            .with_context(|| format!("cannot read block {} of the {} chain", self.next, self.chain))?;
        if block.is_some() {
            self.next = self.next.next();
        }
        Ok(block)
    }

    /// The height of the block that comes next.
    pub(crate) fn position(&self) -> Height {
        self.next
    }

    /// Goes back to an earlier position.
    pub(crate) fn rewind(&mut self, next: Height) {
        self.next = next;
    }

    /// How many blocks are still to come.
    pub(crate) fn behind(&self, house: &House) -> u64 {
        house.height(self.chain).next().0.saturating_sub(self.next.0)
    }
}

/// What a person can do about a chain that does not open.
fn advice(error: &OpenError) -> &'static str {
    match error {
        OpenError::InUse(_) => ": stop the other permuta first",
        OpenError::Disk { .. } => ": is the disk full, and is the folder yours?",
        OpenError::Log(_) | OpenError::Replay(_) | OpenError::Behind { .. } => {
            ": its records are damaged, and nothing was changed; restore the folder from a copy, or begin a new demo \
             with --reset"
        }
        _ => "",
    }
}
