//! Blocks and transactions: what anybody may see.

#![allow(missing_docs, reason = "the fields are the columns that migrations/ documents")]

use diesel::prelude::*;
use ledger::{Hash, SubChain};

use super::schema::{blocks, projection, transactions};
use super::{Model, PaddedAmount, Page};

/// A block, without its contents.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = blocks)]
pub struct Block {
    pub chain: String,
    pub height: i64,
    pub hash: String,
    pub parent: String,
    pub time_ms: i64,
    pub proposer: String,
    pub messages_root: String,
    pub transactions_root: String,
    pub executed_height: i64,
    pub state_root: String,
    pub receipts_root: String,
    pub outbox_root: String,
    pub era: i64,
    pub grade: i64,
    pub signatures: i64,
    pub messages: i64,
    pub transactions: i64,
    pub receipts: i64,
    pub sent: i64,
    pub seal: String,
}

/// A transaction and what came of it; `outcome` is `done` or `refused`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = transactions)]
pub struct Transaction {
    pub chain: String,
    pub id: String,
    pub height: i64,
    pub receipt_index: i64,
    pub receipt_hash: String,
    pub account: String,
    pub key: String,
    pub sequence: i64,
    pub kind: String,
    pub fee: PaddedAmount,
    pub outcome: String,
    pub code: Option<String>,
    pub field: Option<String>,
    pub reason: Option<String>,
    pub time_ms: i64,
}

impl Model<'_> {
    /// The height up to which the tables say what `chain` says; `None` before the genesis was written.
    ///
    /// # Errors
    /// When the query fails.
    pub fn height(&mut self, chain: SubChain) -> QueryResult<Option<i64>> {
        projection::table
            .filter(projection::chain.eq(chain.name()))
            .select(projection::height)
            .first(self.connection)
    }

    /// The newest block of `chain`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn head(&mut self, chain: SubChain) -> QueryResult<Option<Block>> {
        Ok(self.blocks(chain, None, 1)?.rows.pop())
    }

    /// The block of `chain` at `height`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn block(&mut self, chain: SubChain, height: i64) -> QueryResult<Option<Block>> {
        blocks::table
            .filter(blocks::chain.eq(chain.name()).and(blocks::height.eq(height)))
            .select(Block::as_select())
            .first(self.connection)
            .optional()
    }

    /// The height of the last block of `chain` with this time: what happened then stands there or below.
    ///
    /// # Errors
    /// When the query fails.
    pub fn height_at(&mut self, chain: SubChain, time_ms: i64) -> QueryResult<Option<i64>> {
        blocks::table
            .filter(blocks::chain.eq(chain.name()).and(blocks::time_ms.eq(time_ms)))
            .select(diesel::dsl::max(blocks::height))
            .first(self.connection)
    }

    /// The block with this hash, on whichever chain.
    ///
    /// # Errors
    /// When the query fails.
    pub fn block_by_hash(&mut self, hash: Hash) -> QueryResult<Option<Block>> {
        blocks::table
            .filter(blocks::hash.eq(hash.to_string()))
            .select(Block::as_select())
            .first(self.connection)
            .optional()
    }

    /// Blocks of `chain` below `before` (or from the newest on), newest first; `next` is the next `before`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn blocks(&mut self, chain: SubChain, before: Option<i64>, limit: i64) -> QueryResult<Page<Block>> {
        let rows = blocks::table
            .filter(blocks::chain.eq(chain.name()))
            .filter(blocks::height.lt(before.unwrap_or(i64::MAX)))
            .order(blocks::height.desc())
            .limit(limit + 1)
            .select(Block::as_select())
            .load(self.connection)?;
        Ok(Page::cut(rows, limit, |block| block.height))
    }

    /// What came of a transaction: the last word, should its identifier stand in several blocks.
    ///
    /// # Errors
    /// When the query fails.
    pub fn transaction(&mut self, chain: SubChain, id: Hash) -> QueryResult<Option<Transaction>> {
        transactions::table
            .filter(transactions::id.eq(id.to_string()).and(transactions::chain.eq(chain.name())))
            .order(transactions::outcome.asc()) // `done` before `refused`
            .select(Transaction::as_select())
            .first(self.connection)
            .optional()
    }

    /// The transactions whose identifier or receipt hash is `hash`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn transactions_named(&mut self, hash: Hash) -> QueryResult<Vec<Transaction>> {
        let hash = hash.to_string();
        transactions::table
            .filter(transactions::id.eq(&hash).or(transactions::receipt_hash.eq(&hash)))
            .order((transactions::chain.asc(), transactions::height.asc()))
            .limit(10)
            .select(Transaction::as_select())
            .load(self.connection)
    }

    /// The last transactions of an account over all chains, newest first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn transactions_of(&mut self, account: &str, limit: i64) -> QueryResult<Vec<Transaction>> {
        transactions::table
            .filter(transactions::account.eq(account))
            .order(transactions::time_ms.desc())
            .limit(limit)
            .select(Transaction::as_select())
            .load(self.connection)
    }
}
