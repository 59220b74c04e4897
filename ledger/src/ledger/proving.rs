//! Proofs for outsiders: what the ledger answers in files that need no trust in it.

use std::ops::Range;

use rayon::prelude::*;

use super::{Ledger, lock, narrow};
use crate::account::{CHANGES, CLOSINGS, ERA, VALIDATORS};
use crate::block::Seal;
use crate::hash::{Hash, encode};
use crate::key::PublicKey;
use crate::light::{Checkpoint, Fact, Proof, ProvenCheckpoint, Word, read_checkpoint};
use crate::log::LogError;
use crate::merkle;
use crate::message::{MessageBody, RelayedMessage};
use crate::moment::Height;
use crate::receipt::Cause;
use crate::record::{PARENT_BYTES, parent_of};
use crate::state::Read;
use crate::tree::Place;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is no such block.
    #[error("there is no block {0} yet")]
    Height(Height),
    /// The block has fewer receipts.
    #[error("block {height} has {count} receipts, counted from 0")]
    Index {
        /// The block.
        height: Height,
        /// How many receipts it has.
        count: usize,
    },
}

/// How many blocks share one hash that is remembered, so that a way of blocks is found without reading them all: a power
/// of two.
const CHUNK: u64 = 1024;

impl Ledger {
    /// Proves what came of cause `index` of the block at `height` (0 is the opening, then messages, then
    /// transactions), with the transaction itself if it is one.
    ///
    /// # Errors
    /// [`ProveError`] when there is no such receipt or the log cannot be read.
    pub fn prove_receipt(&self, height: Height, index: usize) -> Result<Proof, ProveError> {
        let committed = self.committed(height)?.ok_or(ProveError::Height(height))?;
        let count = committed.receipts.len();
        let receipt = committed.receipts.get(index).ok_or(ProveError::Index { height, count })?;
        let leaves: Vec<Hash> =
            committed.receipts.par_iter().map(|receipt| merkle::leaf(&encode(receipt))).collect();
        let transaction = match receipt.cause {
            Cause::Transaction(_) => index
                .checked_sub(1 + committed.block.messages.len())
                .and_then(|at| committed.block.transactions.get(at))
                .map(encode),
            Cause::Opening | Cause::Message { .. } => None,
        };
        let fact = Fact::Receipt {
            index: narrow(index),
            count: narrow(count),
            receipt: encode(receipt),
            transaction,
            path: merkle::path(&leaves, index),
        };
        self.proof(committed.seal.clone(), fact)
    }

    /// Proves what the last committed state says of `key` ([`crate::Table::key`]): its value, or that it has none.
    ///
    /// # Errors
    /// [`ProveError`] when the log cannot be read.
    pub fn prove_state(&self, key: &[u8]) -> Result<Proof, ProveError> {
        let state = self.read_state();
        let way = state.tree.prove(key);
        let fact = match (way.place, state.values.get(key)) {
            (Place::Present, Some(value)) => Fact::Value { key: key.to_vec(), value, siblings: way.siblings },
            (place, _) => Fact::Absence { key: key.to_vec(), place, siblings: way.siblings },
        };
        let seal = state.head.seal.clone();
        drop(state);
        self.proof(seal, fact)
    }

    fn proof(&self, seal: Seal, fact: Fact) -> Result<Proof, ProveError> {
        let hand_offs = self.hand_offs(seal.claim.era)?;
        Ok(Proof { genesis: self.genesis.clone(), seal, fact, hand_offs, checkpoint: None })
    }

    /// For each change of those who decide on this chain, up to era `last`, the message that announced it. The log has
    /// them all, wherever this node took its blocks from; there are as many as changes.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read.
    pub fn hand_offs(&self, last: u64) -> Result<Vec<RelayedMessage>, LogError> {
        let changes = CHANGES.all(&self.read_state().values);
        let told = changes.into_iter().filter(|(era, _)| *era <= last);
        told.filter_map(|(_, height)| self.word(height).transpose()).collect()
    }

    /// Who decides in an era of this chain; nobody in one that is not known yet.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read.
    pub fn deciding(&self, era: u64) -> Result<Vec<(PublicKey, u64)>, LogError> {
        if let Some(members) = VALIDATORS.get(&self.read_state().values, &(self.chain, era)) {
            return Ok(members);
        }
        let known = ERA.get(&self.read_state().values).is_some_and(|running| era < running.number);
        match self.hand_offs(era)?.pop().map(|hand_off| hand_off.envelope.body) {
            Some(MessageBody::Validators { members, .. }) => Ok(members),
            _ if known => Ok(self.genesis.validators.clone()),
            _ => Ok(Vec::new()),
        }
    }

    /// What the chain said when its last era ended; of the identity chain, the last checkpoint. `None` before.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read.
    pub fn last_word(&self) -> Result<Option<Word>, LogError> {
        let Some(closing) = CLOSINGS.get(&self.read_state().values, &self.chain) else { return Ok(None) };
        let Some(word) = self.word(closing.height)? else { return Ok(None) };
        Ok(Some(Word { hand_offs: self.hand_offs(closing.era)?, word }))
    }

    /// Of the identity chain, the last checkpoint as this node committed it. `None` before the first, or when less than two
    /// thirds of the weight signed the last word.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read.
    pub fn last_checkpoint(&self) -> Result<Option<ProvenCheckpoint>, LogError> {
        let Some(closing) = CLOSINGS.get(&self.read_state().values, &self.chain) else { return Ok(None) };
        let Some(word) = self.word(closing.height)? else { return Ok(None) };
        Ok(read_checkpoint(&word, &self.deciding(closing.era)?).ok())
    }

    /// Puts `word`, the last of the identity chain, above the block that `proof` is about. Returns whether it covers it by
    /// blocks that this node has; the proof is as it was otherwise.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read.
    pub fn cover(&self, proof: &mut Proof, word: Word) -> Result<bool, LogError> {
        let Ok(ProvenCheckpoint { covers, .. }) = word.verify(&self.genesis) else { return Ok(false) };
        let height = proof.seal.claim.height;
        let mut covers = covers.into_iter();
        let covered = covers.find(|closing| closing.chain == self.chain && height <= closing.height);
        let Some(covered) = covered.filter(|covered| covered.height <= self.height()) else {
            return Ok(false);
        };
        let path = self.block_path(height, covered.height)?;
        let Word { hand_offs, word } = word;
        proof.checkpoint = Some(Box::new(Checkpoint { hand_offs, word, path }));
        Ok(true)
    }

    /// The way from the hash of the block at `height` to the root over all up to `last`.
    fn block_path(&self, height: Height, last: Height) -> Result<Vec<Hash>, LogError> {
        let count = last.0 + 1;
        let (chunk, chunks) = (height.0 / CHUNK, count.div_ceil(CHUNK));
        let mut roots = lock(&self.block_chunks);
        for known in roots.len() as u64..count / CHUNK {
            roots.push(merkle::root(&self.block_leaves(known * CHUNK..(known + 1) * CHUNK)?));
        }
        // A tree is the tree over its complete parts of one power of two, whatever is left being the last.
        let mut parts: Vec<Hash> = roots.iter().copied().take(index(count / CHUNK)).collect();
        drop(roots);
        if parts.len() as u64 != chunks {
            parts.push(merkle::root(&self.block_leaves(count / CHUNK * CHUNK..count)?));
        }
        let leaves = self.block_leaves(chunk * CHUNK..count.min((chunk + 1) * CHUNK))?;
        let mut path = merkle::path(&leaves, index(height.0 % CHUNK));
        path.extend(merkle::path(&parts, index(chunk)));
        Ok(path)
    }

    /// The leaves of the tree over the hashes of blocks at these heights: each is named by the block after it.
    fn block_leaves(&self, heights: Range<u64>) -> Result<Vec<Hash>, LogError> {
        let head = self.head();
        let log = self.read_log();
        let leaf = |height: u64| {
            if height == head.height().0 {
                return Ok(merkle::leaf(&head.seal.claim.block.0));
            }
            let next = Height(height).next();
            let front = log.peek::<PARENT_BYTES>(next)?.ok_or_else(|| log.unreadable(next))?;
            Ok(merkle::leaf(&parent_of(&front).0))
        };
        heights.map(leaf).collect()
    }
}

/// A place in a list that is in memory.
fn index(place: u64) -> usize {
    usize::try_from(place).expect("what is in memory can be counted")
}
