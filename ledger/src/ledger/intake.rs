//! What comes in from people and from other chains, to be put into a block.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{Ledger, lock};
use crate::account::{INBOX, account};
use crate::execution::check_vouched;
use crate::hash::Hash;
use crate::inbox::{DeliverError, WINDOW};
use crate::mempool::{Formed, Mempool, SubmitError, Verified, check_sequence};
use crate::message::RelayedMessage;
use crate::moment::SubChain;
use crate::transaction::Transaction;

/// How many accepted transactions wait to be passed on to other validators.
const FRESH: usize = 65_536;

impl Ledger {
    /// Takes a signed transaction to be put into a block, and returns its identifier.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing is kept then.
    pub fn submit(&self, transaction: Transaction) -> Result<Hash, SubmitError> {
        self.submit_batch(vec![transaction]).pop().expect("one answer for each")
    }

    /// Takes many transactions, checking their signatures on all cores; one answer each, in order.
    pub fn submit_batch(&self, transactions: Vec<Transaction>) -> Vec<Result<Hash, SubmitError>> {
        self.take_in(transactions, !self.alone)
    }

    /// Takes transactions that another validator accepted and passed on: they are not passed on again.
    pub fn submit_passed_on(&self, transactions: Vec<Transaction>) -> Vec<Result<Hash, SubmitError>> {
        self.take_in(transactions, false)
    }

    fn take_in(&self, transactions: Vec<Transaction>, pass_on: bool) -> Vec<Result<Hash, SubmitError>> {
        let admitted: Vec<_> = transactions
            .into_par_iter()
            .with_min_len(16)
            .map(|transaction| self.admit(transaction))
            .collect();
        let mut pool = lock(&self.pool);
        let insert = |admitted: Result<(Verified, u64), SubmitError>| {
            let (verified, executed) = admitted?;
            let id = verified.id();
            let copy = pass_on.then(|| verified.transaction().clone());
            self.insert(&mut pool, verified, executed)?;
            if let Some(transaction) = copy {
                let mut fresh = lock(&self.fresh);
                // Whoever is told nothing still gets it in a block.
                if fresh.len() < FRESH {
                    fresh.push_back(transaction);
                }
            }
            Ok(id)
        };
        admitted.into_iter().map(insert).collect()
    }

    /// Checks all that can be checked without the pool's lock, in the order of [`SubmitError`].
    fn admit(&self, transaction: Transaction) -> Result<(Verified, u64), SubmitError> {
        let formed = Formed::new(transaction)?;
        let body = &formed.transaction().body;
        if body.chain != self.id {
            return Err(SubmitError::WrongChain { expected: self.id });
        }
        if body.fee < self.limits.fee_floor {
            return Err(SubmitError::Fee { floor: self.limits.fee_floor, offered: body.fee });
        }
        if lock(&self.pool).contains(&formed.id()) {
            return Err(SubmitError::Duplicate);
        }
        {
            let state = self.read_state();
            let next = state.head.height().next();
            if body.expires < next {
                return Err(SubmitError::Expired { expires: body.expires, next });
            }
            let account = account(&state.values, body.account);
            check_sequence(body.sequence, account.sequence, self.limits.per_account)?;
            if account.scope(body.account, body.key, state.head.block.header.time).is_none() {
                return Err(SubmitError::Key(body.key));
            }
        }
        let verified = formed.verify_with(&self.known_keys)?;
        let state = self.read_state();
        let body = &verified.transaction().body;
        self.app.check(&state.values, body).map_err(SubmitError::Refused)?;
        let executed = account(&state.values, body.account).sequence;
        drop(state);
        Ok((verified, executed))
    }

    fn insert(&self, pool: &mut Mempool, verified: Verified, seen: u64) -> Result<(), SubmitError> {
        // A block may have been committed since `seen` was read; if its transactions are settled, state knows.
        let state = self.read_state();
        let executed = account(&state.values, verified.transaction().body.account).sequence.max(seen);
        pool.insert(verified, executed, state.head.height())
    }

    /// Takes a message from another chain, to be put into a block once its number is next.
    ///
    /// # Errors
    /// [`DeliverError`]; nothing is kept then.
    pub fn deliver(&self, message: RelayedMessage) -> Result<(), DeliverError> {
        let (from, number) = (message.envelope.from, message.envelope.number);
        if message.envelope.to != self.chain || from == self.chain {
            return Err(DeliverError::Destination(self.chain));
        }
        let state = self.read_state();
        let next = INBOX.get(&state.values, &from).unwrap_or(0);
        if number < next {
            return Err(DeliverError::Used { number, next });
        }
        if number >= next.saturating_add(WINDOW) {
            return Err(DeliverError::Ahead { number, next });
        }
        let mut inbox = lock(&self.inbox);
        if inbox.contains(from, number) {
            return Err(DeliverError::Waiting(number));
        }
        check_vouched(&state.values, &message).map_err(DeliverError::Unproved)?;
        inbox.insert(message);
        Ok(())
    }

    /// The number of the next message that this chain expects from `from`.
    #[must_use]
    pub fn expects(&self, from: SubChain) -> u64 {
        INBOX.get(&self.read_state().values, &from).unwrap_or(0)
    }

    /// The number of the first message from `from` that this chain has neither consumed nor waiting, and how many
    /// from there on it may take now.
    #[must_use]
    pub fn lacks(&self, from: SubChain) -> (u64, u64) {
        let state = self.read_state();
        let next = INBOX.get(&state.values, &from).unwrap_or(0);
        let first = lock(&self.inbox).first_missing(from, next);
        (first, next.saturating_add(WINDOW).saturating_sub(first))
    }

    /// What was accepted here since the last call, to be passed on to the other validators.
    #[must_use]
    pub fn take_fresh(&self) -> Vec<Transaction> {
        lock(&self.fresh).drain(..).collect()
    }

    /// Transactions that could go into the next block, at most `limit`: to be passed on once more, should a validator not
    /// have got them.
    #[must_use]
    pub fn ready(&self, limit: usize) -> Vec<Transaction> {
        let next = self.height().next();
        let ready = lock(&self.pool).look(next, &HashMap::new());
        ready.into_iter().take(limit).map(Verified::into_transaction).collect()
    }
}
