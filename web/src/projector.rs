//! Writes the read model from blocks, and from nothing else.
//!
//! A block is written whole or not at all, once, and only after the one before it: applying a block again
//! changes nothing, and a gap is refused. The block at height 0 holds what the genesis came to.

mod data;
mod identity;
mod payment;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use borsh::BorshDeserialize;
use diesel::prelude::*;
use ledger::hash::encode;
use ledger::log::LogError;
use ledger::{Cause, Committed, Height, Ledger, SubChain, merkle};

use crate::db::{AnyConnection, Database, DatabaseError};
use crate::model::chain::{Block as BlockRow, Transaction as TransactionRow};
use crate::model::column::{count, integer};
use crate::model::market::Balance as BalanceRow;
use crate::model::schema::{self, balances, blocks, projection, transactions};
use crate::model::{Model, PaddedAmount};

/// The most blocks written in one step.
const BLOCKS_PER_STEP: usize = 500;
/// A step ends after this many receipts, however few blocks it has.
const RECEIPTS_PER_STEP: usize = 20_000;
/// The most events that a block may have for its rows to stand in order: 2^20.
pub(crate) const EVENTS_PER_BLOCK: i64 = 1 << 20;

/// Why a block was not written.
#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    /// Blocks are missing before this one.
    #[error("the read model of the {chain} chain stands at {height:?}, so block {offered} comes too early")]
    Gap {
        /// Which chain.
        chain: SubChain,
        /// The height up to which it is written.
        height: Option<i64>,
        /// The height of the block that was offered.
        offered: i64,
    },
    /// An event that this program does not know: it was written by another version.
    #[error("block {height} of the {chain} chain holds an event that this program cannot read")]
    Event {
        /// Which chain.
        chain: SubChain,
        /// At which height.
        height: i64,
    },
    /// The chain's log failed.
    #[error("the log of the {chain} chain cannot be read")]
    Log {
        /// Which chain.
        chain: SubChain,
        /// What its log says.
        #[source]
        source: LogError,
    },
    /// No connection to the database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The database refused a statement.
    #[error("the database refused a statement")]
    Query(#[from] diesel::result::Error),
}

/// Writes the read model.
#[derive(Clone)]
pub struct Projector {
    database: Database,
}

impl Projector {
    /// A projector into `database`.
    #[must_use]
    pub fn new(database: Database) -> Projector {
        Projector { database }
    }

    /// The height up to which `chain` is written; `None` before its genesis is.
    ///
    /// # Errors
    /// [`ProjectorError`] when the database fails.
    pub fn height(&self, chain: SubChain) -> Result<Option<Height>, ProjectorError> {
        let stored = Model::new(&mut *self.database.get()?).height(chain)?;
        Ok(stored.map(|height| Height(height.unsigned_abs())))
    }

    /// Writes blocks of `chain` that follow each other, all in one step. Those that are written already are
    /// passed over.
    ///
    /// # Errors
    /// [`ProjectorError`]; nothing of these blocks is written then.
    pub fn apply<C: Borrow<Committed>>(&self, chain: SubChain, blocks: &[C]) -> Result<(), ProjectorError> {
        let mut connection = self.database.get()?;
        connection.transaction(|connection| {
            write_all(&mut Model { connection }, chain, blocks.iter().map(Borrow::borrow))
        })
    }

    /// Writes every block that `ledger` has and the tables have not, many to a step. Says how many it wrote.
    ///
    /// # Errors
    /// [`ProjectorError`]; the steps before the fault stay written.
    pub fn catch_up(&self, ledger: &Ledger) -> Result<u64, ProjectorError> {
        let chain = ledger.chain();
        let mut next = self.height(chain)?.map_or(Height(0), Height::next);
        let first = next;
        let head = ledger.height();
        while next <= head {
            let mut blocks = Vec::new();
            let mut receipts = 0;
            while next <= head && blocks.len() < BLOCKS_PER_STEP && receipts < RECEIPTS_PER_STEP {
                let block = ledger.committed(next).map_err(|source| ProjectorError::Log { chain, source })?;
                let Some(block) = block else { break };
                receipts += block.receipts.len();
                blocks.push(block);
                next = next.next();
            }
            if blocks.is_empty() {
                break;
            }
            self.apply(chain, &blocks)?;
        }
        Ok(next.0 - first.0)
    }

    /// Empties every table that comes from the chains; logins, sessions and API clients stay.
    ///
    /// # Errors
    /// [`ProjectorError`] when the database fails.
    pub fn reset(&self) -> Result<(), ProjectorError> {
        macro_rules! empty {
            ($connection:ident: $($table:ident)*) => {
                $(diesel::delete(schema::$table::table).execute($connection)?;)*
            };
        }
        self.database.get()?.transaction(|connection| {
            diesel::update(projection::table).set(projection::height.eq(None::<i64>)).execute(connection)?;
            empty!(connection: assets balances batches blocks contract_legs contract_signers contracts
                credit_entries credit_grants documents dropped_rings fines latest_prices offers parties party_keys
                prices product_documents products requests settlement_grants settlement_legs settlements
                standing_changes submissions sureties trades transactions transfers validators);
            Ok(())
        })
    }
}

/// Where an event happened, and the connection to write it to.
struct Scribe<'a, 'b> {
    model: &'a mut Model<'b>,
    height: i64,
    time_ms: i64,
    grade: i64,
    receipt_index: i64,
    /// Number of the event within the block.
    event: i64,
    /// Balances as they stand after the blocks of this step; only the last word on each is written.
    balances: BTreeMap<(String, i64), BalanceRow>,
}

impl Scribe<'_, '_> {
    /// Where this event stands among all of its chain.
    fn seq(&self) -> i64 {
        self.height.saturating_mul(EVENTS_PER_BLOCK).saturating_add(self.event)
    }

    fn connection(&mut self) -> &mut AnyConnection {
        self.model.connection
    }

    fn write_balances(&mut self) -> QueryResult<()> {
        for (_, row) in std::mem::take(&mut self.balances) {
            let updated = diesel::update(
                balances::table.filter(balances::party.eq(&row.party).and(balances::asset.eq(row.asset))),
            )
            .set((balances::available.eq(&row.available), balances::locked.eq(&row.locked)))
            .execute(self.connection())?;
            if updated == 0 {
                diesel::insert_into(balances::table).values(&row).execute(self.connection())?;
            }
        }
        Ok(())
    }
}

fn write_all<'c>(
    model: &mut Model<'_>,
    chain: SubChain,
    blocks: impl Iterator<Item = &'c Committed>,
) -> Result<(), ProjectorError> {
    // Writing comes before reading, so that two writers never hold half of the lock each.
    let row = projection::table.filter(projection::chain.eq(chain.name()));
    diesel::update(row).set(projection::height.eq(projection::height)).execute(model.connection)?;
    let mut stored = model.height(chain)?;
    let mut scribe = Scribe {
        model,
        height: 0,
        time_ms: 0,
        grade: 0,
        receipt_index: 0,
        event: 0,
        balances: BTreeMap::new(),
    };
    for committed in blocks {
        let height = integer(committed.height().0);
        if stored.is_some_and(|stored| height <= stored) {
            continue;
        }
        if height != stored.map_or(0, |stored| stored + 1) {
            return Err(ProjectorError::Gap { chain, height: stored, offered: height });
        }
        write_block(&mut scribe, chain, committed)?;
        stored = Some(height);
    }
    scribe.write_balances()?;
    diesel::update(row).set(projection::height.eq(stored)).execute(scribe.connection())?;
    Ok(())
}

fn write_block(
    scribe: &mut Scribe<'_, '_>,
    chain: SubChain,
    committed: &Committed,
) -> Result<(), ProjectorError> {
    let Committed { block, receipts, outbox, seal } = committed;
    let header = &block.header;
    scribe.height = integer(header.height.0);
    scribe.time_ms = integer(header.time.0);
    scribe.grade = integer(seal.claim.grade);
    scribe.event = 0;
    let row = BlockRow {
        chain: chain.name().to_owned(),
        height: scribe.height,
        hash: header.hash().to_string(),
        parent: header.parent.to_string(),
        time_ms: scribe.time_ms,
        proposer: header.proposer.to_string(),
        messages_root: header.messages_root.to_string(),
        transactions_root: header.transactions_root.to_string(),
        executed_height: integer(header.executed_height.0),
        state_root: seal.claim.state_root.to_string(),
        receipts_root: seal.claim.receipts_root.to_string(),
        outbox_root: seal.claim.outbox_root.to_string(),
        era: integer(seal.claim.era),
        grade: scribe.grade,
        signatures: count(seal.signatures.len()),
        messages: count(block.messages.len()),
        transactions: count(block.transactions.len()),
        receipts: count(receipts.len()),
        sent: count(outbox.len()),
        seal: hex::encode(encode(seal)),
    };
    diesel::insert_into(blocks::table).values(&row).execute(scribe.connection())?;

    let mut signed = block.transactions.iter();
    let mut rows = Vec::with_capacity(block.transactions.len());
    for (index, receipt) in receipts.iter().enumerate() {
        scribe.receipt_index = count(index);
        if let Cause::Transaction(id) = &receipt.cause
            && let Some(transaction) = signed.next()
        {
            let refusal = receipt.outcome.as_ref().err();
            rows.push(TransactionRow {
                chain: chain.name().to_owned(),
                id: id.to_string(),
                height: scribe.height,
                receipt_index: scribe.receipt_index,
                receipt_hash: merkle::leaf(&encode(receipt)).to_string(),
                account: transaction.body.account.to_string(),
                key: transaction.body.key.to_string(),
                sequence: integer(transaction.body.sequence),
                kind: payload_kind(chain, &transaction.body.payload),
                fee: PaddedAmount::from(transaction.body.fee),
                outcome: if refusal.is_none() { "done" } else { "refused" }.to_owned(),
                code: refusal.map(|refusal| refusal.code.clone()),
                field: refusal.map(|refusal| refusal.field.clone()),
                reason: refusal.map(|refusal| refusal.reason.clone()),
                time_ms: scribe.time_ms,
            });
        }
        for event in &receipt.events {
            let unreadable = |_| ProjectorError::Event { chain, height: scribe.height };
            match chain {
                SubChain::Identity => {
                    let event = identity_chain::Event::try_from_slice(event).map_err(unreadable)?;
                    identity::write(scribe, event)?;
                }
                SubChain::Data => {
                    let event = data_chain::Event::try_from_slice(event).map_err(unreadable)?;
                    data::write(scribe, event)?;
                }
                SubChain::Payment => {
                    let event = payment_chain::Event::try_from_slice(event).map_err(unreadable)?;
                    payment::write(scribe, event)?;
                }
            }
            scribe.event += 1;
        }
    }
    // 15 columns a row; PostgreSQL takes 65 535 values a statement.
    for some in rows.chunks(1000) {
        let insert = diesel::insert_into(transactions::table).values(some);
        // Many rows at once are said differently to each database.
        match scribe.connection() {
            AnyConnection::Sqlite(connection) => insert.execute(connection)?,
            AnyConnection::Postgres(connection) => insert.execute(connection)?,
        };
    }
    Ok(())
}

/// What a payload asks, as its variant's name in kebab case: `post-offer`. `unreadable` when it is none.
fn payload_kind(chain: SubChain, payload: &[u8]) -> String {
    fn named<P: BorshDeserialize + fmt::Debug>(payload: &[u8]) -> Option<String> {
        let mut name = VariantName::default();
        // The formatting stops by an error on purpose, once the name is complete.
        let _ = write!(name, "{:?}", P::try_from_slice(payload).ok()?);
        Some(name.kebab)
    }
    match chain {
        SubChain::Identity => named::<identity_chain::Payload>(payload),
        SubChain::Data => named::<data_chain::Payload>(payload),
        SubChain::Payment => named::<payment_chain::Payload>(payload),
    }
    .unwrap_or_else(|| "unreadable".to_owned())
}

/// Takes the leading variant name of a debug text and refuses the rest.
#[derive(Default)]
struct VariantName {
    kebab: String,
}

impl fmt::Write for VariantName {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if !c.is_ascii_alphanumeric() {
                return Err(fmt::Error);
            }
            if c.is_ascii_uppercase() && !self.kebab.is_empty() {
                self.kebab.push('-');
            }
            self.kebab.push(c.to_ascii_lowercase());
        }
        Ok(())
    }
}

/// Does nothing but show that any payload is named or called unreadable.
pub fn fuzz_payload_kind(bytes: &[u8]) {
    for chain in SubChain::ALL {
        let _ = payload_kind(chain, bytes);
    }
}
