//! Signed transactions that wait for a block, bounded in number, bytes and per account.
//!
//! The order in a block is the order of arrival, except that an account's transactions follow their sequence
//! numbers. What waits here is this node's own affair: no other node needs to hold the same.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use crate::hash::{Hash, Hasher, Tag, encode};
use crate::key::{Address, KnownKeys, PublicKey};
use crate::merkle;
use crate::moment::Height;
use crate::receipt::Refusal;
use crate::transaction::{DecodeError, MAX_TRANSACTION_BYTES, Transaction, VERSION};

/// Bounds on what may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most transactions.
    pub transactions: usize,
    /// The most bytes of transactions, in canonical form.
    pub bytes: usize,
    /// How far ahead of its executed sequence number an account may submit; so also the most it may have waiting.
    pub per_account: u64,
    /// The most bytes that one account's transactions may have; at least [`MAX_TRANSACTION_BYTES`].
    pub account_bytes: usize,
    /// The least fee, in the smallest unit of the chain's fee asset; 0 leaves it to the application.
    pub fee_floor: u128,
    /// After how many blocks a transaction goes that still waits for an earlier one of its account.
    pub patience: u64,
    /// The most transactions in a block.
    pub block_transactions: usize,
    /// The most bytes of transactions in a block.
    pub block_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            transactions: 100_000,
            bytes: 64 << 20,
            per_account: 1024,
            account_bytes: 2 << 20,
            fee_floor: 0,
            patience: 1024,
            block_transactions: 10_000,
            block_bytes: 4 << 20,
        }
    }
}

/// Why a transaction was not taken. The checks run in the order of the variants, and the first that fails is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Too long, malformed, or of an unknown version.
    #[error(transparent)]
    Form(#[from] DecodeError),
    /// Signed for another chain.
    #[error("signed for another chain than {expected}")]
    WrongChain {
        /// The name of this chain.
        expected: Hash,
    },
    /// The fee is below the floor.
    #[error("the fee is at least {floor} here, this offers {offered}")]
    Fee {
        /// The least fee.
        floor: u128,
        /// The fee offered.
        offered: u128,
    },
    /// The same transaction waits already.
    #[error("this transaction waits already")]
    Duplicate,
    /// Void before the next block.
    #[error("void after height {expires}, the next block is {next}: sign it again")]
    Expired {
        /// The last height at which it could have stood.
        expires: Height,
        /// The height of the next block.
        next: Height,
    },
    /// The sequence number was used.
    #[error("sequence number {given} is used, the next one of this account is {next}")]
    Used {
        /// The number in the transaction.
        given: u64,
        /// The account's next number.
        next: u64,
    },
    /// The sequence number is too far ahead.
    #[error("sequence number {given} is too far ahead, this account may go up to {last}")]
    Ahead {
        /// The number in the transaction.
        given: u64,
        /// The highest number taken now.
        last: u64,
    },
    /// The key may not sign for the account.
    #[error("key {0} may not sign for this account on this chain")]
    Key(PublicKey),
    /// The signature does not hold.
    #[error("the signature is not that of the key over this transaction")]
    Signature,
    /// The application would refuse it.
    #[error(transparent)]
    Refused(Refusal),
    /// Another transaction with the same sequence number waits.
    #[error("another transaction of this account with sequence number {0} waits already")]
    Taken(u64),
    /// The account has too much waiting.
    #[error(
        "{waiting} bytes of this account's transactions wait, the most is {most}: wait for the next block"
    )]
    AccountFull {
        /// How many bytes of it wait.
        waiting: usize,
        /// The most that may.
        most: usize,
    },
    /// The pool is full.
    #[error("{waiting} transactions wait already, more than this node holds: try again later")]
    Full {
        /// How many wait.
        waiting: usize,
    },
}

impl SubmitError {
    /// A stable word in kebab case, for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            SubmitError::Form(DecodeError::TooLong(_)) => "too-long",
            SubmitError::Form(DecodeError::Malformed) => "malformed",
            SubmitError::Form(DecodeError::Version(_)) => "unknown-version",
            SubmitError::WrongChain { .. } => "wrong-chain",
            SubmitError::Fee { .. } => "fee-too-low",
            SubmitError::Duplicate => "duplicate",
            SubmitError::Expired { .. } => "expired",
            SubmitError::Used { .. } | SubmitError::Ahead { .. } => "wrong-sequence",
            SubmitError::Key(_) => "unknown-key",
            SubmitError::Signature => "bad-signature",
            SubmitError::Refused(refusal) => &refusal.code,
            SubmitError::Taken(_) => "sequence-taken",
            SubmitError::AccountFull { .. } => "account-full",
            SubmitError::Full { .. } => "pool-full",
        }
    }

    /// The field at fault; `transaction` when it is the whole.
    #[must_use]
    pub fn field(&self) -> &str {
        match self {
            SubmitError::Form(DecodeError::Version(_)) => "version",
            SubmitError::Form(_) | SubmitError::Duplicate => "transaction",
            SubmitError::AccountFull { .. } | SubmitError::Full { .. } => "transaction",
            SubmitError::WrongChain { .. } => "chain",
            SubmitError::Fee { .. } => "fee",
            SubmitError::Expired { .. } => "expires",
            SubmitError::Used { .. } | SubmitError::Ahead { .. } | SubmitError::Taken(_) => "sequence",
            SubmitError::Key(_) => "key",
            SubmitError::Signature => "signature",
            SubmitError::Refused(refusal) => &refusal.field,
        }
    }
}

/// A transaction of the right form whose signature holds, with what was computed on the way.
#[derive(Clone, Debug)]
pub struct Verified {
    transaction: Transaction,
    id: Hash,
    leaf: Hash,
    bytes: usize,
}

/// A transaction of the right form; its signature is still to be checked.
#[derive(Clone, Debug)]
pub struct Formed(Verified);

impl Formed {
    /// Checks version and size.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn new(transaction: Transaction) -> Result<Formed, DecodeError> {
        let encoded = encode(&transaction);
        if encoded.len() > MAX_TRANSACTION_BYTES {
            return Err(DecodeError::TooLong(encoded.len()));
        }
        if transaction.body.version != VERSION {
            return Err(DecodeError::Version(transaction.body.version));
        }
        let id = Hasher::new(Tag::TransactionId).chain(&encoded).finish();
        Ok(Formed(Verified { transaction, id, leaf: merkle::leaf(&encoded), bytes: encoded.len() }))
    }

    /// The transaction.
    #[must_use]
    pub fn transaction(&self) -> &Transaction {
        &self.0.transaction
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> Hash {
        self.0.id
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`SubmitError::Signature`] when it does not hold.
    pub fn verify(self) -> Result<Verified, SubmitError> {
        self.verify_with(&KnownKeys::default())
    }

    pub(crate) fn verify_with(self, known: &KnownKeys) -> Result<Verified, SubmitError> {
        let Transaction { body, signature } = &self.0.transaction;
        known.verify(body.key, &body.signing_bytes(), signature).map_err(|_| SubmitError::Signature)?;
        Ok(self.0)
    }
}

impl Verified {
    /// The transaction.
    #[must_use]
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> Hash {
        self.id
    }

    /// Its leaf under a block's transactions root.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        self.leaf
    }

    /// The transaction, without the proof that it was checked.
    #[must_use]
    pub fn into_transaction(self) -> Transaction {
        self.transaction
    }
}

#[derive(Debug)]
struct Waiting {
    verified: Verified,
    since: Height,
}

/// What waits of one account: `next..ready` without a gap, anything later behind one.
#[derive(Debug)]
struct Queue {
    next: u64,
    ready: u64,
    waiting: BTreeMap<u64, Waiting>,
    bytes: usize,
}

/// The pool. The maps are never iterated where their order could show.
#[derive(Debug)]
pub struct Mempool {
    limits: Limits,
    accounts: HashMap<Address, Queue>,
    ids: HashSet<Hash>,
    /// One turn for each transaction that became ready; at its turn an account gives its next one.
    turns: VecDeque<Address>,
    bytes: usize,
}

impl Mempool {
    /// An empty pool.
    #[must_use]
    pub fn new(limits: Limits) -> Mempool {
        Mempool { limits, accounts: HashMap::new(), ids: HashSet::new(), turns: VecDeque::new(), bytes: 0 }
    }

    /// The bounds.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many transactions wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Whether one could go into a block now.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Whether the transaction `id` waits.
    #[must_use]
    pub fn contains(&self, id: &Hash) -> bool {
        self.ids.contains(id)
    }

    /// The sequence number for the next transaction of `account`, whose executed state says `executed`.
    #[must_use]
    pub fn next_sequence(&self, account: Address, executed: u64) -> u64 {
        self.accounts.get(&account).map_or(executed, |queue| queue.ready.max(executed))
    }

    /// Takes a transaction, at height `now`; `executed` is the sequence number that state expects of its account.
    /// One that is next in line makes room for itself among those that wait behind gaps: first the last of its own
    /// account, then the oldest of all.
    ///
    /// # Errors
    /// [`SubmitError::Duplicate`], `Used`, `Ahead`, `Taken`, `AccountFull` or `Full`.
    pub fn insert(&mut self, verified: Verified, executed: u64, now: Height) -> Result<(), SubmitError> {
        if self.ids.contains(&verified.id) {
            return Err(SubmitError::Duplicate);
        }
        let (account, given) = (verified.transaction.body.account, verified.transaction.body.sequence);
        let queue = self.accounts.get(&account);
        let next = queue.map_or(executed, |queue| queue.next.max(executed));
        check_sequence(given, next, self.limits.per_account)?;
        if queue.is_some_and(|queue| queue.waiting.contains_key(&given)) {
            return Err(SubmitError::Taken(given));
        }
        let most = self.limits.account_bytes;
        if given == queue.map_or(executed, |queue| queue.ready.max(executed)) {
            self.trim(account, most.saturating_sub(verified.bytes));
            if !self.has_room(1, verified.bytes) {
                self.evict();
            }
        }
        let waiting = self.accounts.get(&account).map_or(0, |queue| queue.bytes);
        if waiting.saturating_add(verified.bytes) > most {
            return Err(SubmitError::AccountFull { waiting, most });
        }
        if !self.has_room(1, verified.bytes) {
            return Err(SubmitError::Full { waiting: self.ids.len() });
        }
        self.ids.insert(verified.id);
        self.bytes += verified.bytes;
        let fresh = || Queue { next, ready: next, waiting: BTreeMap::new(), bytes: 0 };
        let queue = self.accounts.entry(account).or_insert_with(fresh);
        queue.bytes += verified.bytes;
        queue.waiting.insert(given, Waiting { verified, since: now });
        while queue.waiting.contains_key(&queue.ready) {
            queue.ready += 1;
            self.turns.push_back(account);
        }
        Ok(())
    }

    fn has_room(&self, transactions: usize, bytes: usize) -> bool {
        self.ids.len().saturating_add(transactions) <= self.limits.transactions
            && self.bytes.saturating_add(bytes) <= self.limits.bytes
    }

    /// Drops what an account has behind a gap, from the end, until all it has waiting takes at most `most` bytes.
    fn trim(&mut self, account: Address, most: usize) {
        while let Some(queue) = self.accounts.get(&account).filter(|queue| queue.bytes > most) {
            let Some((&last, _)) = queue.waiting.range(queue.ready..).next_back() else { break };
            self.remove(account, last);
        }
    }

    /// Drops what waits behind gaps, oldest first, until an eighth of the pool is free: so much at a time that
    /// looking for it is worth while.
    fn evict(&mut self) {
        self.drop_stale_turns();
        // A turn may outlive its transaction, until the next block at most; then this looks too late, never in vain.
        if self.turns.len() >= self.ids.len() {
            return;
        }
        let mut stuck = Vec::new();
        for (account, queue) in &self.accounts {
            let behind = queue.waiting.range(queue.ready..);
            stuck.extend(behind.map(|(sequence, waiting)| (waiting.since, *account, *sequence)));
        }
        stuck.sort_unstable();
        for (_, account, sequence) in stuck {
            if self.has_room(self.limits.transactions.div_ceil(8), self.limits.bytes.div_ceil(8)) {
                break;
            }
            self.remove(account, sequence);
        }
    }

    fn remove(&mut self, account: Address, sequence: u64) {
        let Some(queue) = self.accounts.get_mut(&account) else { return };
        let Some(waiting) = queue.waiting.remove(&sequence) else { return };
        queue.bytes -= waiting.verified.bytes;
        self.forget(&waiting.verified);
    }

    /// Takes out the transactions for a block at `height`, in order, within the bounds of a block.
    pub fn take(&mut self, height: Height) -> Vec<Verified> {
        let mut taken = Vec::new();
        let mut bytes = 0usize;
        while taken.len() < self.limits.block_transactions {
            let Some(account) = self.turns.pop_front() else { break };
            let Some(queue) = self.accounts.get_mut(&account) else { continue };
            let Some(waiting) = queue.waiting.remove(&queue.next) else { continue };
            let size = waiting.verified.bytes;
            if waiting.verified.transaction.body.expires < height {
                queue.ready = queue.next;
                queue.bytes -= size;
                self.forget(&waiting.verified);
                continue;
            }
            if !taken.is_empty() && bytes + size > self.limits.block_bytes {
                queue.waiting.insert(queue.next, waiting);
                self.turns.push_front(account);
                break;
            }
            bytes += size;
            queue.next += 1;
            queue.bytes -= size;
            self.forget(&waiting.verified);
            taken.push(waiting.verified);
        }
        taken
    }

    /// The transactions for a block at `height`, like [`Mempool::take`], while all stay here: who knows whose block comes
    /// next. `used` tells, for accounts with transactions in blocks that are not executed yet, the number after the last
    /// of them.
    pub fn look(&mut self, height: Height, used: &HashMap<Address, u64>) -> Vec<Verified> {
        self.tidy();
        let mut next: HashMap<Address, u64> = HashMap::new();
        let mut seen = Vec::new();
        let mut expired = Vec::new();
        let mut bytes = 0usize;
        for account in &self.turns {
            if seen.len() >= self.limits.block_transactions {
                break;
            }
            let Some(queue) = self.accounts.get(account) else { continue };
            let first = || used.get(account).copied().unwrap_or(0).max(queue.next);
            let number = next.entry(*account).or_insert_with(first);
            let Some(waiting) = queue.waiting.get(number).filter(|_| *number < queue.ready) else { continue };
            if waiting.verified.transaction.body.expires < height {
                expired.push((*account, *number));
                continue;
            }
            if !seen.is_empty() && bytes + waiting.verified.bytes > self.limits.block_bytes {
                break;
            }
            bytes += waiting.verified.bytes;
            *number += 1;
            seen.push(waiting.verified.clone());
        }
        for (account, number) in expired {
            self.remove(account, number);
            if let Some(queue) = self.accounts.get_mut(&account) {
                queue.ready = queue.ready.min(number.max(queue.next));
            }
        }
        seen
    }

    fn tidy(&mut self) {
        if self.turns.len() > 2 * self.ids.len() + 64 {
            self.drop_stale_turns();
        }
    }

    /// Drops turns whose transactions went in the blocks of others: of each account, the last ones stay.
    fn drop_stale_turns(&mut self) {
        let mut left: HashMap<Address, u64> = HashMap::new();
        let mut kept = VecDeque::new();
        for account in self.turns.iter().rev() {
            let Some(queue) = self.accounts.get(account) else { continue };
            let left = left.entry(*account).or_insert(queue.ready - queue.next);
            if *left > 0 {
                *left -= 1;
                kept.push_front(*account);
            }
        }
        self.turns = kept;
    }

    fn forget(&mut self, verified: &Verified) {
        self.ids.remove(&verified.id);
        self.bytes -= verified.bytes;
    }

    /// Brings the pool in line with the state after a block: `executed` are the accounts that the block touched
    /// with the sequence numbers that state now expects of them.
    pub fn settle(&mut self, executed: impl IntoIterator<Item = (Address, u64)>) {
        for (account, sequence) in executed {
            let Some(queue) = self.accounts.get_mut(&account) else { continue };
            if queue.next == sequence && queue.ready > sequence {
                continue; // the usual case: all went as taken, and more waits
            }
            let later = queue.waiting.split_off(&sequence);
            let gone = std::mem::replace(&mut queue.waiting, later);
            let (was_next, was_ready) = (queue.next, queue.ready);
            queue.next = sequence;
            if was_next != sequence || was_ready < sequence {
                // Rare: a transaction taken before did not use its number, or someone else's block used more.
                queue.ready = sequence;
                while queue.waiting.contains_key(&queue.ready) {
                    queue.ready += 1;
                    self.turns.push_back(account);
                }
            }
            queue.bytes -= gone.values().map(|waiting| waiting.verified.bytes).sum::<usize>();
            if queue.waiting.is_empty() {
                self.accounts.remove(&account);
            }
            gone.values().for_each(|waiting| self.forget(&waiting.verified));
        }
    }

    /// Drops what expired before `height`, and what waited too long behind a gap.
    pub fn sweep(&mut self, height: Height) {
        let Mempool { limits, accounts, ids, bytes, .. } = self;
        accounts.retain(|_, queue| {
            let (next, mut ready) = (queue.next, queue.ready);
            queue.waiting.retain(|sequence, waiting| {
                let stuck = *sequence >= ready && waiting.since.plus(limits.patience) < height;
                let keep = !stuck && waiting.verified.transaction.body.expires >= height;
                if !keep {
                    ids.remove(&waiting.verified.id);
                    *bytes -= waiting.verified.bytes;
                    queue.bytes -= waiting.verified.bytes;
                    ready = ready.min(*sequence);
                }
                keep
            });
            queue.ready = ready.max(next);
            !queue.waiting.is_empty()
        });
    }
}

/// Checks a sequence number against the next one of its account.
pub(crate) fn check_sequence(given: u64, next: u64, ahead: u64) -> Result<(), SubmitError> {
    if given < next {
        return Err(SubmitError::Used { given, next });
    }
    let last = next.saturating_add(ahead.saturating_sub(1));
    if given > last { Err(SubmitError::Ahead { given, last }) } else { Ok(()) }
}
