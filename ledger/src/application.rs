//! The seam between consensus and business, shaped like ABCI: the ledger calls, the chain answers. A chain has
//! no state of its own besides what it keeps in [`Read`]/[`Write`], so the state root covers all it knows.

use borsh::BorshSerialize;

use crate::hash::{Hash, encode};
use crate::key::{Address, PublicKey};
use crate::koma::{Validators, ValidatorsError};
use crate::message::{Envelope, MessageBody};
use crate::moment::{Height, SubChain, Timestamp};
use crate::receipt::Refusal;
use crate::state::{Read, Write};
use crate::transaction::Body;

/// A chain's business, as a pure function of state and event.
pub trait Application: Send + Sync + 'static {
    /// Which of the three chains this is.
    fn chain(&self) -> SubChain;

    /// Writes the state before the first block.
    fn genesis(&self, run: &mut Run<'_>);

    /// Renders, in English, what a transaction with this payload asks, from what can no longer change; the
    /// signature covers the hash of this text.
    ///
    /// # Errors
    /// A [`Refusal`] when the payload cannot be read or names what does not exist.
    fn terms(&self, state: &dyn Read, account: Address, payload: &[u8]) -> Result<String, Refusal>;

    /// A cheap look at a transaction before it is kept for a block: what would surely fail is refused here.
    ///
    /// # Errors
    /// A [`Refusal`].
    fn check(&self, state: &dyn Read, body: &Body) -> Result<(), Refusal>;

    /// Counts the transaction against its account's free quota and takes the fee when there is none left. What
    /// is taken here stays taken when the transaction is refused later.
    ///
    /// # Errors
    /// A [`Refusal`] when the account may not send at all (suspended, quota used up and the fee too low).
    fn charge(&self, run: &mut Run<'_>, body: &Body) -> Result<(), Refusal>;

    /// Does what falls due at the height and time of `run`, before anything else in the block. Should it send a
    /// message that is too long to carry, all of it is dropped, and its receipt says so.
    fn open(&self, run: &mut Run<'_>);

    /// Executes a transaction whose envelope (signature, sequence, terms, expiry) holds. Whatever it wrote is
    /// dropped when it refuses.
    ///
    /// # Errors
    /// A [`Refusal`].
    fn apply(&self, run: &mut Run<'_>, body: &Body) -> Result<(), Refusal>;

    /// Takes a message from another chain, proved and in order. Whatever it wrote is dropped when it refuses;
    /// the refusal goes back to the sender.
    ///
    /// # Errors
    /// A [`Refusal`].
    fn receive(&self, run: &mut Run<'_>, from: SubChain, number: u64, payload: &[u8]) -> Result<(), Refusal>;

    /// Takes the news that a message sent earlier could not be used by its destination.
    fn returned(&self, run: &mut Run<'_>, by: SubChain, number: u64, refusal: &Refusal) {
        let _ = (run, by, number, refusal);
    }

    /// Checks the chain's own books: what must hold after every block, for instance that no asset grew or shrank.
    ///
    /// # Errors
    /// A [`Refusal`] that names what is wrong.
    fn audit(&self, state: &dyn Read) -> Result<(), Refusal> {
        let _ = state;
        Ok(())
    }

    /// Whether something falls due at `height` and `time`, so that a block is needed without transactions.
    fn due(&self, state: &dyn Read, height: Height, time: Timestamp) -> bool;
}

/// One step of execution: where and when it happens, the state it may change, and what leaves it.
pub struct Run<'a> {
    chain: SubChain,
    height: Height,
    time: Timestamp,
    state: &'a mut dyn Write,
    events: Vec<Vec<u8>>,
    outgoing: Vec<Envelope>,
}

impl<'a> Run<'a> {
    /// A step at `height` and `time` on `state`.
    pub fn new(chain: SubChain, height: Height, time: Timestamp, state: &'a mut dyn Write) -> Run<'a> {
        Run { chain, height, time, state, events: Vec::new(), outgoing: Vec::new() }
    }

    /// On which chain it happens.
    #[must_use]
    pub fn chain(&self) -> SubChain {
        self.chain
    }

    /// The height of the block.
    #[must_use]
    pub fn height(&self) -> Height {
        self.height
    }

    /// The chain time of the block.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The state, for reading.
    #[must_use]
    pub fn state(&self) -> &dyn Read {
        &*self.state
    }

    /// The state, for writing.
    pub fn state_mut(&mut self) -> &mut dyn Write {
        self.state
    }

    /// Says that something happened; `event` is the chain's own event type.
    pub fn emit<E: BorshSerialize>(&mut self, event: &E) {
        self.events.push(encode(event));
    }

    /// Sends a message to another chain. It gets the next number towards that chain.
    pub fn send<M: BorshSerialize>(&mut self, to: SubChain, message: &M) -> u64 {
        self.post(to, MessageBody::Deliver(encode(message)))
    }

    pub(crate) fn post(&mut self, to: SubChain, body: MessageBody) -> u64 {
        let number = crate::account::OUTBOX.get(self.state, &to).unwrap_or(0);
        crate::account::OUTBOX.put(self.state, &to, &(number + 1));
        self.outgoing.push(Envelope { from: self.chain, to, number, body });
        number
    }

    /// What happened and what leaves.
    #[must_use]
    pub fn finish(self) -> (Vec<Vec<u8>>, Vec<Envelope>) {
        (self.events, self.outgoing)
    }

    /// Replaces the keys of `account` on this chain: what the identity chain's word on keys comes down to.
    pub fn set_keys(&mut self, account: Address, keys: Vec<crate::account::AccountKey>) {
        crate::account::set_keys(self.state, account, keys);
    }

    /// Who decides on this chain from the era after the next one on, when nobody says otherwise meanwhile.
    #[must_use]
    pub fn following(&self) -> Vec<(PublicKey, u64)> {
        crate::account::FOLLOWING.get(&*self.state).unwrap_or_default()
    }

    /// Says who decides from the era after the next one on.
    ///
    /// # Errors
    /// [`ValidatorsError`]; nothing changes then.
    pub fn set_following(&mut self, members: Vec<(PublicKey, u64)>) -> Result<(), ValidatorsError> {
        let validators = Validators::new(members)?;
        crate::account::FOLLOWING.put(self.state, &validators.members().to_vec());
        Ok(())
    }

    /// Says that a key equivocated, provably: as long as it is still a validator, it leads no round of an era that begins
    /// from now on, and from the next block on it takes more weight to be final. Tells whether it decides now or soon; one
    /// that does not makes nothing stricter.
    pub fn ban(&mut self, key: PublicKey) -> bool {
        crate::account::BANNED.put(self.state, &key, &());
        let era = crate::account::ERA.get(&*self.state).map_or(0, |era| era.number);
        let fixed = [era, era.saturating_add(1)]
            .into_iter()
            .filter_map(|era| crate::account::VALIDATORS.get(&*self.state, &(self.chain, era)));
        let decides = fixed.chain([self.following()]).flatten().any(|(member, _)| member == key);
        if decides {
            crate::account::STRICT.put(self.state, &());
        }
        decides
    }

    /// Whether eras begin at the classical grade at least, because a key was banned.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        crate::account::STRICT.get(&*self.state).is_some()
    }

    /// Says that the members think the grade of the genesis enough again: from the next era on.
    pub fn ease(&mut self) {
        crate::account::STRICT.remove(self.state);
    }

    /// The name of `chain` in this genesis.
    #[must_use]
    pub fn chain_id(&self, chain: SubChain) -> Hash {
        crate::account::CHAIN_IDS.get(&*self.state, &chain).unwrap_or_default()
    }
}
